"""What a reader decides about a file, as options that overrule it and as notes that tell what was decided."""

from dataclasses import dataclass, field

from rankfall.errors import InputError

BELOW = ("half", "limit", "unknown")
_SEPARATOR_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "space": " "}
_THOUSANDS_WORDS = {"none": "", "space": " ", "comma": ",", "point": ".", "apostrophe": "'"}


@dataclass(frozen=True)
class Reading:
    """How to read a file; None lets the reader decide, and note what it decided.

    Parameters
    ----------
    unknown : tuple[str, ...]
        Codes that mark unknown entries, beside empty cells, NA, NaN and the like; a number matches as a number.
    below : str, optional
        What a cell such as `<0.5` counts as: "half" the limit, the "limit" itself, or "unknown".
    separator, decimal, thousands : str, optional
        The signs between cells, before decimals, and between groups of three digits ("" or "none" for no groups; " "
        stands for every kind of space, "'" for every kind of apostrophe).
    encoding : str, optional
        A Python codec.
    comment : str, optional
        The sign that begins a comment line, "" for none.
    leave_out : tuple[int, ...], optional
        Rows to leave out of the table beside titles, units and totals, as an editor counts lines and a spreadsheet
        rows; () leaves out none, not even these.
    sheet : str, optional
        The name of a spreadsheet's sheet, or its place from one.
    marks : tuple[str, ...]
        Words and signs behind numbers that are read past, beside footnotes, references and errors: "e", "p" of
        `12.3 e`. They stay in the file.
    categories : tuple[str, ...], optional
        Columns of categories to complete, by name or by place from one; ("auto",) for the columns of words that have
        few levels.

    Raises
    ------
    InputError
        Where an option has no such value.
    """

    unknown: tuple[str, ...] = ()
    below: str | None = None
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    comment: str | None = None
    leave_out: tuple[int, ...] | None = None
    sheet: str | None = None
    categories: tuple[str, ...] | None = None
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "unknown", tuple(str(code).strip() for code in self.unknown))
        put(self, "marks", tuple(str(mark).strip() for mark in self.marks))
        if any(not mark or mark[-1].isdecimal() for mark in self.marks):
            raise InputError(f"a mark must not end in a digit, got {','.join(self.marks)!r}; e,p,r are usual")
        if self.separator is not None:
            put(self, "separator", _SEPARATOR_WORDS.get(self.separator, self.separator))
            if self.separator != "::" and (len(self.separator or "") != 1 or (self.separator or "") in '"\r\n'):
                raise InputError(f"a separator must be one sign, got {self.separator!r}; , ; | and tab are usual")
        if self.thousands is not None:
            put(self, "thousands", _THOUSANDS_WORDS.get(self.thousands, self.thousands))
            if self.thousands not in ("", ",", ".", " ", "'"):
                raise InputError(
                    f"thousands must be separated by a comma, point, space or apostrophe, got {self.thousands!r}; "
                    "'none' says that they are not"
                )
        if self.decimal not in (None, ".", ","):
            raise InputError(f"the decimal sign must be a point or a comma, got {self.decimal!r}; name one of them")
        if self.decimal is not None and self.decimal == self.thousands:
            raise InputError(f"the decimal sign must not separate thousands too, got {self.decimal!r} for both")
        if self.below not in (None, *BELOW):
            raise InputError(f"below must be one of {', '.join(BELOW)}, got {self.below!r}; half the limit is usual")
        if self.comment is not None and len(self.comment) > 4:
            raise InputError(f"a comment must begin with a short sign, got {self.comment!r}; '#' is usual")
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except LookupError as error:
                raise InputError(
                    f"the encoding must be one that Python knows, got {self.encoding!r}; utf-8 and cp1252 are usual"
                ) from error


@dataclass(frozen=True)
class Note:
    """One thing that was decided about a file, and the option of the command line that decides otherwise.

    `is_warning` where the result may be another than its owner expects.
    """

    sentence: str
    option: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{self.sentence} ({self.option} decides)" if self.option else self.sentence


@dataclass
class Notes:
    """Notes as they are taken while one file is read."""

    taken: list[Note] = field(default_factory=list[Note])

    def decide(self, sentence: str, option: str) -> None:
        """Note a decision and the option that overrules it."""
        self.taken.append(Note(sentence, option))

    def warn(self, sentence: str) -> None:
        """Note what the owner of the file should look at."""
        self.taken.append(Note(sentence, is_warning=True))


def codes_of(given: str) -> tuple[str, ...]:
    """The codes in a list as typed: `-,?,-999`; a doubled comma stands for one in a code."""
    parts = given.replace(",,", "\0").split(",")
    return tuple(part.replace("\0", ",").strip() for part in parts if part.strip())

"""Files of triplets and of pairs: one observed entry, or one entry to predict, a row.

Any delimited text will do, with or without a header: MovieLens' tabs, its `::`, white space, commas. Three columns
are named, or given by their places; the rest of the file is not even parsed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from rankfall.errors import InputError
from rankfall.tables.array_files import read_mtx, read_npz
from rankfall.tables.cells import parse
from rankfall.tables.columns import WORDS_IN_LIST, columns_of, refuse_text, settle_limits
from rankfall.tables.detection import find_column, find_columns
from rankfall.tables.files import FRAME_FORMATS, FilePath, check_readable, extension, read_frame, read_frame_names
from rankfall.tables.grid import Grid
from rankfall.tables.options import Note, Notes, Reading
from rankfall.tables.reading import read_grid
from rankfall.tables.sentinels import warn_of_sentinels, without_codes
from rankfall.tables.table import column_title, refuse_infinite
from rankfall.tables.triplets import Triplets, as_plain_labels, check_merge, encode_labels, merge_duplicates

if TYPE_CHECKING:
    import polars as pl

_DEFAULT_NAMES = ("row", "col", "value")

ColumnSpec = str | Sequence[str | int] | None


@dataclass(frozen=True, eq=False)
class Pairs:
    """Entries to predict, in the order of their file.

    Parameters
    ----------
    rows, cols : (pairs,) ndarray of int
        Codes of the training triplets, −1 for a label they do not have.
    row_labels, col_labels : (pairs,) ndarray
        The labels as read.
    values : (pairs,) ndarray, optional
        The file's own, NaN where unknown; None where it has no third column.
    names : (str, str, str)
        What the file calls rows, columns and values.
    notes : tuple of Note
        What the reader decided.
    """

    rows: Int[np.ndarray, " pairs"]
    cols: Int[np.ndarray, " pairs"]
    row_labels: np.ndarray
    col_labels: np.ndarray
    values: Float[np.ndarray, " pairs"] | None
    names: tuple[str, str, str]
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


def read_triplets(
    path: FilePath,
    columns: ColumnSpec = None,
    duplicates: str = "error",
    reading: Reading | None = None,
    header: bool | None = None,
) -> Triplets:
    """Reads observed entries given one a row, as `user,item,rating`.

    Rows with an unknown value are no entries, but their labels count. Numbers and labels are read as in a table.

    Parameters
    ----------
    path : str or path
        A file `.parquet`, `.feather`, `.arrow`, `.npz`, `.mtx` or a spreadsheet; all else is text.
    columns : str or sequence, optional
        The columns of the row label, the column label and the value: three names of the header, or three places from
        one, as "1,2,3" or a sequence; the first three by default. A file without a header takes three names as those
        of its first three columns.
    duplicates : {"error", "mean", "last"}
        What becomes of pairs that occur more than once.
    reading : Reading, optional
        Overrules what the reader decides.
    header : bool, optional
        Whether the first line holds names. By default it does where it has the names in `columns`, or words in place
        of the value.

    Raises
    ------
    InputError
        Where the file is missing or broken, a column is missing, a label is empty, a pair occurs twice against
        `duplicates`, or a value is words or infinite.
    """
    check_merge(duplicates)
    check_readable(path)
    reading, notes = reading or Reading(), Notes()
    spec = _split(columns, (3,))
    if extension(path) in (".npz", ".mtx", ".mtx.gz"):
        if extension(path) == ".npz":
            names = None if spec is None else [str(one) for one in spec]
            found = read_npz(path, names, duplicates)
        else:
            found = read_mtx(path, duplicates)
        if isinstance(found, Triplets):
            values = without_codes(found.values, reading, notes)
            known = ~np.isnan(values)
            warn_of_sentinels(values[:, None], [found.names[2]], notes)
            found = replace(found, rows=found.rows[known], cols=found.cols[known], values=values[known])
            return replace(found, notes=tuple(notes.taken))
        raise InputError(f"triplets must come as coordinates, {str(path)!r} holds a dense matrix; read it as a table")
    rows, cols, values = _read_columns(
        path, spec, 3, lambda first, _: _has_words_for_value(first), header, reading, notes
    )
    row_codes, row_labels = encode_labels(rows.labels())
    col_codes, col_labels = encode_labels(cols.labels())
    triplets = Triplets(
        row_codes,
        col_codes,
        values.numbers(reading, notes),
        (len(row_labels), len(col_labels)),
        row_labels,
        col_labels,
        (rows.name, cols.name, values.name),
    )
    warn_of_sentinels(triplets.values[:, None], [values.name], notes)
    return replace(merge_duplicates(triplets, duplicates, values.number), notes=tuple(notes.taken))


def read_pairs(
    path: FilePath,
    triplets: Triplets,
    columns: ColumnSpec = None,
    reading: Reading | None = None,
    header: bool | None = None,
) -> Pairs:
    """Reads the entries to predict, one a row, as codes of `triplets`.

    Parameters
    ----------
    path : str or path
        A file of text, a spreadsheet, or one of `.parquet`, `.feather` and `.arrow`.
    triplets : Triplets
        The training entries, whose labels have the codes.
    columns : str or sequence, optional
        As for `read_triplets`, or two columns; a third that the file does not have is not asked for.
    reading : Reading, optional
        Overrules what the reader decides.
    header : bool, optional
        Whether the first line holds names. By default it does where it has the names in `columns`, or those of
        `triplets`, or cannot be a first pair: words in place of the value or of labels that are integers.

    Returns
    -------
    Pairs
        In the order of the file; the code is −1 for a label that `triplets` does not have.

    Raises
    ------
    InputError
        Where the file is missing, broken or of another format, a column is missing, a label is empty, or a value is
        words or infinite.
    """
    check_readable(path)
    if extension(path) in (".npz", ".mtx", ".mtx.gz", ".npy"):
        raise InputError(
            f"pairs must come as text or parquet, got {str(path)!r}; write one row and column label a line"
        )
    reading, notes = reading or Reading(), Notes()
    spec = _split(columns, (2, 3))
    expected = [name.lower() for name in _asked_names(spec) or triplets.names]

    def cannot_be_pair(first: list[str], following: list[list[str]]) -> bool:
        if expected[:2] == [cell.lower() for cell in first[:2]]:
            return True
        if len(first) > 2 and _is_words(first[2]):
            return True
        ways = ((triplets.row_labels, first[0]), (triplets.col_labels, first[1]))
        if all(known.dtype.kind == "i" and _is_words(cell) for known, cell in ways):
            return True
        return _has_other_labels(triplets, first, following)

    rows, cols, *rest = _read_columns(path, spec, 2, cannot_be_pair, header, reading, notes, expected)
    row_labels, col_labels = rows.labels(), cols.labels()
    return Pairs(
        triplets.encode_rows(row_labels),
        triplets.encode_cols(col_labels),
        row_labels.to_numpy(),
        col_labels.to_numpy(),
        rest[0].numbers(reading, notes) if rest else None,
        (rows.name, cols.name, rest[0].name if rest else triplets.names[2]),
        tuple(notes.taken),
    )


@dataclass(frozen=True, eq=False)
class _Column:
    """One column of a file, a polars series, with its name; `rows` are the places of its cells in the file."""

    cells: "pl.Series"
    name: str
    rows: np.ndarray
    separator: str | None = None

    def number(self, row: int) -> int:
        """A row as the file's editor counts it."""
        return int(self.rows[row]) + 1

    def labels(self) -> "pl.Series":
        """Its cells as labels: integers, or strings without white space around them; none may be empty."""
        import polars as pl

        kind = self.cells.dtype
        labels = self.cells
        if kind.is_float() and (labels.drop_nulls() == labels.drop_nulls().round()).all():
            labels = labels.cast(pl.Int64, strict=False)
        elif not kind.is_integer():
            if kind.is_nested() or kind.is_float() or kind in (pl.Binary, pl.Object, pl.Boolean):
                raise InputError(
                    f"labels must be integers or strings, column {self.name!r} has the type {kind}; "
                    "name another column, or convert it"
                )
            labels = as_plain_labels(labels.cast(pl.String).str.strip_chars())
            labels = labels.replace("", None)
        if labels.null_count():
            row = self.number(int(np.argmax(labels.is_null().to_numpy())))
            raise InputError(
                f"every entry must have its labels, column {self.name!r}, row {row} is empty; "
                "fill it in or remove the row"
            )
        return labels

    def numbers(self, reading: Reading, notes: Notes) -> np.ndarray:
        """Its cells as float64, NaN where unknown; words and infinite numbers are refused."""
        import polars as pl

        kind = self.cells.dtype
        title = column_title([self.name], 0)
        if kind == pl.String:
            # The first row of a grid may hold a name; here it is none, and an empty cell stands above.
            above = pl.concat([pl.Series([None], dtype=pl.String), self.cells.rename("")])
            columns, _ = columns_of(Grid(above.to_frame("0"), self.rows, "", None), reading, self.separator, notes)
            columns = [columns[0].taken(np.arange(1, len(above)))]
            refuse_text(columns, [title], self.number, WORDS_IN_LIST)
            values = settle_limits(columns, [title], self.number, reading, notes)[0].values
        elif kind.is_numeric() or kind in (pl.Boolean, pl.Null):
            values = without_codes(self.cells.cast(pl.Float64).to_numpy(), reading, notes)
        else:
            raise InputError(f"values must be numbers, {title} has the type {kind}; name another column")
        refuse_infinite(values[:, None], [self.name], self.number)
        return values


def _split(columns: ColumnSpec, counts: tuple[int, ...]) -> list[str | int] | None:
    if columns is None:
        return None
    spec = list(columns.split(",")) if isinstance(columns, str) else list(columns)
    distinct = {str(one).strip() for one in spec}
    if len(spec) not in counts or len(distinct) != len(spec) or "" in distinct:
        wanted = " or ".join(str(count) for count in counts)
        raise InputError(
            f"columns must be {wanted} different names or places from one, got {columns!r}; "
            "give them as in user,item,rating or 1,2,3"
        )
    return [one.strip() if isinstance(one, str) else one for one in spec]


def _read_columns(
    path: FilePath,
    spec: list[str | int] | None,
    required: int,
    is_header: Callable[[list[str], list[list[str]]], bool],
    header: bool | None,
    reading: Reading,
    notes: Notes,
    expected: Sequence[str] = (),
) -> list[_Column]:
    """The asked columns; `is_header` tells from their cells in the first line, and in some below, whether it has names.

    `expected` are names, in lower case, that go before places where the first line has the first two of them.
    """
    if extension(path) in FRAME_FORMATS:
        names = read_frame_names(path)
        wanted = [names[place] for place in _places(spec, names, len(names), required, path)]
        frame = read_frame(path, wanted)
        return [_Column(frame[name], name, np.arange(frame.height)) for name in wanted]
    grid, separator = read_grid(path, reading, notes)
    frame = grid.cells
    first = [(cell or "").strip() for cell in frame.row(0)]
    asked = _asked_names(spec)
    has_asked = any(name in first for name in asked)
    lowered = [cell.lower() for cell in first]
    if not has_asked and header is not False and expected and all(name in lowered for name in expected[:2]):
        spec = [first[lowered.index(name)] for name in expected if name in lowered]
        has_asked = True
    # Names for a file without a header: they are those of its first columns.
    are_given = bool(asked) and not has_asked and not (header or is_header(first[: len(spec or [])], []))
    places = _places(None if are_given else spec, first, len(first), required, path)
    below = [[(cells[place] or "").strip() for place in places] for cells in frame.slice(1, 20).rows()]
    has_header = has_asked or (not are_given and is_header([first[place] for place in places], below))
    has_header = has_header if header is None else header
    names = list(_DEFAULT_NAMES[: len(places)])
    if are_given and spec is not None:
        names = [str(one) for one in spec[: len(places)]]
    elif has_header:
        names = [first[place] or name for place, name in zip(places, names, strict=True)]
    if header is None:
        notes.decide(
            f"row {grid.number(0)} holds the names of the columns" if has_header else "there is no line of names",
            "--no-header" if has_header else "--header",
        )
    begin = 1 if has_header else 0
    frame, rows = frame.slice(begin), grid.rows[begin:]
    if frame.height == 0:
        raise InputError(f"{str(path)!r} must have rows, it has a header only; add rows below it")
    notes.decide("row, column and value are " + ", ".join(map(repr, names)), "--triplets")
    return [_Column(frame[str(place)], name, rows, separator) for place, name in zip(places, names, strict=True)]


def _asked_names(spec: list[str | int] | None) -> list[str]:
    """The names among names and places; a number is always a place, since a file may have no header."""
    return [one for one in spec or [] if isinstance(one, str) and not one.isdecimal()]


def _places(spec: list[str | int] | None, names: list[str], width: int, required: int, path: FilePath) -> list[int]:
    if width < required:
        raise InputError(
            f"{str(path)!r} must have at least {required} columns, got {width}; "
            "check its separator, known are comma, semicolon, tab, bar, :: and white space"
        )
    if spec is None:
        return list(range(min(3, width)))
    known = names if _asked_names(spec) else None
    spec = [int(one) if isinstance(one, str) and one.isdecimal() else one for one in spec]
    has = [one for one in spec[required:] if find_column(one, known, width) is not None]
    return find_columns([*spec[:required], *has], known, width)


def _has_words_for_value(first: list[str]) -> bool:
    return len(first) > 2 and _is_words(first[2])


def _is_words(cell: str) -> bool:
    import polars as pl

    return bool(parse(pl.DataFrame({"0": [cell]})).is_text[0, 0])


def _has_other_labels(triplets: Triplets, first: list[str], following: list[list[str]]) -> bool:
    """Whether the first line has no known label, most others have two, and it has no digit where the labels have."""
    lines = [first, *following]
    is_known = (triplets.encode_rows([line[0] for line in lines]) >= 0) & (
        triplets.encode_cols([line[1] for line in lines]) >= 0
    )
    if is_known[0] or 2 * is_known[1:].sum() <= len(following):
        return False
    seen = {str(label) for label in (*triplets.row_labels[:1000], *triplets.col_labels[:1000])}
    if any(cell in seen for cell in first[:2]):
        return False
    with_digits = sum(any(sign.isdecimal() for sign in label) for label in seen)
    return 2 * with_digits > len(seen) and not any(sign.isdecimal() for cell in first[:2] for sign in cell)

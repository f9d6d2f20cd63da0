"""What a text table does not say about itself: whether its first line is a header, and which columns are labels.

The rules are few and conservative: a guess that would change numbers in silence is not made, an index that would be
factorized as if it were data is recognized only under a telling name.
"""

import re
from collections.abc import Sequence

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.cells import Parsed

_CORNER_NAMES = frozenset(
    {
        "",
        "id",
        "ids",
        "index",
        "idx",
        "key",
        "row",
        "name",
        "label",
        "user",
        "item",
        "nr",
        "no",
        "no.",
        "nr.",
        "#",
        "obs",
    }
    | {"date", "day", "month", "year", "time", "timestamp", "datetime", "uid", "uuid", "pid", "rownames", "case"}
    | {
        "datum",
        "zeit",
        "jahr",
        "monat",
        "tag",
        "fecha",
        "hora",
        "jour",
        "heure",
        "n°",
        "№",
        "identifier",
        "identifiant",
    }
    | {"code", "codigo", "código", "serial", "rownum", "row_number", "level_0", "mrn", "sku", "isbn", "zip", "zipcode"}
    | {"postcode", "plz", "postleitzahl", "fips", "geoid", "household", "probe", "proband", "teilnehmer", "kunde"}
    | {"patient", "subject", "participant", "respondent", "sample", "record", "person", "customer", "client"}
)
_CORNER_ENDING = re.compile(
    r"(?i:.*[_\s.-](id|ids|nr|no|no\.|index|idx|key))|.*[a-z]I[dD]"
    r"|(?i:(id|no|nr)[_\s.-].*|unnamed: ?\d+(\.\d+)?|__index_level_\d+__|\.\.\.\d+)"
    r"|.*[a-z]N[rR]|(?i:.*nummer|.*[_\s]#|(zip|postal|country|area|item|product)[_\s]code)"
    r"|(?i:(employee|case|serial|customer|account|patient|record|row|sample|student|order|invoice|ticket|item|product)"
    r"[_\s-]?number)|(?i:(object|user|item|record|sample|patient|subject|g|f|p)id)",
    re.ASCII,
)

# A column is labels when at least this part of its known cells is words; a tenth of numbers may be numbered labels.
_WORDS_OF_LABELS = 0.9


def is_header(first: list[str], parsed: Parsed) -> bool:
    """Whether the first line holds names rather than the first row; `parsed` includes that line.

    (a) Words over a column mostly of numbers, if the line's own numbers could be names: distinct whole numbers.
    (b) Words only; the first cell may be empty, as over the index of a data frame.
    (c) Whole numbers that count the columns, from 0 or 1, or years in order, over other numbers.
    (d) Names of the label columns, then increasing numbers over all others, where either the first cell is a corner
    (empty, `id`, `name`, …) over labels or row numbers, or these numbers are years and those below are not, or they are
    evenly spaced over decimals in no row of which they are.
    """
    top, below = parsed[0], parsed[1:]
    over_numbers = below.is_number.sum(axis=0) > below.is_text.sum(axis=0)
    numbers = top.values[top.is_number]
    could_be_names = bool(
        np.all((numbers >= 0) & (numbers == np.floor(numbers))) and len(np.unique(numbers)) == len(numbers)
    )
    if (could_be_names or _is_even(numbers)) and (top.is_text & over_numbers).any():
        return True
    if not top.is_number.any():
        return bool(top.is_text.any() and not top.is_unknown[1:].any())
    if top.is_number.all() and _numbers_columns(top.values, below.values):
        return True
    is_label = _is_words(below)
    is_named = not top.is_number[0] and _is_corner(first[0])
    has_corner = bool(is_named and (is_label[0] or _counts_rows(below.values[:, 0])))
    others = ~is_label
    others[0] &= not has_corner
    if not (np.array_equal(top.is_number, others) and np.all(np.diff(numbers) > 0)):
        return False
    data = below.values[:, others]
    known = data[~np.isnan(data)]
    if has_corner or (is_label[0] and len(numbers) >= 2 and _are_years(numbers) and not _are_years(known)):
        return True
    are_decimals = len(known) > 0 and np.mean(known != np.floor(known)) > 0.5
    return bool(is_label[0] and top.is_text[0] and are_decimals and _is_even(numbers) and not any(map(_is_even, data)))


def detect_labels(names: list[str] | None, parsed: Parsed) -> list[int]:
    """Places of the columns of words, and of the first column where it is an index; `parsed` has no header line."""
    is_label = _is_words(parsed)
    if names is not None and not parsed.is_text[:, 0].any() and not is_label[1:].all():
        is_label[0] = is_index(names[0], parsed.values[:, 0])
    return [int(place) for place in np.flatnonzero(is_label)]


def is_index(name: str, values: np.ndarray) -> bool:
    """Whether a first column of numbers only names the rows: called so, and distinct integers without a hole."""
    return bool(
        _is_corner(name)
        and not np.isnan(values).any()
        and np.all(values == np.floor(values))
        and len(np.unique(values)) == len(values)
    )


def find_columns(wanted: Sequence[str | int], names: list[str] | None, width: int) -> list[int]:
    """Places from zero of different columns, each given by its name or by its place from one."""
    places = [find_column(one, names, width) for one in wanted]
    for one, place in zip(wanted, places, strict=True):
        if place is None:
            has = f"the columns are {', '.join(names[:20])}" if names else "count from one, and check the separator"
            raise InputError(
                f"a column must be given by its name or by its place from 1 to {width}, got {one!r}; {has}"
            )
        if places.count(place) > 1:
            raise InputError(f"columns must be different, got {one!r} twice; name each once")
    return [place for place in places if place is not None]


def find_column(wanted: str | int, names: list[str] | None, width: int) -> int | None:
    """Place from zero of a column given by its name or by its place from one; a name goes before a place."""
    text = str(wanted).strip()
    stripped = [name.strip() for name in names or []]
    if isinstance(wanted, str) and text in stripped:
        return stripped.index(text)
    return int(text) - 1 if text.isdecimal() and 1 <= int(text) <= width else None


def _is_words(parsed: Parsed) -> np.ndarray:
    words, numbers = parsed.is_text.sum(axis=0), parsed.is_number.sum(axis=0)
    return (words > 0) & (words >= _WORDS_OF_LABELS * (words + numbers))


def _is_corner(name: str) -> bool:
    name = name.strip()
    return name.lower() in _CORNER_NAMES or _CORNER_ENDING.fullmatch(name) is not None


def _counts_rows(column: np.ndarray) -> bool:
    counting = np.arange(len(column))
    is_counting = np.array_equal(column, counting) or np.array_equal(column, counting + 1)
    return len(column) > 0 and is_counting


def _numbers_columns(top: np.ndarray, below: np.ndarray) -> bool:
    """Whether a line of numbers counts the columns or names them by years, and no line below could do so too."""
    if len(top) < 3 or not np.all(np.diff(top) > 0):
        return False
    known = below[~np.isnan(below)]
    if top[0] in (0, 1) and np.all(np.diff(top) == 1):
        is_counting = np.all(np.diff(below, axis=1) == 1, axis=1)
        return bool(len(known)) and not is_counting.any()
    return bool(len(known)) and _are_years(top) and not _are_years(known)


def _is_even(numbers: np.ndarray) -> bool:
    """Whether at least three numbers increase by one step."""
    steps = np.diff(numbers)
    return bool(len(steps) > 1 and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))


def _are_years(numbers: np.ndarray) -> bool:
    return bool(np.all((numbers >= 1000) & (numbers < 3000) & (numbers == np.floor(numbers))))

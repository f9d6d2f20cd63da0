"""Columns of numbers that only name things: ids, codes with leading zeros, dates written in digits.

None of them may be completed from like a measurement, or filled like one.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

from rankfall.tables.cells import Parsed, stacked

if TYPE_CHECKING:
    import polars as pl

# What a name says of its column wherever it stands; acid and grid are no ids.
_ID = re.compile(
    r"(?i:(.*[_\s.-])?(id|ids|uid|uuid|guid|identifier|identifiant|identificador|kennung))|(?i:id[_\s.-].*)"
    r"|.*[a-z]I[dD]"
    r"|(?i:(user|item|record|sample|patient|subject|object|case|person|customer|client|product|order|station|site|movie"
    r"|student|participant|respondent|household|track|row|geo|g|f|p)id)|(?i:(matrikel|kunden|patienten|proben)-?nummer)"
)
_TIME_TEXT = """
    date day month year time timestamp datetime datum zeit uhrzeit zeitpunkt jahr monat tag fecha hora año mes jour
    heure année mois dato tid dia giorno ora anno mese
"""
_TIME = frozenset(_TIME_TEXT.split())
_UNITS = frozenset({"s", "ms", "min", "h", "hr", "hrs", "d", "sec", "utc", "gmt", "local"})
_DATES = frozenset({"date", "datum", "fecha", "timestamp", "datetime"})


def identifier_places(names: list[str] | None, parsed: Parsed, cells: "pl.DataFrame | None" = None) -> list[int]:
    """Places of the columns of numbers that name things; none where no other column of numbers would be left.

    A column called an id, of whole numbers or without a hole; a first column called a time, of distinct numbers
    without a hole; dates such as 20201231, in the first column or under a name of a time; and codes of one length
    some of which begin with 0, beside numbers that do not. `parsed` and `cells` are the rows of data.
    """
    values, is_number = parsed.values, parsed.is_number
    are_numbers = np.asarray(is_number.any(axis=0) & ~parsed.is_text.any(axis=0))
    padded = _are_padded(cells, are_numbers) if cells is not None else np.zeros_like(are_numbers)
    if np.array_equal(padded, are_numbers):
        padded[:] = False
    found = []
    for place in np.flatnonzero(are_numbers).tolist():
        known = values[is_number[:, place], place]
        name = "" if names is None else names[place].strip()
        has_holes, is_whole = len(known) < len(values), bool((known == np.floor(known)).all())
        is_id = _ID.fullmatch(name) is not None and (is_whole or not has_holes)
        is_time = _is_time(name)
        is_date = (is_time or place == 0) and len(known) > 2 and is_whole and _are_dates(known)
        is_clock = place == 0 and is_time and not has_holes and len(np.unique(known)) == len(known)
        if is_id or is_date or is_clock or padded[place]:
            found.append(place)
    return found if len(found) < are_numbers.sum() else []


def _is_time(name: str) -> bool:
    """Whether a name is that of a time, as time, time (s), time_s or visit_date; a reaction time is none."""
    words = [word for word in re.split(r"[_\s.-]+", re.sub(r"[(\[].*", "", name.lower())) if word]
    if not words:
        return False
    return (words[0] in _TIME and all(word in _UNITS for word in words[1:])) or words[-1] in _DATES


def _are_dates(numbers: np.ndarray) -> bool:
    years, months, days = numbers // 10_000, numbers // 100 % 100, numbers % 100
    is_valid = (years >= 1800) & (years < 2200) & (months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)
    return bool(is_valid.all())


def _are_padded(cells: "pl.DataFrame", are_numbers: np.ndarray) -> np.ndarray:
    """Of each column, whether its cells are digits of one length, and some begin with 0."""
    texts = stacked(cells)
    begin_with_zero = _by_column(texts.str.contains(r"^\s*0\d"), cells).any(axis=0) & are_numbers
    if not begin_with_zero.any():
        return begin_with_zero
    texts = texts.str.strip_chars()
    lengths = _by_column(texts.str.len_chars() * texts.str.contains(r"^\d+$").cast(int), cells)
    is_number = _by_column(texts.str.contains(r"\d"), cells)
    longest = lengths.max(axis=0)
    return np.asarray(begin_with_zero & (~is_number | ((lengths == longest) & (longest > 0))).all(axis=0))


def _by_column(series: "pl.Series", cells: "pl.DataFrame") -> np.ndarray:
    rows, columns = cells.shape
    return series.fill_null(0 if series.dtype.is_numeric() else False).to_numpy().reshape(columns, rows).T

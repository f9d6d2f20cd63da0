"""What one cell of text means: a number, an unknown entry, or words; and a number back as text.

Unknown is an empty cell or one of NA, N/A, #N/A, NaN, null, None in any of the usual capitalizations. Numbers are
decimal, with a point or, where the file does so throughout, a comma. All else is words.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.table import column_title

UNKNOWN = tuple(
    sorted(
        {
            spelling
            for word in ("", "NA", "N/A", "#N/A", "NaN", "null", "None")
            for spelling in (word, word.lower(), word.upper(), word.capitalize())
        }
    )
)


@dataclass(frozen=True, eq=False)
class Parsed:
    """Cells taken apart: `values` with NaN for all that is no number, and the mask `is_text` of words; both m × n."""

    values: np.ndarray
    is_text: np.ndarray

    @property
    def is_number(self) -> np.ndarray:
        return ~np.isnan(self.values)

    @property
    def is_unknown(self) -> np.ndarray:
        return np.isnan(self.values) & ~self.is_text

    def __getitem__(self, key: Any) -> "Parsed":
        return Parsed(self.values[key], self.is_text[key])


def parse(cells: Any, decimal: str = ".") -> Parsed:
    """Takes a polars frame of strings apart into numbers, unknowns and words."""
    import polars as pl

    shape = cells.shape
    stripped = stacked(cells).str.strip_chars()
    is_word = ~(stripped.is_null() | stripped.is_in(list(UNKNOWN)))
    if decimal == ",":
        stripped = stripped.str.replace(",", ".", literal=True)
    numbers = stripped.cast(pl.Float64, strict=False)
    is_text = is_word & numbers.is_null()
    return Parsed(_unstacked(numbers, shape), _unstacked(is_text, shape))


def decimal_of(cells: Any, parsed: Parsed, separator: str) -> str:
    """The decimal sign of a file: a comma where commas do not separate, some cell needs it and none has a point."""
    # In a single column a comma is as likely a separator that its name did not promise.
    if separator == "," or cells.width == 1 or not parsed.is_text.any():
        return "."
    texts = stacked(cells)
    has_comma = texts.str.contains(r"^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$").fill_null(False)
    if not has_comma.any():
        return "."
    has_point = _unstacked(texts.str.contains(".", literal=True).fill_null(False), cells.shape)
    return "." if (has_point & parsed.is_number).any() else ","


def has_integers(cells: Any) -> np.ndarray:
    """Of each column of strings, whether it has numbers and all of them are typed as integers."""
    stripped = stacked(cells).str.strip_chars()
    is_integer = _unstacked(stripped.str.contains(r"^[+-]?\d+$").fill_null(False), cells.shape)
    is_unknown = _unstacked(stripped.is_null() | stripped.is_in(list(UNKNOWN)), cells.shape)
    return np.asarray(is_integer.any(axis=0) & (is_integer | is_unknown).all(axis=0))


def stacked(cells: Any) -> Any:
    """All columns below one another: polars' cost a column would dominate wide tables."""
    import polars as pl

    return pl.concat(list(cells.iter_columns()), rechunk=True)


def _unstacked(series: Any, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = shape
    return series.to_numpy().reshape(columns, rows).T


def format_numbers(values: np.ndarray, is_integer: np.ndarray | None = None, decimal: str = ".") -> Any:
    """Numbers as a series of text: the shortest that reads back as the same number; unknown entries are null.

    Where `is_integer`, 3.0 is written as 3.
    """
    import polars as pl

    texts = pl.Series(values, nan_to_null=True).cast(pl.String)
    if is_integer is not None and is_integer.any():
        short = texts.str.strip_suffix(".0")
        texts = pl.select(pl.when(pl.Series(is_integer)).then(short).otherwise(texts)).to_series()
    return texts if decimal == "." else texts.str.replace(".", decimal, literal=True)


def refuse_text(cells: Any, parsed: Parsed, columns: list[int], names: list[str] | None, first_row: int) -> None:
    """Refuses words among numbers, naming the first by its column and row."""
    among = parsed.is_text[:, columns]
    if not among.any():
        return
    row, place = np.unravel_index(int(np.argmax(among)), among.shape)
    column = columns[int(place)]
    text = cells.item(int(row), column)
    raise InputError(
        f"{column_title(names, column)}, row {int(row) + first_row}: {text!r} is not a number; empty "
        "cells, NA and NaN mark unknown entries, and a column of words must be named as a label column"
    )

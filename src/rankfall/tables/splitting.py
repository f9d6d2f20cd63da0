"""Rows of delimited text as a frame of strings: polars where it can, the csv module where quotes mislead polars."""

import csv
import io
from typing import TYPE_CHECKING

from rankfall.errors import InputError
from rankfall.tables.files import FilePath

if TYPE_CHECKING:
    import polars as pl


def split(data: bytes, separator: str) -> "pl.DataFrame | None":
    """The frame of strings that polars splits the data into, or None where it cannot."""
    import polars as pl

    try:
        frame = pl.read_csv(data, has_header=False, separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    frame.columns = [str(place) for place in range(frame.width)]
    return frame


def split_slowly(data: bytes, separator: str, path: FilePath, begin: int) -> "pl.DataFrame | None":
    """The frame of strings that the csv module splits the data into; None where rows differ.

    Raises InputError where quotes are not closed; `begin` lines of the file at `path` stand above the data.
    """
    import polars as pl

    rows: list[list[str]] = []
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    try:
        for row in csv.reader(lines, delimiter=separator, strict=True):
            rows.append(row or [""])
    except csv.Error as error:
        raise InputError(
            f"{str(path)!r} must be delimited text, row {len(rows) + 1 + begin} is not ({error}); "
            'close its quotes, and double quotes inside quoted cells: ""'
        ) from error
    if len({len(row) for row in rows}) != 1:
        return None
    columns = zip(*rows, strict=True)
    return pl.DataFrame({str(place): pl.Series(column, dtype=pl.String) for place, column in enumerate(columns)})

"""Long lists of entries in plain text, read a stretch at a time, so that no cell of the whole file is kept as text.

Plain is what needs no decision beyond those that the head of the file shows: every line has as many cells as the
first, nothing is quoted, integers and decimals are written the plain way, and no value is missing. All else, and all
short files, are read whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.files import SHEET_FORMATS, FilePath, extension
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading
from rankfall.tables.packing import PACKINGS
from rankfall.tables.text import read_text

if TYPE_CHECKING:
    import polars as pl

# Bytes of a file from which on it is long, of the head that is read first, and of a stretch.
LONG, _HEAD, STRETCH = 2**25, 2**18, 2**25
# 1.234 may be a thousand and more; where such numbers are, the whole column has to be looked at.
_MAYBE_THOUSANDS = r"^[+-]?\d{1,3}(\.\d{3})+$"


@dataclass(frozen=True, eq=False)
class PlainList:
    """A long text file, by its head.

    Parameters
    ----------
    path : str or path
        The file.
    head : Grid
        Its first rows.
    separator : str
        What is between cells, `::` included.
    notes : Notes
        What was decided about the head.
    """

    path: FilePath
    head: Grid
    separator: str
    notes: Notes

    @classmethod
    def of(cls, path: FilePath, reading: Reading, least: int = LONG) -> "PlainList | None":
        """The file by its head; None where its head is not plain, its reading is told, or it has fewer than `least`
        bytes.
        """
        path = Path(path)
        is_told = reading != Reading(separator=reading.separator)
        is_text = extension(path) not in SHEET_FORMATS and not extension(path).endswith(PACKINGS)
        if is_told or not is_text or path.stat().st_size < least:
            return None
        with path.open("rb") as file:
            head = file.read(_HEAD)
        head, notes = head[: head.rfind(b"\n") + 1], Notes()
        try:
            text = read_text(path, reading, notes, head)
            grid = text.grid(reading, notes)
        except InputError:
            return None
        is_alike = text.encoding == "utf-8" and not text.has_bom and text.newline != "\r" and text.separator != " "
        if not is_alike or not np.array_equal(grid.rows, np.arange(head.count(b"\n"))):
            return None
        separator = "::" if text.separator.encode() not in head else text.separator
        return cls(path, grid, separator, notes)

    def columns(self, places: Sequence[int], begin: int, size: int = STRETCH) -> "list[pl.Series] | None":
        """The columns at these places, below the first `begin` lines; None where a line is not plain.

        Labels, the first two, come as integers where those of the head are, else as strings; values as float64. `size`
        is how many bytes are read at once.
        """
        import polars as pl

        sample = _cells(self.head.cells.slice(begin), places)
        labels = [_as_they_are if _plain_integers(cells) is None else _plain_integers for cells in sample[:2]]
        parsers = [*labels, *[_plain_decimals] * (len(places) - 2)]
        parts: list[list[pl.Series]] = []
        for stretch in self._stretches(begin, size):
            frame = self._split(stretch)
            parsed = None if frame is None else [
                parse(cells) for parse, cells in zip(parsers, _cells(frame, places), strict=True)
            ]  # fmt: skip
            if parsed is None or any(cells is None for cells in parsed):
                return None
            parts.append([cells for cells in parsed if cells is not None])
        if not parts:
            return None
        return [pl.concat(column).rechunk() for column in zip(*parts, strict=True)]

    def _stretches(self, begin: int, size: int) -> Iterator[bytes]:
        """The bytes of the file in whole lines, without the first ones."""
        with Path(self.path).open("rb") as file:
            for _ in range(begin):
                file.readline()
            rest = b""
            while read := file.read(size):
                end = read.rfind(b"\n") + 1
                if end:
                    yield rest + read[:end]
                rest = read[end:] if end else rest + read
            if rest:
                yield rest + b"\n"

    def _split(self, stretch: bytes) -> "pl.DataFrame | None":
        """The cells of whole lines as strings, or None where a line has other than the head's number of them."""
        import polars as pl

        separator, width = self.separator, self.head.cells.width
        if b'"' in stretch or b"\0" in stretch or (separator == "::" and b"\t" in stretch):
            return None
        if separator == "::":
            separator, stretch = "\t", stretch.replace(b"::", b"\t")
        lines = stretch.count(b"\n")
        schema = {str(place): pl.String for place in range(width)}
        try:
            frame = pl.read_csv(stretch, has_header=False, separator=separator, schema=schema, infer_schema=False)
        except pl.exceptions.PolarsError:
            return None
        # a line with a cell too few has no last one; then none may have one too many
        is_even = frame.height == lines and not frame[str(width - 1)].null_count()
        return frame if is_even and stretch.count(separator.encode()) == lines * (width - 1) else None


def _cells(frame: "pl.DataFrame", places: Sequence[int]) -> "list[pl.Series]":
    return [frame[str(place)] for place in places]


def _plain_integers(cells: "pl.Series") -> "pl.Series | None":
    """The labels as Int64; None where one is empty or written another way, as 07 or +7."""
    import polars as pl

    numbers = cells.cast(pl.Int64, strict=False)
    if numbers.null_count():
        return None
    begins = cells.str.starts_with
    is_dressed = begins("+") | begins("-0") | (begins("0") & (cells != "0"))
    return None if is_dressed.any() else numbers


def _plain_decimals(cells: "pl.Series") -> "pl.Series | None":
    """The values as Float64; None where one is unknown, infinite, no number or perhaps grouped by points."""
    import polars as pl

    numbers = cells.cast(pl.Float64, strict=False)
    if numbers.null_count() or not numbers.is_finite().all():
        return None
    return None if cells.unique().str.contains(_MAYBE_THOUSANDS).any() else numbers


def _as_they_are(cells: "pl.Series") -> "pl.Series":
    return cells

"""Eurostat's text format: dimensions and TIME_PERIOD, a backslash between, over the labels, `:` for unknown.

Letters tell the quality: `12.3 e` is an estimate, `: c` a confidential entry. Other files may mean units by them, so
the first cell decides.
"""

import re
from dataclasses import replace

from rankfall.tables.cells import stacked
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading

_FIRST = re.compile(r"[\w,]+\\\w+")
_UNKNOWN = r"^:(?:\s*[a-z]{1,3})?$"
_FLAGGED = r"^[+-]?\d[\d.]*\s*([a-z]{1,3})$"


def with_flags(grid: Grid, reading: Reading, notes: Notes) -> Reading:
    """How to read a grid in Eurostat's format; the reading as it is for any other."""
    if not _FIRST.fullmatch((grid.cells.row(0)[0] or "").strip()):
        return reading
    cells = stacked(grid.cells).str.strip_chars()
    unknown = cells.filter(cells.str.contains(_UNKNOWN).fill_null(False)).unique().sort().to_list()
    flags = cells.str.extract(_FLAGGED, 1).drop_nulls().unique().sort().to_list()
    if unknown:
        notes.decide("Eurostat's ':' marks unknown entries", "--unknown")
    return replace(reading, unknown=(*reading.unknown, *unknown), marks=(*reading.marks, *flags))

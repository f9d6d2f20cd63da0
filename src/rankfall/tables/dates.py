"""Columns that say when: dates and times as numbers, in which rows can be put in order."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.tables.detection import find_column
from rankfall.tables.table import Table, column_title

# None is what polars recognizes: ISO 8601 with - or /, and days first with points.
_FORMATS = (None, "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%b %Y", "%B %Y", "%b-%y", "%d %b %Y", "%d-%b-%Y", "%Y%m%d")


def times_of(cells: Sequence[object]) -> Float[np.ndarray, " m"] | None:
    """Seconds for the cells of a column of dates; None where a cell is no date, or days and months are told apart by
    nothing.
    """
    if all(isinstance(cell, date) for cell in cells):
        return np.asarray([_seconds(cell) for cell in cells if isinstance(cell, date)])
    if not all(isinstance(cell, str) for cell in cells):
        return None
    found = [times for kind in _FORMATS if (times := _parsed([str(cell).strip() for cell in cells], kind)) is not None]
    if not found:
        return None
    # both 5/1 and 1/5 may be meant; rows are usually in order
    return next((times for times in found if is_increasing(times)), found[0] if len(found) == 1 else None)


def is_increasing(times: Float[np.ndarray, " m"]) -> bool:
    """Whether each row is later than the one before."""
    return bool((np.diff(times) > 0).all())


def dated_column(table: Table) -> str | None:
    """The label column of dates that the rows are in the order of; None where there is none."""
    if table.shape[0] < 3:
        return None
    for name, cells in (table.row_labels or {}).items():
        times = times_of(cells)
        if times is not None and is_increasing(times):
            return name
    return None


def order_of(table: Table, column: str) -> Float[np.ndarray, " m"]:
    """When each row was, by a column of dates or numbers, given by its name or by its place from one.

    Raises InputError where there is no such column, or a cell of it is empty or no date.
    """
    names = table.names()
    place = find_column(column, names, len(names))
    if place is None:
        raise InputError(f"the order must be that of a column, got {column!r}; the columns are {', '.join(names[:20])}")
    places = table.label_positions
    title = column_title(names, place)
    if place in places:
        cells = list((table.row_labels or {}).values())[places.index(place)]
        times = times_of(cells)
        if times is None:
            times = _numbers(cells)
    else:
        times = table.values[:, sum(other not in places for other in range(place))].astype(np.float64)
    if times is None or np.isnan(times).any():
        raise InputError(
            f"rows are ordered by dates or numbers without a hole, {title} has other cells; write dates as 2020-12-31"
        )
    return times


def _parsed(cells: list[str], kind: str | None) -> np.ndarray | None:
    import polars as pl

    texts = pl.Series(cells, dtype=pl.String)
    if kind is None and texts.str.contains(r"^\d{4}[-/]\d{1,2}$").all():
        texts = texts + texts.str.slice(4, 1) + "01"
    try:
        times = texts.str.to_datetime(kind, strict=False)
    except pl.exceptions.PolarsError:
        return None
    return None if times.null_count() else times.dt.timestamp("ms").to_numpy() / 1000.0


def _numbers(cells: Sequence[object]) -> np.ndarray | None:
    try:
        return np.asarray([float(str(cell)) for cell in cells])
    except ValueError:
        return None


def _seconds(cell: date) -> float:
    moment = cell if isinstance(cell, datetime) else datetime(cell.year, cell.month, cell.day)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

"""A table back into the file it came from: only the cells whose numbers changed are written, in their column's look."""

from typing import TYPE_CHECKING

import numpy as np

from rankfall.tables.cells import format_numbers
from rankfall.tables.numerals import Numerals
from rankfall.tables.scan import scan
from rankfall.tables.sheets import Cell
from rankfall.tables.table import Table
from rankfall.tables.text import Text

if TYPE_CHECKING:
    import polars as pl


def changed(table: Table) -> np.ndarray:
    """Which numbers differ from those that were read, m × n."""
    before, after = table.layout.before, table.values
    if before is None:
        return np.ones(table.shape, dtype=bool)
    before = before.astype(after.dtype, copy=False)
    return ~((before == after) | (np.isnan(before) & np.isnan(after)))


def number_texts(table: Table, numerals: Numerals | None = None) -> "pl.Series":
    """All numbers as text, columns below one another, null where unknown.

    Whole where a column is, with as many decimals where all its numbers have the same, else the fewest that read back
    as the number. They are dressed where they are written in the signs of their file.
    """
    import polars as pl

    layout, (rows, columns) = table.layout, table.shape
    numerals = numerals or layout.numerals
    values = table.values.ravel(order="F")
    is_short = np.asarray(layout.integer_columns or (False,) * columns)
    if layout.source is not None and layout.decimals:
        # 4 where another cell is typed as 3, beside 2.5
        is_short = is_short | np.asarray([least == 0 for least, _ in layout.decimals])
    texts = format_numbers(values, np.repeat(is_short, rows))
    has_dress = any(dress is not None for dress in layout.dresses or ())
    is_fixed = [least == most > 0 for least, most in layout.decimals or ()]
    if numerals.is_plain and not has_dress and (not any(is_fixed) or layout.source is None):
        return texts
    found = []
    for place in range(columns):
        dress = layout.dresses[place] if layout.dresses else None
        least, most = layout.decimals[place] if layout.decimals else (0, -1)
        column = table.values[:, place]
        digits = most if layout.source is not None and 0 < most == least else None
        if dress is not None and dress.is_number:
            digits = most if most > 0 else None
        for text, value in zip(texts.slice(place * rows, rows), column, strict=True):
            if text is None:
                found.append(None)
                continue
            if digits is not None and round(float(value), digits) == value:
                text = f"{value:.{digits}f}"
            if dress is not None and not dress.is_number:
                found.append(dress.written(text))
            else:
                text = numerals.written(text)
                is_dressed = dress is not None and numerals == layout.numerals
                found.append(dress.written(text) if dress is not None and is_dressed else text)
    return pl.Series(found, dtype=pl.String)


def patched_text(table: Table, source: Text) -> bytes | None:
    """The file's bytes with the changed cells replaced; None where its cells do not lie as they were read."""
    layout = table.layout
    assert layout.rows is not None
    is_changed = changed(table)
    if not is_changed.any():
        return source.encoded(source.data)
    found = scan(source.data, source.separator)
    places = np.asarray(layout.places)
    if int(layout.rows[-1]) >= len(found.counts) or (found.counts[layout.rows] <= places.max()).any():
        return None
    texts = number_texts(table).to_list()
    rows, cols = np.nonzero(is_changed)
    cells = found.first[layout.rows[rows]] + places[cols]
    sign = source.separator.encode()
    written = []
    for cell, row, col in zip(cells.tolist(), rows.tolist(), cols.tolist(), strict=True):
        raw = source.data[found.starts[cell] : found.ends[cell]]
        text = (texts[col * table.shape[0] + row] or "").encode()
        if raw.startswith(b'"') or sign in text or b'"' in text:
            text = b'"' + text.replace(b'"', b'""') + b'"'
        written.append(text)
    return source.encoded(found.replaced(cells, written))


def changed_cells(table: Table) -> list[tuple[int, int, Cell]]:
    """Row and column in the sheet, from zero, and the value of each cell that changed."""
    layout, texts = table.layout, None
    assert layout.rows is not None
    if any(dress is not None for dress in layout.dresses or ()):
        texts = number_texts(table).to_list()
    cells: list[tuple[int, int, Cell]] = []
    for row, col in np.argwhere(changed(table)).tolist():
        value: Cell = float(table.values[row, col])
        dress = layout.dresses[col] if layout.dresses else None
        if np.isnan(value):
            value = None
        elif dress is not None and dress.words is not None:
            value = bool(value) if value in (0, 1) else value
        elif dress is not None and texts is not None:
            value = texts[col * table.shape[0] + row]
        elif value == int(value) and layout.integer_columns and layout.integer_columns[col]:
            value = int(value)
        cells.append((int(layout.rows[row]), (layout.places or ())[col], value))
    return cells

"""From a grid of strings to a table: its numbers, its labels, and all that writing it back needs.

What is decided on the way is noted: codes that are unknown, and what columns are dressed in.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.cells import ERRORS
from rankfall.tables.columns import Column, settle_limits, titles_of
from rankfall.tables.eurostat import with_flags
from rankfall.tables.files import text_format
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading
from rankfall.tables.sheets import Sheet
from rankfall.tables.structure import Structure, structure_of
from rankfall.tables.table import Layout, Table, refuse_infinite
from rankfall.tables.text import Text
from rankfall.tables.unread import refuse_text

if TYPE_CHECKING:
    import polars as pl


def table_of_grid(
    grid: Grid, separator: str | None, label_columns: Sequence[str | int] | None, header: bool | None,
    reading: Reading, notes: Notes,
) -> Table:  # fmt: skip
    """The table in a grid; its roles are detected where `label_columns` and `header` do not give them."""
    reading = with_flags(grid, reading, notes)
    found = structure_of(grid, label_columns, header, reading, notes, separator)
    titles = titles_of(found.names, found.numbers)
    _note_codes(found, reading, notes)
    refuse_text(found.columns, titles, found.number)
    _refuse_formulas(found, titles)
    columns = settle_limits(found.columns, titles, found.number, reading, notes)
    values = np.ascontiguousarray(np.column_stack([column.values for column in columns]))
    names = None if found.names is None else tuple(found.names[place] for place in found.numbers)
    refuse_infinite(values, names, found.number)
    _note_dresses(columns, titles, notes)
    decimals = tuple(column.decimals() for column in columns)
    cells = found.grid.cells[found.rows.tolist()]
    text = grid.source if isinstance(grid.source, Text) else None
    layout = Layout(
        label_positions=tuple(found.labels),
        integer_columns=tuple(
            most == 0 and not np.isnan(column.values).all() for column, (_, most) in zip(columns, decimals, strict=True)
        ),
        text_format=text_format(grid.path) if text is not None else None,
        separator="," if text is None else text.separator,
        newline="\n" if text is None else text.newline,
        numerals=found.numerals,
        has_bom=text is not None and text.has_bom,
        decimals=decimals,
        dresses=tuple(column.dress for column in columns),
        categories=found.categories,
        texts=cells.select(str(place) for place in found.numbers),
        source=grid.source,
        rows=found.grid.rows[found.rows],
        places=tuple(found.numbers),
        before=values.copy(),
    )
    return Table(values, names, _label_lists(cells, found.labels, found.names), layout)


def _refuse_formulas(found: Structure, titles: list[str]) -> None:
    """Refuses formulas whose results the file does not hold: they are no unknown entries, and must not be replaced."""
    if not isinstance(found.grid.source, Sheet):
        return
    formulas = found.grid.source.formulas()
    for place, column, title in zip(found.numbers, found.columns, titles, strict=True):
        is_empty = column.texts.is_null().to_numpy()
        for row in np.flatnonzero(is_empty).tolist() if formulas else ():
            if (found.number(row) - 1, place) in formulas:
                raise InputError(
                    f"{title}, row {found.number(row)}: the formula must have a result, the file holds none; open and "
                    "save it in a spreadsheet program, or carry the column along by --labels"
                )


def _note_codes(found: Structure, reading: Reading, notes: Notes) -> None:
    codes = [*reading.unknown, *ERRORS]
    counts = dict.fromkeys(codes, 0)
    for column in found.columns:
        for code, count in column.texts.str.strip_chars().value_counts().iter_rows():
            if code in counts:
                counts[code] += count
    shown = [f"{code!r} ({count})" for code, count in counts.items() if count]
    if shown:
        notes.decide(f"unknown: {', '.join(shown)}", "--unknown")
    missing = [code for code in reading.unknown if not counts[code]]
    if missing:
        notes.decide(f"no cell is {' or '.join(map(repr, missing))} as typed", "--unknown")


def _note_dresses(columns: list[Column], titles: list[str], notes: Notes) -> None:
    dresses: dict[str, list[str]] = {}
    for column, title in zip(columns, titles, strict=True):
        if column.dress is not None and not column.dress.is_plain:
            dresses.setdefault(column.dress.title, []).append(title)
    for dress, among in dresses.items():
        shown = ", ".join(among[:6]) + (", …" if len(among) > 6 else "")
        notes.decide(f"{shown}: {dress}", "--labels")
    are_booleans = [column.dress is not None and column.dress.words is not None for column in columns]
    if are_booleans and all(are_booleans):
        notes.decide("all columns have two values, for which --loss logistic is made", "--loss")


def _label_lists(cells: "pl.DataFrame", labels: list[int], names: list[str] | None) -> dict[str, list] | None:
    lists: dict[str, list] = {}
    for place in labels:
        name = f"column_{place + 1}" if names is None else names[place]
        if name in lists:
            name = f"{name} ({place + 1})"
        lists[name] = cells[str(place)].to_list()
    return lists or None

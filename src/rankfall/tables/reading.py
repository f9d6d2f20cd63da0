"""Reading a table: from the extension to the reader of that format, with everything kept that writing needs.

Text and spreadsheets become a grid of strings, and its rows and columns get their roles; parquet and Arrow files are
frames whose columns of strings are taken apart alike. Arrays give a Table without words, coordinates give Triplets.
Rows are counted as an editor or a spreadsheet counts them: the first is row 1.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.array_files import read_mtx, read_npy, read_npz
from rankfall.tables.cells import Parsed, decimals_of_numbers
from rankfall.tables.columns import Column, refuse_text, settle_limits, titles_of
from rankfall.tables.detection import find_columns, is_index
from rankfall.tables.files import (
    FRAME_FORMATS,
    READ_FORMATS,
    SHEET_FORMATS,
    FilePath,
    check_format,
    check_readable,
    extension,
    read_bytes,
    read_frame,
    read_frame_metadata,
    text_format,
)
from rankfall.tables.frames import from_frame
from rankfall.tables.grid import Grid
from rankfall.tables.identifiers import identifier_places
from rankfall.tables.options import Notes, Reading
from rankfall.tables.packing import unpack
from rankfall.tables.sentinels import warn_of_sentinels, without_codes
from rankfall.tables.sheets import Sheet, is_workbook, read_sheet
from rankfall.tables.structure import Structure, structure_of
from rankfall.tables.table import Layout, Table, refuse_infinite
from rankfall.tables.text import Text, read_text
from rankfall.tables.triplets import Triplets

if TYPE_CHECKING:
    import polars as pl


def read_table(
    path: FilePath,
    label_columns: Sequence[str | int] | str | None = None,
    header: bool | None = None,
    duplicates: str = "error",
    reading: Reading | None = None,
) -> Table | Triplets:
    """Reads a table with holes; the extension names the format.

    `.csv`, `.tsv`, `.txt` (also with `.gz`, `.bz2`, `.xz`, `.zst`, `.zip`): delimited text; unknown entries are empty
    cells, NA, N/A, NaN, null. `.xlsx`, `.xlsm`, `.xlsb`, `.xls`, `.ods`: a sheet, read like text. `.parquet`,
    `.feather`, `.arrow`: columns of numbers and of labels. `.npy`: a two-dimensional array. `.npz`: one such array, or
    the one called `values` or `X`; sparse matrices and triplets come as Triplets, as do the coordinates of `.mtx`.

    Parameters
    ----------
    path : str or path
        The file.
    label_columns : str or sequence, optional
        Names, or places counted from one, of the columns to carry along unread, as "id,city" or a sequence; an empty
        list says there are none. None detects them: a column of words is labels; so is the first column where it has
        distinct integers without a hole and its name is empty, `index`, `code`, …; and so are columns that only name
        things (`rankfall.tables.identifiers` has the rules): ids, dates in digits, codes with leading zeros.
    header : bool, optional
        Whether the first line holds names. None detects it: words over a column of numbers are names, so is a line of
        words only; a line of numbers only is data unless it counts the columns (`rankfall.tables.detection` has the
        rules).
    duplicates : {"error", "mean", "last"}
        What becomes of coordinates that occur more than once.
    reading : Reading, optional
        Overrules what the reader decides; `table.layout.notes` tells what that was.

    Raises
    ------
    InputError
        Where the file is missing, broken or of no known format, a number is infinite, or words stand among numbers.
    """
    reading = reading or Reading()
    check_format(path, READ_FORMATS)
    check_readable(path)
    if isinstance(label_columns, str):
        label_columns = [name for name in label_columns.split(",") if name.strip()]
    notes = Notes()
    found: Table | Triplets
    if text_format(path) is not None or extension(path) in SHEET_FORMATS:
        found = _table_of_grid(*read_grid(path, reading, notes), label_columns, header, reading, notes)
    elif extension(path) in FRAME_FORMATS:
        found = _table_of_frame(path, label_columns, reading, notes)
    elif extension(path) == ".npy":
        found = read_npy(path)
    elif extension(path) == ".npz":
        found = read_npz(path, duplicates=duplicates)
    else:
        found = read_mtx(path, duplicates)
    return _with_codes(found, reading, notes)


def read_grid(path: FilePath, reading: Reading, notes: Notes) -> tuple[Grid, str | None]:
    """The cells of a text or spreadsheet, whatever its extension promises, and what separates them."""
    data = unpack(read_bytes(path), Path(path))
    is_sheet = is_workbook(data)
    if data.startswith(b"PK") and extension(path) in SHEET_FORMATS:
        is_sheet = True
    if is_sheet != (extension(path) in SHEET_FORMATS):
        notes.warn(f"{str(path)!r} is {'a spreadsheet' if is_sheet else 'text'}, whatever its name says, and read so")
    if is_sheet:
        return read_sheet(path, data, reading, notes), None
    text = read_text(path, reading, notes, data)
    return text.grid(reading, notes), text.separator


def _table_of_grid(
    grid: Grid, separator: str | None, label_columns: Sequence[str | int] | None, header: bool | None,
    reading: Reading, notes: Notes,
) -> Table:  # fmt: skip
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
    from rankfall.tables.cells import ERRORS

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
        if column.dress is not None and (column.dress.prefix or column.dress.suffix or column.dress.words):
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


def _table_of_frame(
    path: FilePath, label_columns: Sequence[str | int] | None, reading: Reading, notes: Notes
) -> Table:  # fmt: skip
    frame = read_frame(path)
    asked = None
    if label_columns is not None:
        places = find_columns(label_columns, frame.columns, frame.width)
        asked = [frame.columns[place] for place in places]
    metadata = read_frame_metadata(path)
    table = from_frame(frame, asked, reading, notes)
    found = [] if asked is not None else _identifiers(table, _index_names(metadata))
    if found and len(found) < table.shape[1]:
        warned = [note for note in notes.taken if note.is_warning]
        notes.taken.clear()
        table = from_frame(frame, [*found, *(table.row_labels or {})], reading, notes)
        notes.taken.extend(warned)
    if table.row_labels:
        notes.decide(f"{', '.join(map(repr, table.row_labels))} carried along as labels", "--labels")
    return replace(table, layout=replace(table.layout, metadata=metadata or None))


def _identifiers(table: Table, index: list[str]) -> list[str]:
    """Names of the columns of numbers that name the rows: pandas' index, ids, and an index in front."""
    names = list(table.column_names or ())
    places = identifier_places(names, Parsed(table.values, np.zeros(table.shape, dtype=bool)))
    if 0 not in table.label_positions and is_index(names[0], table.values[:, 0]):
        places.append(0)
    return [name for place, name in enumerate(names) if place in places or name in index]


def _index_names(metadata: dict[str, str]) -> list[str]:
    columns = json.loads(metadata.get("pandas", "{}")).get("index_columns", [])
    return [one for one in columns if isinstance(one, str)]


def _with_codes(found: Table | Triplets, reading: Reading, notes: Notes) -> Table | Triplets:
    """With codes unknown, a warning of numbers that look like codes, and all notes."""
    if isinstance(found, Triplets):
        if reading.categories is not None:
            raise InputError("--categories is for tables, got it for a list of entries; leave it out")
        values = without_codes(found.values, reading, notes)
        known = ~np.isnan(values)
        warn_of_sentinels(values[:, None], ["the values"], notes)
        found = replace(found, rows=found.rows[known], cols=found.cols[known], values=values[known])
        return replace(found, notes=tuple(notes.taken))
    are_words = np.asarray([bool(found.levels(place)) for place in range(found.shape[1])])
    values = without_codes(found.values, reading, notes)
    if are_words.any():
        values = np.where(are_words, found.values, values)
    numbers = np.flatnonzero(~are_words)
    names = None if found.column_names is None else [found.column_names[place] for place in numbers]
    warn_of_sentinels(values[:, numbers], names, notes)
    layout = found.layout
    if layout.source is None and layout.frame is None and reading.categories not in (None, ("auto",)):
        names = None if found.column_names is None else list(found.column_names)
        layout = replace(layout, categories=tuple(sorted(find_columns(reading.categories, names, found.shape[1]))))
    if layout.decimals is None:
        decimals = tuple((0, decimals_of_numbers(column)) for column in values.T) if values.shape[1] <= 1000 else None
        layout = replace(layout, decimals=decimals)
    before = values.copy() if layout.before is None else layout.before
    return replace(found, values=values, layout=replace(layout, before=before, notes=tuple(notes.taken)))

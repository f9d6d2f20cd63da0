"""Reading a table: from the extension to the reader of that format, with everything kept that writing needs.

Text and spreadsheets become a grid of strings, and its rows and columns get their roles; parquet and Arrow files are
frames whose columns of strings are taken apart alike. Arrays give a Table without words, coordinates give Triplets.
Rows are counted as an editor or a spreadsheet counts them: the first is row 1.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.array_files import read_mtx, read_npy, read_npz
from rankfall.tables.cells import decimals_of_numbers
from rankfall.tables.detection import find_columns
from rankfall.tables.files import (
    FRAME_FORMATS,
    READ_FORMATS,
    SHEET_FORMATS,
    FilePath,
    check_format,
    check_readable,
    extension,
    read_bytes,
    text_format,
)
from rankfall.tables.frame_files import read_frame_table
from rankfall.tables.grid import Grid
from rankfall.tables.grid_tables import table_of_grid
from rankfall.tables.options import Notes, Reading
from rankfall.tables.packing import unpack
from rankfall.tables.sentinels import warn_of_sentinels, without_codes
from rankfall.tables.sheets import is_workbook, read_sheet
from rankfall.tables.table import Table
from rankfall.tables.text import read_text
from rankfall.tables.triplets import Triplets


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
        found = table_of_grid(*read_grid(path, reading, notes), label_columns, header, reading, notes)
    elif extension(path) in FRAME_FORMATS:
        found = read_frame_table(path, label_columns, reading, notes)
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

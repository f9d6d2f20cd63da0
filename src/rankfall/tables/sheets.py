"""Spreadsheets: one sheet as a grid of strings, and a sheet written back with only its filled cells changed."""

import datetime
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.files import FilePath
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading

if TYPE_CHECKING:
    import polars as pl


# what is written into a cell; None leaves it empty
Cell: TypeAlias = float | str | None


@dataclass(frozen=True)
class Sheet:
    """The sheet of a workbook that a grid came from: the file's bytes, and the sheet's name."""

    path: FilePath
    data: bytes
    name: str

    def formulas(self) -> set[tuple[int, int]]:
        """Row and column, from zero, of the formulas; none where the file has no formula or is of another format."""
        import openpyxl

        if not _has_formulas(self.data):
            return set()
        page = openpyxl.load_workbook(io.BytesIO(self.data))[self.name]
        return {
            (row, column)
            for row, cells in enumerate(page.iter_rows())
            for column, cell in enumerate(cells)
            if cell.data_type == "f"
        }


def read_sheet(path: FilePath, data: bytes, reading: Reading, notes: Notes) -> Grid:
    """The rows of a sheet, numbers as the shortest text that reads back as them; row and column 1 are the sheet's own.

    Raises InputError where the workbook is damaged or encrypted, has several sheets with cells and none was named, or
    the sheet is empty.
    """
    import polars as pl
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        name = _sheet_name(path, book.sheet_names, reading, notes)
        cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except InputError:
        raise
    except (calamine.CalamineError, calamine.PasswordError, OSError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} must be a spreadsheet, it cannot be read as one ({str(error).splitlines()[0]}); "
            "give the file the extension of its format, or save it without a password"
        ) from error
    if not any(cell not in ("", None) for row in cells for cell in row):
        raise InputError(f"a table must have rows, sheet {name!r} of {str(path)!r} is empty; --sheet names another")
    width = max(map(len, cells))
    texts = [[_text_of(cell) for cell in row] + [None] * (width - len(row)) for row in cells]
    frame = pl.DataFrame(texts, schema={str(place): pl.String for place in range(width)}, orient="row")
    rows = np.arange(frame.height)
    # A sheet may be wider and longer than what is in it.
    known = [not one.is_null().all() for one in frame.iter_columns()]
    while known and not known[-1]:
        known.pop()
    frame = frame.select(frame.columns[: len(known)])
    has_cells = ~np.column_stack([one.is_null().to_numpy() for one in frame.iter_columns()]).all(axis=1)
    last = int(np.flatnonzero(has_cells)[-1]) + 1
    kept = np.arange(last) >= int(np.argmax(has_cells))
    for row in reading.leave_out or ():
        if row <= last:
            kept[row - 1] = False
    rows = rows[:last][kept]
    return Grid(frame[rows.tolist()], rows, path, Sheet(path, data, name))


def write_sheet(path: Path, frame: "pl.DataFrame") -> None:
    """A new workbook with the frame's names and rows."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("table")
    sheet.append(list(frame.columns))
    for row in frame.iter_rows():
        sheet.append([None if isinstance(one, float) and np.isnan(one) else one for one in row])
    book.save(path)


def refill_sheet(sheet: Sheet, path: Path, cells: list[tuple[int, int, Cell]]) -> None:
    """The workbook again, with (row, column, value) put into the sheet; rows and columns count from zero.

    Formats, formulas and other sheets stay as they are.
    """
    import openpyxl
    from openpyxl.cell.cell import MergedCell

    book = openpyxl.load_workbook(io.BytesIO(sheet.data), keep_vba=path.suffix.lower() == ".xlsm")
    page = book[sheet.name]
    for row, column, value in cells:
        # of a merged range only the first cell can hold a value
        while isinstance(cell := page.cell(row + 1, column + 1), MergedCell):
            page.unmerge_cells(next(one.coord for one in page.merged_cells.ranges if cell.coordinate in one))
        cell.value = value
    book.save(path)


def is_workbook(data: bytes) -> bool:
    """Whether the bytes are a spreadsheet: a zip archive with a workbook's parts, or the older binary format."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return True
    if not data.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return False
    return any(one in names for one in ("xl/workbook.xml", "xl/workbook.bin", "content.xml"))


def _has_formulas(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            pages = [name for name in archive.namelist() if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name)]
            return any(b"<f>" in (page := archive.read(name)) or b"<f " in page for name in pages)
    except (zipfile.BadZipFile, OSError):
        return False


def _text_of(cell: object) -> str | None:
    """A cell as it would be typed; numbers are exact, dates in ISO's form."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        cell = cell.date()
    return None if cell in ("", None) else str(cell)


def _sheet_name(path: FilePath, names: list[str], reading: Reading, notes: Notes) -> str:
    if reading.sheet is not None:
        if reading.sheet in names:
            return reading.sheet
        if reading.sheet.isdecimal() and 1 <= int(reading.sheet) <= len(names):
            return names[int(reading.sheet) - 1]
        raise InputError(f"a sheet must be one of {', '.join(names)}, got {reading.sheet!r}; or its place from one")
    if len(names) > 1:
        notes.decide(f"sheet {names[0]!r} is read, of {', '.join(names)}", "--sheet")
    return names[0]

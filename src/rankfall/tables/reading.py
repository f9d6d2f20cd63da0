"""Reading a table: from the extension to the reader of that format, with everything kept that writing needs.

Text and parquet give a Table, arrays one without words, coordinates give Triplets. Rows are counted as an editor or
a spreadsheet counts them: the header, if any, is row 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.array_files import read_mtx, read_npy, read_npz
from rankfall.tables.cells import decimal_of, has_integers, parse, refuse_text
from rankfall.tables.detection import detect_labels, find_columns, is_header, is_index
from rankfall.tables.files import (
    TABLE_FORMATS,
    FilePath,
    check_format,
    check_readable,
    extension,
    read_parquet,
    text_format,
)
from rankfall.tables.frames import from_frame
from rankfall.tables.table import Layout, Table, refuse_infinite
from rankfall.tables.text import read_text
from rankfall.tables.triplets import Triplets


def read_table(
    path: FilePath,
    label_columns: Sequence[str | int] | str | None = None,
    header: bool | None = None,
    duplicates: str = "error",
) -> Table | Triplets:
    """Reads a table with holes; the extension names the format.

    `.csv`, `.tsv`, `.txt` (also with `.gz`): delimited text; unknown entries are empty cells, NA, N/A, NaN, null.
    `.parquet`: columns of numbers and of labels. `.npy`: a two-dimensional array. `.npz`: one such array, or the one
    called `values` or `X`; sparse matrices and triplets come as Triplets, as do the coordinates of `.mtx`.

    `header` says whether the first line of text holds names. None detects it: words over a column of numbers are
    names, so is a line of words only; a line of numbers only is data (`rankfall.tables.detection` has the rules).

    `label_columns` are names, or places counted from one, of the columns to carry along unread ("id,city" or a
    sequence); an empty list says there are none. None detects them: a column of words is labels; so is the first
    column where it has distinct integers without a hole and its name is empty, `id`, `index`, `date`, … or ends in
    `_id`.

    `duplicates` says what becomes of coordinates that occur more than once: "error", "mean" or "last".

    Raises InputError where the file is missing or broken, a number is infinite, or words stand among numbers.
    """
    check_format(path, TABLE_FORMATS)
    check_readable(path)
    if isinstance(label_columns, str):
        label_columns = [name for name in label_columns.split(",") if name.strip()]
    if text_format(path) is not None:
        return _read_text_table(path, label_columns, header)
    if extension(path) == ".parquet":
        return _read_parquet_table(path, label_columns)
    if extension(path) == ".npy":
        return read_npy(path)
    if extension(path) == ".npz":
        return read_npz(path, duplicates=duplicates)
    return read_mtx(path, duplicates)


def _read_text_table(path: FilePath, label_columns: Sequence[str | int] | None, header: bool | None) -> Table:
    text = read_text(path)
    cells = text.cells()
    parsed = parse(cells)
    decimal = decimal_of(cells, parsed, text.separator)
    if decimal != ".":
        parsed = parse(cells, decimal)
    first = [cell or "" for cell in cells.row(0)]
    names = first if (is_header(first, parsed) if header is None else header) else None
    first_row = 1
    if names is not None:
        cells, parsed, first_row = cells.slice(1), parsed[1:], 2
    if cells.height == 0:
        raise InputError(f"a table must have rows, {str(path)!r} has a header only; add rows below it")
    if label_columns is None:
        labels = detect_labels(names, parsed)
    else:
        labels = sorted(set(find_columns(label_columns, names, cells.width)))
    numbers = [place for place in range(cells.width) if place not in labels]
    if not numbers:
        raise InputError(
            f"a table must have a column of numbers, {str(path)!r} has none beside its labels; "
            "check its separator and its label columns"
        )
    refuse_text(cells, parsed, numbers, names, first_row)
    values = np.ascontiguousarray(parsed.values[:, numbers])
    column_names = None if names is None else tuple(names[place] for place in numbers)
    refuse_infinite(values, column_names, first_row)
    texts = cells.drop(str(place) for place in labels) if labels else cells
    layout = Layout(
        label_positions=tuple(labels),
        integer_columns=tuple(has_integers(texts).tolist()),
        text_format=text_format(path),
        separator=text.separator,
        newline=text.newline,
        decimal=decimal,
        has_bom=text.has_bom,
        texts=texts,
    )
    return Table(values, column_names, _label_lists(cells, labels, names), layout)


def _label_lists(cells: Any, labels: list[int], names: list[str] | None) -> dict[str, list] | None:
    lists: dict[str, list] = {}
    for place in labels:
        name = f"column_{place + 1}" if names is None else names[place]
        if name in lists:
            name = f"{name} ({place + 1})"
        lists[name] = cells[str(place)].to_list()
    return lists or None


def _read_parquet_table(path: FilePath, label_columns: Sequence[str | int] | None) -> Table:
    frame = read_parquet(path)
    if label_columns is not None:
        places = find_columns(label_columns, frame.columns, frame.width)
        return from_frame(frame, [frame.columns[place] for place in places])
    table = from_frame(frame)
    first = frame.columns[0]
    has_index = 0 not in table.label_positions and table.shape[1] > 1 and is_index(first, table.values[:, 0])
    if has_index:
        return from_frame(frame, [first, *(table.row_labels or {})])
    return table

"""Writing tables and predicted entries in the format of the extension, all or nothing.

A number that changed is written with the fewest digits that read back as the same number. `text_bytes` and
`frame_bytes` know the formats.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.files import replacing, write_arrays
from rankfall.tables.cells import format_numbers
from rankfall.tables.files import (
    FRAME_FORMATS,
    TABLE_FORMATS,
    TRIPLET_FORMATS,
    FilePath,
    check_format,
    extension,
    text_format,
)
from rankfall.tables.frame_bytes import frame_of, write_frame
from rankfall.tables.packing import pack
from rankfall.tables.patching import changed_cells, patched_text
from rankfall.tables.sheets import Sheet, refill_sheet, write_sheet
from rankfall.tables.table import Table
from rankfall.tables.text import Text
from rankfall.tables.text_bytes import SEPARATORS, Style, text_bytes, text_of

if TYPE_CHECKING:
    import polars as pl


def write_table(table: Table, path: FilePath) -> None:
    """Writes the table in the format of the extension, all or nothing.

    A table read from text or a spreadsheet goes back to the same format with only those cells changed whose numbers
    changed; every other byte or cell is the file's own. In other formats names and labels are where they were, and
    parquet has unchanged columns of their type. `.npy` and `.mtx` hold the numbers alone, `.npz` them as `values`
    beside `column_names`. Unknown entries are empty in text, null in parquet, NaN in arrays and absent from `.mtx`.

    Parameters
    ----------
    table : Table
        What to write.
    path : str or path
        The file; one that exists is replaced.

    Raises
    ------
    InputError
        For an extension of no known format, a path that cannot be written, categories in a format of numbers alone,
        and repeated column names where the format has none.
    """
    check_format(path, TABLE_FORMATS)
    if extension(path) in (".npy", ".npz", ".mtx", ".mtx.gz") and any(map(table.levels, range(table.shape[1]))):
        raise InputError(
            f"categories are words, which {str(path)!r} has no place for; let its name end in .csv, .xlsx or .parquet"
        )
    source = table.layout.source
    with replacing(path) as temporary:
        if text_format(path) is not None:
            data = None
            if isinstance(source, Text) and source.is_whole and text_format(source.path) == text_format(path):
                data = patched_text(table, source)
            _write_bytes(temporary, text_of(table, path) if data is None else data, path)
        elif extension(path) in (".xlsx", ".xlsm"):
            if isinstance(source, Sheet) and extension(source.path) == extension(path):
                refill_sheet(source, temporary, changed_cells(table))
            else:
                write_sheet(temporary, frame_of(table))
        elif extension(path) in FRAME_FORMATS:
            write_frame(frame_of(table), temporary, path, table.layout.metadata)
        elif extension(path) == ".npy":
            with temporary.open("wb") as file:
                np.save(file, table.values, allow_pickle=False)
        elif extension(path) == ".npz":
            arrays = {"values": table.values}
            if table.column_names is not None:
                arrays["column_names"] = np.asarray(table.column_names, dtype=np.str_)
            with temporary.open("wb") as file:
                write_arrays(file, arrays)
        else:
            _write_mtx(temporary, table.values, path)


def write_triplets(
    path: FilePath,
    row_labels: Sequence | np.ndarray,
    col_labels: Sequence | np.ndarray,
    values: Float[np.ndarray, " entries"],
    names: Sequence[str] = ("row", "col", "value"),
) -> None:
    """Writes entries one a row, each with its two labels, in the format of the extension, all or nothing.

    Text, spreadsheets, parquet and Arrow, and `.npz` with one array a name; NaN is empty in text.

    Parameters
    ----------
    path : str or path
        The file; one that exists is replaced.
    row_labels, col_labels : sequence, length `entries`
        The labels of each entry.
    values : ndarray, shape (entries,)
        The values, NaN where unknown.
    names : sequence of str
        Three different names that head the columns, default row, col and value.

    Raises
    ------
    InputError
        For an extension of no known format, a path that cannot be written, other than three different names, and
        lengths that differ.
    """
    import polars as pl

    check_format(path, TRIPLET_FORMATS)
    if len(names) != 3 or len(set(names)) != 3:
        raise InputError(f"names must be three different words, got {tuple(names)}; row, col, value is the default")
    if not len(row_labels) == len(col_labels) == len(values):
        raise InputError(
            f"each value must have two labels, got {len(row_labels)} row labels, {len(col_labels)} column "
            f"labels and {len(values)} values; pass three sequences of one length"
        )
    labels = [_label_series(row_labels), _label_series(col_labels)]
    with replacing(path) as temporary:
        if text_format(path) is not None:
            cells = [one.cast(pl.String) for one in labels] + [format_numbers(values)]
            style = Style(SEPARATORS[text_format(path) or ".csv"])
            _write_bytes(temporary, text_bytes(list(names), cells, style), path)
        elif extension(path) in (*FRAME_FORMATS, ".xlsx"):
            columns = [*labels, pl.Series(values, nan_to_null=True)]
            frame = pl.DataFrame(dict(zip(names, columns, strict=True)))
            if extension(path) == ".xlsx":
                write_sheet(temporary, frame)
            else:
                write_frame(frame, temporary, path, None)
        else:
            arrays = [_label_array(one) for one in labels] + [np.asarray(values)]
            named = dict(zip(names, arrays, strict=True))
            with temporary.open("wb") as file:
                write_arrays(file, named)


def _write_bytes(temporary: Path, data: bytes, path: FilePath) -> None:
    name = Path(path).name
    member = name.removesuffix(Path(path).suffix) if name.lower().endswith(".zip") else name
    temporary.write_bytes(pack(data, temporary, member))


def _write_mtx(temporary: Path, values: np.ndarray, path: FilePath) -> None:
    import scipy.io
    import scipy.sparse

    is_known = ~np.isnan(values)
    matrix = values
    if not is_known.all():
        rows, cols = np.nonzero(is_known)
        matrix = scipy.sparse.coo_array((values[rows, cols], (rows, cols)), shape=values.shape)
    buffer = io.BytesIO()
    scipy.io.mmwrite(buffer, matrix, symmetry="general")
    _write_bytes(temporary, buffer.getvalue(), path)


def _label_series(labels: Sequence | np.ndarray) -> "pl.Series":
    import polars as pl

    array = np.asarray(labels)
    if array.dtype.kind in "iu":
        return pl.Series(array)
    return pl.Series([str(label) for label in labels], dtype=pl.String)


def _label_array(labels: "pl.Series") -> np.ndarray:
    array = labels.to_numpy()
    return array.astype(np.str_) if array.dtype == object else array

"""Writing tables and predicted entries in the format of the extension, all or nothing.

Text comes back as it was typed wherever a number did not change; what changed is written with the fewest digits that
read back as the same number.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from rankfall.tables.frames import to_frame
from rankfall.tables.numerals import Numerals
from rankfall.tables.packing import pack
from rankfall.tables.patching import changed, changed_cells, number_texts, patched_text
from rankfall.tables.sheets import Sheet, refill_sheet, write_sheet
from rankfall.tables.table import Table
from rankfall.tables.text import Text

if TYPE_CHECKING:
    import polars as pl

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


@dataclass(frozen=True)
class _Style:
    """How text is delimited; `unknown` stands where a number is unknown."""

    separator: str
    newline: str = "\n"
    numerals: Numerals = field(default_factory=Numerals)
    has_bom: bool = False
    unknown: str | None = None


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
            _write_bytes(temporary, _text_of(table, path) if data is None else data, path)
        elif extension(path) in (".xlsx", ".xlsm"):
            if isinstance(source, Sheet) and extension(source.path) == extension(path):
                refill_sheet(source, temporary, changed_cells(table))
            else:
                write_sheet(temporary, _frame_of(table))
        elif extension(path) in FRAME_FORMATS:
            _write_frame(_frame_of(table), temporary, path, table.layout.metadata)
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


def _text_of(table: Table, path: FilePath) -> bytes:
    style = _style_of(table, text_format(path) or ".csv")
    header = None
    if table.column_names is not None:
        header = table.arrange(list(table.row_labels or {}), list(table.column_names))
    return _text_bytes(header, _texts_of(table, style), style)


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
            style = _Style(_SEPARATORS[text_format(path) or ".csv"])
            _write_bytes(temporary, _text_bytes(list(names), cells, style), path)
        elif extension(path) in (*FRAME_FORMATS, ".xlsx"):
            columns = [*labels, pl.Series(values, nan_to_null=True)]
            frame = pl.DataFrame(dict(zip(names, columns, strict=True)))
            if extension(path) == ".xlsx":
                write_sheet(temporary, frame)
            else:
                _write_frame(frame, temporary, path, None)
        else:
            arrays = [_label_array(one) for one in labels] + [np.asarray(values)]
            named = dict(zip(names, arrays, strict=True))
            with temporary.open("wb") as file:
                write_arrays(file, named)


def _style_of(table: Table, kind: str) -> _Style:
    layout = table.layout
    if kind != layout.text_format:
        return _Style(_SEPARATORS[kind])
    # White space cannot separate an empty cell.
    unknown = "NaN" if layout.separator == " " else None
    return _Style(layout.separator, layout.newline, layout.numerals, layout.has_bom, unknown)


def _texts_of(table: Table, style: _Style) -> list:
    """All columns as text, labels where they were, unchanged numbers as they were typed."""
    import polars as pl

    layout, (rows, columns) = table.layout, table.shape
    texts = number_texts(table, style.numerals)
    if style.unknown is not None:
        texts = texts.fill_null(style.unknown)
    # As typed only where all of a column is typed alike: in the same signs.
    if layout.texts is not None and layout.before is not None and layout.numerals == style.numerals:
        typed = pl.concat(list(layout.texts.iter_columns()), rechunk=True)
        texts = pl.select(pl.when(pl.Series(~changed(table).ravel(order="F"))).then(typed).otherwise(texts)).to_series()
    numbers = [texts.slice(place * rows, rows) for place in range(columns)]
    labels = [
        pl.Series([None if label is None else str(label) for label in column], dtype=pl.String)
        for column in (table.row_labels or {}).values()
    ]
    return table.arrange(labels, numbers)


def _text_bytes(names: list[str] | None, columns: list, style: _Style) -> bytes:
    import polars as pl

    frame = pl.DataFrame({str(place): column for place, column in enumerate(columns)})
    if names:
        # The header is a row like any other, so that names may repeat; an empty one stays unquoted, as pandas has it.
        row = {str(place): [name or None] for place, name in enumerate(names)}
        frame = pl.concat([pl.DataFrame(row, schema=frame.schema), frame])
    if frame.width == 1:
        # A blank line is skipped by many readers; quotes are an empty cell to all.
        frame = frame.fill_null("")
    newline = style.newline if style.newline != "\r" else "\n"
    text = frame.write_csv(include_header=False, separator=style.separator, line_terminator=newline)
    return (b"\xef\xbb\xbf" if style.has_bom else b"") + text.encode()


def _write_bytes(temporary: Path, data: bytes, path: FilePath) -> None:
    name = Path(path).name
    member = name.removesuffix(Path(path).suffix) if name.lower().endswith(".zip") else name
    temporary.write_bytes(pack(data, temporary, member))


def _write_frame(frame: "pl.DataFrame", temporary: Path, path: FilePath, metadata: dict[str, str] | None) -> None:
    buffer = io.BytesIO()
    if extension(path) == ".parquet":
        if metadata is None or not _write_for_pandas(frame, buffer, metadata):
            frame.write_parquet(buffer, metadata=metadata)
    else:
        frame.write_ipc(buffer)
    temporary.write_bytes(buffer.getbuffer())


def _frame_of(table: Table) -> "pl.DataFrame":
    """The table as a polars frame: integers where a column of them is complete and unchanged in kind, else floats."""
    import polars as pl

    if isinstance(table.layout.frame, pl.DataFrame):
        return to_frame(table, table.layout.frame)
    names = table.names()
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(
            f"columns in parquet must have different names, got {repeated!r} twice; rename one, or write .csv"
        )
    labels = [pl.Series(column, strict=False) for column in (table.row_labels or {}).values()]
    are_integers = table.layout.integer_columns or (False,) * table.shape[1]
    numbers = []
    for place, (column, is_integer) in enumerate(zip(table.values.T, are_integers, strict=True)):
        if words := table.levels(place):
            numbers.append(pl.Series([None if np.isnan(code) else words[int(code)] for code in column]))
            continue
        is_whole = is_integer and np.all(np.abs(column) < 2**53) and np.all(column == np.floor(column))
        floats = pl.Series(column, nan_to_null=True)
        numbers.append(floats.cast(pl.Int64) if is_whole else floats)
    return pl.DataFrame(dict(zip(names, table.arrange(labels, numbers), strict=True)))


def _write_for_pandas(frame: "pl.DataFrame", buffer: io.BytesIO, metadata: dict[str, str]) -> bool:
    """Writes parquet whose Arrow schema tells pandas of its index too, where pyarrow, which reads it so, is at hand."""
    try:
        import pyarrow.parquet
    except ImportError:
        return False
    pyarrow.parquet.write_table(frame.to_arrow().replace_schema_metadata(metadata), buffer)
    return True


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

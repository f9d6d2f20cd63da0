"""Writing tables and predicted entries in the format of the extension, all or nothing.

Text comes back as it was typed wherever a number did not change; what changed is written with the fewest digits that
read back as the same number.
"""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.tables.cells import format_numbers, parse, stacked
from rankfall.tables.files import (
    TABLE_FORMATS,
    TRIPLET_FORMATS,
    FilePath,
    check_format,
    extension,
    text_format,
)
from rankfall.tables.frames import to_frame
from rankfall.tables.replacing import replacing
from rankfall.tables.table import Table

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


@dataclass(frozen=True)
class _Style:
    """How text is delimited; `unknown` stands where a number is unknown."""

    separator: str
    newline: str = "\n"
    decimal: str = "."
    has_bom: bool = False
    unknown: str | None = None


def write_table(table: Table, path: FilePath) -> None:
    """Writes the table in the format of the extension, all or nothing.

    Text and parquet have names and labels where they were; text has unchanged cells as they were typed, parquet
    unchanged columns of their type. `.npy` and `.mtx` hold the numbers alone, `.npz` them as `values` beside
    `column_names`. Unknown entries are empty in text, null in parquet, NaN in arrays and absent from `.mtx`.
    """
    check_format(path, TABLE_FORMATS)
    with replacing(path) as temporary:
        if text_format(path) is not None:
            style = _style_of(table, text_format(path) or ".csv")
            header = None
            if table.column_names is not None:
                header = table.arrange(list(table.row_labels or {}), list(table.column_names))
            _write_text(temporary, header, _texts_of(table, style), style)
        elif extension(path) == ".parquet":
            _frame_of(table).write_parquet(temporary)
        elif extension(path) == ".npy":
            with temporary.open("wb") as file:
                np.save(file, table.values, allow_pickle=False)
        elif extension(path) == ".npz":
            arrays: dict[str, Any] = {"values": table.values}
            if table.column_names is not None:
                arrays["column_names"] = np.asarray(table.column_names, dtype=np.str_)
            with temporary.open("wb") as file:
                np.savez_compressed(file, **arrays)
        else:
            _write_mtx(temporary, table.values)


def write_triplets(
    path: FilePath,
    row_labels: Sequence | np.ndarray,
    col_labels: Sequence | np.ndarray,
    values: Float[np.ndarray, " entries"],
    names: Sequence[str] = ("row", "col", "value"),
) -> None:
    """Writes entries one a row, each with its two labels, in the format of the extension, all or nothing.

    `names` head the three columns. Text, parquet, and `.npz` with one array a name; NaN is empty in text.
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
            _write_text(temporary, list(names), cells, style)
        elif extension(path) == ".parquet":
            columns = [*labels, pl.Series(values, nan_to_null=True)]
            pl.DataFrame(dict(zip(names, columns, strict=True))).write_parquet(temporary)
        else:
            arrays = [_label_array(one) for one in labels] + [np.asarray(values)]
            named: dict[str, Any] = dict(zip(names, arrays, strict=True))
            with temporary.open("wb") as file:
                np.savez_compressed(file, **named)


def _style_of(table: Table, kind: str) -> _Style:
    layout = table.layout
    if kind != layout.text_format:
        return _Style(_SEPARATORS[kind])
    # White space cannot separate an empty cell.
    unknown = "NaN" if layout.separator == " " else None
    return _Style(layout.separator, layout.newline, layout.decimal, layout.has_bom, unknown)


def _texts_of(table: Table, style: _Style) -> list:
    """All columns as text, labels where they were, unchanged numbers as they were typed."""
    import polars as pl

    layout, (rows, columns) = table.layout, table.shape
    # Columns below one another: polars' cost a column would dominate wide tables.
    after = table.values.ravel(order="F")
    is_integer = np.repeat(layout.integer_columns or (False,) * columns, rows)
    texts = format_numbers(after, is_integer, style.decimal)
    if style.unknown is not None:
        texts = texts.fill_null(style.unknown)
    if layout.texts is not None and layout.decimal == style.decimal:
        before = parse(layout.texts, layout.decimal).values.ravel(order="F").astype(after.dtype)
        is_same = pl.Series((before == after) | (np.isnan(before) & np.isnan(after)))
        texts = pl.select(pl.when(is_same).then(stacked(layout.texts)).otherwise(texts)).to_series()
    numbers = [texts.slice(place * rows, rows) for place in range(columns)]
    labels = [
        pl.Series([None if label is None else str(label) for label in column], dtype=pl.String)
        for column in (table.row_labels or {}).values()
    ]
    return table.arrange(labels, numbers)


def _write_text(path: Path, names: list[str] | None, columns: list, style: _Style) -> None:
    import polars as pl

    frame = pl.DataFrame({str(place): column for place, column in enumerate(columns)})
    if names:
        # The header is a row like any other, so that names may repeat; an empty one stays unquoted, as pandas has it.
        row = {str(place): [name or None] for place, name in enumerate(names)}
        frame = pl.concat([pl.DataFrame(row, schema=frame.schema), frame])
    if frame.width == 1:
        # A blank line is skipped by many readers; quotes are an empty cell to all.
        frame = frame.fill_null("")
    with _opened(path) as file:
        file.write(b"\xef\xbb\xbf" if style.has_bom else b"")
        frame.write_csv(file, include_header=False, separator=style.separator, line_terminator=style.newline)


def _frame_of(table: Table) -> Any:
    """The table as a polars frame: integers where a column of them is complete and unchanged in kind, else floats."""
    import polars as pl

    if isinstance(table.layout.frame, pl.DataFrame):
        return to_frame(table)
    names = table.names()
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(
            f"columns in parquet must have different names, got {repeated!r} twice; rename one, or write .csv"
        )
    labels = [pl.Series(column, strict=False) for column in (table.row_labels or {}).values()]
    are_integers = table.layout.integer_columns or (False,) * table.shape[1]
    numbers = []
    for column, is_integer in zip(table.values.T, are_integers, strict=True):
        is_whole = is_integer and np.all(np.abs(column) < 2**53) and np.all(column == np.floor(column))
        floats = pl.Series(column, nan_to_null=True)
        numbers.append(floats.cast(pl.Int64) if is_whole else floats)
    return pl.DataFrame(dict(zip(names, table.arrange(labels, numbers), strict=True)))


def _write_mtx(path: Path, values: np.ndarray) -> None:
    import scipy.io
    import scipy.sparse

    is_known = ~np.isnan(values)
    matrix: Any = values
    if not is_known.all():
        rows, cols = np.nonzero(is_known)
        matrix = scipy.sparse.coo_array((values[rows, cols], (rows, cols)), shape=values.shape)
    with _opened(path) as file:
        scipy.io.mmwrite(file, matrix, symmetry="general")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file opened for writing bytes, packed on the way where its name ends in `.gz`; the same bytes any day."""
    with path.open("wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        else:
            yield file


def _label_series(labels: Sequence | np.ndarray) -> Any:
    import polars as pl

    array = np.asarray(labels)
    if array.dtype.kind in "iu":
        return pl.Series(array)
    return pl.Series([str(label) for label in labels], dtype=pl.String)


def _label_array(labels: Any) -> np.ndarray:
    array = labels.to_numpy()
    return array.astype(np.str_) if array.dtype == object else array

"""A table as a polars frame, and a frame as the bytes of a parquet or Arrow file."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.files import FilePath, extension
from rankfall.tables.frames import to_frame
from rankfall.tables.table import Table

if TYPE_CHECKING:
    import polars as pl


def frame_of(table: Table) -> "pl.DataFrame":
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


def write_frame(frame: "pl.DataFrame", temporary: Path, path: FilePath, metadata: dict[str, str] | None) -> None:
    """Write a frame in the format that the extension of `path` names."""
    buffer = io.BytesIO()
    if extension(path) == ".parquet":
        if metadata is None or not _write_for_pandas(frame, buffer, metadata):
            frame.write_parquet(buffer, metadata=metadata)
    else:
        frame.write_ipc(buffer)
    temporary.write_bytes(buffer.getbuffer())


def _write_for_pandas(frame: "pl.DataFrame", buffer: io.BytesIO, metadata: dict[str, str]) -> bool:
    """Writes parquet whose Arrow schema tells pandas of its index too, where pyarrow, which reads it so, is at hand."""
    try:
        import pyarrow.parquet
    except ImportError:
        return False
    pyarrow.parquet.write_table(frame.to_arrow().replace_schema_metadata(metadata), buffer)
    return True

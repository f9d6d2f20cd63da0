"""Partitioned lists of entries: what a Dask frame, or the files that a pattern names, hold as row, column and value."""

import re
from collections.abc import Sequence
from glob import has_magic
from typing import TYPE_CHECKING, Any, cast

from rankfall.errors import InputError

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

# Partitions of files are cut to about this size in memory.
_PIECE = "128MiB"
# How pandas says that a parquet file, or a csv file, lacks a column.
_MISSING = re.compile(r"\['([^']*)'\] not in index|^Missing: *\['([^']*)'", re.MULTILINE)
_RULE = "partitions must be readable, with the same columns of the same types"
_FIX = "write them anew with one schema"
_PARQUET, _CSV = (".parquet", ".pq"), (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def read_frame(pattern: str, columns: Sequence[str]) -> "dd.DataFrame":
    """The frame of partitioned parquet or csv files: a folder, a pattern such as ``ratings/*.parquet``, or a URL.

    Raises
    ------
    InputError
        For other formats, no file, files that cannot be read, and a column that is missing.
    """
    import dask.dataframe as dd

    name = pattern.rstrip("/").lower()
    try:
        if name.endswith(_CSV):
            separator = "\t" if ".tsv" in name else ","
            # a packed file is one partition
            packed = {"compression": "gzip", "blocksize": None} if name.endswith(".gz") else {"blocksize": _PIECE}
            options: dict[str, Any] = {"sep": separator, **packed}
            frame = dd.read_csv(pattern, **options)
        elif name.endswith(_PARQUET) or "." not in name.rsplit("/", 1)[-1]:
            frame = dd.read_parquet(pattern, columns=list(columns), split_row_groups="adaptive", blocksize=_PIECE)
        else:
            raise InputError(
                f"a cluster reads parquet and csv, got {pattern!r}; name a folder or a pattern such as "
                "'ratings/*.parquet', in quotation marks"
            )
    except InputError:
        raise
    except Exception as error:
        raise _unreadable(pattern, columns, error) from None
    return columns_of(frame, columns)


def entries_of(frame: "dd.DataFrame", columns: Sequence[str]) -> "dd.DataFrame":
    """The three columns of a frame: row, column and value.

    Raises
    ------
    InputError
        For other than three names, or a column that is not there.
    """
    if len(columns) != 3 or len(set(columns)) != 3:
        raise InputError(
            f"entries have a row, a column and a value, got the columns {', '.join(map(repr, columns))}; name three of "
            f"{', '.join(map(str, frame.columns))}"
        )
    return columns_of(frame, columns)


def columns_of(frame: "dd.DataFrame", columns: Sequence[str]) -> "dd.DataFrame":
    """Some columns of a frame.

    Raises
    ------
    InputError
        For a column that is not there.
    """
    names = [str(name) for name in frame.columns]
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputError(f"the columns must be there, got {missing[0]!r}; there are {', '.join(names)}")
    return frame[list(columns)]


def columns_of_part(part: "pd.DataFrame", columns: Sequence[str]) -> "pd.DataFrame":
    """Some columns of one partition, in this order: those of a csv file come in the order of the file.

    Raises
    ------
    InputError
        For a column that this partition lacks.
    """
    missing = [name for name in columns if name not in part.columns]
    if missing:
        there = ", ".join(map(str, part.columns))
        raise InputError(f"{_RULE}, got one without {missing[0]!r}, with {there}; {_FIX}")
    return cast("pd.DataFrame", part[list(columns)])


def reading_failed(error: BaseException) -> InputError:
    """What a partition that cannot be read means, in a sentence."""
    if isinstance(error, InputError):
        return error
    said = str(error).strip()
    missing = _MISSING.search(said) if isinstance(error, KeyError | ValueError) else None
    if missing:
        return InputError(f"{_RULE}, got one without {missing[1] or missing[2]!r}; {_FIX}")
    first = said.splitlines()[0][:160] if said else "no message"
    return InputError(f"{_RULE}, got {type(error).__name__}: {first}; {_FIX}")


def _unreadable(pattern: str, columns: Sequence[str], error: Exception) -> InputError:
    """Why files could not be read: a library, the files or a column of parquet is missing, or what the reader says."""
    import dask.dataframe as dd
    from fsspec.core import url_to_fs

    said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    if isinstance(error, ImportError):
        return InputError(f"a URL needs the library of its protocol, {pattern!r} gave: {said}; install it")
    try:
        system, path = url_to_fs(pattern)
        if not (system.glob(path) if has_magic(path) else system.exists(path)):
            return InputError(
                f"a list of entries must exist, no file matches {pattern!r}; check the path and the pattern"
            )
        columns_of(dd.read_parquet(pattern), columns)
    except InputError as missing:
        return missing
    except Exception:  # what could not be read before need not be readable now
        pass
    return InputError(
        f"partitions must be readable and have the columns {', '.join(columns)}, {pattern!r} gave: {said}"
    )

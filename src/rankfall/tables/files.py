"""Files as bytes: which formats a name promises, and reading what lies there or saying in a sentence why not.

A format is recognized by the extension and by nothing else, so that reading and writing agree. A trailing `.gz` is
a wrapping around the format before it.
"""

import gzip
import os
import zlib
from pathlib import Path
from typing import Any, TypeAlias

from rankfall.errors import InputError

FilePath: TypeAlias = str | os.PathLike[str]

TEXT_FORMATS = (".csv", ".tsv", ".txt")
TABLE_FORMATS = (
    *TEXT_FORMATS,
    ".csv.gz",
    ".tsv.gz",
    ".txt.gz",
    ".parquet",
    ".npy",
    ".npz",
    ".mtx",
    ".mtx.gz",
)
TRIPLET_FORMATS = (*TEXT_FORMATS, ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet", ".npz")


def extension(path: FilePath) -> str:
    """The lower-case extension that names the format: `.csv`, or `.csv.gz` where the file is compressed."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def text_format(path: FilePath) -> str | None:
    """The text format of the name without its `.gz` (`.csv`, `.tsv`, `.txt`), or None for the others."""
    name = extension(path).removesuffix(".gz")
    return name if name in TEXT_FORMATS else None


def check_format(path: FilePath, formats: tuple[str, ...]) -> None:
    """Refuses a name whose extension is none of `formats`."""
    if extension(path) not in formats:
        found = extension(path)
        got = f"got {found!r} in {str(path)!r}" if found else f"{str(path)!r} has none"
        raise InputError(f"the extension must name a known format, {got}; known are {', '.join(formats)}")


def check_readable(path: FilePath) -> Path:
    """The path, where a file lies there; otherwise the sentence that says what lies there instead."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"the input must be a file, {str(path)!r} is a folder; name a file in it")
    if not path.exists():
        raise InputError(f"the input file must exist, {str(path)!r} does not; check the spelling")
    return path


def read_bytes(path: FilePath) -> bytes:
    """All bytes of the file, unpacked where its name ends in `.gz`."""
    path = check_readable(path)
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path, "rb") as packed:
                return packed.read()
        return path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"a .gz file must hold complete gzip data, {str(path)!r} does not ({error}); "
            "fetch it again, or drop .gz from its name if it is not compressed"
        ) from error
    except OSError as error:
        raise InputError(
            f"the input must be readable, {str(path)!r} is not ({error.strerror or error}); check its permissions"
        ) from error


def read_parquet(path: FilePath, columns: list[str] | None = None) -> Any:
    """The polars frame in a parquet file, or the given columns of it."""
    import polars as pl

    path = check_readable(path)
    try:
        return pl.read_parquet(path, columns=columns, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _not_parquet(path, error) from error


def read_parquet_names(path: FilePath) -> list[str]:
    """The names of the columns of a parquet file."""
    import polars as pl

    path = check_readable(path)
    try:
        return pl.scan_parquet(path, glob=False).collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _not_parquet(path, error) from error


def _not_parquet(path: FilePath, error: Exception) -> InputError:
    return InputError(
        f"{str(path)!r} must be a parquet file, it cannot be read as one "
        f"({str(error).splitlines()[0]}); give the file the extension of its format"
    )

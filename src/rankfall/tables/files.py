"""Files as bytes: which formats a name promises, and reading what lies there or saying in a sentence why not.

A format is recognized by the extension, so that reading and writing agree. A trailing `.gz`, `.bz2`, `.xz`, `.zst` or
`.zip` is a wrapping around the format before it.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rankfall.errors import InputError
from rankfall.tables.packing import PACKINGS, unpack

if TYPE_CHECKING:
    import polars as pl

FilePath: TypeAlias = str | os.PathLike[str]

TEXT_FORMATS = (".csv", ".tsv", ".txt")
SHEET_FORMATS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
FRAME_FORMATS = (".parquet", ".feather", ".arrow")
PACKED_TEXTS = tuple(text + packing for text in TEXT_FORMATS for packing in PACKINGS)
_TABLES = (*TEXT_FORMATS, *PACKED_TEXTS, *FRAME_FORMATS, ".npy", ".npz", ".mtx", ".mtx.gz")
READ_FORMATS = (*_TABLES, *SHEET_FORMATS)
TABLE_FORMATS = (*_TABLES, ".xlsx", ".xlsm")
TRIPLET_FORMATS = (*TEXT_FORMATS, *PACKED_TEXTS, *FRAME_FORMATS, ".npz", ".xlsx")


def extension(path: FilePath) -> str:
    """The lower-case extension that names the format: `.csv`, or `.csv.gz` where the file is compressed."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] and suffixes[-1] in PACKINGS else suffixes[-1:])


def text_format(path: FilePath) -> str | None:
    """The text format of the name without its packing (`.csv`, `.tsv`, `.txt`), or None for the others."""
    name = extension(path)
    for packing in PACKINGS:
        name = name.removesuffix(packing)
    return name if name in TEXT_FORMATS else None


def check_format(path: FilePath, formats: tuple[str, ...]) -> None:
    """Refuses a name whose extension is none of `formats`."""
    if extension(path) not in formats:
        found = extension(path)
        got = f"got {found!r} in {str(path)!r}" if found else f"{str(path)!r} has none"
        plain = [one for one in formats if one not in PACKED_TEXTS]
        packed = f" (text also with {', '.join(PACKINGS)})" if len(plain) < len(formats) else ""
        raise InputError(f"the extension must name a known format, {got}; known are {', '.join(plain)}{packed}")


def check_readable(path: FilePath) -> Path:
    """The path, where a file lies there; otherwise the sentence that says what lies there instead."""
    path = Path(path)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
        # What `stat` allows, `open` may not.
        if is_there and path.is_file():
            path.open("rb").close()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if is_folder:
        raise InputError(f"the input must be a file, {str(path)!r} is a folder; name a file in it")
    if not is_there and {*path.name} & {*"*?"}:
        raise InputError(
            f"the input must be one file, got the pattern {str(path)!r}; --dask reads lists in several files"
        )
    if not is_there:
        raise InputError(f"the input file must exist, {str(path)!r} does not; check the spelling")
    return path


def read_bytes(path: FilePath) -> bytes:
    """All bytes of the file as they lie there."""
    path = check_readable(path)
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def holds_text(path: FilePath) -> bool:
    """Whether a file whose name promises a spreadsheet holds text: neither a zip archive nor the older format."""
    return not read_bytes(path)[:4].startswith((b"PK", b"\xd0\xcf\x11\xe0"))


def read_unpacked(path: FilePath) -> bytes:
    """All bytes of the file, unpacked where its name ends in `.gz`, `.bz2`, `.xz`, `.zst` or `.zip`."""
    return unpack(read_bytes(path), Path(path))


def read_frame(path: FilePath, columns: list[str] | None = None) -> "pl.DataFrame":
    """The polars frame in a parquet or Arrow file, or the given columns of it."""
    import polars as pl

    path = check_readable(path)
    try:
        if extension(path) == ".parquet":
            return pl.read_parquet(path, columns=columns, glob=False)
        return pl.read_ipc(path, columns=columns)
    except _frame_errors() as error:
        raise _no_frame(path, error) from error


def read_frame_names(path: FilePath) -> list[str]:
    """The names of the columns of a parquet or Arrow file."""
    import polars as pl

    path = check_readable(path)
    try:
        if extension(path) == ".parquet":
            return pl.scan_parquet(path, glob=False).collect_schema().names()
        return list(pl.read_ipc_schema(path))
    except _frame_errors() as error:
        raise _no_frame(path, error) from error


def read_frame_metadata(path: FilePath) -> dict[str, str]:
    """What pandas noted in a parquet file about its index; empty where nothing is."""
    import polars as pl

    if extension(path) != ".parquet":
        return {}
    try:
        metadata = pl.read_parquet_metadata(Path(path))
    except _frame_errors():
        return {}
    return {"pandas": metadata["pandas"]} if "pandas" in metadata else {}


def _frame_errors() -> tuple[type[BaseException], ...]:
    import polars as pl

    # Damaged pages may end in a panic of the reader, which is no subclass of Exception.
    return (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)


def _no_frame(path: FilePath, error: BaseException) -> InputError:
    kind = {".parquet": "a parquet file"}.get(extension(path), "an Arrow file")
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(
        f"{str(path)!r} must be {kind}, it cannot be read as one ({said}); give the file the extension of its "
        "format, or fetch it again"
    )


def _unreadable(path: FilePath, error: Exception) -> InputError:
    said = (isinstance(error, OSError) and error.strerror) or error
    return InputError(f"the input must be readable, {_short(path)} is not ({said}); check its name and permissions")


def _short(path: FilePath) -> str:
    text = repr(str(path))
    return text if len(text) <= 200 else f"{text[:150]}…{text[-40:]}"

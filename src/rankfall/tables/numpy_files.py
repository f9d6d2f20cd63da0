"""Arrays of NumPy's files, and nothing worse: pickles are never loaded, and damage of any kind is one sentence."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from rankfall.errors import InputError
from rankfall.tables.files import FilePath, check_readable

# Damaged, encrypted or foreign files make NumPy, SciPy and zipfile raise nearly anything.
DAMAGE = Exception
_MAGIC = b"\x93NUMPY"


def load_arrays(path: FilePath) -> dict[str, np.ndarray]:
    """All arrays of a NumPy file by name; that of a `.npy` file is called values. Raises InputError for damage."""
    found = load_file(path)
    if isinstance(found, np.ndarray):
        return {"values": found}
    return {key: array_of(path, found, key) for key in found.files}


def read_shapes(path: FilePath) -> dict[str, tuple[int, ...]]:
    """The shapes that `load_arrays` would give, from the heads alone. Raises InputError for damage."""
    path = check_readable(path)
    try:
        with path.open("rb") as file:
            if file.read(6) == _MAGIC:
                file.seek(0)
                return {"values": _head(file)[0]}
        with zipfile.ZipFile(path) as archive:
            found = {}
            for name in archive.namelist():
                with archive.open(name) as file:
                    found[name.removesuffix(".npy")] = _head(file)[0]
            return found
    except DAMAGE as error:
        raise unreadable(path, error) from error


def load_file(path: FilePath) -> np.ndarray | NpzFile:
    path = check_readable(path)
    try:
        with path.open("rb") as file:
            if file.read(6) == _MAGIC:
                _check_room(path)
                return np.load(path, allow_pickle=False)
        # An archive is read from memory: of one that is damaged NumPy would leave the file open.
        return np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except DAMAGE as error:
        raise unreadable(path, error) from error


def array_of(path: FilePath, archive: NpzFile, key: str) -> np.ndarray:
    try:
        found = archive[key]
        if not isinstance(found, np.ndarray):
            raise ValueError(f"{key} is no array")
        return found
    except DAMAGE as error:
        raise unreadable(path, error) from error


def _check_room(path: Path) -> None:
    """Refuses a head that promises more numbers than the file holds, before memory is taken for them."""
    with path.open("rb") as file:
        shape, kind = _head(file)
        size = kind.itemsize
        for side in shape:
            size *= side
        if not kind.hasobject and size > os.path.getsize(path) - file.tell():
            raise ValueError(f"its head promises the shape {shape}")


def _head(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array that begins here in a binary file, read from its head."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    return shape, kind


def unreadable(path: FilePath, error: Exception) -> InputError:
    # Of an array of objects NumPy says "Object arrays …"; of any other file, that it may be a pickle.
    if str(error).startswith("Object arrays"):
        return InputError(
            f"arrays must hold numbers, {str(path)!r} holds pickled objects, which are never loaded; "
            "save the array as float64, NaN where unknown"
        )
    return InputError(
        f"{str(path)!r} must be a NumPy file, it cannot be read as one ({type(error).__name__}); "
        "give the file the extension of its format"
    )

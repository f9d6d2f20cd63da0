"""Files of arrays: NumPy's `.npy` and `.npz`, SciPy's sparse `.npz`, Matrix Market's `.mtx`.

They hold numbers without words. A dense array gives a Table whose unknown entries are NaN; coordinates give Triplets
in which exactly the stored entries are observed, stored zeros included. Pickled objects are never loaded.
"""

import bz2
import gzip
import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from rankfall.arrays import Sparse
from rankfall.errors import InputError
from rankfall.tables.files import FilePath, check_readable
from rankfall.tables.table import Layout, Table, as_floats, refuse_infinite
from rankfall.tables.triplets import Triplets, encode_labels, merge_duplicates

_TRIPLET_KEYS = ("rows", "cols", "values")
_MATRIX_KEYS = ("values", "X")
# Damaged, encrypted or foreign files make NumPy, SciPy and zipfile raise nearly anything.
_DAMAGE = Exception
# Labels of rows and columns without entries cost memory: this many, or so many times the entries, are meant.
_LARGEST_SIDE, _MOST_EMPTY = 10**7, 1000
_PIECE = 2**20
_MAGIC = b"\x93NUMPY"


def read_npy(path: FilePath) -> Table:
    """The table in a `.npy` file; its array must be two-dimensional and of numbers."""
    return _table(_load(path), f"the array in {str(path)!r}")


def read_npz(path: FilePath, columns: Sequence[str] | None = None, duplicates: str = "error") -> Table | Triplets:
    """The one matrix in a `.npz` file, dense, sparse (`scipy.sparse.save_npz`) or as arrays rows, cols, values.

    Of several dense arrays it is the one called `values` or `X`; `column_names` beside it names the columns. The
    codes in `rows` and `cols` count from zero; `shape` beside them gives the shape. `columns` names three arrays of
    labels and values instead; their labels are any integers or strings.
    """
    found = _load(path)
    if isinstance(found, np.ndarray):
        raise InputError(f"{str(path)!r} must be an archive of arrays, it holds one array; name it .npy")
    with found as archive:
        keys = list(archive.files)
        if columns is not None:
            return _labelled_triplets(path, archive, columns, duplicates)
        if {"format", "shape", "data"} <= set(keys):
            return _sparse_triplets(path, duplicates)
        if set(_TRIPLET_KEYS) <= set(keys):
            return _coded_triplets(path, archive, duplicates)
        arrays = [key for key in keys if key != "column_names"]
        key = next((key for key in _MATRIX_KEYS if key in arrays), None)
        if key is None and len(arrays) == 1:
            key = arrays[0]
        if key is None:
            raise InputError(
                f"a .npz file must hold one array, one called values or X, a sparse matrix, or rows, cols and "
                f"values; {str(path)!r} holds {', '.join(keys) or 'nothing'}; save the matrix under one of "
                "these names"
            )
        table = _table(_array(path, archive, key), f"the array {key!r} in {str(path)!r}")
        names = _array(path, archive, "column_names") if "column_names" in keys else None
        if names is None or names.shape != (table.shape[1],):
            return table
        return Table(table.values, tuple(str(name) for name in names), None, table.layout)


def read_mtx(path: FilePath, duplicates: str = "error") -> Table | Triplets:
    """The matrix in a Matrix Market file: a Table if it is an array, Triplets if coordinates.

    Row and column labels are the file's own, from one.
    """
    import scipy.io
    import scipy.sparse

    name = str(check_readable(path))
    try:
        m, n, count, layout, kind, _ = scipy.io.mminfo(name)
        # Each number takes at least a digit and a line end; gzip packs digits by a factor of 1000 at most.
        room = os.path.getsize(name) * (1000 if name.lower().endswith(".gz") else 1)
        if (m * n if layout == "array" else count) > room:
            raise ValueError(f"its head promises {m} × {n} with {count} entries, more than the file can hold")
        if layout != "array":
            _check_sides(path, (m, n), count)
        _check_text(name)
        matrix = scipy.io.mmread(name, spmatrix=False)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(
            f"{name!r} must be a Matrix Market file, it cannot be read as one ({error}); "
            "its first line begins with %%MatrixMarket matrix"
        ) from error
    if kind == "pattern":
        raise InputError(
            f"a matrix to complete must have values, {name!r} has a pattern of positions only; "
            "write its field as real or integer"
        )
    if isinstance(matrix, np.ndarray):
        return _table(matrix, f"the array in {name!r}")
    entries = matrix.tocoo()
    return _from_codes(name, entries.row, entries.col, entries.data, matrix.shape, duplicates, counted_from=1)


def _check_text(name: str) -> None:
    """Raise ValueError where a text file has NUL bytes, which SciPy's reader runs past."""
    opened = {".gz": gzip.open, ".bz2": bz2.open}.get(os.path.splitext(name)[1].lower(), open)
    with opened(name, "rb") as file:
        while piece := file.read(_PIECE):
            if b"\0" in piece:
                raise ValueError("it has NUL bytes, which no text has")


def load_arrays(path: FilePath) -> dict[str, np.ndarray]:
    """All arrays of a NumPy file by name; that of a `.npy` file is called values. Raises InputError for damage."""
    found = _load(path)
    if isinstance(found, np.ndarray):
        return {"values": found}
    return {key: _array(path, found, key) for key in found.files}


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
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _load(path: FilePath) -> np.ndarray | NpzFile:
    path = check_readable(path)
    try:
        with path.open("rb") as file:
            if file.read(6) == _MAGIC:
                _check_room(path)
                return np.load(path, allow_pickle=False)
        # An archive is read from memory: of one that is damaged NumPy would leave the file open.
        return np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _array(path: FilePath, archive: NpzFile, key: str) -> np.ndarray:
    try:
        found = archive[key]
        if not isinstance(found, np.ndarray):
            raise ValueError(f"{key} is no array")
        return found
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


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


def _check_sides(path: FilePath, shape: tuple[int, ...], count: int) -> None:
    if max(shape) > max(_LARGEST_SIDE, _MOST_EMPTY * count):
        raise InputError(
            f"a matrix must have entries in some of its rows and columns, {str(path)!r} has the shape {shape} and "
            f"{count} entries; check its shape"
        )


def _unreadable(path: FilePath, error: Exception) -> InputError:
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


def _table(array: np.ndarray | NpzFile, title: str) -> Table:
    if not isinstance(array, np.ndarray):
        raise InputError(f"{title} must be one array, got several; give the file the extension .npz")
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"{title} must hold real numbers, got the type {array.dtype}; save it as float64, NaN where unknown"
        )
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(
            f"{title} must be two-dimensional with rows and columns, got the shape {array.shape}; "
            "save one matrix of rows by columns"
        )
    values = as_floats(array)
    refuse_infinite(values, None)
    is_integer = array.dtype.kind in "iub"
    return Table(values, layout=Layout(integer_columns=(is_integer,) * array.shape[1]))


def _sparse_triplets(path: FilePath, duplicates: str) -> Triplets:
    import scipy.sparse

    try:
        data = Path(path).read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            _check_sparse(path, {key: archive[key] for key in archive.files})
        matrix: Sparse = scipy.sparse.load_npz(io.BytesIO(data))
        entries = matrix.tocoo()
    except InputError:
        raise
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    return _from_codes(path, entries.row, entries.col, entries.data, matrix.shape, duplicates)


def _check_sparse(path: FilePath, arrays: dict[str, np.ndarray]) -> None:
    """Refuses index arrays that do not fit one another: compiled code would follow them out of memory."""
    kind = arrays["format"].item()
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    shape = tuple(int(size) for size in arrays["shape"].ravel())
    fits = len(shape) == 2 and min(shape, default=0) > 0
    if kind in ("csr", "csc", "bsr"):
        indices, indptr, data = arrays["indices"], arrays["indptr"], arrays["data"]
        blocks = data.shape[1:] if kind == "bsr" else (1, 1)
        major, minor = (shape[1], shape[0]) if kind == "csc" else shape
        fits &= indices.ndim == indptr.ndim == 1 and indices.dtype.kind in "iu" and indptr.dtype.kind in "iu"
        fits = fits and len(blocks) == 2 and min(blocks) > 0 and len(indptr) == major // blocks[0] + 1
        fits = fits and len(data) == len(indices) == int(indptr[-1]) and int(indptr[0]) == 0
        fits = fits and bool(np.all(indptr[1:] >= indptr[:-1]))
        fits = fits and (not len(indices) or (int(indices.min()) >= 0 and int(indices.max()) < minor // blocks[1]))
    elif kind == "coo":
        rows, cols = arrays["row"], arrays["col"]
        fits &= rows.shape == cols.shape == arrays["data"].shape and rows.ndim == 1
        for codes, size in ((rows, shape[0]), (cols, shape[1])):
            fits = fits and codes.dtype.kind in "iu" and (not len(codes) or (codes.min() >= 0 and codes.max() < size))
    elif kind == "dia":
        offsets, data = arrays["offsets"], arrays["data"]
        fits &= offsets.ndim == 1 and data.ndim == 2 and len(offsets) == len(data) and offsets.dtype.kind in "iu"
    if not fits:
        raise InputError(
            f"the arrays of a sparse matrix must fit one another, those in {str(path)!r} do not (format {kind}, shape "
            f"{shape}); save it again"
        )
    _check_sides(path, shape, arrays["data"].size)


def _coded_triplets(path: FilePath, archive: NpzFile, duplicates: str) -> Triplets:
    rows, cols, values = (_array(path, archive, key) for key in _TRIPLET_KEYS)
    shape = None
    if "shape" in archive.files:
        shape = tuple(int(size) for size in _array(path, archive, "shape").ravel())
        if len(shape) != 2:
            raise InputError(f"the shape in {str(path)!r} must be two numbers, got {shape}; save (rows, columns)")
    return _from_codes(path, rows, cols, values, shape, duplicates)


def _from_codes(
    path: FilePath,
    rows: np.ndarray,
    cols: np.ndarray,
    values: np.ndarray,
    shape: tuple[int, ...] | None,
    duplicates: str,
    counted_from: int = 0,
) -> Triplets:
    _check_triplet_arrays(path, rows, cols, values)
    for name, codes in (("rows", rows), ("cols", cols)):
        if codes.dtype.kind not in "iu":
            raise InputError(
                f"{name} in {str(path)!r} must be integers from zero, got the type {codes.dtype}; "
                "save them as integers, or name three arrays of labels and values"
            )
    if shape is None:
        shape = (int(rows.max()) + 1, int(cols.max()) + 1)
    for name, codes, size in (("rows", rows, shape[0]), ("cols", cols, shape[1])):
        if int(codes.min()) < 0 or int(codes.max()) >= size:
            raise InputError(
                f"{name} in {str(path)!r} must lie between 0 and {size - 1}, got {int(codes.min())} to "
                f"{int(codes.max())}; count from zero and check the shape"
            )
    _check_sides(path, shape, len(values))
    labels = [np.arange(counted_from, size + counted_from) for size in shape]
    return merge_duplicates(
        Triplets(
            rows.astype(np.int64),
            cols.astype(np.int64),
            values.astype(np.float64),
            (shape[0], shape[1]),
            labels[0],
            labels[1],
        ),
        duplicates,
    )


def _labelled_triplets(path: FilePath, archive: NpzFile, columns: Sequence[str], duplicates: str) -> Triplets:
    import polars as pl

    for key in columns:
        if key not in archive.files:
            raise InputError(
                f"{str(path)!r} must hold the arrays {', '.join(columns)}, {key!r} is missing; "
                f"it holds {', '.join(archive.files)}"
            )
    rows, cols, values = (_array(path, archive, key) for key in columns)
    _check_triplet_arrays(path, rows, cols, values)
    if rows.dtype.kind not in "iuUb" or cols.dtype.kind not in "iuUb":
        raise InputError(
            f"labels in {str(path)!r} must be integers or strings, got the types {rows.dtype} and "
            f"{cols.dtype}; save them as integers or strings"
        )
    row_codes, row_labels = encode_labels(pl.Series(rows))
    col_codes, col_labels = encode_labels(pl.Series(cols))
    triplets = Triplets(
        row_codes,
        col_codes,
        values.astype(np.float64),
        (len(row_labels), len(col_labels)),
        row_labels,
        col_labels,
        (columns[0], columns[1], columns[2]),
    )
    return merge_duplicates(triplets, duplicates)


def _check_triplet_arrays(path: FilePath, rows: np.ndarray, cols: np.ndarray, values: np.ndarray) -> None:
    if not (rows.shape == cols.shape == values.shape and values.ndim == 1 and values.size):
        raise InputError(
            f"triplets in {str(path)!r} must be three arrays of one length, got the shapes {rows.shape}, "
            f"{cols.shape} and {values.shape}; save one row, column and value an entry"
        )
    if values.dtype.kind not in "fiub":
        raise InputError(
            f"values in {str(path)!r} must be real numbers, got the type {values.dtype}; save them as float64"
        )
    if np.isinf(values).any():
        raise InputError(
            f"values in {str(path)!r} must be finite, got infinity at place {int(np.argmax(np.isinf(values)))}; "
            "leave the entry out if it is unknown"
        )

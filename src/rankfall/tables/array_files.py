"""Files of arrays: NumPy's `.npy` and `.npz`, SciPy's sparse `.npz`, Matrix Market's `.mtx`.

They hold numbers without words. A dense array gives a Table whose unknown entries are NaN; coordinates give Triplets
in which exactly the stored entries are observed, stored zeros included. Pickled objects are never loaded.
"""

import bz2
import gzip
import os
from collections.abc import Sequence

import numpy as np
from numpy.lib.npyio import NpzFile

from rankfall.errors import InputError
from rankfall.tables.array_triplets import (
    TRIPLET_KEYS,
    check_sides,
    coded_triplets,
    from_codes,
    labelled_triplets,
    sparse_triplets,
)
from rankfall.tables.files import FilePath, check_readable
from rankfall.tables.numpy_files import DAMAGE, array_of, load_file
from rankfall.tables.table import Layout, Table, as_floats, refuse_infinite
from rankfall.tables.triplets import Triplets

_MATRIX_KEYS = ("values", "X")
_PIECE = 2**20


def read_npy(path: FilePath) -> Table:
    """The table in a `.npy` file; its array must be two-dimensional and of numbers."""
    return _table(load_file(path), f"the array in {str(path)!r}")


def read_npz(path: FilePath, columns: Sequence[str] | None = None, duplicates: str = "error") -> Table | Triplets:
    """The one matrix in a `.npz` file, dense, sparse (`scipy.sparse.save_npz`) or as arrays rows, cols, values.

    Of several dense arrays it is the one called `values` or `X`; `column_names` beside it names the columns. The
    codes in `rows` and `cols` count from zero; `shape` beside them gives the shape. `columns` names three arrays of
    labels and values instead; their labels are any integers or strings.
    """
    found = load_file(path)
    if isinstance(found, np.ndarray):
        raise InputError(f"{str(path)!r} must be an archive of arrays, it holds one array; name it .npy")
    with found as archive:
        keys = list(archive.files)
        if columns is not None:
            return labelled_triplets(path, archive, columns, duplicates)
        if {"format", "shape", "data"} <= set(keys):
            return sparse_triplets(path, duplicates)
        if set(TRIPLET_KEYS) <= set(keys):
            return coded_triplets(path, archive, duplicates)
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
        table = _table(array_of(path, archive, key), f"the array {key!r} in {str(path)!r}")
        names = array_of(path, archive, "column_names") if "column_names" in keys else None
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
            check_sides(path, (m, n), count)
        _check_text(name)
        matrix = scipy.io.mmread(name, spmatrix=False)
    except InputError:
        raise
    except DAMAGE as error:
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
    return from_codes(name, entries.row, entries.col, entries.data, matrix.shape, duplicates, counted_from=1)


def _check_text(name: str) -> None:
    """Raise ValueError where a text file has NUL bytes, which SciPy's reader runs past."""
    opened = {".gz": gzip.open, ".bz2": bz2.open}.get(os.path.splitext(name)[1].lower(), open)
    with opened(name, "rb") as file:
        while piece := file.read(_PIECE):
            if b"\0" in piece:
                raise ValueError("it has NUL bytes, which no text has")


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

"""Triplets from arrays: codes, labels, and SciPy's sparse matrices, each array checked before compiled code sees it."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from rankfall.arrays import Sparse
from rankfall.errors import InputError
from rankfall.tables.files import FilePath
from rankfall.tables.numpy_files import DAMAGE, array_of, unreadable
from rankfall.tables.triplets import Triplets, encode_labels, merge_duplicates

TRIPLET_KEYS = ("rows", "cols", "values")
# Labels of rows and columns without entries cost memory: this many, or so many times the entries, are meant.
_LARGEST_SIDE, _MOST_EMPTY = 10**7, 1000


def sparse_triplets(path: FilePath, duplicates: str) -> Triplets:
    import scipy.sparse

    try:
        data = Path(path).read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            _check_sparse(path, {key: archive[key] for key in archive.files})
        matrix: Sparse = scipy.sparse.load_npz(io.BytesIO(data))
        entries = matrix.tocoo()
    except InputError:
        raise
    except DAMAGE as error:
        raise unreadable(path, error) from error
    return from_codes(path, entries.row, entries.col, entries.data, matrix.shape, duplicates)


def coded_triplets(path: FilePath, archive: NpzFile, duplicates: str) -> Triplets:
    rows, cols, values = (array_of(path, archive, key) for key in TRIPLET_KEYS)
    shape = None
    if "shape" in archive.files:
        shape = tuple(int(size) for size in array_of(path, archive, "shape").ravel())
        if len(shape) != 2:
            raise InputError(f"the shape in {str(path)!r} must be two numbers, got {shape}; save (rows, columns)")
    return from_codes(path, rows, cols, values, shape, duplicates)


def labelled_triplets(path: FilePath, archive: NpzFile, columns: Sequence[str], duplicates: str) -> Triplets:
    import polars as pl

    for key in columns:
        if key not in archive.files:
            raise InputError(
                f"{str(path)!r} must hold the arrays {', '.join(columns)}, {key!r} is missing; "
                f"it holds {', '.join(archive.files)}"
            )
    rows, cols, values = (array_of(path, archive, key) for key in columns)
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


def from_codes(
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
    check_sides(path, shape, len(values))
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
    check_sides(path, shape, arrays["data"].size)


def check_sides(path: FilePath, shape: tuple[int, ...], count: int) -> None:
    if max(shape) > max(_LARGEST_SIDE, _MOST_EMPTY * count):
        raise InputError(
            f"a matrix must have entries in some of its rows and columns, {str(path)!r} has the shape {shape} and "
            f"{count} entries; check its shape"
        )


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

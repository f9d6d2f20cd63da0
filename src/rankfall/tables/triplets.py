"""Triplets: the observed entries of a table, one by one, with the labels that rows and columns go by.

A file of ratings says `user, item, rating`; inside, rows and columns are codes 0 … m − 1 and 0 … n − 1. Labels are
kept in the order of their codes and codes in the order of the labels, so the order of a file's rows means nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from rankfall.errors import InputError
from rankfall.tables.options import Note
from rankfall.tables.table import Layout, Table, as_floats

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

MERGES = ("error", "mean", "last")
# A table of so many integers costs nothing.
_SMALL = 2**16


@dataclass(frozen=True, eq=False)
class Triplets:
    """The observed entries of an m × n matrix, each once, in row-major order.

    Parameters
    ----------
    rows, cols : (entries,) ndarray of int
        Codes of the row and the column of each entry.
    values : (entries,) ndarray
        The entries.
    shape : (int, int)
        (m, n).
    row_labels, col_labels : (m,) and (n,) ndarray
        The labels of the codes: int64 where every label is an integer, else strings (object).
    names : (str, str, str)
        What the file calls rows, columns and values.
    notes : tuple of Note
        What the reader decided.
    """

    rows: Int[np.ndarray, " entries"]
    cols: Int[np.ndarray, " entries"]
    values: Float[np.ndarray, " entries"]
    shape: tuple[int, int]
    row_labels: np.ndarray
    col_labels: np.ndarray
    names: tuple[str, str, str] = ("row", "col", "value")
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def encode_rows(self, labels: "pl.Series | npt.ArrayLike") -> np.ndarray:
        """Codes of row labels; −1 for labels that no row has."""
        return lookup_labels(self.row_labels, labels)

    def encode_cols(self, labels: "pl.Series | npt.ArrayLike") -> np.ndarray:
        """Codes of column labels; −1 for labels that no column has."""
        return lookup_labels(self.col_labels, labels)

    def table(self, product: np.ndarray) -> Table:
        """The m × n matrix as a table: rows under their labels, columns under theirs as names."""
        if product.shape != self.shape:
            raise InputError(
                f"the product must have the shape of the triplets, {self.shape}, got {product.shape}; "
                "pass the whole matrix"
            )
        return Table(
            as_floats(product),
            tuple(str(label) for label in self.col_labels),
            {self.names[0]: self.row_labels.tolist()},
            Layout(label_positions=(0,), notes=self.notes),
        )


def check_merge(duplicates: str) -> None:
    """Refuses an unknown way to treat pairs that occur more than once."""
    if duplicates not in MERGES:
        raise InputError(f"duplicates must be one of {', '.join(MERGES)}, got {duplicates!r}; mean averages them")


def merge_duplicates(
    triplets: Triplets, duplicates: str, number: Callable[[int], int] = lambda row: row + 1
) -> Triplets:
    """Known entries in row-major order, each pair once; unknown (NaN) values are dropped, their labels stay.

    `duplicates` is "error", "mean" (the mean of a pair's values) or "last" (the one furthest down). `number`
    is how the file counts an entry's row, in the sentence about a duplicate.
    """
    check_merge(duplicates)
    is_known = ~np.isnan(triplets.values)
    if not is_known.any():
        raise InputError("triplets must have at least one known value, got none; check which column has the values")
    sorted_once = _in_row_major_order(triplets, is_known)
    if sorted_once is not None:
        return sorted_once
    known = np.flatnonzero(is_known)
    keys = triplets.rows[known] * np.int64(triplets.shape[1]) + triplets.cols[known]
    # among repeats, the order of the file counts
    order = np.argsort(keys, kind="stable")
    is_first = np.concatenate([[True], np.diff(keys[order]) > 0])
    places = known[order]
    if duplicates == "error":
        repeats = np.flatnonzero(~is_first)
        again = int(repeats[np.argmin(places[repeats])])
        raise InputError(_duplicate(triplets, int(places[again]), int(places[again - 1]), number))
    starts = np.flatnonzero(is_first)
    ends = np.append(starts[1:], keys.size)
    values = triplets.values[places]
    values = np.add.reduceat(values, starts) / (ends - starts) if duplicates == "mean" else values[ends - 1]
    places = places[starts]
    return replace(triplets, rows=triplets.rows[places], cols=triplets.cols[places], values=values)


def _in_row_major_order(triplets: Triplets, is_known: np.ndarray) -> Triplets | None:
    """The known entries sorted by SciPy's conversion of sparse matrices, or None where a pair occurs twice."""
    from scipy.sparse import csr_array  # pyright: ignore[reportMissingTypeStubs]

    parts = triplets.values, triplets.rows, triplets.cols
    values, rows, cols = parts if is_known.all() else (part[is_known] for part in parts)
    matrix: Any = csr_array((values, (rows, cols)), triplets.shape)
    if matrix.nnz < values.size:
        return None
    rows = np.repeat(np.arange(triplets.shape[0], dtype=matrix.indices.dtype), np.diff(matrix.indptr))
    return replace(triplets, rows=rows, cols=matrix.indices, values=matrix.data)


def _duplicate(triplets: Triplets, again: int, before: int, number: Callable[[int], int]) -> str:
    row = str(triplets.row_labels[triplets.rows[again]])
    col = str(triplets.col_labels[triplets.cols[again]])
    return (
        f"each pair must occur once, got {triplets.names[0]} {row!r} with {triplets.names[1]} {col!r} in row "
        f"{number(before)} and again in row {number(again)}; merge them with --duplicates mean (or last), "
        'in Python duplicates="mean"'
    )


def encode_labels(labels: "pl.Series") -> tuple[np.ndarray, np.ndarray]:
    """Codes of a polars series of labels, and the labels in the order of their codes, which is their own.

    Labels are integers where every one is, written the plain way: `7` is and so is `7.0`, `07` is not.
    """
    import polars as pl

    integers = _as_integers(labels)
    if integers.null_count() == 0:
        return _encode_integers(integers.to_numpy())
    strings = labels.cast(pl.String)
    ordered = strings.unique().sort()
    codes = strings.cast(pl.Enum(ordered)).to_physical().cast(pl.Int64).to_numpy()
    return codes, ordered.to_numpy().astype(object)


def _encode_integers(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of integers: by a table of all between the least and the largest, where that is not larger than they.

    Such codes are int32.
    """
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if not labels.size or high - low > max(labels.size, _SMALL):
        ordered, codes = np.unique(labels, return_inverse=True)
        return codes.astype(np.int64, copy=False), ordered
    is_there = np.zeros(high - low + 1, dtype=bool)
    places = labels - low
    is_there[places] = True
    return (np.cumsum(is_there, dtype=np.int32) - np.int32(1))[places], np.flatnonzero(is_there) + low


def lookup_labels(known: np.ndarray, labels: "pl.Series | npt.ArrayLike") -> np.ndarray:
    """Codes (int64) of labels among the `known`, sorted ones; −1 for all others."""
    import polars as pl

    series = labels if isinstance(labels, pl.Series) else pl.Series(np.asarray(labels))
    if known.dtype.kind == "i":
        integers = _as_integers(series)
        wanted = integers.fill_null(0).to_numpy()
        codes = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        is_known = integers.is_not_null().to_numpy() & (known[codes] == wanted)
        return np.where(is_known, codes, -1)
    strings = series.cast(pl.String)
    categories = pl.Enum(pl.Series(known.tolist(), dtype=pl.String))
    codes = strings.cast(categories, strict=False).to_physical()
    return codes.cast(pl.Int64).fill_null(-1).to_numpy()


def as_plain_labels(labels: "pl.Series") -> "pl.Series":
    """A series of strings with `7.0` as `7`, where all labels are whole numbers and some were written so."""
    import polars as pl

    known = labels.drop_nulls()
    if not len(known) or not known.str.contains(r"^-?\d+\.0+$").any():
        return labels
    if not known.str.contains(r"^(-?\d+(\.0+)?)?$").all():
        return labels
    return pl.select(pl.lit(labels).str.replace(r"\.0+$", "")).to_series()


def _as_integers(labels: "pl.Series") -> "pl.Series":
    """The labels as Int64, null for those that are no integer written the plain way."""
    import polars as pl

    integers = labels.cast(pl.Int64, strict=False)
    if labels.dtype != pl.String:
        return integers
    is_plain = integers.cast(pl.String) == labels
    return pl.select(pl.when(is_plain.fill_null(False)).then(integers)).to_series()

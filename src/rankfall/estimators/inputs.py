"""What users pass as a table or as positions: checked, and as a completion problem."""

from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from rankfall.arrays import Sparse
from rankfall.errors import InputError
from rankfall.problems.completion import Completion
from rankfall.problems.tensor_completion import TensorCompletion
from rankfall.tables.frame_values import is_frame, values_of_frame

if TYPE_CHECKING:
    import numpy.typing as npt

    # an array, a masked array, a frame of numbers, or a sparse matrix
    TableLike: TypeAlias = "npt.ArrayLike | Sparse"

# Squares of numbers up to here can be summed and weighed in float64, and those down to its inverse are not zero.
_LARGEST = 1e140


def check_range(problem: Completion | TensorCompletion) -> None:
    """Refuse numbers, and weights, whose squares no float64 holds."""
    for what, values in (("number", problem.values), ("weight", problem.weights)):
        largest = 0.0 if values is None else float(np.abs(values).max())
        if largest and not 1 / _LARGEST < largest < _LARGEST:
            raise InputError(
                f"the largest {what} must lie between {1 / _LARGEST:.0e} and {_LARGEST:.0e}, got {largest:g}; errors "
                "are squared, choose another unit"
            )


def holds_entries(X: object) -> bool:
    """Whether this is a Dask frame, which lists entries, without importing Dask."""
    return type(X).__module__.split(".")[0] == "dask" and hasattr(X, "to_delayed")


def validated(estimator: object, X: "TableLike", reset: bool) -> np.ndarray | Sparse:
    """The numbers of a table as scikit-learn checks them, NaN where it is masked; `reset` where columns are learnt."""
    if isinstance(X, (str, bytes, PathLike)):
        raise InputError(f"a table must be numbers in memory, got {X!r}; rankfall.tables.read_table reads a file")
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.float64), np.nan)
    # scikit-learn has no types: without y it returns the table alone
    validate = cast("Callable[..., np.ndarray | Sparse]", validate_data)
    check = cast("Callable[..., np.ndarray]", check_array)
    finite = {"ensure_all_finite": "allow-nan", "dtype": [np.float64, np.float32]}
    if is_frame(X):
        values = values_of_frame(X)
        validate(estimator, X, reset=reset, skip_check_array=True)
        return check(values, estimator=estimator, **finite)
    # where numbers are infinite, or their sum is, it looks closer by itself
    with np.errstate(over="ignore", invalid="ignore"):
        return validate(estimator, X, reset=reset, accept_sparse=["csr", "csc", "coo"], **finite)


def dense(X: np.ndarray | Sparse) -> np.ndarray:
    """A validated table as an array, NaN where a sparse one stores nothing."""
    if not isinstance(X, Sparse):
        return X
    entries = X.tocoo()
    table = np.full(X.shape, np.nan, dtype=X.dtype)
    table[entries.row, entries.col] = entries.data
    return table


def check_known(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> None:
    """Raise InputError for positions that are neither of the training table nor −1, one never seen."""
    for name, index, size in zip(("row", "column"), (rows, cols), shape, strict=True):
        if index.size and not np.issubdtype(index.dtype, np.integer):
            raise InputError(f"{name} indices must be integers, got {index.dtype}; look labels up first")
        if index.size and (index.min() < -1 or index.max() >= size):
            bad = index[(index < -1) | (index >= size)][0]
            raise InputError(
                f"{name} indices must lie in 0 … {size - 1}, got {bad}; -1 stands for one never seen, and new rows "
                "are folded in by transform"
            )


def problem_of(X: np.ndarray | Sparse, sample_weight: "npt.ArrayLike | None" = None) -> Completion:
    """The problem of a validated array or SciPy sparse matrix; weights are given an entry (m, n) or a row (m,)."""
    if sample_weight is None:
        return Completion.from_sparse(X) if isinstance(X, Sparse) else Completion.from_array(X)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape not in (tuple(X.shape), (X.shape[0],)):
        raise InputError(
            f"sample_weight must have the shape of the table {tuple(X.shape)} or of its rows {(X.shape[0],)}, got "
            f"{weights.shape}; give one non-negative weight an entry or a row"
        )
    if weights.ndim == 1:
        weights = np.broadcast_to(weights[:, None], X.shape)
    if isinstance(X, Sparse):
        entries = X.tocoo()
        return Completion.from_sparse(entries, weights=weights[entries.row, entries.col])
    return Completion.from_array(X, weights=weights)


def stacked(above: Completion, below: Completion) -> Completion:
    """The problem of both tables, the rows of the second under those of the first; they share their columns."""
    (m, n), (r, _) = above.shape, below.shape
    weights = None
    if above.weights is not None or below.weights is not None:
        parts = [np.ones(part.rows.size) if part.weights is None else part.weights for part in (above, below)]
        weights = np.concatenate(parts)
    rows = np.concatenate([above.rows, below.rows + m])
    cols = np.concatenate([above.cols, below.cols])
    return Completion.from_triplets(
        rows, cols, np.concatenate([above.values, below.values]), (m + r, n), weights=weights
    )

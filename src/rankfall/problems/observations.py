"""From users' input to observed entries: checks and sorting.

Every rule about observed entries is here, each with its sentence: two dimensions, real and finite numbers, indices in
range, one value a position, weights that are not negative and not all zero.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from array_api_compat import is_array_api_obj
from jaxtyping import Bool

from rankfall.arrays import Array, is_numpy, like, to_numpy
from rankfall.errors import InputError
from rankfall.low_rank import check_positions
from rankfall.problems.real import real_numbers
from rankfall.problems.repeats import check_choice, merged, refuse_repeats


def dense_entries(
    array: Array, weights: Array | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, tuple[int, int]]:
    """rows, cols, values and weights of the entries of a two-dimensional array that are not NaN, and its shape."""
    values = real_numbers(array, "a matrix to complete")
    if values.ndim != 2:
        raise InputError(
            f"a matrix to complete has two dimensions, got shape {values.shape}; "
            + ("reshape it to one row or column" if values.ndim < 2 else "unfold it or complete slice by slice")
        )
    if weights is not None and tuple(np.shape(weights)) != values.shape:
        raise InputError(
            f"weights must have the shape of the matrix, {values.shape}, got {tuple(np.shape(weights))}; "
            "those of unknown entries are ignored"
        )
    rows, cols = (index.astype(index_type(values.shape)) for index in np.nonzero(~np.isnan(values)))
    picked = None if weights is None else to_numpy(weights)[rows, cols]
    return rows, cols, values[rows, cols], picked, values.shape


def sorted_unique(
    rows: npt.ArrayLike,
    cols: npt.ArrayLike,
    values: np.ndarray,
    shape: tuple[int, int] | None,
    weights: Array | None,
    duplicates: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, tuple[int, int]]:
    """Triplets in row-major order, one a position, with the shape they live in.

    What comes in that order is not copied: a list of entries may take up most of the memory.
    """
    rows, cols, values = np.asarray(rows), np.asarray(cols), real_numbers(values, "observed values")
    weights = None if weights is None else real_numbers(weights, "weights")
    check_choice(duplicates)
    if rows.ndim != 1 or rows.shape != cols.shape or values.shape[-1:] != rows.shape:
        raise InputError(
            f"rows, cols and values must be lists of one length, got shapes {rows.shape}, {cols.shape} and "
            f"{values.shape}; pass one row index, column index and value for each observed entry"
        )
    _check_count(weights, rows)
    if shape is None and rows.size and _are_integers(rows, cols):
        shape = (int(rows.max()) + 1, int(cols.max()) + 1)
    shape = (0, 0) if shape is None else (int(shape[0]), int(shape[1]))
    check_positions(rows, cols, shape)
    small = index_type(shape)
    if _are_ascending(rows, cols):
        return rows.astype(small, copy=False), cols.astype(small, copy=False), values, weights, shape
    key = rows.astype(np.int64) * shape[1] + cols
    order = np.argsort(key, kind="stable")
    key = key[order]
    picked = None if weights is None else weights[..., order]
    values = values[..., order]
    fresh = np.concatenate([[True], key[1:] != key[:-1]]) if key.size else np.zeros(0, dtype=bool)
    if not fresh.all():
        if duplicates == "error":
            refuse_repeats(fresh, divmod(int(key[np.argmin(fresh)]), shape[1]))
        values, picked = merged(values, picked, fresh, duplicates)
        key = key[fresh]
    return (key // shape[1]).astype(small), (key % shape[1]).astype(small), values, picked, shape


def index_type(shape: Sequence[int]) -> type[np.signedinteger]:
    """Int32 for positions, at half the memory, in every table but the most absurd; then int64."""
    return np.int32 if max(shape, default=0) < 2**31 else np.int64


def _are_ascending(rows: np.ndarray, cols: np.ndarray) -> bool:
    """Whether the positions come in row-major order, each once."""
    is_same = rows[1:] == rows[:-1]
    return bool(np.all((rows[1:] > rows[:-1]) | (is_same & (cols[1:] > cols[:-1]))))


def _are_integers(rows: np.ndarray, cols: np.ndarray) -> bool:
    return np.issubdtype(rows.dtype, np.integer) and np.issubdtype(cols.dtype, np.integer)


def _check_count(weights: np.ndarray | None, rows: np.ndarray) -> None:
    if weights is not None and weights.shape[-1:] != rows.shape:
        raise InputError(
            f"weights must match the {rows.size} observed entries, got shape {weights.shape}; "
            "give one non-negative weight for each"
        )


def check_entries(
    rows: np.ndarray, values: np.ndarray, shape: tuple[int, ...], weights: Array | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Values and weights of one dtype, known to be finite, at least one of them, with weights that can be averaged."""
    if rows.size == 0:
        raise InputError(f"at least one entry must be observed, got none of shape {shape}; NaN marks the unknown ones")
    if not np.isfinite(values).all():
        worst = values[~np.isfinite(values)][0]
        raise InputError(f"observed values must be finite, got {worst}; mark unknown entries by NaN or leave them out")
    if weights is None:
        return values, None
    given = real_numbers(weights, "weights")
    with np.errstate(over="ignore", under="ignore"):
        # a float64 that no float32 holds becomes infinite
        weights = given.astype(values.dtype)
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        raise InputError(
            f"weights must be finite and not negative, got {given[wrong][0]}; a weight of 0 ignores an entry"
        )
    if not (weights.sum(axis=-1) > 0).all():
        raise InputError("weights must not all be zero, got only zeros; an entry counts by its weight")
    return values, weights


def beside(
    given: Array, values: np.ndarray, weights: np.ndarray | None, truth: Array | None
) -> tuple[Array, Array | None, Array | None]:
    """Values, weights and truth in the array namespace of what was given, and on its device."""
    if not is_array_api_obj(given) or is_numpy(given):
        return values, weights, None if truth is None else np.asarray(truth, values.dtype)
    frame = like(np.zeros(0), given)
    weights, truth = (None if part is None else like(to_numpy(part), frame) for part in (weights, truth))
    return like(values, frame), weights, truth


def drawn_entries(count: int, weights: Array | None, fraction: float, seed: int) -> Bool[np.ndarray, " entries"]:
    """A mask of `fraction` of `count` observed entries, drawn to be held out from those that have weight in any table.

    At least one entry is drawn and one is left.
    """
    if not 0 < fraction < 1:
        raise InputError(f"the held-out fraction must lie between 0 and 1, got {fraction}; 0.1 is usual")
    counting = np.ones(count) if weights is None else np.atleast_2d(to_numpy(weights)).max(axis=0)
    candidates = np.flatnonzero(counting > 0)
    drawn = min(max(1, round(fraction * candidates.size)), candidates.size - 1)
    if drawn < 1:
        raise InputError(f"holding out needs at least 2 observed entries, got {candidates.size}; observe more")
    aside = np.zeros(count, dtype=bool)
    aside[np.random.default_rng(seed).choice(candidates, size=drawn, replace=False)] = True
    return aside

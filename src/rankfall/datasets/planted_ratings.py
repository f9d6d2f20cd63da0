"""Ratings of any size whose answer is known: a planted matrix in noise, at popular entries."""

import math

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int

from rankfall.datasets.masks import CHUNK, power_law_entries
from rankfall.datasets.planted import table_shape
from rankfall.errors import InputError


def planted_ratings(
    shape: tuple[int, int],
    count: int,
    rank: int = 10,
    noise: float | int = 0.5,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float32,
    exponent: float | int | tuple[float | int, float | int] = 0.8,
) -> tuple[
    Int[np.ndarray, " count"],
    Int[np.ndarray, " count"],
    Float[np.ndarray, " count"],
]:
    """Ratings of any size with a known answer: a planted matrix, in noise, at popular entries.

    b_ij = ⟨U_i, V_j⟩/√r + noise·ε_ij with standard normal U, V, ε: signal of variance 1, and
    `noise` is the root mean squared error nothing can beat. Nothing of size m × n is formed.

    Parameters
    ----------
    shape
        (m, n).
    count
        `|Ω|`.
    rank
        r of the signal.
    noise
        standard deviation of ε's term.
    seed
        of `numpy.random.default_rng`.
    dtype
        of the values, float32 or float64.
    exponent
        as in `power_law_entries`.

    Returns
    -------
    tuple[Int[np.ndarray, ' count'], Int[np.ndarray, ' count'], Float[np.ndarray, ' count']]
        (rows, cols, values) in row-major order.

    Raises
    ------
    InputError
        as `power_law_entries`, on a rank below 1, on negative noise, on a dtype that is
        not real.
    """
    m, n = table_shape(shape)
    if rank < 1:
        raise InputError(f"rank must be at least 1, got {rank}; 10 is like movie ratings")
    if not noise >= 0:
        raise InputError(f"noise must not be negative, got {noise}; 0 leaves the planted values")
    if not np.issubdtype(dtype, np.floating):
        raise InputError(f"dtype must be a real floating type, got {dtype}; use float32 or float64")
    rows, cols = power_law_entries((m, n), count, exponent, seed)
    rng = np.random.default_rng([seed, 1])
    left = rng.standard_normal((m, rank)).astype(dtype) / np.asarray(math.sqrt(rank), dtype=dtype)
    right = rng.standard_normal((n, rank)).astype(dtype)
    values = np.empty(count, dtype=dtype)
    step = max(1, CHUNK // rank)
    for start in range(0, count, step):
        part = slice(start, start + step)
        values[part] = np.einsum("er,er->e", left[rows[part]], right[cols[part]])
        values[part] += noise * rng.standard_normal(values[part].size)
    return rows, cols, values

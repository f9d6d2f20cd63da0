"""Which entries are observed: distinct positions, drawn without ever holding the m × n table.

Real ratings are not spread evenly: some rows and columns are popular. Here the popularity of a row
and of a column are power laws, and entry (i, j) is drawn with probability p_i q_j, again and again
until enough distinct ones are there. Exponent 0 is the uniform mask of the theorems. Memory is
O(count) for every shape.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from rankfall.datasets.planted import table_shape
from rankfall.errors import InputError

CHUNK = 1 << 20
"""Entries handled at a time, which bounds the scratch memory."""

STEEPEST = 10
"""Beyond this exponent the probabilities of unpopular entries come near underflow."""

Positions = tuple[Int[np.ndarray, " count"], Int[np.ndarray, " count"]]


def uniform_entries(shape: tuple[int, int], count: int, seed: int = 0) -> Positions:
    """`count` distinct positions of an m × n table, every set of that size equally likely.

    Parameters
    ----------
    shape
        (m, n).
    count
        `|Ω|`.
    seed
        of `numpy.random.default_rng`, default 0.

    Returns
    -------
    Positions
        (rows, cols), int64, in row-major order.

    Raises
    ------
    InputError
        when count is not between 1 and m·n.
    """
    return power_law_entries(shape, count, exponent=0.0, seed=seed)


def power_law_entries(
    shape: tuple[int, int],
    count: int,
    exponent: float | int | tuple[float | int, float | int] = 0.8,
    seed: int = 0,
) -> Positions:
    """`count` distinct positions, drawn one after another with popular rows and columns.

    The k-th most popular row has probability p_k ∝ ∫_k^{k+1} x^{−a} dx, columns likewise; which row
    is k-th is drawn too. An entry drawn twice counts once, so the most popular entries saturate and
    the rest fills up.

    Parameters
    ----------
    shape
        (m, n).
    count
        `|Ω|`.
    exponent
        a, for both sides or as (rows, columns). 0 is uniform; in MovieLens-1M the busiest
        tenth of the users wrote 38 % of the ratings and the favorite tenth of the movies got
        44 %, as with (0.75, 0.95).
    seed
        of `numpy.random.default_rng`.

    Returns
    -------
    Positions
        (rows, cols), int64, in row-major order.

    Raises
    ------
    InputError
        when count is not between 1 and m·n, the exponent not between 0 and 10, or so
        steep that a large table's unpopular entries are never reached.
    """
    m, n = table_shape(shape)
    if not 1 <= count <= m * n:
        raise InputError(f"count must lie between 1 and {m * n}, all entries of {(m, n)}, got {count}")
    steepness = exponent if isinstance(exponent, tuple) else (exponent, exponent)
    if not all(0 <= a <= STEEPEST for a in steepness):
        raise InputError(f"exponent must lie between 0 and {STEEPEST}, got {exponent}; 0 is uniform, 0.8 steep")
    rng = np.random.default_rng(seed)
    row_order, col_order = rng.permutation(m), rng.permutation(n)

    # The same law twice: clocks take O(mn) time but any density, rejecting repeats O(count) draws.
    if m * n <= max(4 * CHUNK, 16 * count):
        row_rates, col_rates = np.empty(m), np.empty(n)
        row_rates[row_order] = _popularity(m, steepness[0])
        col_rates[col_order] = _popularity(n, steepness[1])
        keys = _first_to_ring(row_rates, col_rates, count, rng)
    else:

        def draw(size: int) -> np.ndarray:
            rows = row_order[_ranks(rng, m, size, steepness[0])]
            return rows * n + col_order[_ranks(rng, n, size, steepness[1])]

        keys = _distinct(draw, count, exponent)
    rows = keys // n
    return rows, np.remainder(keys, n, out=keys)


def at_least_one_each(
    rows: Int[np.ndarray, " count"],
    cols: Int[np.ndarray, " count"],
    shape: tuple[int, int],
    seed: int = 0,
) -> Positions:
    """The same number of positions, with none of the m rows and n columns left empty.

    A row or column without a single observed entry cannot be completed by anyone. Each empty row
    gets an entry in a random column, each empty column one in a random row; as many others, that
    nothing depends on, are dropped.

    Parameters
    ----------
    rows, cols
        distinct positions, from 0.
    shape
        (m, n).
    seed
        of `numpy.random.default_rng`, default 0.

    Returns
    -------
    Positions
        (rows, cols), int64, in row-major order.

    Raises
    ------
    InputError
        when there are fewer than m + n positions, or one lies outside the table.
    """
    m, n = table_shape(shape)
    count = rows.size
    if count < m + n:
        raise InputError(
            f"to reach every row and column of {(m, n)} there must be at least {m + n} entries, "
            f"got {count}; raise count"
        )
    if rows.min() < 0 or cols.min() < 0 or rows.max() >= m or cols.max() >= n:
        raise InputError(
            f"positions must lie inside {(m, n)}, got up to row {rows.max()} and column "
            f"{cols.max()}, both counted from 0"
        )
    rng = np.random.default_rng(seed)
    empty_rows = np.flatnonzero(np.bincount(rows, minlength=m) == 0)
    empty_cols = np.flatnonzero(np.bincount(cols, minlength=n) == 0)
    added = np.concatenate(
        [
            empty_rows * n + rng.integers(n, size=empty_rows.size),
            rng.integers(m, size=empty_cols.size) * n + empty_cols,
        ]
    )
    keys = np.concatenate([rows * np.int64(n) + cols, np.unique(added)])
    keys = keys[rng.permutation(keys.size)]
    # One entry of every row and of every column stays, at most m + n: enough others can go.
    droppable = np.ones(keys.size, dtype=bool)
    droppable[np.unique(keys // n, return_index=True)[1]] = False
    droppable[np.unique(keys % n, return_index=True)[1]] = False
    keys = np.sort(np.delete(keys, np.flatnonzero(droppable)[: keys.size - count]))
    return keys // n, keys % n


def _popularity(size: int, exponent: float | int) -> np.ndarray:
    """p_k ∝ ∫_k^{k+1} x^{−a} dx for k = 1 … size."""
    grow = 1.0 - exponent
    k = np.arange(1.0, size + 1.0)
    # k^{1−a} ((1 + 1/k)^{1−a} − 1)/(1−a): the difference of powers without cancellation.
    step = np.log1p(1.0 / k)
    masses = step if grow == 0 else k**grow * np.expm1(grow * step) / grow
    return masses / masses.sum()


def _ranks(rng: np.random.Generator, size: int, count: int, exponent: float | int) -> np.ndarray:
    """Draws of k − 1 with the probabilities of `_popularity`, inverting ∫_1^x t^{−a} dt."""
    if exponent == 0:
        return rng.integers(size, size=count)
    grow, top = 1.0 - exponent, math.log(size + 1.0)
    share = rng.random(count)
    log_x = share * top if grow == 0 else np.log1p(share * math.expm1(grow * top)) / grow
    return np.minimum(np.exp(log_x).astype(np.int64) - 1, size - 1)


def _first_to_ring(row_rates: np.ndarray, col_rates: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The entries whose exponential clocks, of rate p_i q_j, ring first."""
    m, n = row_rates.size, col_rates.size
    block = max(1, max(count, CHUNK) // n)
    keys, times = np.empty(0, dtype=np.int64), np.empty(0)
    for top in range(0, m, block):
        rates = np.outer(row_rates[top : top + block], col_rates).ravel()
        keys = np.concatenate([keys, np.arange(top * n, top * n + rates.size)])
        times = np.concatenate([times, rng.standard_exponential(rates.size) / rates])
        if keys.size > count:
            first = np.argpartition(times, count - 1)[:count]
            keys, times = keys[first], times[first]
    return np.sort(keys)


def _distinct(
    draw: Callable[[int], np.ndarray], count: int, exponent: float | int | tuple[float | int, float | int]
) -> np.ndarray:
    """Draws until `count` distinct keys are there; a round draws exactly what is missing."""
    keys = np.empty(0, dtype=np.int64)
    drawn = 0
    while drawn <= 64 * count:
        missing = count - keys.size
        drawn += missing
        fresh = np.empty(missing, dtype=np.int64)
        for start in range(0, missing, CHUNK):
            fresh[start : start + CHUNK] = draw(min(CHUNK, missing - start))
        fresh.sort()
        fresh = fresh[np.diff(fresh, prepend=-1) > 0]
        if keys.size:
            nearest = np.minimum(np.searchsorted(keys, fresh), keys.size - 1)
            fresh = fresh[keys[nearest] != fresh]
        # Two sorted runs: the stable sort merges them in linear time.
        keys = np.concatenate([keys, fresh])
        keys.sort(kind="stable")
        if keys.size == count:
            return keys
    raise InputError(
        f"exponent must be flat enough for {count} distinct entries to be met, got {exponent}; "
        "lower the exponent or count"
    )

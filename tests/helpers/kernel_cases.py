"""Random inputs of the compiled loops, and a chosen number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import numba
import numpy as np

from rankfall.kernels.observed import Entries


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def random_entries(m: int, n: int, share: float, seed: int = 0):
    mask = np.random.default_rng(seed).random((m, n)) < share
    rows, cols = np.nonzero(mask)
    return Entries(rows.astype(np.int32), cols.astype(np.int32), (m, n)), rows, cols


def random_case(m, n, k, share, dtype, weighted, seed=0):
    rng = np.random.default_rng(seed)
    entries, rows, cols = random_entries(m, n, share, seed)
    values = rng.standard_normal(rows.size).astype(dtype)
    weights = rng.random(rows.size if weighted else 0).astype(dtype)
    left, right = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((n, k)).astype(dtype)
    return entries, rows, cols, values, weights, left, right

"""A sparse matrix times a tall dense one, with all threads and the same bits for any number of them.

A line of the result belongs to one thread, which adds its terms in storage order. Lines are dealt out in chunks of
about equal numbers of terms, as those of real tables are long and short.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import no_type_check

import numpy as np
from numba import njit, prange

from rankfall.arrays import SparseArray
from rankfall.kernels.observed import WORTH_THREADS, equal_work

_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def _lines(begin, end, starts, places, values, dense, out):
    rank = dense.shape[1]
    for line in range(begin, end):
        total = out[line]
        total[:] = 0
        for term in range(starts[line], starts[line + 1]):
            value = values[term]
            other = dense[places[term]]
            for k in range(rank):
                total[k] += value * other[k]


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_lines(chunks, starts, places, values, dense, out):
    for c in prange(chunks.size - 1):
        _lines(chunks[c], chunks[c + 1], starts, places, values, dense, out)


@dataclass(frozen=True, eq=False)
class Multiplier:
    """A SciPy CSR matrix (lines, p), ready to multiply."""

    matrix: SparseArray

    @cached_property
    def _chunks(self) -> np.ndarray:
        return equal_work(self.matrix.indptr)

    def __call__(self, dense: np.ndarray) -> np.ndarray:
        """The product (lines, k) with a dense (p, k), in the precision of `dense`."""
        dense = np.ascontiguousarray(dense)
        out = np.empty((self.matrix.shape[0], dense.shape[1]), dense.dtype)
        stored = self.matrix.indptr, self.matrix.indices, self.matrix.data
        if self.matrix.nnz * dense.shape[1] < WORTH_THREADS:
            _lines(0, out.shape[0], *stored, dense, out)
        else:
            _parallel_lines(self._chunks, *stored, dense, out)
        return out

"""A sparse matrix, or its transpose, times a tall dense one, with all threads and the same bits for any number of them.

A line of the result belongs to one thread, which adds its terms in storage order, in vector registers where it is a
row. Rows are dealt out in chunks of about equal numbers of terms, as those of real tables are long and short. Columns
are too, without a transposed copy: each thread looks up in each row where its own columns are.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import no_type_check

import numpy as np
from numba import config, njit

from rankfall.arrays import SparseArray
from rankfall.kernels.lane_passes import WIDEST, filled_up
from rankfall.kernels.lanes import LANES, add_multiple, load, store, tag_of, zeros
from rankfall.kernels.observed import WORTH_THREADS, equal_work
from rankfall.kernels.prefetch import AHEAD, prefetch_row
from rankfall.kernels.threads import share_out

_FAST = {"reassoc", "contract", "nsz"}
# Of this many terms, evenly chosen, the columns tell how to deal out columns. Few chunks: each goes through all rows.
_SAMPLE, _CHUNKS_PER_THREAD = 2**14, 2


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def _rows(begin, end, starts, places, values, dense, out, tag):
    width, last = len(tag) * LANES, places.size - 1
    for line in range(begin, end):
        total = zeros(out, tag)
        for term in range(starts[line], starts[line + 1]):
            prefetch_row(dense, places[min(term + AHEAD, last)] * width, width)
            total = add_multiple(total, values[term], load(dense, places[term] * width, tag))
        store(out, line * width, total)


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def _columns(begin, end, starts, places, values, dense, out):
    rank = dense.shape[1]
    out[begin:end] = 0
    for line in range(starts.size - 1):
        row = dense[line]
        last = starts[line + 1]
        term = starts[line] + np.searchsorted(places[starts[line] : last], begin)
        while term < last and places[term] < end:
            value = values[term]
            total = out[places[term]]
            for k in range(rank):
                total[k] += value * row[k]
            term += 1


@dataclass(frozen=True, eq=False)
class Multiplier:
    """A SciPy CSR matrix (p, q), columns in order within its rows, ready to multiply."""

    matrix: SparseArray

    @classmethod
    def of(cls, matrix: SparseArray) -> "Multiplier":
        """Any SciPy sparse matrix; one whose columns are in order is not copied."""
        rows = matrix.tocsr()
        return cls(rows if rows.has_sorted_indices else rows.sorted_indices())

    @cached_property
    def _row_chunks(self) -> np.ndarray:
        return equal_work(self.matrix.indptr)

    @cached_property
    def _column_chunks(self) -> np.ndarray:
        chosen = np.sort(self.matrix.indices[:: max(1, self.matrix.nnz // _SAMPLE)])
        chunks = _CHUNKS_PER_THREAD * config.NUMBA_NUM_THREADS  # pyright: ignore[reportAttributeAccessIssue]
        bounds = chosen[np.arange(1, chunks) * chosen.size // chunks] if chosen.size else chosen
        return np.unique(np.concatenate([[0], bounds, [self.matrix.shape[1]]]))

    def __call__(self, dense: np.ndarray) -> np.ndarray:
        """The product (p, k) with a dense (q, k), in the precision of `dense`."""
        blocks = [self._times(dense[:, k : k + WIDEST]) for k in range(0, max(dense.shape[1], 1), WIDEST)]
        return blocks[0] if len(blocks) == 1 else np.hstack(blocks)

    def _times(self, dense: np.ndarray) -> np.ndarray:
        """The product with columns of which a row stays in vector registers."""
        width, is_short = dense.shape[1], self._is_short(dense)
        tag = tag_of(width)
        out = np.empty((self.matrix.shape[0], len(tag) * LANES), dense.dtype)
        dense = filled_up(np.ascontiguousarray(dense), tag).reshape(-1)
        share_out(_rows, self._row_chunks, *self._stored, dense, out.reshape(-1), tag, alone=is_short)
        return np.ascontiguousarray(out[:, :width])

    def transposed(self, dense: np.ndarray) -> np.ndarray:
        """The product (q, k) of the transpose with a dense (p, k), in the precision of `dense`."""
        out = np.empty((self.matrix.shape[1], dense.shape[1]), dense.dtype)
        dense = np.ascontiguousarray(dense)
        share_out(_columns, self._column_chunks, *self._stored, dense, out, alone=self._is_short(dense))
        return out

    @property
    def _stored(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.matrix.indptr, self.matrix.indices, self.matrix.data

    def _is_short(self, dense: np.ndarray) -> bool:
        return self.matrix.nnz * dense.shape[1] < WORTH_THREADS

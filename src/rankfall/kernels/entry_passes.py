"""The passes over observed entries for rows of any width: residuals and G R by rows, Gᵀ L by columns, predictions."""

from typing import no_type_check

from numba import njit

from rankfall.kernels.entry_costs import weighed

# Sums inside one entry's dot product may be re-associated (this is what lets them vectorize); sums over entries, and
# not-a-number, keep their meaning.
_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def pull_rows(begin, end, starts, columns, values, weights, kind, parameter, left, right, residuals, pulled, losses):
    rank = left.shape[1]
    weighted = weights.size > 0
    for i in range(begin, end):
        row = left[i]
        out = pulled[i]
        out[:] = 0
        loss = left.dtype.type(0)
        for entry in range(starts[i], starts[i + 1]):
            other = right[columns[entry]]
            total = left.dtype.type(0)
            for k in range(rank):
                total += row[k] * other[k]
            weight = weights[entry] if weighted else left.dtype.type(1)
            cost, pull = weighed(kind, parameter, total, values[entry], weight)
            loss += cost
            residuals[entry] = pull
            for k in range(rank):
                out[k] += pull * other[k]
        losses[i] = loss


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def pull_columns(begin, end, starts, rows, order, residuals, left, pulled):
    rank = left.shape[1]
    for j in range(begin, end):
        out = pulled[j]
        for entry in range(starts[j], starts[j + 1]):
            pull = residuals[order[entry]]
            row = left[rows[entry]]
            for k in range(rank):
                out[k] += pull * row[k]


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def values_at(begin, end, rows, columns, left, right, predicted):
    rank = left.shape[1]
    for entry in range(begin, end):
        row = left[rows[entry]]
        other = right[columns[entry]]
        total = left.dtype.type(0)
        for k in range(rank):
            total += row[k] * other[k]
        predicted[entry] = total

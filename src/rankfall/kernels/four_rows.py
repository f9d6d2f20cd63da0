"""Four entries at a time times one small matrix, and back: its rows are read once for all four.

A row of the matrix, filled up with zeros, is a value of the loops (`lanes`). Four sums that do not wait for one another
keep the units for multiplication busy, and a row of the gradient is read and written once.
"""

from typing import no_type_check

from numba import njit

from rankfall.kernels.lanes import LANES, add_multiple, load, read, store, zeros


@njit(cache=True, error_model="numpy")
@no_type_check
def combined(count, at, rows, factors, first, stride, tag):
    """Σ_r factor_r · row r, the rows from `at`, for four lists of factors from `first`, `stride` apart."""
    width = len(tag) * LANES
    one, two, three, four = zeros(rows, tag), zeros(rows, tag), zeros(rows, tag), zeros(rows, tag)
    for r in range(count):
        row = load(rows, at + r * width, tag)
        one = add_multiple(one, read(factors, first + r), row)
        two = add_multiple(two, read(factors, first + stride + r), row)
        three = add_multiple(three, read(factors, first + 2 * stride + r), row)
        four = add_multiple(four, read(factors, first + 3 * stride + r), row)
    return one, two, three, four


@njit(cache=True, error_model="numpy")
@no_type_check
def add_products(count, at, products, first, stride, downs, pulled, tag):
    """Add h_r · down to row r of `pulled` for four entries: h from `first`, `stride` apart, of `products`."""
    width = len(tag) * LANES
    one, two = load(downs, first, tag), load(downs, first + stride, tag)
    three, four = load(downs, first + 2 * stride, tag), load(downs, first + 3 * stride, tag)
    for r in range(count):
        row = load(pulled, at + r * width, tag)
        row = add_multiple(row, read(products, first + r), one)
        row = add_multiple(row, read(products, first + stride + r), two)
        row = add_multiple(row, read(products, first + 2 * stride + r), three)
        row = add_multiple(row, read(products, first + 3 * stride + r), four)
        store(pulled, at + r * width, row)

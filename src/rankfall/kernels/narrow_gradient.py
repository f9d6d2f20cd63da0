"""Loss and velocity of one narrow chain in one compiled call.

A narrow chain is limited by calls and by short rows, not by arithmetic. Its weights are packed: every layer as rows of
S = 8 B numbers, S at least the largest hidden width, the rest zeros, which stay zeros along the flow. W_1 is packed
transposed, so that every row has a hidden width:

    R = W_1ᵀ,    L_2 = W_2,    L_j = W_j L_{j−1},    W = L_N Rᵀ
    −Ẇ_1ᵀ = Gᵀ L_N,    D_N = G R,    −Ẇ_j = D_j L_{j−1}ᵀ,    D_{j−1} = W_jᵀ D_j,    −Ẇ_2 = D_2

One pass over the entries, row by row, forms each residual and adds to G R and to Gᵀ L. One thread does it in a fixed
order, so that the bits do not depend on how many there are; nothing of size m·n or |Ω|·k is formed.
"""

from typing import no_type_check

import numpy as np

from rankfall.kernels.entry_costs import SQUARED, cost_and_pull
from rankfall.kernels.inner import inner
from rankfall.kernels.lanes import add_multiple, dot, load, read, stay_apart, store, write, zeros


@inner
@no_type_check
def pack(dimensions, width, flat, packed):
    """The flat vector of layers, W_1 first, as rows of `width` numbers."""
    stay_apart()
    for i in range(packed.size):
        packed[i] = 0
    n, first = dimensions[0], dimensions[1]
    for q in range(first):
        for j in range(n):
            write(packed, j * width + q, read(flat, q * n + j))
    here, there = n * first, n * width
    for layer in range(2, dimensions.size):
        for _ in range(dimensions[layer]):
            for q in range(dimensions[layer - 1]):
                write(packed, there + q, read(flat, here + q))
            here, there = here + dimensions[layer - 1], there + width


@inner
@no_type_check
def unpack(dimensions, width, packed, flat):
    """The inverse of `pack`."""
    stay_apart()
    n, first = dimensions[0], dimensions[1]
    for q in range(first):
        for j in range(n):
            write(flat, q * n + j, read(packed, j * width + q))
    here, there = n * first, n * width
    for layer in range(2, dimensions.size):
        for _ in range(dimensions[layer]):
            for q in range(dimensions[layer - 1]):
                write(flat, here + q, read(packed, there + q))
            here, there = here + dimensions[layer - 1], there + width


@inner
@no_type_check
def _entries(lists, table, loss, width, left, at_left, right, row_pulls, column_pulls, tag):
    """ℓ; −G R to `row_pulls` and −Gᵀ L to `column_pulls`."""
    stay_apart()
    starts, columns, values, shares = lists
    kind, parameter = loss
    for j in range(0, column_pulls.size, width):
        store(column_pulls, j, zeros(left, tag))
    total = 0.0
    for i in range(starts.shape[1] - 1):
        row, pulled = load(left, at_left + i * width, tag), zeros(left, tag)
        for entry in range(starts[table, i], starts[table, i + 1]):
            place = read(columns, entry) * width
            other = load(right, place, tag)
            predicted, share = dot(row, other), read(shares, entry)
            if kind == SQUARED:
                residual = predicted - read(values, entry)
                pull = -share * residual
                total -= pull * residual
            else:
                cost, slope = cost_and_pull(kind, parameter, predicted, values[entry])
                pull = -share * left.dtype.type(slope)
                total += share * cost
            pulled = add_multiple(pulled, pull, other)
            store(column_pulls, place, add_multiple(load(column_pulls, place, tag), pull, row))
        store(row_pulls, i * width, pulled)
    return 0.5 * total


@inner
@no_type_check
def _multiply(count, inner, width, a, at_a, down, across, x, at_x, out, at_out, tag):
    """out[i] = Σ_q a[i·down + q·across] x[q], rows of `width` numbers; four rows at a time share their reads of x."""
    stay_apart()
    whole = count - count % 4
    for i in range(0, whole, 4):
        at = at_a + i * down
        first = zeros(x, tag)
        second, third, fourth = first, first, first
        for q in range(inner):
            row = load(x, at_x + q * width, tag)
            first = add_multiple(first, read(a, at), row)
            second = add_multiple(second, read(a, at + down), row)
            third = add_multiple(third, read(a, at + 2 * down), row)
            fourth = add_multiple(fourth, read(a, at + 3 * down), row)
            at += across
        place = at_out + i * width
        store(out, place, first)
        store(out, place + width, second)
        store(out, place + 2 * width, third)
        store(out, place + 3 * width, fourth)
    for i in range(whole, count):
        at = at_a + i * down
        first = zeros(x, tag)
        for q in range(inner):
            first = add_multiple(first, read(a, at), load(x, at_x + q * width, tag))
            at += across
        store(out, at_out + i * width, first)


@inner
@no_type_check
def velocity(dimensions, lists, table, loss, rates, decay, width, weights, out, work, tag):
    """ℓ of packed weights, and Ẇ_j = −α_j (∂φ/∂W_j + λ W_j), packed, to `out`; `rates` α may be empty for ones."""
    stay_apart()
    depth, n = dimensions.size - 1, dimensions[0]
    # literals would make loops of their own
    none, one = np.int64(0), np.int64(1)
    # `products` holds L_3 … L_N, `pulls` two places for D_j, `turned` L_{j−1}ᵀ
    right = weights[: n * width]
    layer, product, at_product = n * width, weights, n * width
    free = none
    for j in range(3, depth + 1):
        layer += dimensions[j - 1] * width
        _multiply(
            dimensions[j], dimensions[j - 1], width, weights, layer, width, one, product, at_product, work, free, tag
        )  # fmt: skip
        product, at_product = work, free
        free += dimensions[j] * width
    top = (dimensions[depth] if dimensions[depth] > width else width) * width
    pulls = work[free : free + top]
    value = _entries(lists, table, loss, width, product, at_product, right, pulls, out[: n * width], tag)
    free += top
    other, turned = work[free : free + width * width], work[free + width * width : free + 2 * width * width]
    for j in range(depth, 2, -1):
        below, inner = dimensions[j - 1], dimensions[1]
        if j > 3:
            at_product -= dimensions[j - 1] * width
        else:
            product, at_product = weights, n * width
        for i in range(width * width):
            turned[i] = 0
        for q in range(below):
            for r in range(inner):
                write(turned, r * width + q, read(product, at_product + q * width + r))
        _multiply(dimensions[j], inner, width, pulls, none, width, one, turned, none, out, layer, tag)
        _multiply(below, dimensions[j], width, weights, layer, one, width, pulls, none, other, none, tag)
        layer -= below * width
        pulls, other = other, pulls
    for i in range(dimensions[2] * width):
        out[layer + i] = pulls[i]
    if decay != 0 or rates.size:
        _scale(dimensions, rates, decay, width, weights, out)
    return value


@inner
@no_type_check
def _scale(dimensions, rates, decay, width, weights, out):
    """Ẇ_j ← α_j (Ẇ_j − λ W_j)."""
    stay_apart()
    begin = 0
    for j in range(1, dimensions.size):
        end = begin + (dimensions[0] if j == 1 else dimensions[j]) * width
        rate = rates[j - 1] if rates.size else 1.0
        for i in range(begin, end):
            out[i] = rate * (out[i] - decay * weights[i])
        begin = end


def packed_size(dimensions: np.ndarray, width: int) -> int:
    """How many numbers the packed weights are."""
    return int(dimensions[0] + dimensions[2:].sum()) * width


def work_size(dimensions: np.ndarray, width: int) -> int:
    """How many numbers `velocity` needs to work with."""
    return int(dimensions[3:].sum() + max(dimensions[-1], width) + 2 * width) * width

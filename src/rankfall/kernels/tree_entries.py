"""Entries of a tree of matrices, and the way back, compiled and deterministic.

    leaf of mode n:   h = W[i_n, :]            inner node:   h = Wᵀ (h_1 ∘ ⋯ ∘ h_k) over its k children
    W_i = h of the root

Nodes are numbered children first, the root last. Rows of the matrices, filled up with zeros to 8 B numbers, are values
of the loops (`lanes`); the matrix of the root, a column, is kept as a row. `tensor_chunks` says why threads change no
bit.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.entry_terms import EntryTerms, cost_and_slope
from rankfall.kernels.four_rows import add_products, combined
from rankfall.kernels.inner import aligned
from rankfall.kernels.lanes import (
    LANES,
    add,
    add_multiple,
    aligned_zeros,
    dot,
    load,
    multiple,
    read,
    stay_apart,
    store,
    times,
)
from rankfall.kernels.tensor_chunks import WORTH_THREADS, chunk_bounds, job_bounds
from rankfall.kernels.threads import share_out
from rankfall.kernels.tree_nodes import Nodes, PackedTree
from rankfall.kernels.tree_of_three import gradient_of_three


@njit(cache=True, error_model="numpy")
@no_type_check
def _combine(count, at, rows, factors, first, stride, out, tag):
    """Σ_r factor_r · row r, the rows from `at`, to `out`; for four lists of factors from `first`, `stride` apart."""
    one, two, three, four = combined(count, at, rows, factors, first, stride, tag)
    store(out, first, one)
    store(out, first + stride, two)
    store(out, first + 2 * stride, three)
    store(out, first + 3 * stride, four)


@njit(cache=True, error_model="numpy")
@no_type_check
def _climb(e, last, positions, table, matrices, products, outputs, predicted, tag):
    """products[g, v] = h_1 ∘ ⋯ ∘ h_k at each inner node, outputs[g, v] = h at each other one, and W; g four entries.

    They begin with e; those behind the last one are the last one again.
    """
    width, root = len(tag) * LANES, table.shape[1] - 1
    stride = (root + 1) * width
    for v in range(root):
        at, above = v * width, table[0, v] * width
        if table[1, v] >= 0:
            for g in range(4):
                row = table[3, v] + positions[table[1, v], min(e + g, last)] * width
                store(outputs, g * stride + at, load(matrices, row, tag))
        else:
            _combine(table[2, v], table[3, v], matrices, products, at, stride, outputs, tag)
        for g in range(0, 4 * stride, stride):
            found = load(outputs, g + at, tag)
            store(products, g + above, found if table[4, v] else times(load(products, g + above, tag), found))
    row = load(matrices, table[3, root], tag)
    for g in range(4):
        predicted[g] = dot(load(products, g * stride + root * width, tag), row)


@njit(cache=True, error_model="numpy")
@no_type_check
def _values(begin, end, positions, table, matrices, predicted, tag):
    stay_apart()
    size = 4 * table.shape[1] * len(tag) * LANES
    products, outputs = aligned(size, matrices), aligned(size, matrices)
    four = np.empty(4, matrices.dtype)
    for e in range(begin, end, 4):
        _climb(e, end - 1, positions, table, matrices, products, outputs, four, tag)
        for g in range(min(4, end - e)):
            predicted[e + g] = four[g]


@njit(cache=True, error_model="numpy")
@no_type_check
def _gradient(
    begin, end, positions, table, siblings, matrices, values, weights, share, kind, parameter, pulled, tag
):  # fmt: skip
    """½ ∂ℓ/∂matrices of the entries to `pulled`; what they add to ℓ."""
    stay_apart()
    count, width, total = table.shape[1], len(tag) * LANES, 0.0
    root, stride = count - 1, count * width
    products, outputs = aligned(4 * stride, matrices), aligned(4 * stride, matrices)
    # what comes down to each node, and to the product of its children
    downs, below = aligned(4 * stride, matrices), aligned(4 * stride, matrices)
    predicted = np.empty(4, matrices.dtype)
    for e in range(begin, end, 4):
        _climb(e, end - 1, positions, table, matrices, products, outputs, predicted, tag)
        at = table[3, root]
        row, sums = load(matrices, at, tag), load(pulled, at, tag)
        for g in range(4):
            place, cost, slope = g * stride + root * width, 0.0, 0.0
            if e + g < end:
                weight = share * read(weights, e + g) if weights.size > 0 else share
                cost, slope = cost_and_slope(kind, parameter, predicted[g], read(values, e + g), weight)
            total += cost
            pull = matrices.dtype.type(slope)
            sums = add_multiple(sums, pull, load(products, place, tag))
            store(below, place, multiple(pull, row))
        store(pulled, at, sums)
        for v in range(root - 1, -1, -1):
            parent, at = table[0, v], v * width
            for g in range(0, 4 * stride, stride):
                down = load(below, g + parent * width, tag)
                for s in range(table[6, v], table[6, v + 1]):
                    down = times(down, load(outputs, g + siblings[s] * width, tag))
                store(downs, g + at, down)
            if table[1, v] >= 0:
                for g in range(4):
                    row = table[3, v] + positions[table[1, v], min(e + g, end - 1)] * width
                    store(pulled, row, add(load(pulled, row, tag), load(downs, g * stride + at, tag)))
            else:
                add_products(table[2, v], table[3, v], products, at, stride, downs, pulled, tag)
                _combine(table[7, v], table[5, v], matrices, downs, at, stride, below, tag)
    return total


@njit(cache=True)
@no_type_check
def _chunk(job, chunks, positions, table, siblings, three, matrices, terms, pulled, losses, tag):
    values, weights, shares, kind, parameter = terms
    count = chunks.size - 1
    b, c = job // count, job % count
    begin, end, share = chunks[c], chunks[c + 1], shares[b if shares.size > 1 else 0]
    own, shared = values[b if values.shape[0] > 1 else 0], weights[b if weights.shape[0] > 1 else 0]
    if three[0] >= 0:
        losses[b, c] = gradient_of_three(
            begin, end, positions, table, three, matrices[b], own, shared, share, kind, parameter, pulled[b, c], tag
        )
    else:
        losses[b, c] = _gradient(
            begin, end, positions, table, siblings, matrices[b], own, shared, share, kind, parameter, pulled[b, c], tag
        )


@njit(cache=True, nogil=True)
@no_type_check
def _gradients(begin, end, chunks, positions, table, siblings, three, matrices, terms, pulled, losses, tag):
    for job in range(begin, end):
        _chunk(job, chunks, positions, table, siblings, three, matrices, terms, pulled, losses, tag)


@njit(cache=True, nogil=True)
@no_type_check
def _all_values(begin, end, chunks, positions, table, matrices, predicted, tag):
    count = chunks.size - 1
    for job in range(begin, end):
        b, c = job // count, job % count
        _values(chunks[c], chunks[c + 1], positions, table, matrices[b], predicted[b], tag)


def values(positions: np.ndarray, nodes: Nodes, layers: list[np.ndarray]) -> np.ndarray:
    """W at `positions` (N, entries), (batch, entries), from the matrix of each node (batch, rows, cols)."""
    tree = PackedTree.of(nodes, layers)
    batch, count = tree.matrices.shape[0], positions.shape[1]
    predicted = np.empty((batch, count), tree.matrices.dtype)
    chunks = chunk_bounds(count, nodes.work, 1, batch)
    share_out(
        _all_values, job_bounds(chunks, batch), chunks, positions, tree.table, tree.matrices, predicted, tree.tag,
        alone=predicted.size * nodes.work < WORTH_THREADS,
    )  # fmt: skip
    return predicted


def adjoint(positions: np.ndarray, nodes: Nodes, layers: list[np.ndarray], slopes: np.ndarray) -> list[np.ndarray]:
    """∂/∂layers of Σ_e slopes_e W_e; slopes (batch, entries)."""
    return _pulled(positions, nodes, layers, EntryTerms.given(slopes.astype(layers[0].dtype, copy=False)))[1]


def loss_and_gradient(
    positions: np.ndarray, nodes: Nodes, layers: list[np.ndarray], terms: EntryTerms
) -> tuple[np.ndarray, list[np.ndarray]]:
    """ℓ (batch,) and ∂ℓ/∂layers."""
    losses, pulls = _pulled(positions, nodes, layers, terms)
    return losses.astype(layers[0].dtype), [2 * pull for pull in pulls]


def _pulled(
    positions: np.ndarray, nodes: Nodes, layers: list[np.ndarray], terms: EntryTerms
) -> tuple[np.ndarray, list[np.ndarray]]:
    """ℓ of each run, and ½ ∂ℓ/∂layers."""
    tree = PackedTree.of(nodes, layers)
    batch, count = tree.matrices.shape[0], positions.shape[1]
    chunks = chunk_bounds(count, nodes.work, nodes.size, batch)
    pulled = aligned_zeros((batch, chunks.size - 1, tree.size), tree.matrices.dtype)
    losses = np.empty(pulled.shape[:2])
    share_out(
        _gradients, job_bounds(chunks, batch), chunks, positions, tree.table, tree.siblings, nodes.three, tree.matrices,
        terms.arrays, pulled, losses, tree.tag, alone=batch * count * nodes.work < WORTH_THREADS,
    )  # fmt: skip
    return losses.sum(axis=1), tree.unpacked(pulled.sum(axis=1) if chunks.size > 2 else pulled[:, 0])

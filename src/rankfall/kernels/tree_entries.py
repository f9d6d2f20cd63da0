"""Entries of a tree of matrices, and the way back, compiled and deterministic.

    leaf of mode n:   h = W[i_n, :]            inner node:   h = Wᵀ (h_1 ∘ ⋯ ∘ h_k) over its k children
    W_i = h of the root

Nodes are numbered children first, the root last. Rows of the matrices, filled up with zeros to 8 B numbers, are values
of the loops (`lanes`); the matrix of the root, a column, is kept as a row. `tensor_chunks` says why threads change no
bit.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from numba import njit, prange

from rankfall.kernels.entry_terms import EntryTerms, cost_and_slope
from rankfall.kernels.lanes import (
    LANES,
    add_multiple,
    aligned_zeros,
    dot,
    load,
    multiple,
    read,
    stay_apart,
    store,
    tag_of,
    times,
    write,
    zeros,
)
from rankfall.kernels.tensor_chunks import WORTH_THREADS, chunk_bounds


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of a tree as the loops read them: one integer a node.

    `parents[v]` is −1 for the root; `modes[v]` is the axis of a leaf and −1 for an inner node. The matrix of node v is
    (rows[v], cols[v]).
    """

    parents: np.ndarray
    modes: np.ndarray
    rows: np.ndarray
    cols: np.ndarray

    @property
    def work(self) -> int:
        """Multiplications of an entry."""
        return int(np.sum(np.where(self.modes < 0, self.rows, 1) * self.cols))

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(self.rows @ self.cols)


@njit(cache=True, error_model="numpy")
@no_type_check
def _climb(e, positions, table, matrices, products, outputs, tag):
    """products[v] = h_1 ∘ ⋯ ∘ h_k at each inner node v, outputs[v] = h at each node but the root; W_e."""
    width, root = len(tag) * LANES, table.shape[1] - 1
    # table: parents, modes, rows, offsets, and whether a node is the first of its siblings
    for v in range(root):
        if table[1, v] >= 0:
            found = load(matrices, table[3, v] + positions[table[1, v], e] * width, tag)
        else:
            found = zeros(matrices, tag)
            for r in range(table[2, v]):
                share = read(products, v * width + r)
                found = add_multiple(found, share, load(matrices, table[3, v] + r * width, tag))
        store(outputs, v * width, found)
        above = table[0, v] * width
        store(products, above, found if table[4, v] else times(load(products, above, tag), found))
    return dot(load(products, root * width, tag), load(matrices, table[3, root], tag))


@njit(cache=True, error_model="numpy")
@no_type_check
def _values(begin, end, positions, table, matrices, predicted, tag):
    stay_apart()
    size = table.shape[1] * len(tag) * LANES
    products, outputs = np.zeros(size, matrices.dtype), np.zeros(size, matrices.dtype)
    for e in range(begin, end):
        predicted[e] = _climb(e, positions, table, matrices, products, outputs, tag)


@njit(cache=True, error_model="numpy")
@no_type_check
def _gradient(begin, end, positions, table, matrices, values, weights, share, kind, parameter, pulled, tag):
    """½ ∂ℓ/∂matrices of the entries to `pulled`; what they add to ℓ."""
    stay_apart()
    count, width, total = table.shape[1], len(tag) * LANES, 0.0
    root = count - 1
    products, outputs = np.zeros(count * width, matrices.dtype), np.zeros(count * width, matrices.dtype)
    # what comes down to the product of the children of each inner node
    below = np.zeros(count * width, matrices.dtype)
    for e in range(begin, end):
        predicted = _climb(e, positions, table, matrices, products, outputs, tag)
        weight = share * read(weights, e) if weights.size > 0 else share
        cost, slope = cost_and_slope(kind, parameter, predicted, read(values, e), weight)
        total += cost
        pull, at = matrices.dtype.type(slope), table[3, root]
        store(pulled, at, add_multiple(load(pulled, at, tag), pull, load(products, root * width, tag)))
        store(below, root * width, multiple(pull, load(matrices, at, tag)))
        for v in range(root - 1, -1, -1):
            parent = table[0, v]
            down = load(below, parent * width, tag)
            for sibling in range(root):
                if sibling != v and table[0, sibling] == parent:
                    down = times(down, load(outputs, sibling * width, tag))
            if table[1, v] >= 0:
                at = table[3, v] + positions[table[1, v], e] * width
                store(pulled, at, add_multiple(load(pulled, at, tag), matrices.dtype.type(1), down))
                continue
            for r in range(table[2, v]):
                at = table[3, v] + r * width
                store(pulled, at, add_multiple(load(pulled, at, tag), read(products, v * width + r), down))
                write(below, v * width + r, dot(load(matrices, at, tag), down))
    return total


@njit(cache=True)
@no_type_check
def _chunk(job, chunks, positions, table, matrices, terms, pulled, losses, tag):
    values, weights, shares, kind, parameter = terms
    count = chunks.size - 1
    b, c = job // count, job % count
    losses[b, c] = _gradient(
        chunks[c], chunks[c + 1], positions, table, matrices[b], values[b if values.shape[0] > 1 else 0],
        weights[b if weights.shape[0] > 1 else 0], shares[b if shares.size > 1 else 0], kind, parameter, pulled[b, c],
        tag,
    )  # fmt: skip


@njit(cache=True)
@no_type_check
def _serial_gradients(chunks, positions, table, matrices, terms, pulled, losses, tag):
    for job in range(matrices.shape[0] * (chunks.size - 1)):
        _chunk(job, chunks, positions, table, matrices, terms, pulled, losses, tag)


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_gradients(chunks, positions, table, matrices, terms, pulled, losses, tag):
    for job in prange(matrices.shape[0] * (chunks.size - 1)):
        _chunk(job, chunks, positions, table, matrices, terms, pulled, losses, tag)


@njit(cache=True)
@no_type_check
def _serial_values(chunks, positions, table, matrices, predicted, tag):
    for b in range(matrices.shape[0]):
        _values(0, positions.shape[1], positions, table, matrices[b], predicted[b], tag)


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_values(chunks, positions, table, matrices, predicted, tag):
    count = chunks.size - 1
    for job in prange(matrices.shape[0] * count):
        b, c = job // count, job % count
        _values(chunks[c], chunks[c + 1], positions, table, matrices[b], predicted[b], tag)


def values(positions: np.ndarray, nodes: Nodes, layers: list[np.ndarray]) -> np.ndarray:
    """W at `positions` (N, entries), (batch, entries), from the matrix of each node (batch, rows, cols)."""
    table, packed, tag = _packed(nodes, layers)
    predicted = np.empty((packed.shape[0], positions.shape[1]), packed.dtype)
    chunks = chunk_bounds(positions.shape[1], nodes.work, 1, packed.shape[0])
    is_small = predicted.size * nodes.work < WORTH_THREADS
    (_serial_values if is_small else _parallel_values)(chunks, positions, table, packed, predicted, tag)
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
    table, packed, tag = _packed(nodes, layers)
    chunks = chunk_bounds(positions.shape[1], nodes.work, nodes.size, packed.shape[0])
    pulled = aligned_zeros((packed.shape[0], chunks.size - 1, packed.shape[1]), packed.dtype)
    losses = np.empty(pulled.shape[:2])
    is_small = packed.shape[0] * positions.shape[1] * nodes.work < WORTH_THREADS
    run = _serial_gradients if is_small else _parallel_gradients
    run(chunks, positions, table, packed, terms.arrays, pulled, losses, tag)
    summed = pulled.sum(axis=1) if chunks.size > 2 else pulled[:, 0]
    width, pulls = LANES * len(tag), []
    for v, (rows, cols, begin) in enumerate(zip(nodes.rows, nodes.cols, table[3], strict=True)):
        is_root = v == nodes.parents.size - 1
        part = summed[:, begin : begin + (1 if is_root else rows) * width].reshape(packed.shape[0], -1, width)
        pulls.append(part[..., :rows].mT if is_root else part[..., :cols])
    return losses.sum(axis=1), pulls


def _packed(nodes: Nodes, layers: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """The table of nodes, all matrices with zeros up to the width of a row, and the tag of that width."""
    inner = nodes.modes < 0
    tag = tag_of(int(max(nodes.cols.max(), nodes.rows[inner].max())))
    width = LANES * len(tag)
    parts = [layer.mT if v == len(layers) - 1 else layer for v, layer in enumerate(layers)]
    sizes = [part.shape[1] * width for part in parts]
    packed = aligned_zeros((parts[0].shape[0], sum(sizes)), parts[0].dtype)
    offsets = np.cumsum([0, *sizes])[:-1]
    for part, begin, size in zip(parts, offsets, sizes, strict=True):
        packed[:, begin : begin + size].reshape(*part.shape[:-1], width)[..., : part.shape[-1]] = part
    firsts = [v == int(np.flatnonzero(nodes.parents == parent)[0]) for v, parent in enumerate(nodes.parents)]
    table = np.stack([nodes.parents, nodes.modes, nodes.rows, offsets, np.asarray(firsts)]).astype(np.int64)
    return table, packed, tag

"""Entries of a train, W_i = G_1[i_1] G_2[i_2] ⋯ G_N[i_N], and the way back, compiled and deterministic.

    ∂/∂G_n[j] = Σ_{i: i_n = j} λ_i (G_1[i_1] ⋯ G_{n−1}[i_{n−1}])ᵀ (G_{n+1}[i_{n+1}] ⋯ G_N[i_N])ᵀ

Core n holds (d_n, r_{n−1}, r_n), one matrix for each index. Its rows, filled up with zeros to 8 B numbers, are values
of the loops (`lanes`); the last core, whose matrices are columns, is kept as rows. An entry is a row of numbers passed
along the train, forth and back. `tensor_chunks` says why threads change no bit.
"""

import math
from typing import no_type_check

import numpy as np
from numba import njit

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
    write,
    zeros,
)
from rankfall.kernels.tensor_chunks import WORTH_THREADS, chunk_bounds, job_bounds
from rankfall.kernels.threads import share_out

_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, error_model="numpy")
@no_type_check
def _pass_forth(e, positions, offsets, ranks, cores, lefts, tag):
    """lefts[n] = G_1[i_1] ⋯ G_n[i_n] for n < N, from lefts[0] = 1; what it gives is W_e."""
    width, last = len(tag) * LANES, offsets.size - 1
    for n in range(last):
        at = offsets[n] + positions[n, e] * ranks[n] * width
        passed = zeros(cores, tag)
        for a in range(ranks[n]):
            passed = add_multiple(passed, read(lefts, n * width + a), load(cores, at + a * width, tag))
        store(lefts, (n + 1) * width, passed)
    return dot(load(lefts, last * width, tag), load(cores, offsets[last] + positions[last, e] * width, tag))


@njit(cache=True, error_model="numpy")
@no_type_check
def _values(begin, end, positions, offsets, ranks, cores, predicted, tag):
    stay_apart()
    lefts = np.ones(offsets.size * len(tag) * LANES, cores.dtype)
    for e in range(begin, end):
        predicted[e] = _pass_forth(e, positions, offsets, ranks, cores, lefts, tag)


@njit(cache=True, error_model="numpy")
@no_type_check
def _gradient(
    begin, end, positions, offsets, ranks, cores, values, weights, share, kind, parameter, pulled, tag
):  # fmt: skip
    """½ ∂ℓ/∂cores of the entries to `pulled`; what they add to ℓ."""
    stay_apart()
    width, last, total = len(tag) * LANES, offsets.size - 1, 0.0
    lefts, rights = np.ones(offsets.size * width, cores.dtype), np.zeros(width, cores.dtype)
    for e in range(begin, end):
        predicted = _pass_forth(e, positions, offsets, ranks, cores, lefts, tag)
        weight = share * read(weights, e) if weights.size > 0 else share
        cost, slope = cost_and_slope(kind, parameter, predicted, read(values, e), weight)
        total += cost
        pull = cores.dtype.type(slope)
        at = offsets[last] + positions[last, e] * width
        store(pulled, at, add_multiple(load(pulled, at, tag), pull, load(lefts, last * width, tag)))
        right = multiple(pull, load(cores, at, tag))
        for n in range(last - 1, -1, -1):
            at = offsets[n] + positions[n, e] * ranks[n] * width
            for a in range(ranks[n]):
                row = at + a * width
                store(pulled, row, add_multiple(load(pulled, row, tag), read(lefts, n * width + a), right))
                if n > 0:
                    write(rights, a, dot(load(cores, row, tag), right))
            if n > 0:
                for a in range(ranks[n], width):
                    write(rights, a, cores.dtype.type(0))
                right = load(rights, 0, tag)
    return total


@njit(cache=True)
@no_type_check
def _chunk(job, chunks, positions, offsets, ranks, cores, terms, pulled, losses, tag):
    values, weights, shares, kind, parameter = terms
    count = chunks.size - 1
    b, c = job // count, job % count
    losses[b, c] = _gradient(
        chunks[c], chunks[c + 1], positions, offsets, ranks, cores[b], values[b if values.shape[0] > 1 else 0],
        weights[b if weights.shape[0] > 1 else 0], shares[b if shares.size > 1 else 0], kind, parameter, pulled[b, c],
        tag,
    )  # fmt: skip


@njit(cache=True, nogil=True)
@no_type_check
def _gradients(begin, end, chunks, positions, offsets, ranks, cores, terms, pulled, losses, tag):
    for job in range(begin, end):
        _chunk(job, chunks, positions, offsets, ranks, cores, terms, pulled, losses, tag)


@njit(cache=True, nogil=True)
@no_type_check
def _all_values(begin, end, chunks, positions, offsets, ranks, cores, predicted, tag):
    count = chunks.size - 1
    for job in range(begin, end):
        b, c = job // count, job % count
        _values(chunks[c], chunks[c + 1], positions, offsets, ranks, cores[b], predicted[b], tag)


@njit(cache=True, nogil=True, fastmath=_FAST)
@no_type_check
def _features(begin, end, layer, positions, offsets, ranks, weights, found):
    order, widest = offsets.size, ranks.max()
    left, right, moved = np.empty(widest), np.empty(widest), np.empty(widest)
    for e in range(begin, end):
        left[0] = right[0] = 1
        for n in range(layer):
            rows, cols = ranks[n], ranks[n + 1]
            at = offsets[n] + positions[n, e] * rows * cols
            for b in range(cols):
                moved[b] = 0
            for a in range(rows):
                share = left[a]
                for b in range(cols):
                    moved[b] += share * weights[at + a * cols + b]
            for b in range(cols):
                left[b] = moved[b]
        for n in range(order - 1, layer, -1):
            rows, cols = ranks[n], ranks[n + 1]
            at = offsets[n] + positions[n, e] * rows * cols
            for a in range(rows):
                total = 0.0
                for b in range(cols):
                    total += weights[at + a * cols + b] * right[b]
                moved[a] = total
            for a in range(rows):
                right[a] = moved[a]
        cols = ranks[layer + 1]
        for a in range(ranks[layer]):
            for b in range(cols):
                found[e, a * cols + b] = left[a] * right[b]


def features(
    layer: int, positions: np.ndarray, offsets: np.ndarray, ranks: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """(G_1 ⋯ G_{n−1})ᵀ (G_{n+1} ⋯ G_N)ᵀ of each entry, n the layer, flattened: (entries, r_{n−1} r_n), float64."""
    found = np.empty((positions.shape[1], ranks[layer] * ranks[layer + 1]))
    work = int(ranks[:-1] @ ranks[1:])
    chunks = chunk_bounds(positions.shape[1], work, 1, 1)
    share_out(
        _features, chunks, layer, positions, offsets, ranks, np.asarray(weights, np.float64), found,
        alone=positions.shape[1] * work < WORTH_THREADS,
    )  # fmt: skip
    return found


def values(positions: np.ndarray, cores: list[np.ndarray]) -> np.ndarray:
    """W at `positions` (N, entries), (batch, entries); core n (batch, d_n, r_{n−1}, r_n), r_0 = r_N = 1."""
    offsets, ranks, packed, tag = _packed(cores)
    runs, work = packed.shape[0], int(ranks[:-1] @ ranks[1:])
    predicted = np.empty((runs, positions.shape[1]), packed.dtype)
    chunks = chunk_bounds(positions.shape[1], work, 1, runs)
    share_out(
        _all_values, job_bounds(chunks, runs), chunks, positions, offsets, ranks, packed, predicted, tag,
        alone=predicted.size * work < WORTH_THREADS,
    )  # fmt: skip
    return predicted


def adjoint(positions: np.ndarray, cores: list[np.ndarray], slopes: np.ndarray) -> list[np.ndarray]:
    """∂/∂cores of Σ_e slopes_e W_e; slopes (batch, entries)."""
    return _pulled(positions, cores, EntryTerms.given(slopes.astype(cores[0].dtype, copy=False)))[1]


def loss_and_gradient(
    positions: np.ndarray, cores: list[np.ndarray], terms: EntryTerms
) -> tuple[np.ndarray, list[np.ndarray]]:
    """ℓ (batch,) and ∂ℓ/∂cores."""
    losses, pulls = _pulled(positions, cores, terms)
    return losses.astype(cores[0].dtype), [2 * pull for pull in pulls]


def _pulled(positions: np.ndarray, cores: list[np.ndarray], terms: EntryTerms) -> tuple[np.ndarray, list[np.ndarray]]:
    """ℓ of each run, and ½ ∂ℓ/∂cores."""
    offsets, ranks, packed, tag = _packed(cores)
    runs, work = packed.shape[0], int(ranks[:-1] @ ranks[1:])
    chunks = chunk_bounds(positions.shape[1], work, sum(core[0].size for core in cores), runs)
    pulled = aligned_zeros((runs, chunks.size - 1, packed.shape[1]), packed.dtype)
    losses = np.empty((runs, chunks.size - 1))
    share_out(
        _gradients, job_bounds(chunks, runs), chunks, positions, offsets, ranks, packed, terms.arrays, pulled, losses,
        tag, alone=runs * positions.shape[1] * work < WORTH_THREADS,
    )  # fmt: skip
    summed = pulled.sum(axis=1) if chunks.size > 2 else pulled[:, 0]
    return losses.sum(axis=1), _unpacked(summed, cores, len(tag) * LANES)


def _packed(cores: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]:
    """Where each core begins, r_0 … r_N, all cores with zeros up to the width of a row, and the tag of that width."""
    ranks = np.asarray([core.shape[-2] for core in cores] + [1])
    tag = tag_of(int(ranks.max()))
    width = LANES * len(tag)
    rows = [core if n < len(cores) - 1 else core.mT for n, core in enumerate(cores)]
    sizes = [math.prod(row.shape[1:-1]) * width for row in rows]
    packed = aligned_zeros((rows[0].shape[0], sum(sizes)), rows[0].dtype)
    offsets = np.cumsum([0, *sizes])[:-1]
    for row, begin, size in zip(rows, offsets, sizes, strict=True):
        packed[:, begin : begin + size].reshape(*row.shape[:-1], width)[..., : row.shape[-1]] = row
    return offsets, ranks, packed, tag


def _unpacked(packed: np.ndarray, cores: list[np.ndarray], width: int) -> list[np.ndarray]:
    """The inverse of `_packed`."""
    found, begin = [], 0
    for n, core in enumerate(cores):
        runs, side, rows, cols = core.shape
        is_last = n == len(cores) - 1
        size = side * (1 if is_last else rows) * width
        part = packed[:, begin : begin + size].reshape(runs, side, -1, width)
        found.append(part[..., :rows].mT if is_last else part[..., :cols])
        begin += size
    return found

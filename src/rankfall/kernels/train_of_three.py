"""Loss and gradient of a train of three axes from entries that are sorted by the middle one.

    W = uᵀ G v,    G = G_2[j], u = G_1[i], vᵀ = G_3[k],        ∂ℓ/∂G = Σ λ u vᵀ,  ∂ℓ/∂u = Σ λ G v,  ∂ℓ/∂v = Σ λ Gᵀ u

A slice of the middle core is the same for all entries of one j: it stays in the nearest cache with its transpose and
its gradient, and four entries share each row of it (`four_rows`). A chunk holds whole slices, so that their gradients
need no copy; `tensor_chunks` says why threads change no bit.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.entry_terms import EntryTerms, cost_and_slope
from rankfall.kernels.four_rows import add_products, combined
from rankfall.kernels.inner import aligned
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
)
from rankfall.kernels.tensor_chunks import WORTH_THREADS, chunk_bounds, job_bounds
from rankfall.kernels.threads import share_out


@njit(cache=True, error_model="numpy")
@no_type_check
def _slice(
    begin, end, positions, outer, middle, transpose, counts, third, values, weights, share, kind, parameter, pulled,
    slices, lefts, downs, places, tag,
):  # fmt: skip
    """½ ∂ℓ/∂cores of the entries of one slice to `pulled` and `slices`; what they add to ℓ."""
    stay_apart()
    width, total, number = len(tag) * LANES, 0.0, outer.dtype.type
    for e in range(begin, end, 4):
        for g in range(4):
            at = min(e + g, end - 1)
            places[g], places[4 + g] = positions[0, at] * width, third + positions[2, at] * width
            store(lefts, g * width, load(outer, places[g], tag))
        products = combined(counts[0], 0, middle, lefts, 0, width, tag)
        for g in range(4):
            place, cost, slope = places[4 + g], 0.0, 0.0
            right = load(outer, place, tag)
            if e + g < end:
                weight = share * read(weights, e + g) if weights.size > 0 else share
                cost, slope = cost_and_slope(kind, parameter, dot(products[g], right), read(values, e + g), weight)
            total += cost
            store(pulled, place, add_multiple(load(pulled, place, tag), number(slope), products[g]))
            store(downs, g * width, multiple(number(slope), right))
        add_products(counts[0], 0, lefts, 0, width, downs, slices, tag)
        lower = combined(counts[1], 0, transpose, downs, 0, width, tag)
        for g in range(4):
            store(pulled, places[g], add_multiple(load(pulled, places[g], tag), number(1), lower[g]))
    return total


@njit(cache=True, error_model="numpy")
@no_type_check
def _chunk(job, chunks, starts, positions, outer, middle, transpose, counts, terms, pulled, slices, losses, tag):
    values, weights, shares, kind, parameter = terms
    count, width = chunks.size - 1, len(tag) * LANES
    b, c = job // count, job % count
    share, third = shares[b if shares.size > 1 else 0], counts[2] * width
    own, shared = values[b if values.shape[0] > 1 else 0], weights[b if weights.shape[0] > 1 else 0]
    lefts, downs, places = aligned(4 * width, outer), aligned(4 * width, outer), np.empty(8, np.int64)
    total = 0.0
    for j in range(chunks[c], chunks[c + 1]):
        total += _slice(
            starts[j], starts[j + 1], positions, outer[b], middle[b, j], transpose[b, j], counts, third, own, shared,
            share, kind, parameter, pulled[b, c], slices[b, j], lefts, downs, places, tag,
        )  # fmt: skip
    losses[b, c] = total


@njit(cache=True, nogil=True)
@no_type_check
def _gradients(
    begin, end, chunks, starts, positions, outer, middle, transpose, counts, terms, pulled, slices, losses, tag
):  # fmt: skip
    for job in range(begin, end):
        _chunk(job, chunks, starts, positions, outer, middle, transpose, counts, terms, pulled, slices, losses, tag)


def loss_and_gradient(
    starts: np.ndarray, positions: np.ndarray, cores: list[np.ndarray], terms: EntryTerms
) -> tuple[np.ndarray, list[np.ndarray]]:
    """ℓ (batch,) and ∂ℓ/∂cores; entries are sorted by the middle axis, slice j from starts[j]."""
    first, core, last = cores
    runs, side, rows, cols = core.shape
    tag = tag_of(max(rows, cols))
    width = LANES * len(tag)
    outer = _padded([first[:, :, 0], last[..., 0]], width)
    middle, transpose = (_padded([part], width) for part in (core, core.mT))
    work, entries = rows + rows * cols + cols, positions.shape[1]
    bounds = chunk_bounds(entries, work, outer[0].size, runs)
    # whole slices
    chunks = np.searchsorted(starts[:-1], bounds).astype(np.int64)
    chunks[-1] = side
    pulled = aligned_zeros((runs, chunks.size - 1, outer[0].size), outer.dtype)
    slices = aligned_zeros(middle.shape, outer.dtype)
    losses = np.empty((runs, chunks.size - 1))
    flat, counts = outer.reshape(runs, -1), np.asarray([rows, cols, first.shape[1]])
    forth, back = middle.reshape(runs, side, -1), transpose.reshape(runs, side, -1)
    share_out(
        _gradients, job_bounds(chunks, runs), chunks, starts, positions, flat, forth, back, counts, terms.arrays,
        pulled, slices.reshape(runs, side, -1), losses, tag, alone=runs * entries * work < WORTH_THREADS,
    )  # fmt: skip
    summed = 2 * (pulled.sum(axis=1) if chunks.size > 2 else pulled[:, 0]).reshape(outer.shape)
    parts = summed[:, : first.shape[1], None, :rows], 2 * slices[..., :cols], summed[:, first.shape[1] :, :cols]
    return losses.sum(axis=1).astype(outer.dtype), [*parts[:2], parts[2][..., None]]


def _padded(parts: list[np.ndarray], width: int) -> np.ndarray:
    """The parts behind one another along their second axis, with zeros up to `width` numbers a row."""
    sides = [part.shape[1] for part in parts]
    found = aligned_zeros((parts[0].shape[0], sum(sides), *parts[0].shape[2:-1], width), parts[0].dtype)
    begin = 0
    for part, side in zip(parts, sides, strict=True):
        found[:, begin : begin + side, ..., : part.shape[-1]] = part
        begin += side
    return found

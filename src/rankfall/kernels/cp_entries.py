"""Entries of a sum of components, W = Σ_r w_r¹ ⊗ ⋯ ⊗ w_r^N, and the way back, compiled and deterministic.

    W_i = Σ_r Π_n w_r^n[i_n],        ∂/∂w_r^n[j] = Σ_{i: i_n = j} λ_i Π_{m≠n} w_r^m[i_m]

A row of a factor, filled up with zeros to 8 B numbers, is a value of the loops (`lanes`). Loss and gradient take one
pass over the entries: forth along the axes for W_i, whose residual says λ_i, and back with the products of the axes
before and after. Nothing of size |Ω|·R is formed. `tensor_chunks` says why threads change no bit.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.entry_terms import EntryTerms, cost_and_slope
from rankfall.kernels.lanes import (
    LANES,
    add,
    add_multiple,
    add_times,
    aligned_zeros,
    dot,
    load,
    multiple,
    read,
    stay_apart,
    store,
    tag_of,
    times,
)
from rankfall.kernels.tensor_chunks import WORTH_THREADS, chunk_bounds, job_bounds
from rankfall.kernels.threads import share_out

# Numbers of a row at most. Wider rows are cut.
WIDEST = 8 * LANES


@njit(cache=True, error_model="numpy")
@no_type_check
def _values(begin, end, positions, firsts, rows, predicted, tag):
    order, width = firsts.size, len(tag) * LANES
    for e in range(begin, end):
        product = load(rows, (firsts[0] + positions[0, e]) * width, tag)
        for n in range(1, order - 1):
            product = times(product, load(rows, (firsts[n] + positions[n, e]) * width, tag))
        predicted[e] = dot(product, load(rows, (firsts[order - 1] + positions[order - 1, e]) * width, tag))


@njit(cache=True, error_model="numpy")
@no_type_check
def _gradient(begin, end, positions, firsts, rows, values, weights, share, kind, parameter, pulled, tag):
    """½ ∂ℓ/∂rows of the entries to `pulled`; what they add to ℓ."""
    stay_apart()
    order, width = firsts.size, len(tag) * LANES
    before, total = np.empty(order * width, rows.dtype), 0.0
    for e in range(begin, end):
        product = load(rows, (firsts[0] + positions[0, e]) * width, tag)
        for n in range(1, order - 1):
            store(before, n * width, product)
            product = times(product, load(rows, (firsts[n] + positions[n, e]) * width, tag))
        at = (firsts[order - 1] + positions[order - 1, e]) * width
        row = load(rows, at, tag)
        weight = share * read(weights, e) if weights.size > 0 else share
        cost, slope = cost_and_slope(kind, parameter, dot(product, row), read(values, e), weight)
        total += cost
        store(pulled, at, add_multiple(load(pulled, at, tag), rows.dtype.type(slope), product))
        after = multiple(rows.dtype.type(slope), row)
        for n in range(order - 2, 0, -1):
            at = (firsts[n] + positions[n, e]) * width
            store(pulled, at, add_times(load(pulled, at, tag), after, load(before, n * width, tag)))
            after = times(after, load(rows, at, tag))
        at = (firsts[0] + positions[0, e]) * width
        store(pulled, at, add(load(pulled, at, tag), after))
    return total


@njit(cache=True, error_model="numpy")
@no_type_check
def _gradient_of_three(begin, end, positions, firsts, rows, values, weights, share, kind, parameter, pulled, tag):
    """`_gradient` for three axes: all rows stay in registers, that of the first axis as long as its index stays."""
    stay_apart()
    width = len(tag) * LANES
    total, e = 0.0, begin
    while e < end:
        index = positions[0, e]
        at = (firsts[0] + index) * width
        first, sum_first = load(rows, at, tag), load(pulled, at, tag)
        while e < end and positions[0, e] == index:
            at_second, at_third = (firsts[1] + positions[1, e]) * width, (firsts[2] + positions[2, e]) * width
            second, third = load(rows, at_second, tag), load(rows, at_third, tag)
            product = times(first, second)
            weight = share * read(weights, e) if weights.size > 0 else share
            cost, slope = cost_and_slope(kind, parameter, dot(product, third), read(values, e), weight)
            total += cost
            store(pulled, at_third, add_multiple(load(pulled, at_third, tag), rows.dtype.type(slope), product))
            after = multiple(rows.dtype.type(slope), third)
            store(pulled, at_second, add_times(load(pulled, at_second, tag), after, first))
            sum_first = add_times(sum_first, after, second)
            e += 1
        store(pulled, at, sum_first)
    return total


@njit(cache=True)
@no_type_check
def _chunk(job, chunks, positions, firsts, rows, terms, pulled, losses, tag):
    all_values, all_weights, shares, kind, parameter = terms
    count = chunks.size - 1
    b, c = job // count, job % count
    begin, end, share = chunks[c], chunks[c + 1], shares[b if shares.size > 1 else 0]
    values = all_values[b if all_values.shape[0] > 1 else 0]
    weights = all_weights[b if all_weights.shape[0] > 1 else 0]
    if firsts.size == 3:
        losses[b, c] = _gradient_of_three(
            begin, end, positions, firsts, rows[b], values, weights, share, kind, parameter, pulled[b, c], tag
        )
    else:
        losses[b, c] = _gradient(
            begin, end, positions, firsts, rows[b], values, weights, share, kind, parameter, pulled[b, c], tag
        )


@njit(cache=True, nogil=True)
@no_type_check
def _gradients(begin, end, chunks, positions, firsts, rows, terms, pulled, losses, tag):
    for job in range(begin, end):
        _chunk(job, chunks, positions, firsts, rows, terms, pulled, losses, tag)


@njit(cache=True, nogil=True)
@no_type_check
def _features(begin, end, layer, positions, firsts, rows, found):
    order, rank = firsts.size, rows.shape[1]
    first = 1 if layer == 0 else 0
    for e in range(begin, end):
        at = firsts[first] + positions[first, e]
        for r in range(rank):
            found[e, r] = rows[at, r]
        for n in range(first + 1, order):
            if n != layer:
                at = firsts[n] + positions[n, e]
                for r in range(rank):
                    found[e, r] *= rows[at, r]


@njit(cache=True, nogil=True)
@no_type_check
def _all_values(begin, end, chunks, positions, firsts, rows, predicted, tag):
    count = chunks.size - 1
    for job in range(begin, end):
        b, c = job // count, job % count
        _values(chunks[c], chunks[c + 1], positions, firsts, rows[b], predicted[b], tag)


def values(positions: np.ndarray, firsts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """W at `positions` (N, entries), (batch, entries), from `rows` (batch, d_1 + … + d_N, R): axis n from firsts[n]."""
    runs, width = rows.shape[0], rows.shape[2] * firsts.size
    chunks = chunk_bounds(positions.shape[1], width, 1, runs)
    is_small = runs * positions.shape[1] * width < WORTH_THREADS
    found = np.zeros((runs, positions.shape[1]), rows.dtype)
    for part in _parts(rows):
        packed, tag = _packed(part)
        predicted = np.empty_like(found)
        share_out(
            _all_values, job_bounds(chunks, runs), chunks, positions, firsts, packed, predicted, tag, alone=is_small
        )
        found += predicted
    return found


def features(layer: int, positions: np.ndarray, firsts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Π_{m≠n} w_r^m[i_m] of each entry, n the layer: (entries, R), from `rows` (d_1 + … + d_N, R)."""
    found = np.empty((positions.shape[1], rows.shape[1]), rows.dtype)
    chunks = chunk_bounds(positions.shape[1], found.size, 1, 1)
    is_small = found.size * firsts.size < WORTH_THREADS
    share_out(_features, chunks, layer, positions, firsts, np.ascontiguousarray(rows), found, alone=is_small)
    return found


def adjoint(positions: np.ndarray, firsts: np.ndarray, rows: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """∂/∂rows of Σ_e slopes_e W_e, of the shape of `rows`; slopes (batch, entries)."""
    terms = EntryTerms.given(slopes.astype(rows.dtype, copy=False))
    pulls = [_pulled(positions, firsts, part, terms)[1] for part in _parts(rows)]
    return pulls[0] if len(pulls) == 1 else np.concatenate(pulls, axis=-1)


def loss_and_gradient(
    positions: np.ndarray, firsts: np.ndarray, rows: np.ndarray, terms: EntryTerms
) -> tuple[np.ndarray, np.ndarray]:
    """ℓ (batch,) and ∂ℓ/∂rows, of the shape of `rows`, which may have WIDEST columns at most."""
    losses, pulled = _pulled(positions, firsts, rows, terms)
    pulled *= 2
    return losses.astype(rows.dtype), pulled


def _pulled(
    positions: np.ndarray, firsts: np.ndarray, rows: np.ndarray, terms: EntryTerms
) -> tuple[np.ndarray, np.ndarray]:
    """ℓ of each run, and ½ ∂ℓ/∂rows."""
    runs, rank, width = rows.shape[0], rows.shape[2], rows.shape[2] * firsts.size
    chunks = chunk_bounds(positions.shape[1], width, rows[0].size, runs)
    packed, tag = _packed(rows)
    pulled = aligned_zeros((runs, chunks.size - 1, packed.shape[1]), rows.dtype)
    losses = np.empty((runs, chunks.size - 1))
    share_out(
        _gradients, job_bounds(chunks, runs), chunks, positions, firsts, packed, terms.arrays, pulled, losses, tag,
        alone=runs * positions.shape[1] * width < WORTH_THREADS,
    )  # fmt: skip
    summed = pulled.sum(axis=1) if chunks.size > 2 else pulled[:, 0]
    return losses.sum(axis=1), summed.reshape(*rows.shape[:2], -1)[..., :rank]


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    """The components, at most WIDEST at a time."""
    return [rows[..., begin : begin + WIDEST] for begin in range(0, rows.shape[2], WIDEST)]


def _packed(rows: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Rows with zeros up to a number of lanes that is compiled, flat for each run, and the tag of their length."""
    tag = tag_of(rows.shape[2])
    packed = aligned_zeros((*rows.shape[:2], LANES * len(tag)), rows.dtype)
    packed[..., : rows.shape[2]] = rows
    return packed.reshape(rows.shape[0], -1), tag

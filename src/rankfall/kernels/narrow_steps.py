"""Whole steps of narrow chains in one compiled call: the stages, their sums, the errors.

Each run of a batch is packed, followed by itself, and unpacked at the end. All kinds of steps are one function, because
most of the time it takes to compile is that of the velocity within it.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.inner import aligned, fast_inner, inner
from rankfall.kernels.lanes import add_multiple, dot, load, stay_apart, store, zeros
from rankfall.kernels.narrow_gradient import pack, unpack, velocity

# What a step is: a velocity alone, one beside the weights, Runge–Kutta–Chebyshev, or explicit Runge–Kutta.
PLAIN, NUDGED, CHEBYSHEV, EXPLICIT = range(4)


@fast_inner
@no_type_check
def _chebyshev_stage(mu, nu, mu_tilde, gamma_tilde, step, origin, slope, before, current, force):
    """Y_j in the place of Y_{j−2}.   [sommeijer1997]"""
    stay_apart()
    number = origin.dtype.type
    c0, c2, c3 = number(1 - mu - nu), number(nu), number(mu)
    h1, h4 = number(gamma_tilde * step), number(mu_tilde * step)
    for i in range(origin.size):
        before[i] = c0 * origin[i] + h1 * slope[i] + c2 * before[i] + c3 * current[i] + h4 * force[i]


@fast_inner
@no_type_check
def _chebyshev_error(step, old, new, old_slope, new_slope):
    """‖0.8 (y_n − y_{n+1}) + 0.4 h (F_n + F_{n+1})‖."""
    stay_apart()
    c, h, total = old.dtype.type(0.8), old.dtype.type(0.4 * step), 0.0
    for i in range(old.size):
        term = c * (old[i] - new[i]) + h * (old_slope[i] + new_slope[i])
        total += term * term
    return np.sqrt(total)


@fast_inner
@no_type_check
def _distance(one, other):
    total = 0.0
    for i in range(one.size):
        total += (one[i] - other[i]) * (one[i] - other[i])
    return np.sqrt(total)


@fast_inner
@no_type_check
def _nudge(direction, small, weights):
    """y + δv to the place of y, δ‖v‖ = ε max(‖y‖, ε), which is returned."""
    stay_apart()
    size, length = 0.0, 0.0
    for i in range(weights.size):
        size += weights[i] * weights[i]
        length += direction[i] * direction[i]
    reach = small * max(np.sqrt(size), small)
    delta = weights.dtype.type(reach / np.sqrt(length) if length > 0 else 0.0)
    for i in range(weights.size):
        weights[i] += delta * direction[i]
    return reach


@inner
@no_type_check
def _combined(origin, step, factors, count, slopes, out, width, tag):
    """origin + h Σ_s factors_s slopes_s to `out`; the norm of the sum, without h."""
    stay_apart()
    size, squares = origin.size, 0.0
    for at in range(0, size, width):
        total = zeros(origin, tag)
        for s in range(count):
            if factors[s] != 0:
                total = add_multiple(total, factors[s], load(slopes, s * size + at, tag))
        squares += dot(total, total)
        store(out, at, add_multiple(load(origin, at, tag), step, total))
    return np.sqrt(squares)


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def steps(
    begin, end, chain, lists, loss, method, weights, slopes, lengths, new_weights, new_slopes, losses, measures
):  # fmt: skip
    """A step of the runs from `begin` to `end`.

    `chain`: (dimensions, rates, decay, width, sizes of the packed weights and of what `velocity` works with, tag).
    `lists`: (starts, columns, values, shares). `loss`: (kind, parameter). `method`: (what the step is, rows of factors,
    which of them are the evaluations of each run, rows of error estimates).

    Of a nudged velocity `slopes` are the directions v and `lengths` ε; `measures` receives δ‖v‖.
    `new_slopes` (kept, batch, p): the velocities of the last evaluations. `measures` (batch, ·): for Chebyshev the
    error; for an explicit step the norms of the estimates, of the gap between the end and the last stage, and of that
    between their velocities.
    """
    dimensions, rates, decay, width, size, work_size, tag = chain
    kind, factors, spans, estimates = method
    kept = new_slopes.shape[0]
    space = aligned((5 + kept) * size + work_size, weights)
    origin, spare = space[:size], space[size : 2 * size]
    moving, work = space[4 * size : (4 + kept) * size], space[(5 + kept) * size :]
    for run in range(begin, end):
        before, current = space[2 * size : 3 * size], space[3 * size : 4 * size]
        table = run if lists[0].shape[0] > 1 else 0
        length, step = lengths[run], origin.dtype.type(lengths[run])
        pack(dimensions, width, weights[run], current)
        if kind == NUDGED:
            pack(dimensions, width, slopes[run], origin)
            measures[run, 0] = _nudge(origin, length, current)
        elif kind != PLAIN:
            pack(dimensions, width, slopes[run], moving[:size])
            for i in range(size):
                spare[i] = moving[i]
                before[i] = current[i]
                origin[i] = current[i]
        place = 0
        for j in range(spans[run, 0], spans[run, 1]):
            if kind == CHEBYSHEV:
                _chebyshev_stage(
                    factors[j, 0], factors[j, 1], factors[j, 2], factors[j, 3], length, origin, spare, before, current,
                    moving,
                )  # fmt: skip
                before, current = current, before
            elif kind == EXPLICIT:
                before, current = current, before
                _combined(origin, step, factors[j], j + 1, moving, current, width, tag)
                place = (j + 1) * size
            losses[run] = velocity(
                dimensions, lists, table, loss, rates, decay, width, current, moving[place : place + size], work, tag
            )
        if kind == CHEBYSHEV:
            measures[run, 0] = _chebyshev_error(length, origin, current, spare, moving)
        elif kind == EXPLICIT:
            for e in range(estimates.shape[0]):
                measures[run, e] = _combined(origin, step, estimates[e], kept, moving, spare, width, tag)
            measures[run, -2] = _distance(current, before)
            measures[run, -1] = _distance(moving[place : place + size], moving[place - size : place])
        if kind >= CHEBYSHEV:
            unpack(dimensions, width, current, new_weights[run])
        for s in range(kept):
            unpack(dimensions, width, moving[s * size : (s + 1) * size], new_slopes[s, run])

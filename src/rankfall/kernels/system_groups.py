"""Small symmetric systems in groups of eight, side by side: number (a, b) of all eight is one vector of lanes.

A row of k numbers rarely fills its lanes, but eight systems do the same arithmetic. A group is flat, k · k · 8 numbers.
Its factor R, S = RᵀR, stands on and above the diagonal; the diagonal is stored as its inverse.
"""

from typing import no_type_check

import numpy as np

from rankfall.kernels.inner import inner
from rankfall.kernels.lanes import LANES, add, add_times, load, multiple, read, stay_apart, store, times, write, zeros
from rankfall.kernels.padded_rows import ONE


@inner
@no_type_check
def factor_group(systems, first, rank, floors):
    """R in the place of S, the squared pivots of each system at least its floor (8,)."""
    stay_apart()
    for a in range(rank):
        pivot = first + a * (rank + 1) * LANES
        for b in range(a, rank):
            total = zeros(systems, ONE)
            for k in range(first, first + a * rank * LANES, rank * LANES):
                total = add_times(total, load(systems, k + a * LANES, ONE), load(systems, k + b * LANES, ONE))
            at = pivot + (b - a) * LANES
            left = add(load(systems, at, ONE), multiple(-1.0, total))
            if b > a:
                store(systems, at, times(left, load(systems, pivot, ONE)))
                continue
            store(systems, at, left)
            for lane in range(LANES):
                write(systems, at + lane, 1 / np.sqrt(max(read(systems, at + lane), read(floors, lane))))


@inner
@no_type_check
def solve_group(systems, first, rank, targets):
    """S⁻¹ t in the place of t, of which number a of all eight is a vector (k · 8,)."""
    stay_apart()
    for a in range(rank):
        total = zeros(targets, ONE)
        for k in range(a):
            total = add_times(total, load(systems, first + (k * rank + a) * LANES, ONE), load(targets, k * LANES, ONE))
        _divided(systems, first + a * (rank + 1) * LANES, targets, a * LANES, total)
    for a in range(rank - 1, -1, -1):
        total = zeros(targets, ONE)
        for k in range(a + 1, rank):
            total = add_times(total, load(systems, first + (a * rank + k) * LANES, ONE), load(targets, k * LANES, ONE))
        _divided(systems, first + a * (rank + 1) * LANES, targets, a * LANES, total)


@inner
@no_type_check
def _divided(systems, pivot, targets, at, known):
    """(t − known) / pivot in the place of t."""
    left = add(load(targets, at, ONE), multiple(-1.0, known))
    store(targets, at, times(left, load(systems, pivot, ONE)))

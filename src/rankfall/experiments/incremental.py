"""How incremental a run was: components that rise at once, and the factor in their law of motion."""

import numpy as np
from jaxtyping import Float


def rising_at_once(
    times: Float[np.ndarray, " records"], norms: Float[np.ndarray, "records components"], threshold: float
) -> float:
    """How many components rise at once, those whose norm ends above the threshold; 1 for one by one.

    This is the sum of the times in which each rises from a tenth to nine tenths of its end, over the time in which any
    of them does.
    """
    intervals = []
    for values in norms[:, norms[-1] > threshold].T:
        begin, end = (float(times[np.argmax(values >= share * values[-1])]) for share in (0.1, 0.9))
        intervals.append((begin, end))
    total, covered, reached = 0.0, 0.0, -np.inf
    for begin, end in sorted(intervals):
        total += end - begin
        covered += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total / covered if covered else float("nan")


def law_factor(
    order: int,
    norms: Float[np.ndarray, "records components"],
    velocities: Float[np.ndarray, "records 2 components"],
    threshold: float,
) -> float:
    """The median of K in σ̇ = K σ^{2−2/K} γ over all records at which a component rises: above the threshold, and below
    0.8 of its end.

    velocities: σ̇ by the law, with K = `order`, and as the layers move. NaN where nothing rises.
    """
    law, moved = np.moveaxis(velocities, 1, 0)
    rising = (norms > threshold) & (norms < 0.8 * norms[-1]) & (law > 0)
    return float(order * np.median(moved[rising] / law[rising])) if rising.any() else float("nan")

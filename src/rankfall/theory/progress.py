"""The bounds of the convergence proof for every step, checked on a recorded run.

From a start with deficiency margin c the loss ½‖W − Φ‖_F² falls at each step by a known share, the
product never comes nearer to a singular matrix than c, and both hold for far larger steps than the
theorem admits. Each check takes the numbers that a run records: losses, gradient norms, smallest
singular values.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim


def check_decrease(
    losses: Float[Array, " t"],
    gradient_norms: Float[Array, " t"],
    smallest_values: Float[Array, " t"],
    step: float,
    depth: int,
    first_loss: float | None = None,
) -> Claim:
    """Every step of descent lowers the loss by as much as the proof needs.

        ℓ(t+1) ≤ ℓ(t) − (η/2) σ_min(W(t))^{2(N−1)/N} ‖∇ℓ(W(t))‖_F²

    Source: [arora2018convergence, Lemma 1].

    Parameters
    ----------
    losses : ndarray, shape (t,)
        ℓ(W(t)), successive iterates.
    gradient_norms : ndarray, shape (t,)
        ‖∇ℓ(W(t))‖_F at each.
    smallest_values : ndarray, shape (t,)
        σ_min(W(t)) at each, the min(m, n)-th singular value.
    step : float
        η, the step of gradient descent.
    depth : int
        N, the number of layers.
    first_loss : float, optional
        ℓ(0), where the iterates do not begin at the start; the first of the losses by default.

    Returns
    -------
    Claim
        Its measurement is the worst excess of the left over the right side, relative to ℓ(0), and its bound is the
        rounding of the loss.
    """
    speed = smallest_values ** (2 * (depth - 1) / depth) * gradient_norms**2
    excess = losses[1:] - (losses[:-1] - step / 2 * speed[:-1])
    worst = int(np.argmax(excess))
    return Claim.at_most(
        "ℓ(t+1) ≤ ℓ(t) − (η/2) σ_min^{2(N−1)/N} ‖∇ℓ‖²",
        "arora2018convergence, Lemma 1",
        excess[worst] / (losses[0] if first_loss is None else first_loss),
        16 * np.finfo(float).eps,
        f"worst at iteration {worst}",
    )


def check_contraction(
    times: Float[Array, " t"],
    losses: Float[Array, " t"],
    margin: float,
    depth: int,
    step: float = 0.0,
    accuracy: float = 0.0,
    tolerance: float = 1e-6,
) -> Claim:
    """The loss ½‖W − Φ‖_F² falls at least at the rate given by the margin.

        descent:  ℓ(t) ≤ ℓ(0) (1 − η c^{2(N−1)/N})^{t/η}
        flow:     ℓ(t) ≤ ℓ(0) e^{−2c^{2(N−1)/N} t}

    Source: [arora2018convergence, Lemma 1, Theorem 1].

    Parameters
    ----------
    times : ndarray, shape (t,)
        Flow times, η times the iteration for descent; the first is the start.
    losses : ndarray, shape (t,)
        ℓ at each.
    margin : float
        c > 0, the deficiency margin of the start.
    depth : int
        N, the number of layers.
    step : float
        η; 0, the default, for the flow.
    accuracy : float
        Losses up to this count as reached, default 0; give it where a run ends at rounding.
    tolerance : float
        Relative slack, for a flow followed numerically, default 1e-6.

    Returns
    -------
    Claim
        Its measurement is the largest ratio of the loss to its promised bound.

    Raises
    ------
    InputError
        For a margin that is not positive, or a step with η c^{2(N−1)/N} not in [0, 1).
    """
    if not margin > 0 or not 0 <= step * margin ** (2 * (depth - 1) / depth) < 1:
        raise InputError(
            f"a contraction needs a margin above 0 and η c^(2(N−1)/N) below 1, got c = {margin} "
            f"and η = {step}; compute c by deficiency_margin at the start"
        )
    speed = margin ** (2 * (depth - 1) / depth)
    elapsed = times - times[0]
    exponent = elapsed / step * np.log1p(-step * speed) if step > 0 else -2 * speed * elapsed
    ratios = losses / np.maximum(losses[0] * np.exp(exponent), max(accuracy, np.finfo(float).tiny))
    worst = int(np.argmax(ratios))
    return Claim.at_most(
        "the loss contracts at the rate of the margin",
        "arora2018convergence, Theorem 1",
        ratios[worst],
        1 + tolerance,
        f"worst at time {times[worst]:.4g}",
    )


def check_margin(smallest_values: Float[Array, " t"], margin: float) -> Claim:
    """A loss ½‖W − Φ‖_F² that never exceeds its start keeps every singular value above the margin.

        ‖W − Φ‖_F ≤ ‖W(0) − Φ‖_F  ⇒  σ_min(W) ≥ c

    Every record is judged: a run whose loss rises above its start may leave the ball, and then the claim fails.

    Source: [arora2018convergence, Claim 1].

    Parameters
    ----------
    smallest_values : ndarray, shape (t,)
        σ_min(W(t)), the first at the start.
    margin : float
        c of the start, less what the integrator may be off by.

    Returns
    -------
    Claim
        Its measurement is the smallest value, and its bound is the margin less its rounding.
    """
    worst = int(np.argmin(smallest_values))
    rounding = 16 * np.finfo(float).eps * float(np.max(np.abs(smallest_values)))
    return Claim.at_least(
        "σ_min(W(t)) stays above the margin",
        "arora2018convergence, Claim 1",
        float(smallest_values[worst]),
        margin - rounding,
        f"worst at record {worst}",
    )

"""The flow of balanced layers on a convex loss reaches the optimum where no singular matrix is as good as its start.

The margin of `certificates` is this hypothesis for ½‖W − Φ‖_F². For one output, W ∈ R^{1×d}, only W = 0 is singular,
and the hypothesis reads ℓ(W(0)) < ℓ(0): so every convex loss of one output has a certificate too.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim

SOURCE = "arora2018convergence, convex losses"
DESCENT = "e(t) ≤ e(0)/(1 + e(0) c^{2−2/N} t/D²), ℓ convex"


def single_output_floor(loss: float, loss_at_zero: float, gradient_at_zero: Float[Array, "..."]) -> float:
    """How far from 0 a convex loss of one output keeps a W whose loss is at most ℓ(W(0)): c.

        ℓ(W) ≥ ℓ(0) + ⟨∇ℓ(0), W⟩   ⇒   ‖W‖ ≥ (ℓ(0) − ℓ(W(0))) / ‖∇ℓ(0)‖ = c

    Positive exactly where the start is better than 0.

    Source: [arora2018convergence, convex losses]; the bound computed.

    Parameters
    ----------
    loss : float
        ℓ(W(0)).
    loss_at_zero : float
        ℓ(0).
    gradient_at_zero : ndarray
        ∇ℓ(0), of one row or one column.

    Returns
    -------
    float
        c; 0 where ∇ℓ(0) = 0, for zero is then an optimum.

    Raises
    ------
    InputError
        For a gradient of several rows and columns.
    """
    if min(np.shape(gradient_at_zero), default=1) > 1:
        raise InputError(
            f"one output has one row or one column, got {np.shape(gradient_at_zero)}; for several use deficiency_margin"
        )
    steepness = float(np.linalg.norm(gradient_at_zero))
    return (loss_at_zero - loss) / steepness if steepness > 0 else 0.0


def convex_bound(
    times: Float[Array, " t"], excess: float, floor: float, distance: float, depth: float | int
) -> Float[Array, " t"]:
    """What is left of a convex loss at most: e(t) ≤ e(0) / (1 + e(0) c^{2−2/N} t/D²).

        ė ≤ −c^{2−2/N} ‖∇ℓ‖²  and  e ≤ ⟨∇ℓ, W − Z⟩ ≤ D ‖∇ℓ‖,    e(t) = ℓ(W(t)) − ℓ(Z)

    It tends to 0: the path reaches the loss of any Z, and with a minimizer Z the optimum.

    Source: [arora2018convergence, convex losses]; the rate computed.

    Parameters
    ----------
    times : ndarray, shape (t,)
        Flow times since the start.
    excess : float
        e(0) ≥ 0.
    floor : float
        c ≥ 0, below which σ_min(W) never falls.
    distance : float
        D > 0, the largest distance ‖W(t) − Z‖_F on the way.
    depth : float
        N ≥ 1, not necessarily a whole number.
    """
    return excess / (1 + excess * floor ** (2 - 2 / depth) * np.asarray(times) / distance**2)


def check_convex_descent(
    times: Float[Array, " t"],
    losses: Float[Array, " t"],
    distances: Float[Array, " t"],
    least: float,
    floor: float,
    depth: float | int,
    slack: float = 1e-6,
) -> Claim:
    """A convex loss falls towards that of any Z at least as fast as `convex_bound` promises.

    Source: [arora2018convergence, convex losses].

    Parameters
    ----------
    times : ndarray, shape (t,)
        Flow times, the first is the start.
    losses : ndarray, shape (t,)
        ℓ(W(t)).
    distances : ndarray, shape (t,)
        ‖W(t) − Z‖_F.
    least : float
        ℓ(Z).
    floor : float
        c > 0, below which σ_min(W) never falls; from `single_output_floor` or `deficiency_margin`.
    depth : float
        N, the number of layers.
    slack : float
        Allowed share of e(0), for a flow followed numerically, default 1e-6.

    Returns
    -------
    Claim
        Its measurement is the largest excess of e(t) over its bound, relative to e(0), and its bound is the slack.

    Raises
    ------
    InputError
        For a floor that is not positive, or a start that is not worse than Z.
    """
    excess = float(losses[0] - least)
    if not (floor > 0 and excess > 0):
        raise InputError(
            f"the corollary needs c > 0 and a start worse than Z, got c = {floor} and a loss {excess:.3g} above "
            "that of Z; start where the loss is below that of every singular matrix"
        )
    bounds = convex_bound(times - times[0], excess, floor, float(np.max(distances)), depth)
    above = (losses - least - bounds) / excess
    worst = int(np.argmax(above))
    return Claim.at_most(
        DESCENT,
        SOURCE,
        max(float(above[worst]), 0.0),
        slack,
        f"c = {floor:.4g}; worst at time {times[worst]:.4g}",
    )

"""Zero as a saddle of φ(W_1, …, W_N) = ℓ(W_N ⋯ W_1): strict at depth 2, of order N from depth 3 on.

At depth 2 the Hessian at zero has a negative direction; from depth 3 on it vanishes, so that no argument on strict
saddles applies to deep chains. How long a path needs to leave follows from the speed of the singular values, and
depends on the depth in the same way.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.closed_forms import straighten


def curvature_at_zero(gradient: Float[Array, "m n"], depth: int) -> float:
    """The least eigenvalue of the Hessian of φ where all layers are 0.

        φ(D_1, …, D_N) = ℓ(0) + ⟨∇ℓ(0), D_N ⋯ D_1⟩ + o(‖D‖^N)

        N = 2:  −σ_1(∇ℓ(0)),  a strict saddle unless ∇ℓ(0) = 0
        N ≥ 3:  0,  the Hessian vanishes

    Source: [arora2018convergence, the slides]; the expansion computed.

    Parameters
    ----------
    gradient : ndarray, shape (m, n)
        ∇ℓ(0).
    depth : int
        N ≥ 2, with hidden widths of at least 1.

    Raises
    ------
    InputError
        For a depth below 2: zero is then no critical point, unless ∇ℓ(0) = 0.
    """
    _require_saddle(depth)
    return -float(np.linalg.norm(gradient, 2)) if depth == 2 else 0.0


def least_escape_time(start: float, end: float, steepest: float, depth: float | int) -> float:
    """A time before which no singular value of balanced layers grows from σ_0 to σ, where ‖∇ℓ(W)‖_2 ≤ G.

        (θ_N(σ) − θ_N(σ_0)) / (N G)  =  ln(σ/σ_0)/(2G) at N = 2,
                                     =  (σ_0^{−(N−2)/N} − σ^{−(N−2)/N})/((N−2) G) at N ≥ 3

    As σ_0 → 0 it grows like a logarithm at the strict saddle of depth 2, and like a power from depth 3 on.

    Source: [arora2019, singular values], with `|⟨∇ℓ, u vᵀ⟩| ≤ ‖∇ℓ‖_2`.

    Parameters
    ----------
    start : float
        σ_0 > 0.
    end : float
        σ, not below the start.
    steepest : float
        G > 0, a bound on the spectral norm of ∇ℓ(W) on the way.
    depth : float
        N ≥ 2, not necessarily a whole number.

    Raises
    ------
    InputError
        For a depth below 2, a start that is not positive or above the end, or a slope that is not positive.
    """
    _require_saddle(depth)
    if not (0 < start <= end and steepest > 0):
        raise InputError(
            f"a value grows from above 0 to no less, under a positive slope, got {start}, {end} and {steepest}; "
            "from 0 itself no path escapes"
        )
    ends = straighten(np.array([start, end]), depth)
    return float((ends[1] - ends[0]) / (depth * steepest))


def _require_saddle(depth: float | int) -> None:
    if not depth >= 2:
        raise InputError(f"zero is a saddle of products of two layers or more, got depth {depth}; use 2 or more")

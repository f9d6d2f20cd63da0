"""Matrix sensing with commuting measurements: the one setting where the end of the flow is known.

When symmetric A_1 … A_k commute and every layer starts at a multiple of the identity, W stays
diagonal in their common basis and each eigenvalue is a mode with drive −A†(r)_kk, r = A(W) − y.
In the straightened coordinate all depths read the same, θ(w) = θ(w_0) + Aᵀμ with the control
μ = −N ∫r, so the end of the flow is a convex problem in μ: no differential equation is left.
As the start shrinks, the answer at every depth N ≥ 2 tends to the solution of least nuclear norm.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import linprog

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.models.preconditioner import require_depth
from rankfall.theory.closed_forms import straighten, unstraighten

NEWTON_STEPS = 500


@dataclass(frozen=True)
class CommutingSolution:
    """Where the flow ends, in the common eigenbasis.

    Attributes
    ----------
    spectrum
        the eigenvalues w of the product, A w = y.
    dual
        ν, which tends to a dual certificate A†(ν) ⪯ I as the start tends to 0.
    residual
        ‖A w − y‖ left by the solver.
    """

    spectrum: Float[Array, " d"]
    dual: Float[Array, " k"]
    residual: float


def commuting_path(
    eigenvalues: Float[Array, "k d"],
    residual_integral: Float[Array, " k"],
    depth: float | int,
    start: float,
) -> Float[Array, " d"]:
    """The product's eigenvalues when the residual has been integrated to s(t) = ∫₀ᵗ r.

        N = 2:  w_k = α² exp(−2 Ã†_kk(s))
        N ≥ 3:  w_k = α^N ( 1 + (N−2) α^{N−2} Ã†_kk(s) )^{−N/(N−2)}

    for ℓ = ½‖A(W) − y‖² and layers αI. Depth 1 moves in the span of the measurements instead.

    Source: [arora2019, Theorem 2]; depth 2 [gunasekar2017, Theorem 1].

    Parameters
    ----------
    eigenvalues : ndarray, shape (k, d)
        The measurements in their common eigenbasis, a row for each; weighted by s, the rows add up to Ã†_kk(s).
    residual_integral : ndarray, shape (k,)
        s, the integral of the residual of each measurement.
    depth : float
        N ≥ 1, not necessarily a whole number.
    start : float
        α^N > 0, the eigenvalue of the product at time 0.

    Returns
    -------
    ndarray, shape (d,)
        w, the eigenvalues of the product.

    Raises
    ------
    InputError
        For a depth below 1.
    """
    # ẇ = −N w^{2−2/N} Aᵀr  ⇔  d/dt θ(w) = −N Aᵀr
    coordinate = straighten(np.float64(start), depth) - depth * residual_integral @ eigenvalues
    return unstraighten(coordinate, depth)


def commuting_solution(
    eigenvalues: Float[Array, "k d"],
    values: Float[Array, " k"],
    depth: float | int,
    start: float,
    tolerance: float = 1e-12,
) -> CommutingSolution:
    """Where gradient flow ends on ½‖A(W) − y‖², all layers starting at αI, at any depth.

        A w = y,  θ(w) = θ(α^N) + Aᵀμ        ⇔        μ minimizes Σ_k (N/2) w_k^{2/N} − ⟨y, μ⟩

    A convex problem with as many unknowns as measurements, solved by damped Newton steps. Exact in
    the start: no limit is taken. As α → 0, w tends to the least trace over {w ≥ 0 : A w = y} at
    every N ≥ 2 (`minimum_trace`); at N = 1 it is the solution nearest to the start instead.

    Source: [arora2019, Theorems 1 and 2], [gunasekar2017, Theorem 1].

    Parameters
    ----------
    eigenvalues : ndarray, shape (k, d)
        The measurements in their common eigenbasis, a row each, linearly independent.
    values : ndarray, shape (k,)
        y, the measured values.
    depth : float
        N = 1 or any real N ≥ 2.
    start : float
        α^N, the eigenvalue of W(0), positive; below 1 for the dual to mean anything.
    tolerance : float
        Residual at which to stop, relative to ‖y‖, or to the start where that is larger; default 1e-12.

    Raises
    ------
    InputError
        For a depth below 1 or between 1 and 2, a start that is not positive, another number of values than of
        measurements, or where no positive w meets the measurements.
    """
    require_depth(depth)
    if 1 < depth < 2 or not start > 0:
        raise InputError(
            "the closed form needs depth 1 or at least 2 and a positive start, got depth "
            f"{depth} and start {start}; between 1 and 2 eigenvalues cross zero"
        )
    if len(values) != len(eigenvalues):
        raise InputError(
            f"each row of eigenvalues is a measurement and needs a value, got {eigenvalues.shape} and {values.shape}"
        )
    origin = straighten(np.float64(start), depth)

    def spectrum_at(control: np.ndarray) -> np.ndarray:
        return unstraighten(origin + control @ eigenvalues, depth)

    def objective(control: np.ndarray) -> np.floating:
        with np.errstate(over="ignore"):
            # the potential of w as a function of θ: d/dθ (N/2) w^{2/N} = w^{2/N−1} dw/dθ = w
            share = np.sum(depth / 2 * np.abs(spectrum_at(control)) ** (2 / depth))
        return share - values @ control

    control = np.zeros(len(values))
    size = max(float(np.linalg.norm(values)), start)
    for _ in range(NEWTON_STEPS):
        spectrum = spectrum_at(control)
        stretch = np.abs(spectrum) ** (2 - 2 / depth)
        slope = eigenvalues @ spectrum - values
        # θ is known to ε|θ(α^N)|, and dw = w^{2−2/N} dθ: no residual below that can be reached
        floor = 8 * np.finfo(float).eps * abs(origin) * np.linalg.norm(np.abs(eigenvalues) @ stretch)
        if np.linalg.norm(slope) <= max(tolerance * size, float(floor)):
            break
        curvature = (eigenvalues * stretch) @ eigenvalues.T
        direction = -np.linalg.lstsq(curvature, slope, rcond=1e-15)[0]
        here, step = objective(control), 1.0
        decrease = slope @ direction / 4
        # near the end the objective is flat to rounding while Newton steps still gain digits
        rounding = 16 * np.finfo(float).eps * (abs(here) + abs(values @ control))
        while step > 1e-30 and not (objective(control + step * direction) <= here + step * decrease + rounding):
            step /= 2
        control = control + step * direction
    spectrum = spectrum_at(control)
    residual = float(np.linalg.norm(eigenvalues @ spectrum - values))
    if not residual <= 1e-6 * size:
        raise InputError(
            "the measurements must be met by a positive definite matrix, got a residual stuck at "
            f"{residual:.3g}; check with minimum_trace that A w = y has a solution w > 0"
        )
    return CommutingSolution(spectrum, dual_of_control(control, depth, start), residual)


def dual_of_control(control: Float[Array, " k"], depth: float | int, start: float) -> Float[Array, " k"]:
    """The multiplier ν for which the path reads as a barrier around A†(ν) ⪯ I.

        N ≥ 3:  w = α^N [1 − A†(ν)]^{−N/(N−2)},  ν = −κ (α^N)^{−κ} μ        (κ = (2−N)/N < 0)
        N = 2:  w = α² exp(log(1/α²) A†(ν)),     ν = μ / log(1/α²)

    Positivity of w makes ν feasible for N ≥ 3; at N = 2, and N = 1 (where ν = μ), it is so at most
    in the limit.

    Source: [arora2019, Theorem 2], [gunasekar2017, Theorem 1].
    """
    kappa = (2 - depth) / depth
    if kappa > 0:
        return control
    if kappa == 0:
        return control / np.log(1 / start)
    return -kappa * start**-kappa * control


def minimum_trace(eigenvalues: Float[Array, "k d"], values: Float[Array, " k"]) -> CommutingSolution:
    """The limit of vanishing start: the least nuclear norm, a linear program and its dual.

        min Σ_k w_k  over  w ≥ 0, A w = y;        max ⟨y, ν⟩  over  Aᵀν ≤ 1

    Source: [gunasekar2017, Corollary 2].

    Parameters
    ----------
    eigenvalues : ndarray, shape (k, d)
        The measurements A in their common eigenbasis, a row each.
    values : ndarray, shape (k,)
        y, the measured values.

    Returns
    -------
    CommutingSolution
        w, its dual ν, and ‖A w − y‖.

    Raises
    ------
    InputError
        Where no w ≥ 0 meets the measurements.
    """
    answer = linprog(np.ones(eigenvalues.shape[1]), A_eq=eigenvalues, b_eq=values, method="highs")
    if answer.status != 0:
        raise InputError(
            "some w ≥ 0 must meet A w = y for a least trace to exist, got "
            f"“{answer.message.strip()}”; take the values from a positive semidefinite matrix"
        )
    residual = float(np.linalg.norm(eigenvalues @ answer.x - values))
    return CommutingSolution(answer.x, np.asarray(answer.eqlin.marginals), residual)

"""A 2×2 completion along which every norm diverges: the missing entry must run to infinity.

    observed [[∗, z], [z', ε]],    ℓ = ½ Σ (·)²,    s = √(2ℓ):    |W_11| ≥ (|z| − s)(|z'| − s) / (|ε| + s)

The bound holds while det W keeps the sign of zz', which the flow does at depth 2 and more.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim


def divergence_bound(
    loss: Float[Array, "*batch"],
    first: float = 1.0,
    second: float = 1.0,
    corner: float = 0.0,
) -> Float[Array, "*batch"]:
    """How large the missing entry of a 2×2 completion must be at a given loss.

    ::

        observed [[∗, z], [z', ε]],  ℓ = ½ Σ (·)²,  s = √(2ℓ):
        |W_11| ≥ (|z| − s)(|z'| − s) / (|ε| + s)        while det W keeps the sign of zz'

    With z = z' = 1, ε = 0 this is (1 − √(2ℓ))²/√(2ℓ), which tends to infinity as the loss tends to
    zero: to fit, every norm must diverge. Zero where s ≥ `min(|z|, |z'|)`: no bound yet.

    Parameters
    ----------
    loss : ndarray, any shape
        ℓ, half the sum of squared residuals over the three observed entries.
    first : float
        z, the entry observed at row 1, column 2; default 1.
    second : float
        z', at row 2, column 1; default 1.
    corner : float
        ε, at row 2, column 2; default 0.

    Returns
    -------
    ndarray, the shape of `loss`
        The least `|W_11|` possible.

    References
    ----------
    [razin2020, Theorem 1 and its perturbed form].
    """
    # no residual exceeds s, so |W_12| ≥ |z| − s, |W_21| ≥ |z'| − s, |W_22| ≤ |ε| + s; and
    # W_11 W_22 lies beyond W_12 W_21, on the side of the sign of zz', by the sign of det W
    slack = np.sqrt(2 * np.asarray(loss, dtype=float))
    numerator = np.maximum(abs(first) - slack, 0.0) * np.maximum(abs(second) - slack, 0.0)
    with np.errstate(divide="ignore"):
        return numerator / (abs(corner) + slack)


def check_divergence(
    losses: Float[Array, " t"],
    products: Float[Array, "t 2 2"],
    first: float = 1.0,
    second: float = 1.0,
    corner: float = 0.0,
) -> Claim:
    """Along a recorded run, the missing entry is as large as the determinant's sign forces it.

    Parameters
    ----------
    losses : ndarray, shape (t,)
        ℓ = ½ Σ over the three observed entries, at each record.
    products : ndarray, shape (t, 2, 2)
        W at each record; det W must start with the sign of zz', and at depth 2 and more the flow keeps it.
    first, second, corner : float
        z, z' and ε, default 1, 1 and 0.

    Returns
    -------
    Claim
        Its measurement is the least ratio of `|W_11|` to its bound, over records where the bound says something.

    Raises
    ------
    InputError
        Where a loss lacks its product, or a determinant has the wrong sign; the theorem then says nothing.

    References
    ----------
    [razin2020, Theorem 1].
    """
    if len(losses) != len(products):
        raise InputError(f"each loss needs its product, got {len(losses)} losses and {len(products)} products")
    determinants = np.linalg.det(products)
    sign = np.sign(first * second)
    wrong = np.flatnonzero(np.sign(determinants) != sign)
    if wrong.size:
        raise InputError(
            f"det W must have the sign of zz' ({sign:+.0f}) throughout, got "
            f"{determinants[wrong[0]]:.3g} at record {wrong[0]}; redraw the start, or at depth 2 "
            "stop before σ_2 falls below rounding"
        )
    bounds = divergence_bound(losses, first, second, corner)
    useful = bounds > 0
    ratios = np.abs(products[useful, 0, 0]) / bounds[useful]
    return Claim.at_least(
        "|W_11| ≥ (|z| − √(2ℓ))(|z'| − √(2ℓ))/(|ε| + √(2ℓ))",
        "razin2020, Theorem 1",
        float(np.min(ratios, initial=np.inf)),
        1.0 - 1e-9,
        f"{int(useful.sum())} records with a bound, the last {bounds[-1]:.4g}",
    )

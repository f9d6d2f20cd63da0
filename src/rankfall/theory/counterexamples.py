"""Small instances that refute a norm as the thing that gradient descent minimizes.

Two of them: Schatten-p quasi-norms fail at every depth; nuclear norm fails on a 4×4 completion that a small start
solves with rank one. The 2×2 completion on which every norm fails is in `divergence`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim


@dataclass(frozen=True)
class SensingInstance:
    """Measurements ⟨A_i, W⟩ = y_i of a symmetric positive semidefinite W, and two solutions.

    Attributes
    ----------
    matrices
        A_1 … A_k, k × d × d, symmetric.
    values
        y.
    minimizer
        the solution of least nuclear norm.
    dual
        ν that proves it (`certify_nuclear_norm`).
    rival
        another solution, the one that makes the point.
    """

    matrices: Float[Array, "k d d"]
    values: Float[Array, " k"]
    minimizer: Float[Array, "d d"]
    dual: Float[Array, " k"]
    rival: Float[Array, "d d"]


def schatten_instance(dim: int = 3, epsilon: float = 0.1) -> SensingInstance:
    """Commuting measurements whose least-nuclear-norm solution no Schatten-p quasi-norm favors.

        W_11 = W_22,  W_11 = W_kk + 1 (k = 3..d);    W̄ = diag(1, 1, 0, …),  rival W̄ + ε(E_12 + E_21)

    Gradient flow from αI tends to W̄ at every depth N ≥ 2, for the measurements are diagonal. The
    rival is as good a solution, PSD, arbitrarily near, and of smaller Schatten-p sum for every
    0 < p < 1: W̄ is not even a local minimum.

    Parameters
    ----------
    dim : int
        d ≥ 3, default 3.
    epsilon : float
        ε in (0, 1), default 0.1; the rival is at distance √2 ε.

    Raises
    ------
    InputError
        For a dimension below 3, or an ε outside of (0, 1).

    References
    ----------
    [arora2019, Proposition on Schatten quasi-norms].
    """
    if dim < 3 or not 0 < epsilon < 1:
        raise InputError(
            f"the instance needs dimension at least 3 and 0 < epsilon < 1, got {dim} and "
            f"{epsilon}; dim=3, epsilon=0.1 is the smallest that shows it"
        )
    matrices = np.zeros((dim - 1, dim, dim))
    matrices[:, 0, 0] = 1.0
    for i in range(dim - 1):
        matrices[i, i + 1, i + 1] = -1.0
    values = np.ones(dim - 1)
    values[0] = 0.0
    minimizer = np.zeros((dim, dim))
    minimizer[0, 0] = minimizer[1, 1] = 1.0
    # A†(ν) = diag(Σν, −ν_1, −ν_2, …) touches I where W̄ does not vanish: −ν_1 = 1, Σν = 1.
    dual = np.full(dim - 1, 2.0 / (dim - 2))
    dual[0] = -1.0
    rival = minimizer.copy()
    rival[0, 1] = rival[1, 0] = epsilon
    return SensingInstance(matrices, values, minimizer, dual, rival)


def schatten_sum(matrix: Float[Array, "m n"], exponent: float) -> float:
    """Σ_r σ_r^p, the p-th power of the Schatten-p (quasi-)norm; p > 0.

    Parameters
    ----------
    matrix : ndarray, shape (m, n)
        The matrix whose singular values are σ_r.
    exponent : float
        p > 0.

    Raises
    ------
    InputError
        For an exponent that is not positive.
    """
    if not exponent > 0:
        raise InputError(f"the exponent p must be positive, got {exponent}; the limit 0 counts the rank")
    return float(np.sum(np.linalg.svd(matrix, compute_uv=False) ** exponent))


def check_schatten(exponent: float, epsilon: float = 0.1, dim: int = 3) -> Claim:
    """The rival of `schatten_instance` has a smaller Schatten sum than the flow's limit.

        (1+ε)^p + (1−ε)^p < 2    for 0 < ε < 1, 0 < p < 1, by strict concavity

    Parameters
    ----------
    exponent : float
        p > 0; the theorem is about p < 1.
    epsilon : float
        ε in (0, 1), default 0.1.
    dim : int
        d ≥ 3, default 3.

    Returns
    -------
    Claim
        Its measurement is the sum of the rival, and its bound is the sum of the limit.

    Raises
    ------
    InputError
        For an exponent that is not positive, a dimension below 3, or an ε outside of (0, 1).

    References
    ----------
    [arora2019, Proposition on Schatten quasi-norms].
    """
    instance = schatten_instance(dim, epsilon)
    measured = schatten_sum(instance.rival, exponent)
    bound = schatten_sum(instance.minimizer, exponent)
    return Claim.judged(
        f"the limit of the flow is no local minimum of Σσ^p, p = {exponent}",
        "arora2019, Schatten quasi-norms",
        measured,
        bound,
        measured < bound,
        why=f"a solution at distance {np.sqrt(2) * epsilon:.3g} has the smaller sum",
    )


def nuclear_norm_instance(ratio: float = 2.0) -> SensingInstance:
    """A 4×4 completion that a small start solves with rank one, at a larger nuclear norm.

    ::

        observed  W_13 = 1, W_14 = R, W_23 = R  (and their mirror images), W ⪰ 0
        minimizer [[R,1,1,R],[1,R,R,1],[1,R,R,1],[R,1,1,R]]: rank 2, nuclear norm 4R, the least
                  because W_11 + W_44 ≥ 2R and W_22 + W_33 ≥ 2R
        rival     vvᵀ, v = (1, R, 1, R): rank 1, nuclear norm 2R² + 2 = 4R + 2(R−1)²

    Depth-2 gradient flow UUᵀ from a vanishing start ends at the rival: rank, not nuclear norm.

    Parameters
    ----------
    ratio
        R > 1.

    References
    ----------
    [li2021, counterexample].
    """
    if not ratio > 1:
        raise InputError(f"the ratio R must exceed 1, got {ratio}; at R = 1 the two solutions have equal nuclear norm")
    observed = [(0, 2, 1.0), (0, 3, ratio), (1, 2, ratio)]
    matrices = np.zeros((3, 4, 4))
    for k, (i, j, _) in enumerate(observed):
        matrices[k, i, j] = matrices[k, j, i] = 0.5
    r = ratio
    minimizer = np.array([[r, 1, 1, r], [1, r, r, 1], [1, r, r, 1], [r, 1, 1, r]], dtype=float)
    vector = np.array([1.0, r, 1.0, r])
    # A†(ν) with ν = (0, 2, 2) has ones at (1,4) and (2,3): eigenvalues ±1, and ⟨y, ν⟩ = 4R.
    return SensingInstance(
        matrices,
        np.array([value for _, _, value in observed]),
        minimizer,
        np.array([0.0, 2.0, 2.0]),
        np.outer(vector, vector),
    )

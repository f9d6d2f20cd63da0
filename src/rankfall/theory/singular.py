"""How depth moves singular values and singular vectors, one mode at a time.

With W = U S Vᵀ and Y = Uᵀ∇ℓ(W)V, depth enters the speed of the r-th singular value only through the
multiplier N σ_r^{2−2/N}: it accelerates large values and slows small ones, the more so the deeper
the product. This is the mechanism of the bias towards low rank. The singular vectors turn until Y
is diagonal.

All laws hold for balanced layers, and at any real depth N ≥ 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.models.preconditioner import require_depth
from rankfall.theory.claim import Claim
from rankfall.theory.laws import preconditioner_eigenvalues, require_same_shape
from rankfall.trajectory.singular_value_law import multiplier, singular_value_velocity

__all__ = ["SingularMotion", "alignment_drift", "multiplier", "singular_motion", "singular_value_velocity"]


@dataclass(frozen=True)
class SingularMotion:
    """The singular triplets of W and their velocities: W = U S Vᵀ, q = min(m, n) columns.

    Attributes
    ----------
    left
        U, m × q.
    values
        σ, descending.
    right
        V, n × q.
    left_velocity
        U̇, m × q.
    value_velocity
        σ̇.
    right_velocity
        V̇, n × q.
    """

    left: Float[Array, "m q"]
    values: Float[Array, " q"]
    right: Float[Array, "n q"]
    left_velocity: Float[Array, "m q"]
    value_velocity: Float[Array, " q"]
    right_velocity: Float[Array, "n q"]


def singular_motion(
    product: Float[Array, "m n"],
    gradient: Float[Array, "m n"],
    depth: float | int,
    decay: float = 0.0,
) -> SingularMotion:
    """The velocities of all singular triplets of W under the end-to-end law, with Y = Uᵀ∇ℓ(W)V.

        σ̇_r = −λN σ_r − N (σ_r²)^{1−1/N} Y_rr
        U̇ = −U (F ⊙ [Y S + S Yᵀ]) − (I − UUᵀ) ∇ℓ(W) V (S²)^{1/2−1/N}
        V̇ = −V (F ⊙ [S Y + Yᵀ S]) − (I − VVᵀ) ∇ℓ(W)ᵀ U (S²)^{1/2−1/N}
        F_rr' = 1 / ((σ_r'²)^{1/N} − (σ_r²)^{1/N}) for r ≠ r',  F_rr = 0

    Keeps U and V orthonormal. Weight decay shrinks values and turns no vector. Vectors carry the
    signs that `numpy.linalg.svd` gave them.

    Source: [arora2019, singular vectors].

    Parameters
    ----------
    product : ndarray, shape (m, n)
        W, the product of the layers.
    gradient : ndarray, shape (m, n)
        ∇ℓ(W), the gradient of the loss as a function of the product.
    depth : float
        N ≥ 1, not necessarily a whole number.
    decay : float
        λ, the weight decay of each layer, default 0.

    Raises
    ------
    InputError
        For a depth below 1, for shapes that differ, and where two singular values coincide or one is zero; the vectors
        then have no velocity.
    """
    require_depth(depth)
    require_same_shape(product, gradient)
    left, values, right_rows = np.linalg.svd(product, full_matrices=False)
    right = right_rows.T
    if values[-1] == 0 or np.any(np.diff(values) == 0):
        raise InputError(
            "singular vectors move only while singular values are distinct and positive, got "
            f"{values}; ask singular_value_velocity for the values alone, or perturb the matrix"
        )
    core = left.T @ gradient @ right
    powers = values ** (2 / depth)
    gaps = powers[None, :] - powers[:, None]
    inverse_gaps = np.divide(1.0, gaps, out=np.zeros_like(gaps), where=gaps != 0)
    outside = values ** (1 - 2 / depth)

    left_turn = inverse_gaps * (core * values + values[:, None] * core.T)
    right_turn = inverse_gaps * (values[:, None] * core + core.T * values)
    left_escape = (gradient @ right - left @ core) * outside
    right_escape = (gradient.T @ left - right @ core.T) * outside
    return SingularMotion(
        left=left,
        values=values,
        right=right,
        left_velocity=-left @ left_turn - left_escape,
        value_velocity=singular_value_velocity(values, np.diagonal(core), depth, decay),
        right_velocity=-right @ right_turn - right_escape,
    )


def alignment_drift(
    product: Float[Array, "m n"], gradient: Float[Array, "m n"], depth: float | int
) -> Float[Array, "q q"]:
    """What turns the singular vectors: zero exactly when those of W and of ∇ℓ(W) are aligned.

        UᵀU̇ S − S VᵀV̇ = −offdiag(K ⊙ Y),    Y = Uᵀ∇ℓ(W)V

    K > 0 are the `preconditioner_eigenvalues`. So if the singular vectors of W stand still, Y is
    diagonal.

    Source: [arora2019, alignment].

    Parameters
    ----------
    product : ndarray, shape (m, n)
        W, the product of the layers.
    gradient : ndarray, shape (m, n)
        ∇ℓ(W), the gradient of the loss as a function of the product.
    depth : float
        N ≥ 1, not necessarily a whole number.

    Returns
    -------
    ndarray, shape (q, q)
        −offdiag(K ⊙ Y), q = min(m, n).

    Raises
    ------
    InputError
        For a depth below 1, or shapes that differ.
    """
    require_same_shape(product, gradient)
    left, values, right = np.linalg.svd(product, full_matrices=False)
    core = left.T @ gradient @ right.T
    drift = -preconditioner_eigenvalues(values, core.shape, depth) * core
    np.fill_diagonal(drift, 0.0)
    return drift


def check_singular_values(
    times: Float[Array, " t"],
    singular_values: Float[Array, "t q"],
    drives: Float[Array, "t q"],
    depth: float | int,
    decay: float = 0.0,
    tolerance: float = 1e-2,
) -> Claim:
    """Hold recorded singular values against the integral of their law.

        σ_r(t) − σ_r(0) = −∫₀ᵗ ( λN σ_r + N (σ_r²)^{1−1/N} ⟨∇ℓ(W), u_r v_rᵀ⟩ ) dt

    The integral is taken by trapezoids between the records, so the error measured contains theirs:
    it falls with the square of their distance. Values must be matched by continuity where they
    cross.

    Source: [arora2019, singular values].

    Parameters
    ----------
    times : ndarray, shape (t,)
        Flow times of the records, increasing; at least two.
    singular_values : ndarray, shape (t, q)
        σ, a row for each time.
    drives : ndarray, shape (t, q)
        ⟨∇ℓ(W), u_r v_rᵀ⟩, a row for each time.
    depth : float
        N ≥ 1, not necessarily a whole number.
    decay : float
        λ, the weight decay of each layer, default 0.
    tolerance : float
        Largest deviation allowed, relative to the largest singular value, default 1e-2.

    Returns
    -------
    Claim
        Its measurement is the largest deviation, relative to the largest singular value.

    Raises
    ------
    InputError
        For fewer than two times, shapes that do not fit, or a depth below 1.
    """
    if not len(times) == len(singular_values) > 1 or singular_values.shape != drives.shape:
        raise InputError(
            f"each of two times or more needs a row of singular values and one of drives, got {len(times)} times and "
            f"shapes {singular_values.shape} and {drives.shape}; record both with Record(drives=True)"
        )
    velocity = singular_value_velocity(singular_values, drives, depth, decay)
    pieces = np.diff(times)[:, None] * (velocity[1:] + velocity[:-1]) / 2
    expected = singular_values[0] + np.vstack([np.zeros_like(pieces[:1]), np.cumsum(pieces, axis=0)])
    deviation = np.abs(singular_values - expected) / np.max(np.abs(singular_values))
    when, which = np.unravel_index(np.argmax(deviation), deviation.shape)
    return Claim.at_most(
        "σ̇_r = −N (σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩",
        "arora2019, singular values",
        deviation[when, which],
        tolerance,
        f"worst for value {which + 1} at time {times[when]:.4g}; closer records sharpen the check",
    )


def check_sign(determinants: Float[Array, " t"], depth: float | int) -> Claim:
    """The determinant of a square product never changes sign along the flow, at depth N ≥ 2.

    Each signed singular value obeys ṡ = (s²)^β g(t) with β = 1 − 1/N ≥ ½, which cannot cross zero.
    At depth 1 nothing of the kind holds.

    Source: [razin2020, Lemma], from [arora2019, sign lemma].

    Parameters
    ----------
    determinants : ndarray, shape (t,)
        det W at each record, the first at the start.
    depth : float
        N ≥ 2.

    Returns
    -------
    Claim
        Its measurement is the number of records whose sign is not that of the first; 0 counts as a sign of its own.

    Raises
    ------
    InputError
        For a depth below 2.
    """
    if not depth >= 2:
        raise InputError(
            f"the sign of the determinant is kept from depth 2 on, got depth {depth}; "
            "at depth 1 singular values may cross zero"
        )
    signs = np.sign(determinants)
    wrong = np.flatnonzero(signs != signs[0])
    detail = f"first change at record {wrong[0]}" if wrong.size else "no change of sign"
    return Claim.at_most(
        "det W(t) keeps its sign", "razin2020, sign of the determinant", float(len(wrong)), 0.0, detail
    )

"""Whether a fit has least nuclear norm: a dual certificate, good for any measurements.

Among the positive semidefinite solutions of A(X) = y the one of least trace is recognised by a
multiplier ν: A†(ν) ⪯ I and (I − A†(ν))X = 0. The certificate needs no solver and no commuting: it
proves optimality where it exists, and bounds the distance from it where it nearly does.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim, Report

CONDITIONS = "gunasekar2017, KKT (6)"


def adjoint(matrices: Float[Array, "k d d"], weights: Float[Array, " k"]) -> Float[Array, "d d"]:
    """A†(ν) = Σ_i ν_i A_i.

    Parameters
    ----------
    matrices : ndarray, shape (k, d, d)
        A_1 … A_k.
    weights : ndarray, shape (k,)
        ν, a weight for each matrix.

    Returns
    -------
    ndarray, shape (d, d)
    """
    return np.tensordot(weights, matrices, axes=1)


def measure(matrices: Float[Array, "k d d"], product: Float[Array, "d d"]) -> Float[Array, " k"]:
    """A(X)_i = ⟨A_i, X⟩.

    Parameters
    ----------
    matrices : ndarray, shape (k, d, d)
        A_1 … A_k.
    product : ndarray, shape (d, d)
        X, the matrix that is measured.

    Returns
    -------
    ndarray, shape (k,)
    """
    return np.tensordot(matrices, product, axes=2)


def nuclear_norm_bound(matrices: Float[Array, "k d d"], values: Float[Array, " k"], dual: Float[Array, " k"]) -> float:
    """A number that no positive semidefinite solution of A(X) = y has a smaller nuclear norm than.

        ‖X‖_* = ⟨I, X⟩ ≥ ⟨A†(ν), X⟩/s = ⟨y, ν⟩/s,    s = max(1, λ_max(A†(ν)))

    Any ν gives a bound; the certificate's gives the optimum. Never below 0.

    Source: [gunasekar2017, problem (5)], weak duality.

    Parameters
    ----------
    matrices : ndarray, shape (k, d, d)
        A_1 … A_k, symmetric.
    values : ndarray, shape (k,)
        y, the measured values.
    dual : ndarray, shape (k,)
        ν, a multiplier for each measurement.
    """
    top = float(np.linalg.eigvalsh(adjoint(matrices, dual))[-1])
    return max(float(values @ dual) / max(1.0, top), 0.0)


def certify_nuclear_norm(
    matrices: Float[Array, "k d d"],
    values: Float[Array, " k"],
    product: Float[Array, "d d"],
    dual: Float[Array, " k"],
    tolerance: float = 1e-6,
) -> Report:
    """Whether X minimizes ‖X‖_* over {X ⪰ 0 : A(X) = y}, by its dual ν.

        A(X) = y,    X ⪰ 0,    A†(ν) ⪯ I,    ⟨I − A†(ν), X⟩ = 0

    Four reports for the four conditions, which together are optimality, and a fifth for the gap to
    the bound that ν proves. A failing report says which condition it is.

    Source: [gunasekar2017, KKT (6)]; in the limit of small starts [arora2019, Theorems 1 and 2].

    Parameters
    ----------
    matrices : ndarray, shape (k, d, d)
        A_1 … A_k, symmetric.
    values : ndarray, shape (k,)
        y, the measured values.
    product : ndarray, shape (d, d)
        X, symmetric.
    dual : ndarray, shape (k,)
        ν, from `commuting_solution`, `minimum_trace` or an argument of your own.
    tolerance : float
        Slack allowed in each condition, relative to ‖X‖_* (the first, to ‖y‖; the third, to 1), default 1e-6.

    Raises
    ------
    InputError
        Where shapes do not fit, or an A_i is not symmetric.
    """
    if matrices.shape[1:] != product.shape or not len(matrices) == len(values) == len(dual):
        raise InputError(
            f"X must have the shape of the A_i, and each A_i a value and a multiplier, got {matrices.shape} for all "
            f"A_i, X of shape {product.shape}, {len(values)} values and {len(dual)} multipliers"
        )
    asymmetric = float(np.max(np.abs(matrices - np.swapaxes(matrices, 1, 2))))
    if asymmetric > 1e-9 * float(np.max(np.abs(matrices))):
        raise InputError(
            f"measurement matrices must be symmetric, got one that differs from its transpose by {asymmetric:.3g}; "
            "use (A + Aᵀ)/2"
        )
    spectrum = np.linalg.eigvalsh((product + product.T) / 2)
    size = float(np.sum(np.abs(spectrum)))
    top = float(np.linalg.eigvalsh(adjoint(matrices, dual))[-1])
    misfit = float(np.linalg.norm(measure(matrices, product) - values))
    slack = float(np.trace(product) - np.sum(adjoint(matrices, dual) * product))
    bound = nuclear_norm_bound(matrices, values, dual)
    scale = max(float(np.linalg.norm(values)), np.finfo(float).tiny)
    asymmetry = float(np.linalg.norm(product - product.T))
    return Report(
        [
            Claim.at_most("A(X) = y", CONDITIONS, misfit, tolerance * scale),
            Claim.at_most(
                "X is symmetric and X ⪰ 0",
                CONDITIONS,
                max(float(-spectrum[0]), asymmetry),
                tolerance * size,
            ),
            Claim.at_most("A†(ν) ⪯ I: its largest eigenvalue", CONDITIONS, top, 1 + tolerance),
            Claim.at_most(
                "complementary slackness |⟨I − A†(ν), X⟩| = 0",
                CONDITIONS,
                abs(slack),
                tolerance * size,
            ),
            Claim.at_most(
                "‖X‖_* is the least",
                "gunasekar2017, weak duality",
                size,
                bound + tolerance * size,
                f"no solution has a nuclear norm below {bound:.6g}",
            ),
        ]
    )


def excess_bound(spectrum: Float[Array, " d"], depth: float | int, start: float) -> float:
    """How far above the least nuclear norm the end of the flow can be, read off the end alone.

        N ≥ 3:  α^{N−2} Σ_k w_k^{2/N}        N = 2:  ( ln⁺(w_max) Σ_k w_k − Σ_k w_k ln w_k ) / ln(1/α²)

    The slack ⟨I − A†(ν), W⟩ of the path's own multiplier ν, and at depth 2 what A†(ν) exceeds I by. Tends to 0 with
    the start: the proof that the limit is of least nuclear norm.

    Source: [gunasekar2017, Theorem 1], [arora2019, Theorem 2]; the bound computed.

    Parameters
    ----------
    spectrum : ndarray, shape (d,)
        w, the positive eigenvalues at the end.
    depth : float
        N ≥ 2.
    start : float
        The eigenvalue of W(0), α^N, above 0 and below 1.

    Raises
    ------
    InputError
        For a depth below 2, or a start that is not between 0 and 1.
    """
    if not (depth >= 2 and 0 < start < 1):
        raise InputError(
            f"the bound needs depth 2 or more and a start between 0 and 1, got {depth} and {start}; at depth 1 the "
            "path ends nearest to its start instead"
        )
    if depth > 2:
        return float(start ** (1 - 2 / depth) * np.sum(spectrum ** (2 / depth)))
    above = max(float(np.log(spectrum.max())), 0.0) * np.sum(spectrum)
    return float((above - np.sum(spectrum * np.log(spectrum))) / np.log(1 / start))

"""Two starts from which gradient descent on ½‖W_N ⋯ W_1 − Φ‖_F² provably never gets there.

They show that neither hypothesis of the convergence theorem can be dropped: balance violated, with
any margin one likes, and the loss explodes; margin violated, with perfect balance, and the loss
stalls.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim
from rankfall.theory.factors import Layers, layer_velocities, multiply


def descend(
    layers: Layers, target: Float[Array, "m n"], step: float, iterations: int
) -> tuple[list[Float[Array, "_ _"]], Float[Array, " t"]]:
    """Gradient descent on ½‖W_N ⋯ W_1 − Φ‖_F², the bare recursion of the convergence paper.

        W_j ← W_j − η ∂ℓ/∂W_j

    Source: [arora2018convergence, Section 2].

    Parameters
    ----------
    layers : sequence of ndarray
        W_1 … W_N at the start; they are not changed.
    target : ndarray, shape (m, n)
        Φ, the target of the product.
    step : float
        η, the step of gradient descent.
    iterations : int
        How many; it stops early where the loss overflows.

    Returns
    -------
    layers : list of ndarray
        The last layers.
    losses : ndarray, shape (t,)
        The losses at the start and after each iteration.

    Raises
    ------
    InputError
        Without layers, or where a layer does not fit the one before it.
    """
    layers, losses = list(layers), []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(iterations + 1):
            residual = multiply(layers) - target
            losses.append(float(np.sum(residual**2)) / 2)
            if not np.isfinite(losses[-1]) or len(losses) > iterations:
                break
            moves = layer_velocities(layers, residual)
            layers = [layer + step * move for layer, move in zip(layers, moves, strict=True)]
    return layers, np.array(losses)


def require_even_depth(depth: int) -> None:
    """Raise `InputError` unless the depth is 2, 4, 6, …"""
    if depth < 2 or depth % 2:
        raise InputError(
            f"this failure needs an even depth, got {depth}; with an odd number of layers the "
            "signs do not cancel in the product"
        )


def unbalanced_start(step: float, margin: float, depth: int = 2, dim: int = 1) -> list[Float[Array, "dim dim"]]:
    """Layers with margin c for Φ = I from which descent with step η explodes, signs alternating.

        first diagonal entries A, …, A (N/2 layers), then B, …, B, with (AB)^{N/2} = c; all other
        entries those of I

    The product is diag(c, 1, …, 1), at distance 1 − c from I: a deficiency margin of c. Only the
    balance is violated, by A² − B². From the second step on the loss grows at least 4ᴺ-fold at
    every step (`check_explosion`).

    Source: [arora2018convergence, Claim 4].

    Parameters
    ----------
    step : float
        η > 0, as small as one likes.
    margin : float
        c in (0, 1).
    depth : int
        N, even, default 2.
    dim : int
        Size of all layers, default 1.

    Returns
    -------
    list of ndarray, shape (dim, dim)
        W_1 … W_N.

    Raises
    ------
    InputError
        For a depth that is not even, a margin outside of (0, 1), or a step that is not positive.
    """
    require_even_depth(depth)
    if not (0 < margin < 1 and step > 0):
        raise InputError(
            "the construction needs a step above 0 and a margin strictly between 0 and "
            f"σ_min(Φ) = 1, got {step} and {margin}; try step=0.1, margin=0.8"
        )
    # Let e = P − 1 > 0, P the product of the entries w_j, and q_j = ηeP/w_j². A step maps w_j to
    # −(q_j − 1) w_j. If all q_j ≥ 3, then P grows by Π = ∏(q_j − 1) ≥ 2ᴺ (N even), e by at least
    # Π, and q_j by at least ∏_{i≠j}(q_i − 1)² ≥ 4: so q_j ≥ 3 for ever. Hence raise A until q_j ≥ 3
    # after the first step, which every η allows, since that q_j grows like A^{2N−2}.
    half = depth // 2
    large = 1.0
    while True:
        small = margin ** (1 / half) / large
        entries = np.array([large] * half + [small] * half)
        after = entries - step * (margin - 1) * margin / entries
        product = np.prod(after)
        if np.all(step * (product - 1) * product >= 3 * after**2) and product > 1:
            break
        large *= 2
    layers = [np.eye(dim) for _ in range(depth)]
    for layer, entry in zip(layers, entries, strict=True):
        layer[0, 0] = entry
    return layers


def check_explosion(losses: Float[Array, " t"], depth: int = 2) -> Claim:
    """From an `unbalanced_start` every loss, from the second step on, is 4ᴺ times the one before.

        P − 1 ↦ at least 2ᴺ (P − 1),  so ℓ = ½(P − 1)² ↦ at least 4ᴺ ℓ

    Source: [arora2018convergence, Claim 4].

    Parameters
    ----------
    losses : ndarray, shape (t,)
        ℓ at the start and after each step; at least three.
    depth : int
        N, default 2.

    Returns
    -------
    Claim
        Its measurement is the smallest ratio of a loss to the one before, from the second step on.

    Raises
    ------
    InputError
        For fewer than three losses.
    """
    if len(losses) < 3:
        raise InputError(f"growth shows from the second step on, got {len(losses)} losses; run more iterations")
    ratios = losses[2:] / losses[1:-1]
    return Claim.at_least(
        "the loss grows at least exponentially",
        "arora2018convergence, Claim 4",
        float(np.min(ratios)),
        4.0**depth * (1 - 1e-9),
        f"{len(losses) - 1} steps, last loss {losses[-1]:.3g}",
    )


def stalled_loss(target: Float[Array, "d d"]) -> float:
    """The loss below which descent from identity layers never falls, at even depth.

        ℓ ≥ Σ_{λ<0} λ²/2 over the eigenvalues λ of the symmetric Φ

    From W_j = I the product stays U D^N Uᵀ in the eigenbasis of Φ, with N even: positive
    semidefinite, whatever the step. The layers are exactly balanced; it is the margin that is
    missing.

    Source: [arora2018convergence, Claim 5].
    """
    if not np.allclose(target, target.T, rtol=1e-12, atol=0):
        raise InputError(
            "the target must be symmetric for this failure, got a matrix that differs from its "
            f"transpose by {np.linalg.norm(target - target.T):.3g}; use (Φ + Φᵀ)/2"
        )
    spectrum = np.linalg.eigvalsh(target)
    return float(np.sum(spectrum[spectrum < 0] ** 2) / 2)


def check_stall(losses: Float[Array, " t"], target: Float[Array, "d d"], depth: int) -> Claim:
    """Descent from identity layers at even depth never falls below `stalled_loss`.

    Source: [arora2018convergence, Claim 5].

    Parameters
    ----------
    losses : ndarray, shape (t,)
        ℓ along the run.
    target : ndarray, shape (d, d)
        Φ, symmetric.
    depth : int
        N, even.

    Returns
    -------
    Claim
        Its measurement is the smallest loss, and its bound is `stalled_loss` less its rounding.

    Raises
    ------
    InputError
        For a depth that is not even, or a target that is not symmetric.
    """
    require_even_depth(depth)
    bound = stalled_loss(target)
    return Claim.at_least(
        "the loss stays above λ²/2 of the negative eigenvalues",
        "arora2018convergence, Claim 5",
        float(np.min(losses)),
        bound * (1 - 1e-12),
        "identity layers cannot make an eigenvalue negative",
    )

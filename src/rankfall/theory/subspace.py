"""The small block in which a deep factorization moves, all else shrinking as one number a layer.

For ½‖W_N ⋯ W_1 − Φ‖_F² with rank Φ = r and layers that start as multiples of orthogonal matrices,
gradient descent changes each d × d layer in a 2r-dimensional block only. On the other d − 2r
directions every layer stays a multiple ρ_j of an isometry, and the ρ_j obey a scalar recursion. So
the whole run can be had from layers of size 2r.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim
from rankfall.theory.factors import Layers, multiply


@dataclass(frozen=True)
class InvariantBlock:
    """Bases that split every layer, W_j = U_j blockdiag(W̃_j, ρ_j I) V_jᵀ with V_{j+1} = U_j.

    Attributes
    ----------
    active
        V_1, U_1, …, U_N restricted to the moving directions, N + 1 matrices d × 2r.
    idle
        the same for the others, N + 1 matrices d × (d − 2r).
    scales
        ε_j, the sizes of the layers at the start.
    """

    active: Sequence[Float[Array, "d a"]]
    idle: Sequence[Float[Array, "d b"]]
    scales: Sequence[float]


def idle_scales(scales: Sequence[float], step: float, iterations: int, decay: float = 0.0) -> Float[Array, "t N"]:
    """The scalar recursion of the directions in which nothing is learned.

        ρ_j(t+1) = ρ_j(t) ( 1 − ηλ − η ∏_{k≠j} ρ_k(t)² ),    ρ_j(0) = ε_j

    Descent on ½(ρ_N ⋯ ρ_1)² with weight decay: a deep factorization of 0.

    Source: [yaras2024, Theorem on deep matrix factorization].

    Parameters
    ----------
    scales : sequence of float
        ε_1 … ε_N.
    step : float
        η, the step of gradient descent.
    iterations : int
        T, the number of steps.
    decay : float
        λ, the weight decay of each layer, default 0.

    Returns
    -------
    ndarray, shape (T + 1, N)
        ρ, a row for each iteration, the first at the start, and a column for each layer.
    """
    path = np.empty((iterations + 1, len(scales)))
    path[0] = scales
    for t in range(iterations):
        now = path[t]
        others = np.array([np.prod(np.delete(now, j) ** 2) for j in range(len(now))])
        path[t + 1] = now * (1 - step * decay - step * others)
    return path


def invariant_block(layers: Layers, target: Float[Array, "d d"], rank: int, tolerance: float = 1e-8) -> InvariantBlock:
    """The splitting of all layers, read off the start alone.

        idle part of V_1 = null(Ψ) ∩ null(Ψᵀ W_1(0)),    Ψ = (W_N ⋯ W_2)ᵀ Φ at the start;
        then U_j = W_j V_j / ε_j and V_{j+1} = U_j

    Ψ is minus the gradient of layer 1 but for the product's own part, ∏_{k≥2} ε_k² W_1, which has
    full rank: the gradient itself gives the block only in the limit of small starts.

    Source: [yaras2024, Theorem on deep matrix factorization].

    Parameters
    ----------
    layers : sequence of ndarray, shape (d, d)
        W_1 … W_N at the start, W_jᵀW_j = ε_j² I.
    target : ndarray, shape (d, d)
        Φ, of rank at most r.
    rank : int
        r, with 0 < 2r < d.
    tolerance : float
        Singular values below it, relative to the largest, count as zero; also how far W_jᵀW_j may be from ε_j² I,
        relative to ε_j² d. Default 1e-8.

    Raises
    ------
    InputError
        Where a layer is no multiple of an orthogonal matrix, 2r ≥ d, or the target has a larger rank.
    """
    size = len(target)
    if not 0 < 2 * rank < size:
        raise InputError(
            f"the block needs 0 < 2·rank < {size}, got rank {rank}; with no idle direction there is nothing to compress"
        )
    scales = [float(np.linalg.norm(layer) / np.sqrt(size)) for layer in layers]
    for j, (layer, scale) in enumerate(zip(layers, scales, strict=True), start=1):
        square = layer.shape == (size, size)
        defect = np.linalg.norm(layer.T @ layer - scale**2 * np.eye(size)) if square else np.inf
        if not defect <= tolerance * scale**2 * size:
            raise InputError(
                f"every layer must start as a multiple of a {size} × {size} orthogonal matrix, got "
                f"layer {j} off by {defect:.3g}; use an orthogonal or scaled identity start"
            )
    # null(Ψ) = null(Φ) and null(ΨᵀW_1) = null(ΦᵀW), W = W_N ⋯ W_1 being ∏ε_k times orthogonal;
    # off it ∂ℓ/∂W_1 v = W_{N:2}ᵀ(W − Φ)v = ∏_{k≥2} ε_k² W_1 v, which only shrinks v
    rotation = multiply(layers) / np.prod(scales)
    _, values, right = np.linalg.svd(np.vstack([target, target.T @ rotation]))
    if values[2 * rank] > tolerance * values[0]:
        raise InputError(
            f"the target must have rank at most {rank}, got a singular value "
            f"{values[2 * rank]:.3g} outside the block; pass its rank, or truncate it first"
        )
    active, idle = [right[: 2 * rank].T], [right[2 * rank :].T]
    for layer, scale in zip(layers, scales, strict=True):
        active.append(layer @ active[-1] / scale)
        idle.append(layer @ idle[-1] / scale)
    return InvariantBlock(active, idle, scales)


def compress(layers: Layers, block: InvariantBlock) -> list[Float[Array, "a a"]]:
    """The moving blocks of the layers, W̃_j = U_jᵀ W_j V_j of size 2r × 2r; ε_j I at the start.

    Source: [yaras2024].

    Parameters
    ----------
    layers : sequence of ndarray, shape (d, d)
        W_1 … W_N at some iteration.
    block : InvariantBlock
        The splitting of the start.

    Returns
    -------
    list of ndarray, shape (2r, 2r)
        W̃_1 … W̃_N.
    """
    sides = zip(block.active[1:], layers, block.active[:-1], strict=True)
    return [left.T @ layer @ right for left, layer, right in sides]


def expand(small: Layers, block: InvariantBlock, scales: Sequence[float]) -> list[Float[Array, "d d"]]:
    """The layers with the given moving blocks and idle scales: the inverse of `compress`.

        W_j = U_j blockdiag(W̃_j, ρ_j I) V_jᵀ

    Source: [yaras2024].

    Parameters
    ----------
    small : sequence of ndarray, shape (2r, 2r)
        W̃_1 … W̃_N.
    block : InvariantBlock
        The splitting of the start.
    scales : sequence of float
        ρ_1 … ρ_N, a row of `idle_scales`.

    Returns
    -------
    list of ndarray, shape (d, d)
        W_1 … W_N.
    """
    return [
        block.active[j + 1] @ layer @ block.active[j].T + scales[j] * block.idle[j + 1] @ block.idle[j].T
        for j, layer in enumerate(small)
    ]


def check_invariant_block(
    layers: Layers,
    block: InvariantBlock,
    scales: Sequence[float] | Float[Array, " N"],
    tolerance: float = 1e-9,
) -> Claim:
    """Whether the layers still split along the block they started with.

        W_j V_j,idle = ρ_j U_j,idle    and    W_jᵀ U_j,idle = ρ_j V_j,idle

    Source: [yaras2024, Theorem on deep matrix factorization].

    Parameters
    ----------
    layers : sequence of ndarray, shape (d, d)
        W_1 … W_N at some iteration.
    block : InvariantBlock
        The splitting of the start.
    scales : sequence of float
        ρ at that iteration, the row of `idle_scales`.
    tolerance : float
        Largest deviation allowed, relative to max ε_j, default 1e-9.

    Returns
    -------
    Claim
        Its measurement is the largest deviation of a layer, both equations together, relative to max ε_j.
    """
    defects = []
    for j, layer in enumerate(layers):
        forth = layer @ block.idle[j] - scales[j] * block.idle[j + 1]
        back = layer.T @ block.idle[j + 1] - scales[j] * block.idle[j]
        defects.append(float(np.linalg.norm(forth) + np.linalg.norm(back)))
    worst = int(np.argmax(defects))
    return Claim.at_most(
        "outside a block of size 2r each layer is ρ_j times an isometry",
        "yaras2024, deep matrix factorization",
        defects[worst] / max(block.scales),
        tolerance,
        f"worst in layer {worst + 1}",
    )

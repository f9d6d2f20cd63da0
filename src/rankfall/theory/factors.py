"""What the flow does to the layers: the others move each of them, and imbalance is conserved.

The end-to-end laws assume balanced layers. These few functions start from the layers themselves, so
that a run can be asked whether the assumption, and hence the law, is true of it. Layers are listed
as everywhere: layers[0] is W_1 and acts first, W = W_N ⋯ W_1.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim
from rankfall.theory.laws import end_to_end_velocity

Layers = Sequence[Float[Array, "_ _"]]


def multiply(layers: Layers) -> Float[Array, "m n"]:
    """The product W = W_N ⋯ W_1 of the layers, layers[0] acting first.

    Raises
    ------
    InputError
        without layers, or where a layer does not fit the one before it.
    """
    require_fit(layers)
    product = layers[0]
    for layer in layers[1:]:
        product = layer @ product
    return product


def require_fit(layers: Layers) -> None:
    """Raise `InputError` without layers, or where a layer does not fit the one before it."""
    if not layers:
        raise InputError("a product needs at least one layer, got none; pass [W] for depth 1")
    for j, (below, above) in enumerate(pairwise(layers), start=2):
        if above.shape[1] != below.shape[0]:
            raise InputError(
                f"layer {j} must have {below.shape[0]} columns, as layer {j - 1} has rows, got shapes {below.shape} "
                f"and {above.shape}; layers are listed W_1 first, and W_1 acts first"
            )


def layer_velocities(layers: Layers, gradient: Float[Array, "m n"], decay: float = 0.0) -> list[Float[Array, "_ _"]]:
    """Gradient flow on the layers.

        Ẇ_j = −λW_j − (W_N ⋯ W_{j+1})ᵀ ∇ℓ(W) (W_{j−1} ⋯ W_1)ᵀ

    Source: [arora2018, Theorem 1].

    Parameters
    ----------
    layers : sequence of ndarray
        W_1 … W_N, `layers[0]` acting first.
    gradient : ndarray, shape (m, n)
        ∇ℓ at the product of the layers.
    decay : float
        λ, the weight decay of each layer, default 0.

    Returns
    -------
    list of ndarray
        Ẇ_1 … Ẇ_N, in the shapes of the layers.

    Raises
    ------
    InputError
        Without layers, where a layer does not fit the one before it, or where the gradient does not have the shape of
        the product.
    """
    require_fit(layers)
    shape = layers[-1].shape[0], layers[0].shape[1]
    if gradient.shape != shape:
        raise InputError(f"the gradient must have the product's shape {shape}, got {gradient.shape}; it is ∇ℓ(W)")
    before = [np.eye(layers[0].shape[1])]
    for layer in layers[:-1]:
        before.append(layer @ before[-1])
    after = np.eye(layers[-1].shape[0])
    velocities = []
    for layer, inputs in zip(reversed(layers), reversed(before), strict=True):
        velocities.append(-decay * layer - after.T @ gradient @ inputs.T)
        after = after @ layer
    return velocities[::-1]


def imbalances(layers: Layers) -> list[Float[Array, "_ _"]]:
    """The matrices W_{j+1}ᵀW_{j+1} − W_jW_jᵀ, j = 1..N−1, that gradient flow conserves."""
    require_fit(layers)
    return [above.T @ above - below @ below.T for below, above in pairwise(layers)]


def imbalance(layers: Layers) -> float:
    """How far the layers are from balanced: max_j ‖W_{j+1}ᵀW_{j+1} − W_jW_jᵀ‖_F, zero at depth 1.

    Layers are δ-balanced when this is at most δ. Source: [arora2018convergence, Definition 1].
    """
    return max((float(np.linalg.norm(gap)) for gap in imbalances(layers)), default=0.0)


def check_end_to_end(
    layers: Layers, gradient: Float[Array, "m n"], decay: float = 0.0, tolerance: float = 1e-9
) -> Claim:
    """Whether the layers, as they stand, move their product by the end-to-end law.

        Σ_j W_N ⋯ Ẇ_j ⋯ W_1 = −λN W − Σ_j [WWᵀ]^{(j−1)/N} ∇ℓ(W) [WᵀW]^{(N−j)/N}

    Exact for balanced layers; the deviation grows with their imbalance. Relative to ‖Ẇ‖_F.

    Source: [arora2018, Theorem 1].

    Parameters
    ----------
    layers : sequence of ndarray
        W_1 … W_N, `layers[0]` acting first.
    gradient : ndarray, shape (m, n)
        ∇ℓ at the product of the layers.
    decay : float
        λ, the weight decay of each layer, default 0.
    tolerance : float
        Largest relative deviation allowed, default 1e-9.

    Returns
    -------
    Claim
        Its measurement is the deviation in the Frobenius norm, relative to the larger of the two sides.

    Raises
    ------
    InputError
        Without layers, where a layer does not fit the one before it, or where the gradient does not have the shape of
        the product.
    """
    product = multiply(layers)
    moved = np.zeros_like(product)
    for j, velocity in enumerate(layer_velocities(layers, gradient, decay)):
        moved += multiply([*layers[:j], velocity, *layers[j + 1 :]])
    law = end_to_end_velocity(product, gradient, len(layers), decay)
    size = max(float(np.linalg.norm(moved)), float(np.linalg.norm(law)), np.finfo(float).tiny)
    return Claim.at_most(
        "the layers move W by the end-to-end law",
        "arora2018, Theorem 1",
        float(np.linalg.norm(moved - law)) / size,
        tolerance,
        f"imbalance {imbalance(layers):.3g}",
    )


def check_balance(
    times: Float[Array, " t"],
    history: Sequence[Layers],
    decay: float = 0.0,
    tolerance: float = 1e-6,
) -> Claim:
    """The flow conserves the imbalance; weight decay lets it die at a known rate.

        W_{j+1}ᵀW_{j+1} − W_jW_jᵀ (t) = e^{−2λ(t−t_0)} · its value at t_0

    Gradient descent with step η drifts by O(η), so its tolerance is a multiple of η.

    Source: [arora2018, Theorem 1].

    Parameters
    ----------
    times : ndarray, shape (t,)
        Flow times of the records, the first at t_0.
    history : sequence of sequences of ndarray
        The layers W_1 … W_N at each of them.
    decay : float
        λ, the weight decay of each layer, default 0.
    tolerance : float
        Largest deviation allowed, in the units of W_jW_jᵀ, default 1e-6.

    Returns
    -------
    Claim
        Its measurement is the largest deviation over all records and layers, in the Frobenius norm.

    Raises
    ------
    InputError
        Without records, where a time lacks its layers, or where a layer does not fit the one before it.
    """
    if not len(times) == len(history) > 0:
        raise InputError(f"each time needs its layers, got {len(times)} times and {len(history)} lists of layers")
    start = imbalances(history[0])
    drifts = []
    for time, layers in zip(times, history, strict=True):
        kept = np.exp(-2 * decay * (time - times[0]))
        gaps = [now - kept * then for now, then in zip(imbalances(layers), start, strict=True)]
        drifts.append(max((float(np.linalg.norm(gap)) for gap in gaps), default=0.0))
    worst = int(np.argmax(drifts))
    return Claim.at_most(
        "W_{j+1}ᵀW_{j+1} − W_jW_jᵀ is conserved",
        "arora2018, Theorem 1",
        drifts[worst],
        tolerance,
        f"worst at time {times[worst]:.4g}",
    )

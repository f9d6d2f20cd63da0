"""How depth moves the product: the end-to-end law and the preconditioner inside it.

When the layers are balanced, W_{j+1}ᵀW_{j+1} = W_jW_jᵀ, the gradient flow on the layers moves the
product W by a law in which they no longer appear: the gradient G = ∇ℓ(W) is multiplied, in the
basis of the singular vectors of W, by a positive matrix that grows with the singular values.
Everything that depth does to the path is in that matrix.

The depth N may be any real number ≥ 1 where a law is written through that matrix, for the sum over
j has the closed form (aᴺ − bᴺ)/(a − b). Weight decay λ is that of Ẇ_j = −λW_j − ∂ℓ/∂W_j.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.models.preconditioner import multipliers, precondition, require_depth


def require_whole_depth(depth: float | int) -> None:
    """Raise `InputError` unless the depth counts layers: 1, 2, 3, …"""
    require_depth(depth)
    if depth != int(depth):
        raise InputError(
            f"depth must be a whole number in a sum over layers, got {depth}; end_to_end_velocity takes any real depth"
        )


def require_same_shape(product: Array, gradient: Array) -> None:
    """Raise `InputError` unless the gradient has the shape of the product."""
    if product.shape != gradient.shape:
        raise InputError(
            f"the gradient must have the product's shape {product.shape}, got {gradient.shape}; it is ∇ℓ as a "
            "function of W"
        )


def preconditioner_eigenvalues(
    singular_values: Float[Array, " q"], shape: tuple[int, int], depth: float | int
) -> Float[Array, "m n"]:
    """The factors by which depth multiplies the gradient, one for each pair (u_r, v_r').

        K_rr' = Σ_{j=1..N} σ_r^{2(j−1)/N} σ_r'^{2(N−j)/N},    r = 1..m, r' = 1..n,

    with σ := 0 beyond q = min(m, n) and 0⁰ := 1. On the diagonal K_rr = N σ_r^{2−2/N}; every K_rr'
    with r' ≠ r is between 0 and N max(σ_r, σ_r')^{2−2/N}; the smallest is at least
    σ_min^{2(N−1)/N}. Depth 1 gives ones.

    Source: [arora2018, Claim 1]; the lower bound [arora2018convergence].

    Parameters
    ----------
    singular_values : ndarray, shape (q,)
        The q = min(m, n) singular values of W, none negative.
    shape : (int, int)
        (m, n), the shape of W.
    depth : float
        N ≥ 1, not necessarily a whole number.

    Returns
    -------
    ndarray, shape (m, n)
        K, a factor for each pair.

    Raises
    ------
    InputError
        For a depth below 1, or another number of singular values than min(m, n).
    """
    require_depth(depth)
    if len(singular_values) != min(shape):
        raise InputError(
            f"a {shape[0]} × {shape[1]} matrix has {min(shape)} singular values, got "
            f"{len(singular_values)}; pass all of them, zeros included"
        )
    padded = np.zeros(max(shape))
    padded[: len(singular_values)] = singular_values
    return multipliers(padded, depth)[: shape[0], : shape[1]]


def end_to_end_velocity(
    product: Float[Array, "m n"],
    gradient: Float[Array, "m n"],
    depth: float | int,
    decay: float = 0.0,
) -> Float[Array, "m n"]:
    """The motion of the product under gradient flow on balanced layers.

        Ẇ = −λN W − Σ_{j=1..N} [WWᵀ]^{(j−1)/N} ∇ℓ(W) [WᵀW]^{(N−j)/N}

    It depends on the depth and on nothing else about the layers: not on hidden widths, not on the
    choice of balanced factors. It never raises the loss, ⟨∇ℓ, Ẇ⟩ ≤ 0 for λ = 0, and for N ≥ 2 it
    never raises the rank. Gradient descent with step η follows W + ηẆ up to O(η²).

    Source: [arora2018, Theorem 1].

    Parameters
    ----------
    product : ndarray, shape (m, n)
        W, the product of the layers.
    gradient : ndarray, shape (m, n)
        ∇ℓ(W), the gradient of the loss as a function of the product.
    depth : float
        N ≥ 1; at a depth that is no whole number the sum is its closed form.
    decay : float
        λ, the weight decay of each layer, default 0.

    Returns
    -------
    ndarray, shape (m, n)
        Ẇ.

    Raises
    ------
    InputError
        For a depth below 1, or shapes that differ.
    """
    require_depth(depth)
    require_same_shape(product, gradient)
    return -decay * depth * product - precondition(product, gradient, depth)


def gram_power(
    vectors: Float[Array, "d d"], singular_values: Float[Array, " q"], power: float | int
) -> Float[Array, "d d"]:
    """[WWᵀ]^p, or [WᵀW]^p, from all left, or all right, singular vectors of W; [·]⁰ = I.

    Built from the singular values so that directions outside the range of W stay exactly zero: an
    eigenvalue of WWᵀ at rounding level, 1e-17, would weigh 2e-6 at p = 1/3.
    """
    squares = np.zeros(len(vectors))
    squares[: len(singular_values)] = singular_values**2
    return (vectors * squares**power) @ vectors.T


def preconditioner(product: Float[Array, "m n"], depth: float | int) -> Float[Array, "size size"]:
    """The end-to-end law as one matrix acting on vec(∇ℓ), columns stacked first.

        P_W = Σ_{j=1..N} [WᵀW]^{(N−j)/N} ⊗ [WWᵀ]^{(j−1)/N},    vec Ẇ = −λN vec W − P_W vec ∇ℓ(W)

    Symmetric positive semidefinite, mn × mn; eigenvectors vec(u_r v_r'ᵀ), eigenvalues
    `preconditioner_eigenvalues`. For study: `end_to_end_velocity` applies it without building it.

    Source: [arora2018, Claim 1].

    Parameters
    ----------
    product : ndarray, shape (m, n)
        W, the product of the layers.
    depth : int
        N, a whole number.

    Returns
    -------
    ndarray, shape (mn, mn)
        P_W.

    Raises
    ------
    InputError
        For a depth other than 1, 2, 3, …
    """
    require_whole_depth(depth)
    left, singular_values, right = np.linalg.svd(product)
    total = np.zeros((product.size, product.size))
    for j in range(1, int(depth) + 1):
        outputs = gram_power(left, singular_values, (j - 1) / depth)
        inputs = gram_power(right.T, singular_values, (depth - j) / depth)
        total += np.kron(inputs, outputs)
    return total


def single_output_velocity(
    product: Float[Array, "1 d"],
    gradient: Float[Array, "1 d"],
    depth: float | int,
    decay: float = 0.0,
) -> Float[Array, "1 d"]:
    """The end-to-end law of a product with one row: an adaptive step and a momentum along W.

        Ẇ = −λN W − ‖W‖^{2−2/N} ( ∇ℓ + (N−1) Pr_W{∇ℓ} ),    Pr_W{V} = ⟨V, W⟩ W/‖W‖², and 0 at W = 0

    ‖W‖^{2−2/N} is a learning rate that grows with the distance travelled; the second term amplifies
    N times the direction already taken.

    Source: [arora2018, Claim 2].

    Parameters
    ----------
    product : ndarray, shape (1, d)
        W, the product of the layers.
    gradient : ndarray, shape (1, d)
        ∇ℓ(W), the gradient of the loss as a function of the product.
    depth : float
        N ≥ 1, not necessarily a whole number.
    decay : float
        λ, the weight decay of each layer, default 0.

    Returns
    -------
    ndarray, shape (1, d)
        Ẇ.

    Raises
    ------
    InputError
        For a depth below 1, shapes that differ, or more than one row.
    """
    require_depth(depth)
    require_same_shape(product, gradient)
    if product.shape[0] != 1:
        raise InputError(f"a single output is one row, got shape {product.shape}; end_to_end_velocity takes any")
    size = np.linalg.norm(product)
    if size == 0:
        return -gradient if depth == 1 else np.zeros_like(gradient)
    along = product * (np.sum(gradient * product) / size**2)
    return -decay * depth * product - size ** (2 - 2 / depth) * (gradient + (depth - 1) * along)

"""Compressed dynamics: the start of the small chain inside a wide one that begins orthogonal.

A wide chain with layers ε^{1/N} Q_j learns inside one block of size 2r and only shrinks elsewhere. The small chain

    W = U · W̃_N ⋯ W̃_1 · Vᵀ,    W̃_j(0) = ε^{1/N} I,    V = orth[v_1 … v_r, Qᵀu_1 … Qᵀu_r],    U = Q V,

Q = Q_N ⋯ Q_1 and u_k, v_k the leading singular vectors of the back-projected data, is that block. For a known target
of rank r it is exact with U and V at rest; for completion they move, at a small rate.   [yaras2024]
"""

import numpy as np

from rankfall.errors import InputError
from rankfall.models.chain import Chain
from rankfall.models.layer_products import partial_products
from rankfall.models.starts import FromLayers, Orthogonal, leading_vectors
from rankfall.problems.problem import Problem


def compressed(problem: Problem, rank: int, *, depth: int = 3, scale: float | int = 1e-3, seed: int = 0) -> FromLayers:
    """The start of the compressed chain that stands for `Chain(depth)` from `Orthogonal(scale)` with the same seed.

    Its layers are Vᵀ, the `depth` small ones, and U: run it as `Chain(depth + 2, rates=(γ, 1, …, 1, γ))`. With γ = 0
    and a target of rank `rank`, W of the wide chain is this W plus a multiple of an isometry that only shrinks
    (`theory.idle_scales`); for completion γ = 1e-2 lets the block turn.

    Parameters
    ----------
    problem : Problem
        What is measured of a square W.
    rank : int
        r, at least that of the truth; the small layers are 2r × 2r.
    depth : int
        N, the number of layers of the wide chain, default 3.
    scale : float
        Of the product, ε, default 1e-3.
    seed : int
        Of the wide chain's start, default 0.

    Raises
    ------
    InputError
        Where W is not square, 2r exceeds its side, or rank or scale is not positive.
    """
    m, n = problem.shape
    if m != n:
        raise InputError(f"compression is stated for square matrices, got shape {(m, n)}; Spectral takes any shape")
    if not 0 < 2 * rank <= n:
        raise InputError(f"the block needs 0 < 2·rank ≤ {n}, got rank {rank}; a rank above {n // 2} saves nothing")
    if not scale > 0:
        raise InputError(f"scale must be positive, got {scale}; what starts at exactly zero never moves")
    turns = Orthogonal(1.0).layers(problem, Chain(depth).sized((m, n)).form(), seed)
    rotation = partial_products(turns)[-1]
    left, right = leading_vectors(problem.back_projection(), rank)
    inner, _ = np.linalg.qr(np.hstack([right, rotation.T @ left]))
    small = scale ** (1 / depth) * np.eye(2 * rank)
    return FromLayers([inner.T, *[small] * depth, rotation @ inner])

"""Numbers that describe a product along its way."""

from typing import Any

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace, to_numpy


def effective_rank(singular_values: Float[np.ndarray, "*batch q"]) -> Float[np.ndarray, "*batch"]:
    """exp(−Σ p_r log p_r) with p_r = σ_r / Σσ, natural logarithm: from 1 to q; 0 for W = 0.   [arora2019, code]"""
    total = singular_values.sum(axis=-1, keepdims=True)
    share = singular_values / np.where(total > 0, total, 1)
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1)), axis=-1)
    return np.where(total[..., 0] > 0, np.exp(entropy), 0.0)


def test_error(problem: Any, model: Any, weights: Float[Array, "batch p"]) -> Float[np.ndarray, " batch"]:
    """Mean squared error against the truth over all m n entries, the papers' reconstruction error.   [arora2019]"""
    xp = namespace(weights)
    gap = model.product(weights) - problem.truth
    return to_numpy(xp.mean(gap * gap, axis=(-2, -1))).astype(np.float64)

"""The positive semidefinite problems of the first paper on matrix factorization, and starts of a prescribed norm.

A planted 50 × 50 matrix X ⪰ 0, of rank 2 or with the spectrum k^{−1.5}, is measured by symmetric Gaussian matrices or
seen at some of its entries, and is scaled so that ‖X‖_F = 1 at rank 2 and ‖X‖_* = √2 otherwise. Sizes, counts and
spectrum are recalled, not found in the text.   [gunasekar2017, experiments]
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rankfall.datasets import planted, power_law_entries
from rankfall.models.start import LayerForm, Start
from rankfall.problems import Completion, Problem, Sensing

SIZE, RANK = 50, 2
# A gradient of the mean loss is about 2/n² (X − X*): this much flow time is a unit of the papers' ½Σ.
UNIT = SIZE**2 / 2


@dataclass(frozen=True)
class OfNorm(Start):
    """A Gaussian U(0) scaled to ‖U(0)‖_F² = `scale` exactly, whatever the draw."""

    scale: float | np.ndarray
    width: int | None = field(default=None, init=False)

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> list[np.ndarray]:
        """Uᵀ and U of unit norm."""
        drawn = np.random.default_rng(seed).standard_normal(form.shapes[-1])
        drawn /= np.linalg.norm(drawn)
        return [drawn.T, drawn]


def target(spectrum: str, seed: int) -> Float[np.ndarray, "n n"]:
    """X*: "rank 2", or "decaying" with eigenvalues ∝ k^{−1.5} and ‖X*‖_* = √2."""
    if spectrum == "rank 2":
        return planted((SIZE, SIZE), RANK, kind="psd", norm=1.0, seed=seed)
    values = np.arange(1.0, SIZE + 1) ** -1.5
    return planted((SIZE, SIZE), spectrum=values * np.sqrt(RANK) / values.sum(), kind="psd", seed=seed)


def sensed(truth: Float[np.ndarray, "n n"], count: int, seed: int) -> Sensing:
    """`count` symmetric Gaussian measurements."""
    return Sensing.gaussian(truth, count, seed=seed, symmetric=True)


def seen(truth: Float[np.ndarray, "n n"], count: int, exponent: float, seed: int) -> Completion:
    """About `count` entries X_ij = X_ji, rows and columns popular by a power law (0: uniform); each counts once."""
    rows, cols = power_law_entries(truth.shape, 2 * count, exponent, seed=seed)
    upper, lower = np.minimum(rows, cols), np.maximum(rows, cols)
    pairs = np.unique(upper * SIZE + lower)
    pairs = np.sort(np.random.default_rng(seed).permutation(pairs)[:count])
    upper, lower = np.divmod(pairs, SIZE)
    places = np.unique(np.concatenate([upper * SIZE + lower, lower * SIZE + upper]))
    rows, cols = np.divmod(places, SIZE)
    weights = np.where(rows == cols, 1.0, 0.5)
    return Completion(rows, cols, truth[rows, cols], truth.shape, weights, truth)


def error_of(product: Float[np.ndarray, "n n"], truth: Float[np.ndarray, "n n"]) -> float:
    """‖X − X*‖_F/‖X*‖_F."""
    return float(np.linalg.norm(product - truth) / np.linalg.norm(truth))

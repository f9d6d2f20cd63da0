"""What a gradient adds up over listed entries: by the fused loops where they know the loss, else by the loss itself."""

import numpy as np
from jaxtyping import Float

from rankfall.kernels.observed import Entries
from rankfall.problems.loss import Loss


def entry_sums(
    entries: Entries, loss: Loss, values: Float[np.ndarray, " entries"], weights: Float[np.ndarray, " weighed"],
    left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"],
) -> tuple[float, Float[np.ndarray, "m k"], Float[np.ndarray, "n k"]]:  # fmt: skip
    """Σ w ρ, and P R and Pᵀ L with P = ½ w ∂ρ/∂z on Ω; no weights are ones."""
    if loss.kernel is not None:
        return entries.loss_and_products(values, weights, left, right, *loss.kernel)
    predicted = entries.predict(left, right)
    costs, slopes = loss.value(predicted, values), loss.derivative(predicted, values) / 2
    if weights.size:
        costs, slopes = weights * costs, weights * slopes
    rows, cols = entries.products(np.asarray(slopes, left.dtype), left, right)
    return float(np.sum(costs, dtype=np.float64)), rows, cols

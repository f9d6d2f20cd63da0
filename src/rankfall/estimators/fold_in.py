"""Folding a new row in: what its observed entries say of its effect and factor, with the trained rows as the prior.

    u* = argmin_u  Σ_j ρ(o_j + f_j · u, b_j)/τ + ½ ‖u‖²,        τ = E[r ρ′(r)]

exp(−ρ/τ) is the density of residuals of which r ρ′(r) is τ on average (integrate by parts), so that τ can be read off
held-out residuals; for squares it is twice their variance, and u* is the posterior mean. Signs have their density
already, τ = 1.
"""

import numpy as np
from jaxtyping import Float

from rankfall.problems.losses import Loss


def temperature(loss: Loss, residuals: Float[np.ndarray, " held"]) -> float:
    """τ, from residuals in the units of the loss."""
    if loss.is_binary:
        return 1.0
    return float(np.mean(residuals * loss.derivative(residuals, np.zeros_like(residuals))))


def folded(
    features: Float[np.ndarray, "seen k"],
    offset: Float[np.ndarray, " seen"],
    targets: Float[np.ndarray, " seen"],
    loss: Loss,
    heat: float,
) -> Float[np.ndarray, " k"]:
    """u* of a row from the features f_j, offsets o_j and targets b_j of the columns it was seen in."""
    if loss.is_quadratic:
        gram = features.T @ features
        gram[np.diag_indices_from(gram)] += heat / 2
        return np.linalg.solve(gram, features.T @ (targets - offset))
    from scipy.optimize import minimize

    def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
        z = offset + features @ u
        slope = features.T @ loss.derivative(z, targets)
        return float(loss.value(z, targets).sum() / heat + u @ u / 2), slope / heat + u

    return minimize(objective, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B").x

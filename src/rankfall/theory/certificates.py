"""Convergence certificates: from the layers at the start, the number of steps to a given loss.

Gradient descent on ½‖W_N ⋯ W_1 − Φ‖_F² converges at a linear rate when three hypotheses hold at
the start: the layers are nearly balanced, the product is nearer to Φ than any singular matrix is
(a positive deficiency margin), and the step is small. `certify_convergence` checks them one by one
and names those that fail; `progress` checks a recorded run against the bounds for each step.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.claim import Claim, Report
from rankfall.theory.factors import Layers, imbalance, multiply

THEOREM = "arora2018convergence, Theorem 1"


@dataclass(frozen=True)
class ConvergenceCertificate:
    """The conclusion of Theorem 1 for a start, and its hypotheses.

    Attributes
    ----------
    hypotheses
        one claim for each hypothesis: balance, margin, step.
    margin
        c, the deficiency margin of the start.
    step
        η, the step asked about, or the largest admissible one; 0 without a margin.
    iterations
        T after which the loss is at most ε; infinite where a hypothesis fails.
    """

    hypotheses: Report
    margin: float
    step: float
    iterations: float

    @property
    def holds(self) -> bool:
        """Whether every hypothesis holds, and hence the conclusion."""
        return self.hypotheses.holds

    def __str__(self) -> str:
        return f"{self.hypotheses}\nloss reached after {self.iterations:.4g} steps of {self.step:.4g}"


def deficiency_margin(product: Float[Array, "m n"], target: Float[Array, "m n"]) -> float:
    """How much nearer W is to Φ than Φ is to the singular matrices: c = σ_min(Φ) − ‖W − Φ‖_F.

    Where c > 0, every W' with ‖W' − Φ‖_F ≤ ‖W − Φ‖_F has σ_min(W') ≥ c: a loss that does not rise
    keeps the product away from the saddles.

    Source: [arora2018convergence, Definition 2, Claim 1].

    Parameters
    ----------
    product : ndarray, shape (m, n)
        W, the product of the layers.
    target : ndarray, shape (m, n)
        Φ, the target of the product.

    Raises
    ------
    InputError
        Where the shapes differ.
    """
    if product.shape != target.shape:
        raise InputError(f"the product must have the target's shape {target.shape}, got {product.shape}")
    smallest = np.linalg.svd(target, compute_uv=False)[-1]
    return float(smallest - np.linalg.norm(product - target))


def allowed_imbalance(margin: float, target_norm: float, depth: int) -> float:
    """The imbalance that Theorem 1 tolerates, δ = c² / (256 N³ ‖Φ‖_F^{2(N−1)/N}).

    The constant is reconstructed from the steps of the proof.
    Source: [arora2018convergence, Theorem 1].

    Parameters
    ----------
    margin : float
        c, the deficiency margin of the start.
    target_norm : float
        ‖Φ‖_F.
    depth : int
        N, the number of layers.
    """
    return margin**2 / (256 * depth**3 * target_norm ** (2 * (depth - 1) / depth))


def admissible_step(margin: float, target_norm: float, depth: int) -> float:
    """The largest step of Theorem 1, η = c^{(4N−2)/N} / (6144 N³ ‖Φ‖_F^{(6N−4)/N}).

    Far below what works in practice. The constant is reconstructed from the steps of the proof.
    Source: [arora2018convergence, Theorem 1].

    Parameters
    ----------
    margin : float
        c, the deficiency margin of the start, not negative.
    target_norm : float
        ‖Φ‖_F.
    depth : int
        N, the number of layers.
    """
    power = (4 * depth - 2) / depth, (6 * depth - 4) / depth
    return margin ** power[0] / (6144 * depth**3 * target_norm ** power[1])


def iteration_bound(loss: float, accuracy: float, margin: float, depth: int, step: float) -> float:
    """After how many steps the loss is at most ε: T = log(ℓ(0)/ε) / (η c^{2(N−1)/N}).

    Source: [arora2018convergence, Theorem 1].

    Parameters
    ----------
    loss : float
        ℓ(0), the loss ½‖W − Φ‖_F² at the start.
    accuracy : float
        ε > 0.
    margin : float
        c > 0, the deficiency margin of the start.
    depth : int
        N, the number of layers.
    step : float
        η > 0.

    Returns
    -------
    float
        T, not rounded; 0 where the loss at the start is at most ε.
    """
    if loss <= accuracy:
        return 0.0
    return float(np.log(loss / accuracy) / (step * margin ** (2 * (depth - 1) / depth)))


def certify_convergence(
    layers: Layers,
    target: Float[Array, "m n"],
    step: float | None = None,
    accuracy: float = 1e-6,
) -> ConvergenceCertificate:
    """Whether gradient descent from these layers provably fits Φ, and how soon.

        ℓ(T) ≤ ε for T ≥ log(ℓ(0)/ε) / (η c^{2(N−1)/N}),    ℓ = ½‖W − Φ‖_F²,

    if the start has deficiency margin c > 0, the layers are δ-balanced, and η is admissible. A
    hypothesis that fails makes the report fail; the certificate then has no conclusion.

    Source: [arora2018convergence, Theorem 1].

    Parameters
    ----------
    layers : sequence of ndarray
        W_1 … W_N at the start.
    target : ndarray, shape (m, n)
        Φ; of full rank, or no margin is positive.
    step : float, optional
        η, in the units of ½‖W − Φ‖_F²; the largest admissible one by default.
    accuracy : float
        ε, default 1e-6.

    Raises
    ------
    InputError
        Without layers, where the shapes do not fit, or where a hidden width is below min(m, n).
    """
    product, depth = multiply(layers), len(layers)
    if product.shape != target.shape:
        raise InputError(
            f"the product must have the target's shape {target.shape}, got {product.shape}; layers are listed W_1 first"
        )
    narrowest = min([layer.shape[0] for layer in layers[:-1]], default=min(target.shape))
    if narrowest < min(target.shape):
        raise InputError(
            f"hidden widths must be at least min(m, n) = {min(target.shape)} for the theorem, got "
            f"{narrowest}; narrower layers cannot reach a target of full rank"
        )
    norm = float(np.linalg.norm(target))
    margin = deficiency_margin(product, target)
    positive = max(margin, 0.0)
    largest = admissible_step(positive, norm, depth)
    step = largest if step is None else step
    hypotheses = Report(
        [
            Claim.judged(
                "deficiency margin c = σ_min(Φ) − ‖W − Φ‖_F > 0",
                THEOREM,
                margin,
                0.0,
                margin > 0,
                why="" if margin > 0 else "start nearer to the target, or whiten the data",
            ),
            Claim.at_most(
                "layers are δ-balanced",
                THEOREM,
                imbalance(layers),
                allowed_imbalance(positive, norm, depth),
                "a balanced start has imbalance 0",
            ),
            Claim.judged("the step is positive and admissible", THEOREM, step, largest, 0 < step <= largest),
        ]
    )
    loss = float(np.sum((product - target) ** 2)) / 2
    iterations = iteration_bound(loss, accuracy, margin, depth, step) if hypotheses.holds else np.inf
    return ConvergenceCertificate(hypotheses, margin, step, iterations)

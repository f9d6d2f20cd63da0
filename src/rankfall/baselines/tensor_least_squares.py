"""Alternating least squares for tensor models: W is linear in each layer while the others stay.

    F(layers) = ℓ(W) + λ Σ_n ‖layer n‖_F²,        ℓ the weighted mean of squared residuals

Every row of a layer that indexes an axis of W solves a small system of its own; a layer inside solves one. Each such
step minimizes F over its layer, so F never rises. Rows that no entry observes become zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.models.tensor_model import TensorModel
from rankfall.problems.tensor_completion import TensorCompletion


@dataclass(frozen=True, eq=False)
class TensorLeastSquares:
    """Alternating least squares on the observed entries of a tensor.

    Parameters
    ----------
    problem : TensorCompletion
        The observed entries, with squares as the loss.
    model : TensorModel
        How W is written, its sizes set.
    ridge : float
        λ, in units of the mean squared residual over squared weights; 0 for none.

    Raises
    ------
    InputError
        For another loss than squares, a batch, a negative ridge.
    """

    problem: TensorCompletion
    model: TensorModel
    ridge: float = 0.0

    def __post_init__(self) -> None:
        if not self.problem.loss_function.is_quadratic:
            raise InputError(
                f"alternating least squares needs the loss Squared(), got {self.problem.loss_function}; use a flow"
            )
        if self.problem.batch_size is not None:
            raise InputError("alternating least squares is for one tensor, got many; choose one by of_runs(i)")
        if not self.ridge >= 0:
            raise InputError(f"ridge must not be negative, got {self.ridge}; 0 fits without one")

    def sweeps(self, weights: Float[np.ndarray, " p"]) -> Iterator[Float[np.ndarray, " p"]]:
        """The weights after each sweep over all layers, without end."""
        penalty = self.ridge * float(self.problem.total_weight)
        while True:
            weights = self.model.swept(self.problem.by_axis, weights, penalty)
            yield weights

    def objective(self, weights: Float[np.ndarray, " p"]) -> float:
        """F."""
        loss = float(self.model.loss(self.problem, weights[None, :])[0])
        return loss + self.ridge * float(weights @ weights)

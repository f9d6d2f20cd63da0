"""Alternating least squares for tensor models: W is linear in each layer while the others stay.

    F(layers) = ℓ(W) + λ Σ_n ‖layer n‖_F²,        ℓ the weighted mean of squared residuals

Every row of a layer that indexes an axis of W solves a small system of its own; a layer inside solves one. Each such
step minimizes F over its layer, so F never rises. Rows that no entry observes become zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.kernels.row_systems import normal_equations
from rankfall.models.tensor_model import TensorModel
from rankfall.problems.tensor_completion import TensorCompletion

# Entries whose features are formed at once.
_BLOCK = 2**19
# Added to the normal equations as a share of their trace: a row with few entries has no unique solution.
_JITTER = 1e-12


@dataclass(frozen=True, eq=False)
class _ByRow:
    """The entries sorted by their index on one axis, or as they are."""

    positions: np.ndarray
    values: np.ndarray
    weights: np.ndarray | None
    starts: np.ndarray


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
        weights = np.array(weights, dtype=np.float64)
        while True:
            for n in range(len(self.model.layer_shapes)):
                layers = [layer.copy() for layer in self.model.layers(weights)]
                layers[n] = self._solved(n, weights)
                weights = self.model.join(layers)
            yield weights

    def objective(self, weights: Float[np.ndarray, " p"]) -> float:
        """F."""
        loss = float(self.model.loss(self.problem, weights[None, :])[0])
        return loss + self.ridge * float(weights @ weights)

    def _solved(self, n: int, weights: np.ndarray) -> np.ndarray:
        shape, sorted_entries = self.model.layer_shapes[n], self._sorted[self.model.modes[n]]
        grams = sides = None
        count = sorted_entries.values.size
        for begin in range(0, count, _BLOCK):
            block = slice(begin, min(begin + _BLOCK, count))
            features = self.model.features(n, sorted_entries.positions[:, block], weights)
            starts = np.clip(sorted_entries.starts, block.start, block.stop) - block.start
            part = normal_equations(
                starts, features, sorted_entries.values[block],
                None if sorted_entries.weights is None else sorted_entries.weights[block],
            )  # fmt: skip
            grams, sides = part if grams is None or sides is None else (grams + part[0], sides + part[1])
        assert grams is not None
        assert sides is not None
        width = grams.shape[-1]
        traces = np.trace(grams, axis1=-2, axis2=-1) / width
        penalty = self.ridge * float(self.problem.total_weight) + _JITTER * traces
        grams[:, range(width), range(width)] += np.where(penalty > 0, penalty, 1.0)[:, None]
        return np.linalg.solve(grams, sides[..., None])[..., 0].reshape(shape)

    @cached_property
    def _sorted(self) -> dict[int | None, _ByRow]:
        problem = self.problem
        values = to_numpy(problem.values).astype(np.float64)
        weights = None if problem.weights is None else to_numpy(problem.weights).astype(np.float64)
        found: dict[int | None, _ByRow] = {}
        for mode in set(self.model.modes):
            if mode is None:
                found[mode] = _ByRow(problem.indices, values, weights, np.asarray([0, values.size]))
                continue
            index = problem.indices[mode]
            order = np.argsort(index, kind="stable")
            starts = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=problem.shape[mode]))])
            positions = np.ascontiguousarray(problem.indices[:, order])
            found[mode] = _ByRow(positions, values[order], None if weights is None else weights[order], starts)
        return found

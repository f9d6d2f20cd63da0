"""HaLRTC: the completion whose matricizations have the least sum of nuclear norms.

    min Σ_n (1/N) ‖W_(n)‖_*   subject to  W = b on Ω,        W_(n) the matricization with axis n as rows   [liu2013]

The alternating direction method keeps a copy of W for each axis, shrinks its singular values, and averages the copies.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.problems.matricization import matricize
from rankfall.problems.tensor_completion import TensorCompletion


@dataclass(frozen=True)
class TensorNuclearNorm:
    """The sum of nuclear norms over all axes, least among the tensors with the observed entries; W is dense.

    Parameters
    ----------
    rounds : int
        Of the alternating direction method, default 300.
    penalty : float
        Its first penalty, for values of root mean square 1; default 1e-2.
    growth : float
        What the penalty is multiplied by in each round, default 1.05.

    Raises
    ------
    InputError
        For numbers that are not positive.
    """

    rounds: int = 300
    penalty: float = 1e-2
    growth: float = 1.05

    def __post_init__(self) -> None:
        for name in ("rounds", "penalty", "growth"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}; the defaults suit most tensors")

    def complete(self, problem: TensorCompletion) -> Float[np.ndarray, "..."]:
        """W, equal to the observed entries where they are; weights are not used.

        Parameters
        ----------
        problem : TensorCompletion
            One tensor, with squares as the loss.
        """
        if problem.batch_size is not None:
            raise InputError(f"HaLRTC is for one tensor, got {problem.batch_size}; choose one by of_runs(i)")
        order, observed = len(problem.shape), tuple(problem.indices)
        values = to_numpy(problem.values).astype(np.float64)
        scale = float(np.sqrt(np.mean(values**2))) or 1.0
        found = np.zeros(problem.shape)
        found[observed] = values / scale
        multipliers, penalty = [np.zeros_like(found) for _ in range(order)], self.penalty
        for _ in range(self.rounds):
            copies = [
                shrunk(found + multiplier / penalty, axis, 1 / (order * penalty))
                for axis, multiplier in enumerate(multipliers)
            ]
            found = np.zeros_like(found)
            for copy, multiplier in zip(copies, multipliers, strict=True):
                found += (copy - multiplier / penalty) / order
            found[observed] = values / scale
            multipliers = [m - penalty * (copy - found) for m, copy in zip(multipliers, copies, strict=True)]
            penalty *= self.growth
        return found * scale


def shrunk(tensor: Float[np.ndarray, "..."], axis: int, by: float) -> Float[np.ndarray, "..."]:
    """The tensor with the singular values of the matricization of one axis lowered by `by`, to 0 at least."""
    matrix = matricize(tensor, [axis])
    is_wide = matrix.shape[0] <= matrix.shape[1]
    # σ and u from M Mᵀ: σ below 1e-8 of the largest are lost, and those are cut off
    squares, u = np.linalg.eigh(matrix @ matrix.T if is_wide else matrix.T @ matrix)
    values = np.sqrt(np.maximum(squares, 0))
    kept = values > max(by, 1e-8 * values[-1])
    project = (u[:, kept] * (1 - by / values[kept])) @ u[:, kept].T
    low = project @ matrix if is_wide else matrix @ project
    rest = [side for a, side in enumerate(tensor.shape) if a != axis]
    return np.moveaxis(low.reshape(tensor.shape[axis], *rest), 0, axis)

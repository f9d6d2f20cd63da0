"""A matrix of few components and effects, for a tensor whose axes interact in pairs.

    W_ij = μ + a_i + b_j + Σ_r u_ir v_jr,        some axes index the columns j, all others the rows i

Effects are damped means; the components follow by alternating least squares with a ridge that held-out entries choose.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from rankfall.estimators.effects import ListedSums
from rankfall.estimators.standardization import Standardization, standardized
from rankfall.estimators.tensors.flattened import name_of, places
from rankfall.estimators.tensors.growth import IMPROVED, tune
from rankfall.estimators.tensors.members import Member
from rankfall.estimators.tensors.trial import QUICK, Candidate, Trial, refit, rerun
from rankfall.models.tensor_starts import leading_subspace
from rankfall.problems.tensor_completion import TensorCompletion

_WIDTHS, _WEAK, _STRONG, _STEP = (2, 4, 8, 16), 3e-3, 0.1, 3.0
_STARTED = QUICK._replace(waits=1)
# A matrix whose first errors exceed that of the best model by this factor is left at that.
_HOPELESS = 2.0


@dataclass(frozen=True, eq=False)
class Matricized(Member):
    """Effects and components of the matricization whose columns are some axes; `unit` is that of the components."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    effects: Standardization = field(repr=False)
    unit: float
    trial: Trial = field(repr=False)

    @classmethod
    def of(cls, problem: TensorCompletion, axes: tuple[int, ...], good: float) -> "Matricized":
        """Fitted to a problem with held-out entries, of which a model with the error `good` is known."""
        matrix = _matrix(problem, axes)
        effects, unit, rest = _without_effects(matrix)
        widths = sorted({min(width, *matrix.shape) for width in _WIDTHS})
        basis = leading_subspace(rest, 1, widths[-1]) * math.sqrt(matrix.shape[1])

        def again(trial: Trial, ridge: float) -> Trial:
            return rerun(rest, trial, ridge, QUICK)

        def started(width: int, ridge: float) -> Trial:
            candidate = Candidate("cp", width, ridge)
            model = candidate.model(matrix.shape)
            # the rows are solved first
            weights = model.join([np.zeros((matrix.shape[0], width)), basis[:, :width]])
            return rerun(rest, Trial(candidate, model, weights, np.inf), ridge, _STARTED)

        # as many components as help, or many with a strong ridge
        narrow = started(widths[0], _WEAK)
        for width in widths[1:]:
            trial = started(width, _WEAK)
            if trial.error > IMPROVED * narrow.error:
                break
            narrow = trial
        lowest = min(narrow, started(widths[-1], _STRONG), key=lambda trial: trial.error)
        if unit * lowest.error < _HOPELESS * good:
            lowest = tune(lowest, again, _STEP)
        return cls(axes, problem.shape, effects, unit, lowest)

    @property
    def name(self) -> str:
        """matrix, and the axes of its columns."""
        return name_of(self.axes)

    def at(self, indices: np.ndarray) -> Float[np.ndarray, " entries"]:
        """W at the indices."""
        rows, cols = places(indices, self.shape, self.axes)
        components = self.trial.model.values_at(np.stack([rows, cols]), self.trial.weights[None, :])[0]
        return self.effects.offset(rows, cols) + self.unit * components

    def whole(self) -> Float[np.ndarray, "..."]:
        """W, formed."""
        sides = self.trial.model.dimensions
        formed = self.unit * self.trial.model.product(self.trial.weights[None, :])[0]
        formed += self.effects.offset(*np.indices(sides).reshape(2, -1)).reshape(sides)
        others = [axis for axis in range(len(self.shape)) if axis not in self.axes]
        order = [*others, *self.axes]
        return formed.reshape([self.shape[axis] for axis in order]).transpose(np.argsort(order))

    def refitted(self, problem: TensorCompletion) -> "Matricized":
        """Effects and components of all entries, the latter from where they are."""
        effects, unit, rest = _without_effects(_matrix(problem, self.axes))
        trial = replace(self.trial, weights=refit(self.trial, rest))
        return replace(self, effects=effects, unit=unit, trial=trial)


def _matrix(problem: TensorCompletion, axes: tuple[int, ...]) -> TensorCompletion:
    """The matricization whose columns are some axes, with the held-out entries, if any."""
    across = math.prod(problem.shape[axis] for axis in axes)
    indices = np.stack(places(problem.indices, problem.shape, axes))
    held = None if problem.held_out is None else _matrix(problem.held_out, axes)
    sides = math.prod(problem.shape) // across, across
    return replace(problem, indices=indices, shape=sides, truth=None, held_out=held)


def _without_effects(matrix: TensorCompletion) -> tuple[Standardization, float, TensorCompletion]:
    """Damped effects of rows and columns, the size of what they leave, and the problem of that in this unit."""
    (rows, cols), n = matrix.indices, matrix.shape[1]
    values = np.asarray(matrix.values, dtype=np.float64)
    sums = ListedSums(rows, cols, values, matrix.weights, (matrix.shape[0], n))
    effects = standardized(sums, np.zeros(n), np.ones(n), False)
    unit = math.sqrt(np.average((values - effects.offset(rows, cols)) ** 2, weights=matrix.weights)) or 1.0

    def rest(part: TensorCompletion) -> TensorCompletion:
        left = (np.asarray(part.values, dtype=np.float64) - effects.offset(*part.indices)) / unit
        return replace(part, values=left, held_out=None if part.held_out is None else rest(part.held_out))

    return effects, unit, rest(matrix)

"""One trial: a family, a width and a ridge, fitted to the entries that are not held out.

A flow from a small start finds the largest components; alternating least squares then takes the shortest way down. A
wider trial continues a narrower one. All keep the moment at which the held-out error is lowest. Losses other than
squares are left to the flow.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rankfall.baselines.tensor_least_squares import TensorLeastSquares
from rankfall.integrators import Flow
from rankfall.models import CP, Gaussian, Subspaces, TensorModel, Train, Tree
from rankfall.problems.tensor_completion import TensorCompletion
from rankfall.trajectory import HeldOutRise, LossBelow, StepLimit, Trajectory, evolve

FAMILIES: dict[str, Callable[[int], TensorModel]] = {"cp": CP, "train": Train, "tree": lambda width: Tree(None, width)}
_SCALE, _RTOL = 1e-2, 1e-2
# Steps of the flow alone, and before least squares: of sums, which leave their plateau soonest, and of networks.
_LONG, _SUM, _NETWORK = 400, 6, 10
# Entries above which least squares starts at once, where few are observed: the subspaces of the data are known well.
MANY, SPARSE = 200_000, 0.1
# Size of new weights beside those of the same layer, root mean squares.
_ADDED = 0.3


class Patience(NamedTuple):
    """Sweeps at most, the share by which a sweep must lower an error, and how many sweeps in a row may not."""

    sweeps: int
    improved: float
    waits: int


# The share by which a sweep over all entries must lower what it minimizes.
_SETTLED = 0.01
# Sweeps of a model that stands for itself, and of one on the way to a wider one or to another ridge; trains and trees
# pass what new weights change from layer to layer.
THOROUGH, QUICK, PASSED_ON = Patience(40, 0.003, 3), Patience(30, 0.02, 0), Patience(30, 0.02, 2)


@dataclass(frozen=True)
class Candidate:
    """What a trial is made of; the ridge is for weights of mean square 1 where the layers are (Π d)^{1/N} long."""

    family: str
    width: int
    ridge: float

    def solver(self, problem: TensorCompletion, model: TensorModel) -> TensorLeastSquares:
        """Least squares with the ridge in units of the problem."""
        size = math.prod(map(float, problem.shape)) ** (1 / len(problem.shape))
        return TensorLeastSquares(problem, model, self.ridge / size)

    def model(self, shape: tuple[int, ...]) -> TensorModel:
        """The model, its sizes set."""
        return FAMILIES[self.family](self.width).sized(shape)


@dataclass(frozen=True, eq=False)
class Trial:
    """A fitted candidate: its weights, the flow they come from, and its error (root mean loss) on held-out entries."""

    candidate: Candidate
    model: TensorModel
    weights: Float[np.ndarray, " p"]
    error: float
    trajectory: Trajectory | None = field(default=None, repr=False)


def rerun(problem: TensorCompletion, trial: Trial, ridge: float, patience: Patience = THOROUGH) -> Trial:
    """The trial continued with another ridge, from the weights it has."""
    candidate = replace(trial.candidate, ridge=ridge)
    weights, error = _descend(candidate.solver(problem, trial.model), trial.weights, patience)
    return replace(trial, candidate=candidate, weights=weights, error=error)


def run_wider(
    problem: TensorCompletion, trial: Trial, width: int, ridge: float, seed: int, patience: Patience
) -> Trial:
    """The trial continued at a larger width and with another ridge, the new weights small and random."""
    candidate = replace(trial.candidate, width=width, ridge=ridge)
    model, rng = candidate.model(problem.shape), np.random.default_rng((seed, width))
    layers = []
    for before, shape in zip(_evened(trial.model.layers(trial.weights)), model.layer_shapes, strict=True):
        layer = _ADDED * math.sqrt(np.mean(before**2)) * rng.standard_normal(shape)
        layer[tuple(map(slice, before.shape))] = before
        layers.append(layer)
    weights, error = _descend(candidate.solver(problem, model), model.join(layers), patience)
    return replace(trial, candidate=candidate, model=model, weights=weights, error=error)


def run_from_sum(problem: TensorCompletion, trial: Trial, patience: Patience) -> Trial | None:
    """A train that continues a sum of components; None where the shape does not allow a train of these ranks."""
    candidate = replace(trial.candidate, family="train")
    model = candidate.model(problem.shape)
    assert isinstance(model, Train)
    if set(model.bonds[1:-1]) != {trial.candidate.width}:
        return None
    weights = model.from_components(_evened(trial.model.layers(trial.weights)))
    weights, error = _descend(candidate.solver(problem, model), weights, patience)
    return replace(trial, candidate=candidate, model=model, weights=weights, error=error)


def _evened(layers: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The layers with one norm for all, which leaves W as it is."""
    norms = [float(np.linalg.norm(layer)) for layer in layers]
    if min(norms) == 0:
        return list(layers)
    common = math.exp(np.mean(np.log(norms)))
    return [layer * (common / norm) for layer, norm in zip(layers, norms, strict=True)]


def run_trial(
    problem: TensorCompletion,
    candidate: Candidate,
    bases: Sequence[np.ndarray] | None,
    seed: int,
    patience: Patience = THOROUGH,
) -> Trial:
    """Fit a candidate to a problem with held-out entries; `bases` are those of `Subspaces`, None for `Gaussian`."""
    model = candidate.model(problem.shape)
    start = Gaussian(_SCALE) if bases is None else Subspaces(bases[0].shape[1], _SCALE, bases)
    is_quadratic = problem.loss_function.is_quadratic
    run = None
    if bases is not None and problem.count > MANY and is_quadratic:
        # values are of size 1, and so is this W
        unit = math.sqrt(math.prod(map(float, problem.shape)) / model.rank)
        weights = model.draw(problem, start, [unit], [seed])[0]
    else:
        short = _SUM if candidate.family == "cp" else _NETWORK
        limit = StepLimit(short if is_quadratic else _LONG)
        run = evolve(problem, model, start, Flow(_RTOL), stop=HeldOutRise(20) | LossBelow(1e-10) | limit, seed=seed)
        weights = run.best_weights
    best, error = weights, held_out_error(model, problem, weights)
    if is_quadratic:
        # the flow may not have left its plateau; what counts is where the sweeps lead
        best, error = _descend(candidate.solver(problem, model), weights, patience)
    return Trial(candidate, model, best, error, run)


def _descend(solver: TensorLeastSquares, weights: np.ndarray, patience: Patience) -> tuple[np.ndarray, float]:
    best, error, waited = weights, np.inf, 0
    for sweep, swept in enumerate(solver.sweeps(weights)):
        found = held_out_error(solver.model, solver.problem, swept)
        waited = 0 if found < (1 - patience.improved) * error else waited + 1
        if found < error:
            best, error = swept, found
        if sweep + 1 >= patience.sweeps or waited > patience.waits:
            break
    return best, error


def refit(trial: Trial, problem: TensorCompletion) -> np.ndarray:
    """The weights after sweeps over all entries, from those of the trial; as they are for other losses than squares."""
    if not problem.loss_function.is_quadratic:
        return trial.weights
    solver = trial.candidate.solver(problem, trial.model)
    weights, before = trial.weights, np.inf
    for sweep, swept in enumerate(solver.sweeps(weights)):
        weights, now = swept, solver.objective(swept)
        if sweep + 1 >= THOROUGH.sweeps or not now < (1 - _SETTLED) * before:
            break
        before = now
    return weights


def held_out_error(model: TensorModel, problem: TensorCompletion, weights: Float[np.ndarray, " p"]) -> float:
    """Root of the loss on the held-out entries."""
    assert problem.held_out is not None
    return float(np.sqrt(model.loss(problem.held_out, weights[None, :])[0]))

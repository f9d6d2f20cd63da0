"""One catalogue of small members of every noun; each contract test runs over one list, or over products of them."""

import numpy as np

import rankfall as rf
from rankfall.integrators import (
    AdaDelta,
    AdaGrad,
    Chebyshev2,
    DormandPrince8,
    ProjectedGradient,
    Rates,
    TimeOrderedExponential,
)
from rankfall.models import Diagonal, Features, Lifted, Residual, Uniform
from rankfall.problems import Absolute, Dense, Factorization, Huber, Logistic, Sparse, Squared
from rankfall.problems.layouts.row_blocks import InProcess, RowBlocks
from rankfall.trajectory import Crossing, Escape, GradientBelow
from tests.helpers.own_members import Halving, Heun, LargestEntry, Ralston, StepsOfHalf, WeightBeyond
from tests.helpers.planted import planted_problem

SHAPE = (7, 5)


def _signs():
    problem = planted_problem(SHAPE)
    return rf.Completion.from_triplets(problem.rows, problem.cols, np.sign(problem.values), SHAPE, loss=Logistic(0.3))


def _weighted():
    problem = planted_problem(SHAPE)
    weights = np.random.default_rng(3).random(problem.values.shape)
    return rf.Completion.from_triplets(problem.rows, problem.cols, problem.values, SHAPE, weights=weights)


def _regression(exponent):
    rng = np.random.default_rng(4)
    return rf.problems.Regression(rng.standard_normal((30, SHAPE[1])), rng.standard_normal((30, SHAPE[0])), exponent)


def _truth():
    rng = np.random.default_rng(5)
    return rng.standard_normal((SHAPE[0], 2)) @ rng.standard_normal((2, SHAPE[1]))


PROBLEMS = {
    "completion": lambda: planted_problem(SHAPE),
    "completion, weighted": _weighted,
    "completion, signs": _signs,
    "completion, held out": lambda: planted_problem(SHAPE).hold_out(0.2, seed=0),
    "sensing": lambda: rf.Sensing.gaussian(_truth(), 25, seed=1),
    "sensing, rank one": lambda: rf.Sensing.rank_one(_truth(), 25, seed=1),
    "regression": lambda: _regression(2.0),
    "regression, p = 3": lambda: _regression(3.0),
    "factorization": lambda: Factorization(_truth()),
}

LOSSES = {
    "squared": Squared(),
    "huber": Huber(0.4),
    "absolute": Absolute(0.1),
    "logistic": Logistic(0.2),
}

LAYOUTS = {"dense": Dense, "sparse": Sparse, "row blocks": RowBlocks.on(InProcess(), 20)}


def _lifted():
    from scipy.sparse import csr_array

    rng = np.random.default_rng(6)
    rows, columns = (Features(csr_array(rng.standard_normal((side, 3)))) for side in SHAPE)
    return Lifted(rf.Chain(2, 3), rows, columns)


MODELS = {
    "chain 1": lambda: rf.Chain(1),
    "chain 2": lambda: rf.Chain(2),
    "chain 3": lambda: rf.Chain(3),
    "chain 4, narrow": lambda: rf.Chain(4, (4, 3, 6)),
    "chain 3, decay": lambda: rf.Chain(3, decay=0.1),
    "chain 2, rates": lambda: rf.Chain(2, rates=(1.0, 0.3)),
    "end to end 3": lambda: rf.models.EndToEnd(3),
    "end to end 2.5": lambda: rf.models.EndToEnd(2.5),
    "diagonal 2": lambda: Diagonal(2),
    "lifted": _lifted,
}
# Models whose velocity is minus the gradient of ℓ in their weights.
GRADIENT_MODELS = ("chain 1", "chain 2", "chain 3", "chain 4, narrow", "lifted")

STARTS = {
    "gaussian": lambda: rf.Gaussian(0.3),
    "uniform": lambda: Uniform(0.3),
    "identity": lambda: rf.Identity(0.3),
    "orthogonal": lambda: rf.models.Orthogonal(0.3),
    "balanced": lambda: rf.Balanced(0.3),
    "spectral": lambda: rf.Spectral(3, 0.3),
    "residual": lambda: Residual(0.1, 0.3),
}

# --- integrators: (integrator, model, problem that it can follow) ---------------------------------------------------

_TABLE = planted_problem((7, 5))
_SQUARE = planted_problem((6, 6))
INTEGRATORS = [
    (rf.Flow(1e-3), rf.Chain(3), _TABLE),
    (rf.Flow(1e-8), rf.Chain(2), _TABLE),
    (rf.Flow(1e-4, (Chebyshev2(),)), rf.Chain(2), _TABLE),
    (rf.Flow(1e-6, (DormandPrince8(),)), rf.Chain(2), _TABLE),
    (rf.Flow(1e-3, (Heun(),)), rf.Chain(2), _TABLE),
    (rf.Flow(1e-4, (Chebyshev2(), Heun(), DormandPrince8())), rf.Chain(2), _TABLE),
    (rf.Descent(rf.Gradient(0.3)), rf.Chain(2), _TABLE),
    (rf.Descent(rf.integrators.GroupRMSprop(1e-2)), rf.Chain(3), _TABLE),
    (rf.Descent(Halving()), rf.Chain(2), _TABLE),
    (rf.Reference(rtol=1e-8), rf.Chain(2), _TABLE),
    (TimeOrderedExponential(0.2), rf.Chain(2), _TABLE),
    (ProjectedGradient(0.5), rf.Chain(1), _SQUARE),
    (StepsOfHalf(), rf.Chain(2), _TABLE),
]

# --- step methods ---------------------------------------------------------------------------------------------------

METHODS = [Chebyshev2(), DormandPrince8(), Heun(), Ralston()]

# --- update rules ---------------------------------------------------------------------------------------------------

UPDATES = [
    rf.Gradient(0.3), rf.integrators.Momentum(0.05), rf.integrators.GroupRMSprop(1e-2), rf.integrators.Adam(1e-2),
    AdaGrad(5e-2), AdaDelta(1.0), Rates(rf.Gradient(0.3), [1.0, 0.5]), Halving(),
]  # fmt: skip

# --- stops: (stop, whether a snapshot is at its end) ----------------------------------------------------------------

STOPS = [
    (rf.LossBelow(0.2), lambda now: now.loss <= 0.2),
    (rf.TimeReached(9.0), lambda now: now.time >= 9.0),
    (rf.StepLimit(12), lambda now: now.time >= 0 if now.step >= 12 else now.time < 0),
    (rf.LossBelow(0.3) | rf.TimeReached(4.0), lambda now: (now.loss <= 0.3) | (now.time >= 4.0)),
    (WeightBeyond(0.8), lambda now: abs(now.weights).max(axis=1) > 0.8),
]
STOPS_WITH_MEMORY = [GradientBelow(0.3), rf.HeldOutRise(4)]

# --- events ---------------------------------------------------------------------------------------------------------

EVENTS = [
    Escape(0.3),
    Escape(),
    Crossing("half the loss", lambda problem, model, weights: 0.3 - model.loss(problem, weights)),
    LargestEntry(0.5),
]

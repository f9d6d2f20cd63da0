"""Members of every contract, one list for each noun; the tests in `contracts` run each law over them."""

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
from rankfall.trajectory import Crossing, Escape, GradientBelow
from tests.helpers.own_members import Halving, Heun, LargestEntry, Ralston, StepsOfHalf, WeightBeyond
from tests.helpers.planted import planted_problem

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
    (rf.Descent(rf.GroupRMSprop(1e-2)), rf.Chain(3), _TABLE),
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
    rf.Gradient(0.3), rf.Momentum(0.05), rf.GroupRMSprop(1e-2), rf.Adam(1e-2), AdaGrad(5e-2), AdaDelta(0.3),
    Rates(rf.Gradient(0.3), [1.0, 0.5]), Halving(),
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

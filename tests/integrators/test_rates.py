"""A batch of runs, each at a rate of its own."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.datasets import planted
from rankfall.integrators import AdaGrad, Adam, Rates

PROBLEM = rf.problems.Factorization(planted((6, 5), 2, seed=0))
RATES = (1e-3, 3e-3, 1e6)


@pytest.mark.parametrize(
    "update", [rf.Gradient(1.0), AdaGrad(1.0), Adam(1.0)], ids=lambda update: type(update).__name__
)
def test_a_grid_of_rates_is_the_runs_one_by_one(update):
    model, start, stop = rf.Chain(2), rf.Gaussian(0.5), rf.StepLimit(20)
    both = rf.evolve(PROBLEM, model, start, rf.Descent(Rates(update, RATES)), seed=[4] * 3, stop=stop)
    for run, rate in zip(both[:2], RATES, strict=False):
        alone = rf.evolve(PROBLEM, model, start, rf.Descent(replace(update, rate=rate)), seed=4, stop=stop)
        np.testing.assert_allclose(run.weights, alone.weights, rtol=1e-12)
        assert run.time == pytest.approx(alone.time)


def test_each_run_needs_a_rate():
    with pytest.raises(rf.InputError, match="each run needs a rate, got 3 for 1 runs"):
        rf.evolve(PROBLEM, rf.Chain(2), rf.Gaussian(), rf.Descent(Rates(rf.Gradient(), RATES)))

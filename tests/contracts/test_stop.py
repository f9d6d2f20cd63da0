"""The laws of every stop."""

import json

import numpy as np
import pytest

import rankfall as rf
from rankfall.trajectory import GradientBelow, Stop
from tests.catalogue import STOPS, STOPS_WITH_MEMORY
from tests.helpers.planted import planted_problem

PROBLEM = planted_problem((7, 5)).hold_out(0.2, seed=0)
ALL = [stop for stop, _ in STOPS] + STOPS_WITH_MEMORY


# Runs to every stop of the catalogue are over long before.
LONGEST = 500


def walked(stop, seed=0, callback=None, **more):
    def watched(now):
        assert now.step < LONGEST, f"{stop} has ended no run after {now.step} steps"
        return callback is not None and callback(now)

    return rf.evolve(
        PROBLEM, rf.Chain(2), rf.Gaussian(0.3), rf.Flow(1e-4), stop=stop, seed=seed, callback=watched, **more
    )


@pytest.mark.parametrize(("stop", "is_over"), STOPS, ids=[str(stop)[:30] for stop, _ in STOPS])
def test_a_run_ends_at_the_first_moment_that_meets_the_condition(stop, is_over):
    seen = []
    run = walked(stop, callback=lambda now: seen.append(bool(np.all(is_over(now)))) or False)
    assert run.reason == str(stop) or run.reason in [str(part) for part in stop.parts]
    assert seen[-1]
    assert not any(seen[:-1])
    assert run.status == stop.status


@pytest.mark.parametrize("stop", ALL, ids=lambda stop: str(stop)[:30])
def test_a_stop_serves_a_batch_as_it_serves_a_run(stop):
    assert isinstance(stop, Stop)
    for run, seed in zip(walked(stop, [0, 1, 2]), range(3), strict=True):
        alone = walked(stop, seed)
        assert run.reason == alone.reason
        assert run.loss == pytest.approx(alone.loss, rel=0.2)


@pytest.mark.parametrize("stop", ALL, ids=lambda stop: str(stop)[:30])
def test_a_stop_says_why_and_how_far(stop):
    seen = []
    run = walked(stop, progress=lambda share, now: seen.append(share))
    assert run.status != "budget" or isinstance(stop, rf.StepLimit)
    assert " object at " not in run.reason
    assert json.loads(json.dumps(run.settings))["stop"] == repr(stop | rf.StepLimit(1_000_000))
    assert all(0 <= share <= 1 for share in seen)
    assert stop.horizon() > 0


@pytest.mark.parametrize("stop", ALL, ids=lambda stop: str(stop)[:30])
def test_a_combination_ends_with_the_first(stop):
    # steps of descent are never rejected
    for both in (stop | rf.StepLimit(1), rf.StepLimit(1) | stop):
        run = rf.evolve(PROBLEM, rf.Chain(2), rf.Gaussian(0.3), rf.Descent(rf.Gradient(0.1)), stop=both)
        assert (run.steps, run.status) == (1, "budget")


def test_gradient_below_ends_at_the_first_moment_whose_gradient_is_down_to_its_share():
    sizes = []
    run = walked(GradientBelow(0.3), callback=lambda now: sizes.append(np.linalg.norm(now.velocity)) or False)
    is_down = np.array(sizes) <= 0.3 * sizes[0]
    assert is_down.tolist() == [False] * (len(sizes) - 1) + [True]
    assert run.reason == str(GradientBelow(0.3))


def test_held_out_rise_waits_for_its_patience_and_no_longer():
    # the errors along a descent: the run ends at the patience-th step in a row without improvement
    stop = rf.HeldOutRise(patience=4, tolerance=1e-2)
    run = rf.evolve(PROBLEM, rf.Chain(2), rf.Gaussian(0.3), rf.Descent(rf.Gradient(0.1)), stop=stop)
    waited, best = [], np.inf
    for error in run.history["held_out_error"]:
        better = error < best * (1 - stop.tolerance)
        waited.append(0 if better else waited[-1] + 1)
        best = error if better else best
    assert waited[-1] == 4
    assert max(waited[:-1]) == 3
    assert run.reason == str(stop)

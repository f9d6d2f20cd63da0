"""The laws of every event."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.trajectory import Event
from tests.catalogue import EVENTS
from tests.helpers.planted import planted_problem

PROBLEM = planted_problem((7, 5))
over_events = pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.name}-{type(event).__name__}")


def walked(event, integrator=None, start=0.1, **more):
    integrator, stop = integrator or rf.Flow(1e-7), rf.LossBelow(1e-3) | rf.TimeReached(200.0)
    record = rf.Record(events=[event] if event else [])
    return rf.evolve(PROBLEM, rf.Chain(2), rf.Gaussian(start), integrator, stop=stop, record=record, **more)


@over_events
def test_an_event_happens_where_its_gap_is_zero(event):
    assert isinstance(event, Event)
    level, seen = event.init(PROBLEM, 1), []
    run = walked(event)
    assert run.events
    times = [occurrence.time for occurrence in run.events]
    assert times == sorted(times)
    for occurrence in run.events:
        assert occurrence.name == event.name
        for time in (0.999 * occurrence.time, 1.001 * occurrence.time):
            rf.evolve(
                PROBLEM, rf.Chain(2), rf.Gaussian(0.1), rf.Flow(1e-7), stop=rf.TimeReached(time),
                callback=lambda now: seen.append((now.time[0], event.gap(now, level)[0])) and False,
            )  # fmt: skip
            assert np.sign(seen[-1][1][occurrence.index]) == np.sign(time - occurrence.time)


@over_events
def test_the_time_of_an_event_does_not_depend_on_the_steps(event):
    fine, coarse = walked(event, rf.Flow(1e-8)), walked(event, rf.Flow(1e-6))
    assert [e[:2] for e in fine.events] == [e[:2] for e in coarse.events]
    np.testing.assert_allclose([e.time for e in fine.events], [e.time for e in coarse.events], rtol=1e-3)


@over_events
def test_an_event_changes_no_run_and_a_callback_sees_it(event):
    seen = []
    run = walked(event, callback=lambda now: seen.extend(now.events.get(0, ())) or False)
    assert tuple(seen) == run.events
    np.testing.assert_array_equal(run.weights, walked(None).weights)


@over_events
def test_events_of_a_batch_are_those_of_its_runs(event):
    for run, seed in zip(walked(event, seed=[0, 1]), (0, 1), strict=True):
        alone = walked(event, seed=seed)
        assert [e[:2] for e in run.events] == [e[:2] for e in alone.events]
        np.testing.assert_allclose([e.time for e in run.events], [e.time for e in alone.events], rtol=1e-4)

"""Batches in groups: the runs are those of one group, of any size, and Ctrl-C ends all of them."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.problems.layouts import Batched


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 5, 1)) @ rng.standard_normal((6, 1, 4))
    weights = (rng.random((6, 20)) < 0.6).astype(float)
    weights[:, 0] = 1
    rows, cols = np.divmod(np.arange(20), 4)
    return rf.Completion(rows, cols, values.reshape(6, 20), (5, 4), weights)


def walked(table, **kept):
    return rf.evolve(
        table, rf.Chain(3), rf.Gaussian(1e-2), rf.Flow(1e-5), stop=rf.TimeReached(30.0), seed=np.arange(6), **kept
    )


@pytest.mark.parametrize("fitting", [1, 2, 4])
def test_groups_change_no_run_beyond_the_tolerance(table, fitting, monkeypatch):
    together = walked(table)
    size = 8 * 9 * rf.Chain(3).sized((5, 4)).size
    monkeypatch.setattr(Batched, "cache_bytes", fitting * size)
    apart = walked(table, record=rf.Record(singular_values=2, events=[rf.trajectory.Escape(0.1)]))
    assert len(apart) == 6
    for one, other in zip(together, apart, strict=True):
        assert one.seed == other.seed
        np.testing.assert_allclose(one.product, other.product, atol=1e-4)
        assert other.problem.batch_size is None


def test_runs_of_groups_of_one_are_the_single_runs(table, monkeypatch):
    monkeypatch.setattr(Batched, "cache_bytes", 1)
    for number, run in enumerate(walked(table)):
        alone = rf.evolve(
            table.of_runs(number), rf.Chain(3), rf.Gaussian(1e-2), rf.Flow(1e-5), stop=rf.TimeReached(30.0), seed=number
        )
        # a batch of one goes through its list, a single run forms the table
        np.testing.assert_allclose(run.product, alone.product, rtol=1e-9)


def test_who_watches_sees_the_whole_batch(table, monkeypatch):
    monkeypatch.setattr(Batched, "cache_bytes", 1)
    seen = []
    walked(table, callback=lambda now: seen.append(now.runs.size))
    assert max(seen) == 6


def test_an_interrupt_ends_the_group_that_moves_and_all_after_it(table, monkeypatch):
    monkeypatch.setattr(Batched, "cache_bytes", 1)
    seen = []

    def count(problem, model, weights):
        seen.append(weights.shape[0])
        if len(seen) == 2:
            raise KeyboardInterrupt
        return np.ones(weights.shape[0])

    runs = walked(table, record=rf.Record(functions={"count": count}))
    assert {str(run.status) for run in runs} == {"interrupted"}
    assert all(np.isfinite(run.product).all() for run in runs)
    assert len(seen) == 2 + 5

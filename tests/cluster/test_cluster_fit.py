"""A fit on a cluster: that of one machine, on any partitions and workers, and after a worker is lost."""

import os
import signal
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pytest

import rankfall as rf
from rankfall.estimators.candidate_grid import candidates
from rankfall.estimators.readings import ListedReadings
from rankfall.estimators.selection import select
from rankfall.problems.layouts.row_block import RowBlock
from tests.helpers.entries import planted_entries, uneven_entries

pytestmark = [pytest.mark.dask, pytest.mark.trusted]
ENTRIES = planted_entries((250, 80), 6000)
BLOCK = 2000
CHOSEN = {"width": 4, "depth": 2, "features": False, "scaling": "global", "rtol": 0.1}


def partitioned(entries, partitions=3):
    import dask.dataframe as dd

    return dd.from_pandas(entries, npartitions=partitions, sort=False)


def fitted(entries=ENTRIES, partitions=3, progress=None, **parameters):
    from rankfall import cluster

    model = rf.DeepMatrixFactorization(**CHOSEN | parameters)
    return cluster.fit(
        model, partitioned(entries, partitions), ["user", "item", "rating"], block_entries=BLOCK, progress=progress
    )


@dataclass(frozen=True, eq=False)
class SameSplit(ListedReadings):
    """The readings of one machine with the entries that a cluster holds out."""

    @cached_property
    def pairs(self):
        from rankfall.cluster.row_blocks import is_held_out

        problem = self.problem
        block = RowBlock.of(0, problem.rows, problem.cols, problem.values, problem.shape)
        aside = is_held_out(block, self.settings.holdout, self.settings.seed)
        return [(problem.select(~aside), problem.select(aside))]


@pytest.fixture(scope="module")
def alone(client):
    return fitted()


@pytest.mark.parametrize("features", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_choosing_is_that_of_one_machine(client, alone, features):
    model = fitted(features=True) if features else alone
    problem = rf.Completion.from_triplets(
        *(ENTRIES[name].to_numpy(np.float32) if name == "rating" else ENTRIES[name].to_numpy() for name in ENTRIES)
    )
    settings = model.settings_for(problem)
    one = select(SameSplit(problem, settings), candidates(problem, settings), settings, lambda stage, share: None)
    many = model.selection_
    assert [trial.candidate for trial in one.trials] == [trial.candidate for trial in many.trials]
    np.testing.assert_array_equal(one.values, many.values)
    assert many.error == pytest.approx(one.error, rel=1e-3)
    assert many.chosen.time == pytest.approx(one.chosen.time, rel=1e-2)
    np.testing.assert_allclose(many.predicted, one.predicted, atol=0.05)
    np.testing.assert_allclose(many.column_means, one.column_means, rtol=1e-6)


def test_popularity_of_a_long_list_is_chosen_on_its_first_rows(client, monkeypatch):
    entries, stages = uneven_entries((900, 100), 7000), set()
    every = fitted(entries, features=False)
    monkeypatch.setattr("rankfall.estimators.narrowing.LONG", 1000)
    few = fitted(entries, features=False, progress=lambda stage, share: stages.add(stage))
    assert len(every.selection_.trials) == 2
    assert len(few.selection_.trials) == 1
    assert few.held_out_error_ == pytest.approx(every.held_out_error_, rel=0.03)
    assert "choosing: depth 2, on some of the rows" in stages


def test_it_finds_what_was_planted(alone):
    assert alone.held_out_error_ < 0.6 * alone.column_mean_error_
    low, high = alone.predict_interval(ENTRIES["user"], ENTRIES["item"])
    assert 0.8 < np.mean((low <= ENTRIES["rating"]) & (ENTRIES["rating"] <= high)) < 1.0


@pytest.mark.parametrize("partitions", [1, 7])
def test_partitions_and_their_order_change_no_bit(alone, partitions):
    other = fitted(ENTRIES.sample(frac=1, random_state=3), partitions)
    np.testing.assert_array_equal(other.fitted_.left, alone.fitted_.left)
    np.testing.assert_array_equal(other.fitted_.right, alone.fitted_.right)


def test_a_killed_worker_costs_the_reading_of_its_blocks(client, alone):
    killed = []

    def kill(stage, fraction):
        if fraction > 0.2 and not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    other = fitted(progress=kill)
    assert killed
    np.testing.assert_array_equal(other.fitted_.left, alone.fitted_.left)
    client.wait_for_workers(2, timeout=30)


def test_ids_of_words(alone):
    named = ENTRIES.assign(
        user="u" + ENTRIES["user"].astype(str).str.zfill(4), item="i" + ENTRIES["item"].astype(str).str.zfill(4)
    )
    other = fitted(named)
    np.testing.assert_array_equal(other.fitted_.left, alone.fitted_.left)
    assert other.row_labels_[3] == f"u{alone.row_labels_[3]:04}"


def test_the_estimator_takes_a_dask_frame(client):
    model = rf.DeepMatrixFactorization(**CHOSEN).fit(partitioned(ENTRIES), triplets=["user", "item", "rating"])
    assert model.fitted_.problem.count == len(ENTRIES)
    assert model.fitted_.problem.degrees[0].sum() == len(ENTRIES)


def test_unknown_values_are_left_out_and_repeats_merged(client):
    extra = ENTRIES.head(100).assign(rating=ENTRIES["rating"].head(100) + 2.0)
    unknown = pd.DataFrame({"user": [0, 1], "item": [0, 1], "rating": [np.nan, np.nan]})
    entries = pd.concat([ENTRIES, unknown, extra], ignore_index=True)
    from rankfall.cluster.entries import ClusterEntries
    from rankfall.cluster.workers import DaskWorkers

    read = {
        rule: ClusterEntries.read(DaskWorkers(client), partitioned(entries, 4), rule, np.float64, BLOCK)
        for rule in ("mean", "last")
    }
    for rule, add in (("mean", 1.0), ("last", 2.0)):
        held = [np.concatenate(part) for part in zip(*read[rule].workers.map(_listed, read[rule].blocks), strict=True)]
        found = pd.DataFrame(dict(zip(("user", "item", "rating"), held, strict=True))).merge(extra, on=["user", "item"])
        np.testing.assert_allclose(found["rating_x"], found["rating_y"] - 2 + add, rtol=1e-12)
        assert read[rule].degrees[0].sum() == len(ENTRIES)
    with pytest.raises(rf.InputError, match="may occur once"):
        ClusterEntries.read(DaskWorkers(client), partitioned(entries, 4), "error", np.float64, BLOCK)


def _listed(block):
    return block.rows + block.first, block.cols, block.values


def test_a_fit_resumes_where_it_was_kept(client, alone, tmp_path, monkeypatch):
    from rankfall import cluster
    from rankfall.cluster import checkpoints

    monkeypatch.setattr(checkpoints, "PERIOD", 0.0)

    def interrupt(stage, fraction):
        if fraction > 0.3:
            raise KeyboardInterrupt

    model = rf.DeepMatrixFactorization(**CHOSEN)
    options = {"triplets": ["user", "item", "rating"], "block_entries": BLOCK, "checkpoint": tmp_path / "kept"}
    with pytest.warns(rf.RunWarning):
        cluster.fit(model, partitioned(ENTRIES), progress=interrupt, **options)
    assert model.status_ == "interrupted"
    kept = list((tmp_path / "kept").glob("candidate-*.npz"))
    assert kept
    with np.load(kept[0]) as stored:
        moment = float(stored["run_moment"][0])
    assert moment > 0
    cluster.fit(model, partitioned(ENTRIES), resume=True, **options)
    assert model.held_out_error_ == pytest.approx(alone.held_out_error_, rel=5e-3)
    assert model.selection_.trials[0].evaluations < alone.selection_.trials[0].evaluations
    with pytest.raises(rf.InputError, match="resumes on the same data"):
        cluster.fit(model, partitioned(ENTRIES.head(5000)), resume=True, **options)
    with pytest.raises(rf.InputError, match="resumes on the same settings"):
        cluster.fit(model.set_params(width=5), partitioned(ENTRIES), resume=True, **options)

"""Of a very long list, popularity is chosen on some rows, and the rest on all of them."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.estimators import narrowing
from rankfall.estimators.readings import ListedReadings
from tests.helpers.entries import uneven_entries

pytestmark = pytest.mark.trusted
CHOSEN = {"width": 4, "depth": 2, "features": False, "scaling": "global"}


def problem(seed=0):
    frame = uneven_entries(seed=seed)
    return rf.Completion.from_triplets(*(frame[name].to_numpy() for name in frame))


@pytest.fixture
def looked_at(monkeypatch):
    """The entries of the parts that were looked at; a list of a thousand is long."""
    found = []
    part_of = narrowing.some_rows

    def some_rows(whole, settings, every):
        readings, choices = part_of(whole, settings, every)
        found.append(readings.problem)
        return readings, choices

    monkeypatch.setattr(narrowing, "LONG", 1000)
    monkeypatch.setattr("rankfall.estimators.fitting.some_rows", some_rows)
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_the_choice_is_that_of_all_rows_and_one_run_on_all_rows_is_made(looked_at, monkeypatch, seed):
    whole = problem(seed)
    few = rf.DeepMatrixFactorization(**CHOSEN).fit_problem(whole)
    assert len(few.selection_.trials) == len(looked_at) == 1
    assert np.unique(looked_at[0].rows % narrowing.ROWS).tolist() == [0]
    monkeypatch.setattr(narrowing, "LONG", 10**7)
    every = rf.DeepMatrixFactorization(**CHOSEN).fit_problem(whole)
    assert len(every.selection_.trials) == 2
    assert few.selection_.chosen.candidate == every.selection_.chosen.candidate
    assert few.held_out_error_ == pytest.approx(every.held_out_error_, rel=1e-2)


def test_the_scaling_is_the_one_that_won_on_the_part(looked_at, monkeypatch):
    read = []
    scalings = ListedReadings.scalings

    def recorded(self, scaling, is_open):
        read.append(scaling)
        return scalings(self, scaling, is_open)

    monkeypatch.setattr(ListedReadings, "scalings", recorded)
    model = rf.DeepMatrixFactorization(**CHOSEN | {"scaling": "auto"}).fit_problem(problem())
    assert read == ["auto", model.selection_.chosen.candidate.scaling]


@pytest.mark.parametrize(("count", "rows"), [(10_000_001, 8), (20_000_000, 16), (100_000_000, 80)])
def test_about_as_many_entries_are_looked_at_of_any_long_list(count, rows):
    assert narrowing.rows_for_one(count) == rows


def test_where_there_is_nothing_to_choose_no_part_is_looked_at(looked_at):
    rng = np.random.default_rng(0)
    even = np.where(rng.random((300, 40)) < 0.5, rng.standard_normal((300, 40)), np.nan)
    rf.DeepMatrixFactorization(**CHOSEN).fit_problem(rf.Completion.from_array(even))
    assert not looked_at


def test_ctrl_c_while_a_part_is_looked_at_is_raised(looked_at):
    def pressed(stage, share):
        if "some of the rows" in stage and share == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rf.DeepMatrixFactorization(**CHOSEN).fit_problem(problem(), progress=pressed)

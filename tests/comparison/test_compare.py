"""Comparisons: the same entries for everyone, values nobody sees, honest errors, and reasons in place of results."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

import rankfall as rf
from rankfall.comparison import METHODS, Method, compare, measure, named
from rankfall.comparison.imputers import Iterative
from rankfall.comparison.libraries import SurpriseSVD
from rankfall.comparison.methods import ALSMethod, choose
from rankfall.errors import InputError
from rankfall.estimators.scaling_choice import standardize_as
from tests.helpers.comparisons import inside, noisy_problem
from tests.helpers.planted import planted_problem

OWN = ("rankfall", "column-means", "effects", "soft-impute", "als", "knn", "iterative")
PEERS = ("surprise-svd", "surprise-svdpp", "cmfrec", "fancyimpute")


@dataclass(frozen=True, eq=False)
class Told(Method):
    """Answers by a function of (problem, rows, cols), and keeps what it was asked."""

    name: ClassVar[str] = "told"
    title: ClassVar[str] = "told"
    answer: Any = None
    asked: list = field(default_factory=list)

    def fit_predict(self, problem, rows, cols, seed):
        self.asked.append((problem, rows, cols, seed))
        return self.answer(problem, rows, cols)


@dataclass(frozen=True, eq=False)
class Spy(Told):
    name: ClassVar[str] = "spy"


@dataclass(frozen=True, eq=False)
class Missing(Told):
    name: ClassVar[str] = "missing"
    title: ClassVar[str] = "missing"
    module: ClassVar[str | None] = "no_such_library"
    package: ClassVar[str | None] = "no-such-package"


def zeros(problem, rows, cols):
    return np.zeros(rows.size)


# The same entries for everyone


def test_training_and_asked_entries_are_apart_and_make_up_the_table_and_values_stay_hidden():
    problem = planted_problem()
    first, second = Told(zeros), Spy(zeros)
    inside(problem, [first, second], repeats=3, holdout=0.2)
    flat = problem.rows * problem.shape[1] + problem.cols
    real = first.asked, second.asked
    assert len(real[0]) == len(real[1]) == 3
    for (training, rows, cols, seed), (same, *_, same_seed) in zip(*real, strict=True):
        asked = rows * problem.shape[1] + cols
        given = training.rows * problem.shape[1] + training.cols
        assert sorted([*asked, *given]) == sorted(flat)
        assert asked.size == round(0.2 * flat.size)
        assert training.truth is None
        assert training.held_out is None
        np.testing.assert_array_equal(training.rows, same.rows)
        assert seed == same_seed
    assert len({tuple(rows * problem.shape[1] + cols) for _, rows, cols, _ in real[0]}) == 3


def test_errors_are_what_they_say():
    problem = planted_problem()
    truth = problem.truth
    far = inside(problem, [Told(lambda p, rows, cols: truth[rows, cols] + 0.5)], repeats=2).rows[0]
    assert far.error == pytest.approx(0.5)
    assert far.absolute_error == pytest.approx(0.5)
    assert far.spread == pytest.approx(0, abs=1e-12)
    signs = Told(lambda p, rows, cols: truth[rows, cols] + np.where(np.arange(rows.size) % 2, 1, 0))
    found = inside(problem, [signs], repeats=1, holdout=0.5).rows[0]
    assert found.error == pytest.approx(math.sqrt(found.absolute_error))
    assert math.isnan(found.spread)
    many = inside(problem, ["column-means"], repeats=4).rows[0]
    assert many.error == pytest.approx(np.mean(many.errors))
    assert many.spread == pytest.approx(np.std(many.errors, ddof=1))


def test_bounds_clip_everybody():
    problem = planted_problem()
    held = inside(problem, [Told(lambda p, rows, cols: np.full(rows.size, 9.0))], repeats=1, bounds=(-2.0, 2.0)).rows[0]
    two = inside(problem, [Told(lambda p, rows, cols: np.full(rows.size, 2.0))], repeats=1).rows[0]
    assert held.errors == two.errors
    open_below = inside(problem, [Told(zeros)], repeats=1, bounds=(None, 2.0)).rows[0]
    assert open_below.errors == inside(problem, [Told(zeros)], repeats=1).rows[0].errors


def test_the_same_seed_gives_the_same_table_and_another_one_another():
    problem, methods = noisy_problem(), ["als", "soft-impute", "effects"]
    first, again, other = (inside(problem, methods, repeats=1, seed=seed) for seed in (3, 3, 4))
    assert [row.errors for row in first.rows] == [row.errors for row in again.rows]
    assert {row.errors for row in first.rows}.isdisjoint({row.errors for row in other.rows})


# The methods


@pytest.mark.trusted
@pytest.mark.parametrize(
    "empty", [pytest.param(False, marks=pytest.mark.slow), True], ids=["", "with an empty row and column"]
)
def test_every_method_that_is_installed_answers_and_low_rank_ones_find_low_rank(empty):
    found = inside(noisy_problem(empty=empty), None, repeats=1)
    assert {row.method for row in found.rows} >= set(OWN)
    assert all(row.is_measured for row in found.rows if row.method in OWN), found.records()
    errors = {row.method: row.error for row in found.rows if row.is_measured}
    for method in ("rankfall", "soft-impute", "als", "iterative"):
        assert errors[method] < 0.5 * errors["column-means"]
    assert errors["rankfall"] == min(errors.values())
    assert list(errors.values()) == sorted(errors.values())


@pytest.mark.parametrize("name", PEERS)
def test_peers_answer_where_they_are_installed(name):
    method = METHODS[name]
    if not method.is_installed():
        pytest.skip(f"{name} is not installed")
    problem = noisy_problem(empty=True)
    answer = measure(method, problem, problem.rows[:7], problem.cols[:7], 0)
    assert answer.reason is None or "force_all_finite" in answer.reason
    assert answer.predictions is None or answer.predictions.shape == (7,)


@pytest.mark.parametrize("name", ["column-means", "effects", "soft-impute", "als", "knn", "iterative"])
def test_methods_do_not_care_about_units(name):
    problem, far = noisy_problem(noise=0.3), 1e4
    moved = rf.Completion(problem.rows, problem.cols, 5 + far * problem.values, problem.shape)
    answers = [measure(METHODS[name], p, problem.rows, problem.cols, 0).predictions for p in (problem, moved)]
    assert answers[0] is not None
    np.testing.assert_allclose((answers[1] - 5) / far, answers[0], rtol=1e-4, atol=1e-5)


def test_column_means_are_means_weighted_where_entries_are_and_of_everything_where_there_is_none():
    rows, cols, values = [0, 1, 2, 0], [0, 0, 0, 2], [1.0, 2.0, 6.0, 5.0]
    problem = rf.Completion.from_triplets(rows, cols, values, (3, 3), weights=np.array([1.0, 1.0, 2.0, 1.0]))
    asked = np.array([1, 1, 1]), np.array([0, 1, 2])
    means = METHODS["column-means"].fit_predict(problem, *asked, 0)
    np.testing.assert_allclose(means, [15 / 4, 20 / 5, 5.0])


def test_effects_are_those_of_the_estimator():
    problem = noisy_problem()
    shape = standardize_as(problem)
    expected = shape.from_units(shape.offset(problem.rows, problem.cols), problem.cols)
    np.testing.assert_array_equal(METHODS["effects"].fit_predict(problem, problem.rows, problem.cols, 0), expected)


def test_alternating_least_squares_chooses_the_rank_and_no_ridge_where_there_is_no_noise():
    problem = planted_problem((40, 30), rank=2)
    found = inside(problem, [ALSMethod(sweeps=60)], repeats=1).rows[0]
    assert found.error < 0.05


def test_the_setting_of_least_held_out_error_is_chosen_and_never_one_that_is_not_finite():
    problem = planted_problem()
    truth = problem.truth

    def predict(part, rows, cols, offset):
        assert part.values.size < problem.values.size
        return truth[rows, cols] + offset

    assert choose((3.0, math.nan, -1.0, 2.0), problem, 0, predict) == -1.0
    assert choose((3.0,), problem, 0, lambda *_: pytest.fail("a single setting needs no choice")) == 3.0


def test_dense_methods_refuse_large_tables_and_say_so():
    rows = cols = np.arange(100)
    problem = rf.Completion(rows, cols, np.ones(100), (100_000, 20_000))
    for name in ("knn", "iterative", "fancyimpute"):
        assert not METHODS[name].is_applicable(problem)
        assert "100000 × 20000" in (METHODS[name].too_large(problem) or "")
    many = rf.Completion(*np.divmod(np.arange(400_000), 1000), np.ones(400_000), (1000, 1000))
    assert "400000 entries" in (METHODS["surprise-svdpp"].too_large(many) or "")
    assert METHODS["rankfall"].is_applicable(problem)
    found = inside(noisy_problem(), [Iterative()], repeats=1)
    assert found.rows[0].is_measured


# Reasons in place of results


def test_a_method_that_fails_says_why_and_stops_nobody():
    def raises(problem, rows, cols):
        raise ZeroDivisionError("no\nsecond line")

    @dataclass(frozen=True, eq=False)
    class Short(Told):
        name: ClassVar[str] = "short"

    methods = [
        Told(raises), Spy(lambda p, rows, cols: np.full(rows.size, np.inf)), Missing(zeros),
        Short(lambda p, rows, cols: np.zeros(1)), METHODS["column-means"],
    ]  # fmt: skip
    found = inside(planted_problem(), methods, repeats=2)
    reasons = {row.method: row.reason for row in found.rows}
    assert found.best == found.rows[0].method == "column-means"
    assert reasons["told"] == "ZeroDivisionError: no"
    assert "must be finite, 6 of 6 are not" in (reasons["spy"] or "")
    assert "must have the positions' shape" in (reasons["short"] or "")
    assert reasons["missing"] == "not installed; pip install no-such-package"
    assert len(found.measured) == 1
    assert compare(planted_problem(), methods=[Missing(zeros)], repeats=1).best is None


def test_all_that_is_installed_is_the_default_and_names_keep_their_order(monkeypatch):
    monkeypatch.setattr(SurpriseSVD, "module", "no_such_library")
    names = [method.name for method in named(None)]
    assert "surprise-svd" not in names
    assert set(OWN) <= set(names)
    assert [method.name for method in named(["als", "surprise-svd", "rankfall"])] == ["als", "surprise-svd", "rankfall"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"holdout": 0.0}, "holdout must lie between 0 and 1, got 0.0"),
        ({"holdout": 1.5}, "holdout must lie between 0 and 1"),
        ({"holdout": math.nan}, "holdout must lie between 0 and 1"),
        ({"repeats": 0}, "repeats must be at least 1, got 0"),
        ({"seed": -1}, "seed must not be negative, got -1"),
        ({"bounds": (2.0, 1.0)}, "the lower bound must not exceed the upper, got 2.0 and 1.0"),
        ({"bounds": (math.nan, 1.0)}, "bounds must be finite numbers"),
        ({"methods": ["rankfal"]}, "a method must be one of rankfall, column-means, .*got 'rankfal'"),
        ({"methods": ["als", "als"]}, "each method is compared once, got 'als' twice"),
        ({"methods": []}, "needs a method, got an empty list"),
        ({"methods": "als"}, "methods must be a list of names, got the text 'als'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        compare(planted_problem(), in_process=True, **settings)


def test_problems_that_cannot_be_compared_on_are_refused():
    with pytest.raises(InputError, match="needs a Completion or a TensorCompletion, got ndarray; their from_array"):
        compare(np.ones((3, 3)))  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="needs at least 2 observed entries, got 1"):
        compare(rf.Completion.from_triplets([0], [0], [1.0], (2, 2)))
    batch = rf.Completion(np.arange(3), np.arange(3), np.ones((2, 3)), (3, 3))
    with pytest.raises(InputError, match="a comparison is of one table, got 2"):
        compare(batch)


@pytest.mark.parametrize("count", [2, 9, 12])
def test_a_handful_of_entries_is_enough_to_be_told_something(count):
    entries = np.arange(count)
    problem = rf.Completion.from_triplets(entries % 4, entries // 4, np.sin(entries), (4, 3))
    found = inside(problem, list(OWN), repeats=1)
    assert found.best is not None
    assert all(row.is_measured or row.reason for row in found.rows)


# What is told


# The command


# Processes of their own

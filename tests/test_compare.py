"""Comparisons: the same entries for everyone, values nobody sees, honest errors, and reasons in place of results."""

import functools
import importlib
import json
import math
import os
import re
import signal
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
from typer.testing import CliRunner

import rankfall as rf
from rankfall.cli import app
from rankfall.comparison import METHODS, Comparison, Method, Standing, compare, measure, named
from rankfall.comparison.imputers import Iterative
from rankfall.comparison.libraries import SurpriseSVD
from rankfall.comparison.measuring import peak_megabytes
from rankfall.comparison.methods import ALSMethod, choose
from rankfall.errors import InputError
from rankfall.estimators.standardization import standardize
from rankfall.pictures import ComparisonPicture
from tests.conftest import planted_problem

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


@dataclass(frozen=True)
class Killed(Method):
    """Ends its process as the kernel does when memory runs out, unless the table is the tiny one of the warm-up."""

    name: ClassVar[str] = "killed"
    title: ClassVar[str] = "killed"

    def fit_predict(self, problem, rows, cols, seed):
        if problem.shape != (80, 60):
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros(rows.size)


def zeros(problem, rows, cols):
    return np.zeros(rows.size)


def noisy_problem(shape=(40, 20), rank=2, seed=0, noise=0.1, empty=False) -> rf.Completion:
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    table += noise * rng.standard_normal(shape)
    table[rng.random(shape) < 0.3] = np.nan
    if empty:
        table[3], table[:, 5] = np.nan, np.nan
    return rf.Completion.from_array(table)


def inside(problem, methods, **settings) -> Comparison:
    return compare(problem, methods=methods, in_process=True, **settings)


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


@pytest.mark.parametrize("empty", [False, True], ids=["", "with an empty row and column"])
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
    shape = standardize(problem)
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
        ({"bounds": (math.nan, 1.0)}, "bounds must be numbers or None"),
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
    with pytest.raises(InputError, match="needs a Completion, got ndarray; Completion.from_array"):
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


def standings() -> Comparison:
    rows = (
        Standing("rankfall", "rankfall", (0.5, 0.7), (0.4, 0.5), 1.5, 300.0),
        Standing("als", "effects + ALS", (0.9, 0.7), (0.6, 0.5), 0.25, 200.0),
        Standing("knn", "sklearn KNNImputer", reason="too large: [red]"),
    )
    return Comparison(rows, (40, 30), 700, 0.1, 2, 0, (None, 5.0))


def test_frame_and_json_have_the_rows_and_nothing_for_what_is_not_known(tmp_path):
    found = standings()
    frame = found.frame()
    assert frame["method"].to_list() == ["rankfall", "als", "knn"]
    assert frame["error"].to_list() == [pytest.approx(0.6), pytest.approx(0.8), None]
    assert frame["reason"].to_list() == [None, None, "too large: [red]"]
    found.to_json(tmp_path / "table.json")
    written = json.loads((tmp_path / "table.json").read_text())
    assert written["best"] == "rankfall"
    assert written["bounds"] == [None, 5.0]
    assert written["rows"][0]["errors"] == [0.5, 0.7]
    assert written["rows"][2]["seconds"] is None
    with pytest.raises(InputError, match="folder must exist"):
        found.to_json(tmp_path / "nowhere" / "table.json")


def test_the_picture_shows_what_was_measured(tmp_path):
    from matplotlib.figure import Figure

    picture = ComparisonPicture(standings())
    numbers = picture.frame()
    assert numbers["title"] == ["rankfall", "effects + ALS"]
    np.testing.assert_allclose(numbers["error"], [0.6, 0.8])
    np.testing.assert_allclose(numbers["spread"], [0.1 * math.sqrt(2)] * 2)
    figure = Figure()
    axes = figure.subplots(1, 2)
    assert picture.plot(axes) is figure
    assert [label.get_text() for label in axes[0].get_yticklabels()] == numbers["title"]
    assert axes[0].get_ylim() == (1.5, -0.5)
    np.testing.assert_allclose(axes[1].collections[0].get_offsets()[:, 0], numbers["seconds"])
    picture.save(tmp_path / "table.png")
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="needs a method that was measured, got none"):
        ComparisonPicture(Comparison(standings().rows[2:], (4, 3), 7, 0.1, 1, 0, (None, None)))


# The command


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    room = importlib.import_module("rankfall.comparison")
    monkeypatch.setattr(room, "compare", functools.partial(compare, in_process=True))

    def run(*words):
        result = CliRunner().invoke(app, ["compare", *map(str, words)], prog_name="rankfall")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def write_table(path="table.csv"):
    problem = noisy_problem((20, 8))
    table = np.full(problem.shape, np.nan)
    table[problem.rows, problem.cols] = problem.values
    lines = [",".join("" if np.isnan(x) else repr(float(x)) for x in row) for row in table]
    with open(path, "w") as file:
        file.write("\n".join([",".join("abcdefgh"), *lines]) + "\n")


def write_entries(path="entries.csv"):
    problem = noisy_problem((20, 8))
    entries = zip(problem.rows.tolist(), problem.cols.tolist(), problem.values.tolist(), strict=True)
    with open(path, "w") as file:
        file.write("\n".join(["user,item,stars", *(f"u{i:02},i{j},{x}" for i, j, x in entries)]) + "\n")


def test_the_command_prints_one_table_sorted_and_writes_what_is_asked(shell, tmp_path):
    write_table()
    ended = shell(
        "table.csv", "--methods", "column-means,als, effects", "--repeats", 2, "--plot", "t.png", "--json", "t.json"
    )
    assert ended.exit_code == 0
    assert ended.stderr == ""
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["method", "error", "absolute", "error", "seconds", "peak", "MB"]
    assert lines[2].startswith("effects + ALS")
    assert all("±" in line for line in lines[2:5])
    assert "20 × 8" in lines[5]
    assert "10 % held out, 2 times" in lines[5]
    written = json.loads((tmp_path / "t.json").read_text())
    assert [row["title"] for row in written["rows"]] == [line[:27].split("  ")[0] for line in lines[2:5]]
    assert (tmp_path / "t.png").exists()


def test_lists_of_entries_are_the_same_table(shell, tmp_path):
    write_table()
    write_entries()
    options = ("--methods", "effects", "--json", "t.json", "--min", -1, "--max", 1)
    errors = []
    for words in (("table.csv",), ("entries.csv", "--triplets", "user,item,stars")):
        assert shell(*words, *options).exit_code == 0
        errors.append(json.loads((tmp_path / "t.json").read_text())["rows"][0]["error"])
    assert errors[0] == pytest.approx(errors[1])


def test_methods_without_a_row_have_their_reason_below(shell, monkeypatch):
    write_table()
    monkeypatch.setattr(SurpriseSVD, "module", "no_such_library")
    ended = shell("table.csv", "--methods", "effects,surprise-svd", "--repeats", 1)
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[-1] == "Surprise SVD: not installed; pip install scikit-surprise"
    assert "±" not in ended.stdout
    ended = shell("table.csv", "--methods", "surprise-svd", "--json", "t.json")
    assert ended.exit_code == 2
    assert "needs a method that can be measured, got none (surprise-svd: not installed" in ended.stderr
    assert not os.path.exists("t.json")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.csv"], "the input file must exist, 'nothing.csv' does not"),
        (["table.doc"], "the extension must name a known format"),
        (["table.csv", "--methods", "rankfall,knm"], "a method must be one of rankfall, .*got 'knm'"),
        (["table.csv", "--methods", ""], "a method must be one of .*got ''"),
        (["table.csv", "--holdout", "1"], "holdout must lie between 0 and 1, got 1.0"),
        (["table.csv", "--repeats", "0"], "repeats must be at least 1"),
        (["table.csv", "--seed", "-3"], "seed must not be negative"),
        (["table.csv", "--min", "2", "--max", "1"], "the lower bound must not exceed the upper"),
        (["table.csv", "--plot", "table.pdf"], "a picture is drawn as a PNG"),
        (["table.csv", "--plot", "nowhere/table.png"], "the output's folder must exist"),
        (["table.csv", "--json", "table.txt"], "the table is written as JSON, got 'table.txt'"),
        (["table.csv", "--json", "nowhere/t.json"], "the output's folder must exist"),
        (["table.csv", "--triplets", "a,b,z"], "'z'"),
        (["table.csv", "--duplicates", "first"], "duplicates must be one of error, mean, last"),
        (["entries.csv", "--triplets", "user,item,stars", "--labels", "user"], "--labels is for tables"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(shell, words, message, tmp_path):
    write_table()
    write_entries()
    before = set(tmp_path.iterdir())
    ended = shell(*words, *([] if "--json" in words else ["--json", "t.json"]))
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("rankfall: ")
    assert len(ended.stderr.splitlines()) == 1
    assert re.search(message, ended.stderr), ended.stderr
    assert set(tmp_path.iterdir()) == before


# Processes of their own


@pytest.mark.slow
def test_a_process_for_each_method_gives_the_same_errors_and_memory_of_its_own():
    problem, methods = noisy_problem(), ["als", "column-means"]
    ballast = np.ones(10**8)  # 800 MB that are nobody else's
    apart = compare(problem, methods=[*methods, Killed()], repeats=2)
    assert peak_megabytes() > ballast.nbytes / 1e6
    here = inside(problem, methods, repeats=2)
    assert [row.errors for row in apart.rows[:2]] == [row.errors for row in here.rows]
    for row in apart.rows[:2]:
        assert 30 < row.peak_megabytes < 600
    assert math.isnan(here.rows[0].peak_megabytes)
    assert apart.rows[2].reason == "its process was ended by SIGKILL, memory probably ran out"

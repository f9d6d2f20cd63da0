"""Comparisons on tensors: entries and whole fibers held out, each method on planted components, the command."""

import importlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

import rankfall as rf
from rankfall.baselines import TensorNuclearNorm
from rankfall.baselines.tensor_nuclear_norm import shrunk
from rankfall.comparison import TENSOR_METHODS, TensorMethod, compare, measure
from rankfall.comparison.tensor_libraries import TensorlyCP
from rankfall.comparison.tensor_methods import choose
from rankfall.errors import InputError
from tests.helpers.comparisons import inside
from tests.helpers.shell import shell
from tests.tensor_catalogue import planted_tensor

SHAPE = (12, 10, 8)


@dataclass(frozen=True, eq=False)
class Told(TensorMethod):
    """Answers by a function of (problem, indices), and keeps what it was asked."""

    name: ClassVar[str] = "told"
    title: ClassVar[str] = "told"
    answer: Any = None
    asked: list = field(default_factory=list)

    def fit_predict(self, problem, indices, seed):
        self.asked.append((problem, indices, seed))
        return self.answer(problem, indices)


def flat(indices, shape=SHAPE):
    return np.ravel_multi_index(tuple(indices), shape)


def test_training_and_asked_entries_are_apart_and_errors_are_what_they_say():
    problem = planted_tensor(SHAPE)
    truth, told = problem.truth, Told(lambda problem, indices: truth[tuple(indices)] + 0.5)
    found = inside(problem, [told], repeats=2, holdout=0.2)
    assert found.shape == SHAPE
    assert found.rows[0].errors == pytest.approx((0.5, 0.5))
    for training, indices, _ in told.asked:
        assert training.truth is None
        assert training.held_out is None
        assert sorted([*flat(indices), *flat(training.indices)]) == sorted(flat(problem.indices))
        assert indices.shape[1] == round(0.2 * problem.count)


def test_whole_fibers_are_held_out_where_whole_fibers_are_missing():
    problem = planted_tensor(SHAPE, share=1.0)
    kept = np.random.default_rng(0).random(SHAPE[:2]) < 0.6
    told = Told(lambda problem, indices: np.zeros(indices.shape[1]))
    inside(problem.select(kept[problem.indices[0], problem.indices[1]]), [told], repeats=1)
    ((_, indices, _),) = told.asked
    fibers, counts = np.unique(indices[:2], axis=1, return_counts=True)
    assert fibers.shape[1] > 1
    assert set(counts) == {SHAPE[2]}


@pytest.mark.trusted
@pytest.mark.parametrize("name", TENSOR_METHODS)
def test_every_method_predicts_two_components_and_means_do_not(name):
    method = TENSOR_METHODS[name]
    if not method.is_installed():
        pytest.skip(f"{method.module} is not installed")
    problem = planted_tensor(SHAPE).hold_out(0.1, 0)
    held = problem.held_out
    answer = measure(method, problem, held.indices, 0)
    assert answer.reason is None
    error = np.sqrt(np.mean((answer.predictions - held.values) ** 2))
    if name == "slice-means":
        assert error > 0.8
    else:
        assert error < (0.1 if name == "rankfall" or "tensorly" in name else 0.4)


def test_means_of_slices_are_exact_for_a_sum_of_effects_of_a_whole_tensor_and_mean_where_nothing_is_known():
    rows, cols, tubes = (np.random.default_rng(seed).standard_normal(side) for seed, side in enumerate(SHAPE))
    tensor = rows[:, None, None] + cols[:, None] + tubes
    problem = rf.TensorCompletion.from_array(tensor)
    answer = measure(TENSOR_METHODS["slice-means"], problem, problem.indices, 0)
    np.testing.assert_allclose(answer.predictions, tensor.ravel(), atol=1e-12)
    tensor[3] = np.nan
    answer = measure(
        TENSOR_METHODS["slice-means"], rf.TensorCompletion.from_array(tensor), np.asarray([[3], [0], [0]]), 0
    )
    known = tensor[~np.isnan(tensor)].reshape(11, 10, 8)
    assert answer.predictions[0] == pytest.approx(known[:, 0].mean() + known[:, :, 0].mean() - known.mean())


def test_the_least_nuclear_norms_keep_the_observed_entries_and_recover_low_rank():
    problem = planted_tensor(SHAPE, rank=1, share=0.7)
    found = TensorNuclearNorm().complete(problem)
    np.testing.assert_allclose(found[tuple(problem.indices)], problem.values)
    assert np.linalg.norm(found - problem.truth) < 0.02 * np.linalg.norm(problem.truth)
    matrix = problem.truth.reshape(12, -1)
    u, values, v = np.linalg.svd(matrix, full_matrices=False)
    expected = ((u * np.maximum(values - 3, 0)) @ v).reshape(SHAPE)
    np.testing.assert_allclose(shrunk(problem.truth, 0, 3.0), expected, atol=1e-9)
    with pytest.raises(InputError, match="rounds must be positive, got 0"):
        TensorNuclearNorm(rounds=0)


def test_a_setting_is_chosen_on_entries_of_the_problem_alone():
    problem, asked = planted_tensor(SHAPE), []

    def predict(part, indices, shift):
        asked.append((part, indices))
        return problem.truth[tuple(indices)] + shift

    assert choose((2.0, 0.5, -1.0), problem, 0, predict) == 0.5
    known = set(flat(problem.indices))
    for part, indices in asked:
        assert set(flat(part.indices)) | set(flat(indices)) == known
        assert not set(flat(part.indices)) & set(flat(indices))


def test_dense_methods_refuse_tensors_too_large_for_them():
    indices = np.random.default_rng(0).integers(0, 1000, (3, 50))
    problem = rf.TensorCompletion.from_coordinates(indices, np.ones(50), (1000, 1000, 1000), duplicates="last")
    assert TENSOR_METHODS["halrtc"].too_large(problem).startswith("too large: a round of decompositions is 3e+12")
    assert TensorlyCP().too_large(problem) == "too large: 1000000000 cells, at most 2000000 are tried"


# The command


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    problem = planted_tensor((6, 5, 4), rank=1)
    given = np.full(problem.shape, np.nan)
    given[tuple(problem.indices)] = problem.values
    np.save("cube.npy", given)
    lines = [f"s{i},{j},{k},{float(given[i, j, k])!r}" for i, j, k in problem.indices.T]
    with open("long.csv", "w") as file:
        file.write("\n".join(["station,day,slot,count", *lines]) + "\n")
    room = importlib.import_module("rankfall.comparison")
    monkeypatch.setattr(room, "compare", lambda *args, **options: compare(*args, in_process=True, **options))
    return lambda *words: shell("compare", *words)


def test_an_array_and_a_long_table_of_it_have_the_same_table(run, tmp_path):
    options, errors = ("--methods", "slice-means,halrtc", "--repeats", "2", "--json", "t.json"), []
    for words in (("cube.npy",), ("long.csv", "--index", "station,day,slot", "--value", "count")):
        ended = run(*words, *options)
        assert ended.code == 0, ended.stderr
        lines = ended.stdout.splitlines()
        assert lines[2].startswith("HaLRTC")
        assert lines[3].startswith("means of slices")
        assert lines[4].startswith("6 × 5 × 4, ")
        errors.append([row["errors"] for row in json.loads((tmp_path / "t.json").read_text())["rows"]])
    assert errors[0] == errors[1]


def test_tensorly_where_it_is_not_installed_has_one_line(run, monkeypatch):
    monkeypatch.setattr(TensorlyCP.__mro__[1], "module", "no_such_library")
    ended = run("cube.npy", "--methods", "slice-means,tensorly-cp,tensorly-tucker", "--repeats", "1")
    assert ended.code == 0
    assert ended.stdout.splitlines()[-1] == "tensorly CP, tensorly Tucker: not installed; pip install tensorly"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cube.npy", "--methods", "als"], "a method must be one of rankfall, slice-means, .*got 'als'"),
        (["cube.npy", "--triplets", "a,b,c"], "--triplets is for tables, got it for a tensor"),
        (["cube.npy", "--labels", "a"], "--labels is for tables, got it for a tensor"),
        (["long.csv", "--index", "station,day,slot"], "--index needs --value"),
        (["long.csv", "--value", "count"], "--value goes with --index"),
        (["long.csv", "--index", "station,week", "--value", "count"], "must have a column 'week'"),
        (["nothing.nc"], "the input must exist, 'nothing.nc' does not"),
    ],
)
def test_bad_input_is_one_sentence(run, words, message):
    ended = run(*words)
    assert ended.code == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert re.search(message, ended.stderr), ended.stderr

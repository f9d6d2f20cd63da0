"""Widths and ridges of a family: what is tried next, what a wider trial continues, and matrices beside tensors."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.estimators.tensors.growth import climb
from rankfall.estimators.tensors.holding import split
from rankfall.estimators.tensors.matricized import Matricized
from rankfall.estimators.tensors.selection import choose
from rankfall.estimators.tensors.trial import THOROUGH, Candidate, Trial, run_from_sum, run_trial, run_wider
from tests.tensor_catalogue import planted_tensor


def climbed(error_of, widths=(1, 2, 3, 4, 6, 8), is_worth=lambda trial: True):
    """The (width, ridge) tried, where `error_of` says what a width and a ridge would reach."""
    model, tried = rf.CP(1).sized((2, 2, 2)), []

    def made(width, ridge):
        tried.append((width, ridge))
        return Trial(Candidate("cp", width, ridge), model, np.zeros(6), error_of(width, ridge))

    climb(
        made(1, 1e-4),
        widths,
        lambda trial, width, ridge: made(width, ridge),
        made,
        lambda trial, ridge: made(trial.candidate.width, ridge),
        is_worth,
    )
    return tried


def test_widths_grow_until_three_in_a_row_do_not_help():
    tried = climbed(lambda width, ridge: max(1 / width, 1 / 3), widths=(1, 2, 3, 4, 6, 8, 10))
    # those that do not help are also fitted anew, and with a stronger ridge
    assert [width for width, ridge in tried if ridge == 1e-4] == [1, 2, 3, 4, 4, 6, 6, 8, 8]
    assert [width for width, ridge in tried if ridge == pytest.approx(3e-4)] == [4, 4, 6, 6, 8, 8]


def test_a_weaker_ridge_is_tried_with_wider_models():
    tried = climbed(lambda width, ridge: max(1 / width, 1 / 2 if ridge > 1e-5 else 1 / 8))
    assert tried[-1][0] == 8
    weaker = [width for width, ridge in tried if ridge == pytest.approx(1e-5)]
    assert weaker[:4] == [3, 4, 6, 8]


def test_a_family_that_is_not_worth_it_stops_at_once():
    assert climbed(lambda width, ridge: 1 / width, is_worth=lambda trial: False) == [(1, 1e-4)]
    tried = climbed(lambda width, ridge: 1 / width, is_worth=lambda trial: trial.candidate.width < 2)
    assert max(width for width, _ in tried) <= 3


@pytest.mark.parametrize("family", ["cp", "train", "tree"])
def test_a_wider_trial_continues_the_narrow_one(family):
    problem = split(planted_tensor((9, 8, 7, 6), 3, 0.8, 0), 0.1, 0)
    narrow = run_trial(problem, Candidate(family, 2, 1e-4), None, 0)
    wide = run_wider(problem, narrow, 3, 1e-5, 0, THOROUGH)
    assert (wide.candidate.width, wide.candidate.ridge, wide.trajectory) == (3, 1e-5, narrow.trajectory)
    assert wide.model == Candidate(family, 3, 1e-5).model(problem.shape)
    assert wide.error < 0.9 * narrow.error


def test_a_train_is_tried_only_as_far_as_it_beats_sums_with_as_many_weights():
    exact = planted_tensor((16, 15, 14), 5, 0.5, 0)
    noise = 0.1 * np.random.default_rng(1).standard_normal(exact.count)
    problem = split(replace(exact, values=exact.values + noise), 0.1, 0)
    trials = choose(problem, ["cp", "train"], None, 0, lambda trial: None)[1]
    trains = [trial for trial in trials if trial.candidate.family == "train"]
    assert len(trains) == 1


def test_a_train_begins_as_the_sum_of_components_that_is_known():
    problem = split(planted_tensor((9, 8, 7), 3, 0.8, 0), 0.1, 0)
    known = run_trial(problem, Candidate("cp", 2, 1e-4), None, 0)
    train = run_from_sum(problem, known, THOROUGH)
    assert train is not None
    assert (train.candidate, train.trajectory) == (Candidate("train", 2, 1e-4), known.trajectory)
    losses = [float(each.model.loss(problem, each.weights[None, :])[0]) for each in (train, known)]
    assert losses[0] < losses[1]
    assert run_from_sum(problem, replace(known, candidate=Candidate("cp", 10, 1e-4)), THOROUGH) is None
    model = rf.Train(2).sized((5, 4, 3, 2))
    layers = [np.random.default_rng(0).standard_normal((side, 2)) for side in model.dimensions]
    expected = rf.CP(2).sized(model.dimensions)
    np.testing.assert_allclose(
        model.product(model.from_components(layers)), expected.product(expected.join(layers)), atol=1e-12
    )
    with pytest.raises(rf.InputError, match="has ranks 3"):
        model.from_components([np.ones((side, 3)) for side in model.dimensions])


def paired(hidden=0.4):
    """A matrix of the first two axes against the third, with effects."""
    rng = np.random.default_rng(0)
    truth = np.einsum("ijr,kr->ijk", rng.standard_normal((14, 12, 2)), rng.standard_normal((16, 2)))
    truth += 3 * rng.standard_normal((14, 12, 1)) + rng.standard_normal(16)
    noisy = truth + 0.05 * rng.standard_normal(truth.shape)
    return rf.TensorCompletion.from_array(np.where(rng.random(truth.shape) < hidden, np.nan, noisy)), truth


def test_a_matricized_tensor_has_effects_and_components():
    problem, truth = paired()
    divided = split(problem, 0.1, 0)
    fit = Matricized.of(divided, (2,), np.inf)
    assert fit.name == "matrix of axis 2"
    np.testing.assert_allclose(fit.at(problem.indices), fit.whole()[tuple(problem.indices)])
    again = fit.refitted(problem)
    for each in (fit, again):
        assert np.linalg.norm(each.whole() - truth) < 0.15 * np.linalg.norm(truth)


def test_of_four_axes_a_matricized_tensor_has_the_shape_of_the_tensor():
    problem = split(planted_tensor((5, 6, 4, 7), 1, 0.7, 0), 0.1, 0)
    fit = Matricized.of(problem, (0, 2), np.inf)
    assert fit.whole().shape == problem.shape
    np.testing.assert_allclose(fit.at(problem.indices), fit.whole()[tuple(problem.indices)])


def test_a_hopeless_matrix_is_left_at_its_first_ridge():
    problem = split(paired()[0], 0.1, 0)
    first, tuned = (Matricized.of(problem, (2,), good) for good in (1e-9, np.inf))
    assert tuned.trial.error <= first.trial.error
    assert first.trial.candidate.ridge == 3e-3
    assert tuned.trial.candidate.ridge != 3e-3


def test_entries_without_weight_change_no_matrix():
    problem, _ = paired()
    spoiled = np.random.default_rng(1).random(problem.count) < 0.2
    weighted = replace(
        problem, values=np.where(spoiled, 50.0, problem.values), weights=np.where(spoiled, 0.0, 1.0)
    )  # fmt: skip
    clean = problem.select(~spoiled)
    fit = Matricized.of(split(clean, 0.1, 0), (2,), np.inf)
    np.testing.assert_allclose(fit.refitted(weighted).whole(), fit.refitted(clean).whole(), rtol=1e-6, atol=1e-9)

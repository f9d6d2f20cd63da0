"""`DeepTensorCompletion`: exact on planted tensors, honest intervals, refusals, unseen slices."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.estimators.tensors.flattened import Flattened
from rankfall.estimators.tensors.holding import split, whole_fibers
from rankfall.estimators.tensors.members import Member, crossed, judged, shares_of
from tests.tensor_catalogue import planted_tensor


def holes(shape=(9, 8, 7), rank=2, share=0.6, seed=0):
    problem = planted_tensor(shape, rank, share, seed)
    given = np.full(shape, np.nan)
    given[tuple(problem.indices)] = problem.values
    return given, problem.truth


def relative(found, truth, hidden):
    return np.linalg.norm((found - truth)[hidden]) / np.linalg.norm(truth[hidden])


def test_a_planted_tensor_is_completed_and_its_rank_found():
    given, truth = holes()
    fit = rf.DeepTensorCompletion().fit(given)
    assert relative(fit.complete(), truth, np.isnan(given)) < 1e-3
    assert (fit.family_, fit.width_) == ("cp", 2)
    assert fit.trajectory_ is not None
    indices = np.nonzero(np.isnan(given))
    np.testing.assert_allclose(fit.predict(indices), fit.complete()[indices])


def test_a_planted_train_of_six_axes_is_found_exactly_and_nothing_is_told():
    rng, shape = np.random.default_rng(0), (5,) * 6
    planted = rf.Train(2).sized(shape)
    truth = planted.product(rng.standard_normal(planted.size))
    given = np.where(rng.random(shape) < 0.2, truth, np.nan)
    fit = rf.DeepTensorCompletion().fit(given)
    assert (fit.family_, fit.width_, fit.shares_) == ("train", 2, {"train": 1.0})
    assert relative(fit.complete(), truth, np.isnan(given)) < 1e-4


def test_an_array_and_its_entries_are_fitted_alike():
    given, _ = holes(rank=1)
    observed = ~np.isnan(given)
    fit, again = rf.DeepTensorCompletion(family="cp", width=1), rf.DeepTensorCompletion(family="cp", width=1)
    again.fit_entries(np.nonzero(observed), given[observed], given.shape)
    np.testing.assert_allclose(again.complete(), fit.fit(given).complete())


@pytest.mark.parametrize("family", ["cp", "train", "tree"])
def test_every_family_completes(family):
    given, truth = holes(rank=1)
    fit = rf.DeepTensorCompletion(family=family, width=1).fit(given)
    assert relative(fit.complete(), truth, np.isnan(given)) < 1e-3


def test_intervals_cover_what_they_promise():
    given, truth = holes((14, 12, 10), 2, 0.6)
    noisy = truth + 0.3 * np.random.default_rng(1).standard_normal(truth.shape)
    fit = rf.DeepTensorCompletion(family="cp", width=2).fit(np.where(np.isnan(given), np.nan, noisy))
    indices = np.nonzero(np.isnan(given))
    low, high = fit.intervals(indices, 0.1)
    covered = np.mean((noisy[indices] >= low) & (noisy[indices] <= high))
    assert 0.82 < covered < 0.97
    assert fit.held_out_error_ == pytest.approx(0.3, rel=0.3)


def test_slices_in_units_of_their_own_come_back_in_them():
    given, truth = holes()
    sizes = 10.0 ** np.arange(7)
    fit = rf.DeepTensorCompletion(family="cp", width=2, units=(2,)).fit(given * sizes)
    assert relative(fit.complete() / sizes, truth, np.isnan(given)) < 1e-3


@pytest.mark.parametrize("loss", ["huber", "absolute"])
def test_robust_losses_withstand_gross_errors(loss):
    given, truth = holes(rank=1, share=0.9)
    spoiled = given.copy()
    spoiled.flat[::23] += 30
    fit = rf.DeepTensorCompletion(family="cp", width=1, loss=loss).fit(spoiled)
    assert relative(fit.complete(), truth, np.isfinite(truth)) < 0.2


def test_unseen_slices_are_warned_of_and_filled():
    given, _ = holes(rank=1)
    given[3] = np.nan
    with pytest.warns(rf.RunWarning, match="1 of axis 0"):
        fit = rf.DeepTensorCompletion(family="cp", width=1).fit(given)
    assert np.isfinite(fit.complete()).all()
    assert np.abs(fit.complete()[3]).max() > 0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: rf.DeepTensorCompletion(family="tucker").fit(holes()[0]), "family"),
        (lambda: rf.DeepTensorCompletion(width=0).fit(holes()[0]), "width"),
        (lambda: rf.DeepTensorCompletion(holdout=2).fit(holes()[0]), "holdout"),
        (lambda: rf.DeepTensorCompletion(units=(5,)).fit(holes()[0]), "axes"),
        (lambda: rf.DeepTensorCompletion(loss="cubed").fit(holes()[0]), "loss"),
        (lambda: rf.DeepTensorCompletion().fit(np.ones(3)), "at least two axes"),
        (lambda: rf.DeepTensorCompletion(random_state=-1).fit(holes()[0]), "random_state"),
        (lambda: rf.DeepTensorCompletion().fit(1e200 * holes()[0]), "choose another unit"),
        (lambda: rf.DeepTensorCompletion().fit(1e-200 * holes()[0]), "choose another unit"),
        (lambda: rf.DeepTensorCompletion().fit(np.where(holes()[0] > 1, np.inf, 1.0)), "finite"),
        (lambda: rf.DeepTensorCompletion().fit_entries(([0, 3], [0, 0], [1, 1]), [1.0, 2.0], (3, 2, 2)), "0 … 2"),
        (lambda: rf.DeepTensorCompletion().fit_entries(([1, 1], [0, 0], [1, 1]), [1.0, 2.0]), "observed once"),
    ],
)
def test_parameters_are_refused_in_a_sentence(make, sentence):
    with pytest.raises(rf.InputError, match=sentence):
        make()


def test_a_dense_result_that_is_too_large_says_so():
    rng = np.random.default_rng(0)
    indices = rng.integers(0, 2000, (3, 300))
    indices[:, 0] = 1999
    factors = rng.standard_normal((3, 2000))
    values = np.prod([factor[index] for factor, index in zip(factors, indices, strict=True)], axis=0)
    with pytest.warns(rf.RunWarning, match="without an observed entry"):
        fit = rf.DeepTensorCompletion(family="cp", width=1).fit_entries(indices, values, duplicates="mean")
    with pytest.raises(rf.InputError, match=r"predict\(indices\)"):
        fit.complete()
    with pytest.raises(rf.InputError, match="0 … 1999"):
        fit.predict(([2000], [0], [0]))


def test_where_whole_fibers_are_missing_whole_fibers_are_held_out():
    given, truth = holes((12, 10, 6), 2, 1.0)
    given[np.random.default_rng(0).random((12, 10)) < 0.4] = np.nan
    aside = split(rf.TensorCompletion.from_array(given), 0.1, 0).held_out
    assert aside is not None
    assert (np.unique(aside.indices[:2], axis=1, return_counts=True)[1] == 6).all()
    given[np.nonzero(~np.isnan(given))[0][0]] = np.where(np.arange(6) == 2, np.nan, truth[0])
    assert whole_fibers(rf.TensorCompletion.from_array(given)) is None


class Off(Member):
    """Given predictions."""

    name = "off"

    def __init__(self, predicted):
        self.predicted = predicted

    def at(self, indices):
        return self.predicted

    def whole(self):
        raise NotImplementedError

    def refitted(self, problem):
        raise NotImplementedError


def test_a_sum_is_kept_only_where_it_is_better():
    rng = np.random.default_rng(0)
    problem = planted_tensor((12, 10, 8), 2, 0.9, 0)
    values = np.asarray(problem.values)
    noises = [scale * rng.standard_normal(values.size) for scale in (1.0, 1.0, 50.0)]
    shares = shares_of(*judged([Off(values + noise) for noise in noises], problem))
    np.testing.assert_allclose(shares, [0.45, 0.45, 0.0], atol=0.12)
    assert shares_of(*judged([Off(values), Off(values + noises[0])], problem)).tolist() == [1.0, 0.0]


def test_shares_judge_entries_that_did_not_choose_them():
    rng = np.random.default_rng(0)
    problem = planted_tensor((12, 10, 8), 2, 0.9, 0)
    values = np.asarray(problem.values)
    members = [Off(values + rng.standard_normal(values.size)) for _ in range(3)]
    before = crossed(*judged(members, problem), 5)
    half = np.random.default_rng(5).permutation(values.size) % 2
    other = replace(problem, values=np.where(half == 0, 3 * values, values))
    after = crossed(*judged(members, other), 5)
    np.testing.assert_array_equal(after[half == 0], before[half == 0])
    assert np.abs(after - before)[half == 1].min() > 0


def pairs(shape=(20, 18, 12), hidden=0.3, noise=0.0):
    """A matrix of the first two axes against the third: no few components."""
    rng = np.random.default_rng(0)
    truth = np.einsum("ijr,kr->ijk", rng.standard_normal((*shape[:2], 2)), rng.standard_normal((shape[2], 2)))
    noisy = truth + noise * rng.standard_normal(truth.shape) if noise else truth
    return np.where(rng.random(truth.shape) < hidden, np.nan, noisy), truth


def test_a_flattening_is_a_matrix_of_one_axis_against_the_others():
    given, truth = pairs()
    flattened = Flattened.of(rf.TensorCompletion.from_array(given), (2,), 0)
    assert relative(flattened.whole(), truth, np.isnan(given)) < 0.1
    indices = np.stack(np.nonzero(np.isnan(given)))
    np.testing.assert_allclose(flattened.at(indices), flattened.whole()[tuple(indices)])


def test_of_four_axes_two_go_against_two():
    rng = np.random.default_rng(0)
    truth = np.einsum("ijr,klr->ijkl", rng.standard_normal((6, 7, 2)), rng.standard_normal((5, 8, 2)))
    given = np.where(rng.random(truth.shape) < 0.3, np.nan, truth)
    problem = rf.TensorCompletion.from_array(given)
    assert Flattened.columns(problem)[:2] == [(0, 1), (0, 3)]
    flattened = Flattened.of(problem, (0, 1), 0)
    assert flattened.name == "matrix of axes 0, 1"
    assert relative(flattened.whole(), truth, np.isnan(given)) < 0.1
    indices = np.stack(np.nonzero(np.isnan(given)))
    np.testing.assert_allclose(flattened.at(indices), flattened.whole()[tuple(indices)])


def test_flattenings_have_entries_enough_in_each_row():
    # 24 of 5 × 201 × 61: axis 0 as columns leaves two of five in a row
    rng = np.random.default_rng(0)
    indices = np.unique(rng.integers(0, (5, 201, 61), (24_000, 3)), axis=0).T
    problem = rf.TensorCompletion.from_coordinates(indices, rng.standard_normal(indices.shape[1]), (5, 201, 61))
    assert Flattened.columns(problem) == [(1,), (2,)]
    assert Flattened.columns(problem.select(np.arange(50))) == [(1,)]


@pytest.mark.slow
def test_flattenings_take_part_where_axes_interact_in_pairs():
    # without noise enough components fit the pairs, however many they are
    given, truth = pairs(hidden=0.6, noise=0.3)
    fit = rf.DeepTensorCompletion().fit(given)
    assert fit.shares_.get("matrix of axis 2", 0) > 0.5
    assert relative(fit.complete(), truth, np.isnan(given)) < 0.4
    indices = np.nonzero(np.isnan(given))
    np.testing.assert_allclose(fit.predict(indices), fit.complete()[indices])

"""What a fitted estimator answers: intervals, recommendations, new rows, what is saved; and how it is fitted again."""

import numpy as np
import pytest

import rankfall as rf
from tests.helpers.holes import table_with_holes


@pytest.fixture(scope="module")
def noisy():
    """A fitted table with noise 0.5, its truth with that noise, and the holes."""
    rng = np.random.default_rng(5)
    truth, holes = table_with_holes((150, 80), rank=2)
    noise = 0.5 * rng.standard_normal(truth.shape)
    return rf.DeepMatrixFactorization(depth=2).fit(holes + noise), truth + noise, np.isnan(holes)


@pytest.mark.parametrize("alpha", [0.1, 0.3])
def test_intervals_cover_what_they_promise(noisy, alpha):
    model, truth, hidden = noisy
    rows, cols = np.nonzero(hidden)
    low, high = model.predict_interval(rows, cols, alpha)
    values = truth[rows, cols]
    # 500-odd calibration scores: a binomial standard deviation of about 0.015 on the level
    assert np.mean((low <= values) & (values <= high)) == pytest.approx(1 - alpha, abs=0.05)
    np.testing.assert_allclose((low + high) / 2, model.predict(rows, cols))


def test_intervals_nest(noisy):
    model, _, hidden = noisy
    rows, cols = (index[:20] for index in np.nonzero(hidden))
    narrow, wide = (np.subtract(*model.predict_interval(rows, cols, alpha)[::-1]) for alpha in (0.3, 0.05))
    assert (narrow < wide).all()


def test_recommendations_are_the_best_unobserved_columns(noisy):
    model, _, hidden = noisy
    best, scores = model.recommend([3, 11], k=5)
    for row, columns, values in zip((3, 11), best, scores, strict=True):
        everything = model.predict(np.full(80, row), np.arange(80))
        allowed = np.flatnonzero(hidden[row])
        expected = allowed[np.argsort(-everything[allowed])][:5]
        np.testing.assert_array_equal(columns, expected)
        np.testing.assert_allclose(values, everything[expected])
    columns, values = model.recommend([0], k=80)
    assert (columns[0] == -1).sum() == (~hidden[0]).sum()
    assert np.isnan(values[columns == -1]).all()


def test_fold_in_agrees_with_transform_of_new_rows(noisy):
    model, truth, _ = noisy
    fresh = np.where(np.random.default_rng(9).random((4, 80)) < 0.5, np.nan, truth[:4])
    hidden = np.isnan(fresh)
    np.testing.assert_allclose(model.fold_in(fresh)[hidden], model.transform(fresh)[hidden])


def test_a_row_with_nothing_observed_folds_in_as_the_average_row(noisy):
    model, _, _ = noisy
    empty = model.fold_in(np.full((1, 80), np.nan))
    np.testing.assert_allclose(empty[0], model.fitted_.fold_in(np.full((1, 80), np.nan))[0])
    assert np.isfinite(empty).all()


@pytest.mark.parametrize("policy", ["mean", "nan", "raise"])
def test_unseen_positions_follow_the_policy(noisy, policy):
    model, _, _ = noisy
    if policy == "raise":
        with pytest.raises(rf.InputError, match="never seen in entry 1"):
            model.predict([0, -1], [1, 2], unseen=policy)
        return
    values = model.predict([0, -1], [1, 2], unseen=policy)
    assert np.isnan(values[1]) == (policy == "nan")
    assert np.isfinite(values[0])


def test_levels_round_to_what_can_occur():
    _, holes = table_with_holes()
    rounded = rf.DeepMatrixFactorization(depth=2, levels=[-1, 0, 2.5]).fit_transform(holes)
    assert set(np.unique(rounded[np.isnan(holes)])) <= {-1.0, 0.0, 2.5}


def test_saving_and_loading_keeps_every_answer(noisy, tmp_path):
    model, _, hidden = noisy
    model.save(tmp_path / "fit.npz")
    again = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    rows, cols = np.nonzero(hidden)
    np.testing.assert_array_equal(again.predict(rows, cols), model.predict(rows, cols))
    for ends in zip(again.predict_interval(rows, cols), model.predict_interval(rows, cols), strict=True):
        np.testing.assert_array_equal(*ends)
    assert again.get_params() == model.get_params()
    assert again.held_out_error_ == model.held_out_error_
    with pytest.raises(rf.InputError, match="ends in .npz"):
        model.save(tmp_path / "fit.pickle")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(rf.InputError, match="that save wrote"):
        rf.DeepMatrixFactorization.load(tmp_path / "other.npz")


def test_masked_arrays_are_arrays_with_holes():
    _, holes = table_with_holes()
    masked = np.ma.masked_invalid(holes)
    expected = rf.DeepMatrixFactorization(depth=2).fit_transform(holes)
    np.testing.assert_array_equal(rf.DeepMatrixFactorization(depth=2).fit_transform(masked), expected)


def test_a_weight_of_two_is_an_entry_twice_and_zero_is_none():
    _, holes = table_with_holes()
    weights = np.ones(holes.shape)
    weights[np.nonzero(~np.isnan(holes))[0][:50], np.nonzero(~np.isnan(holes))[1][:50]] = 0
    dropped = np.where(weights == 0, np.nan, holes)
    few = {"depth": 2, "width": 3}
    weighted = rf.DeepMatrixFactorization(**few).fit(holes, sample_weight=weights)
    plain = rf.DeepMatrixFactorization(**few).fit(dropped)
    error = weighted.predict(holes) - plain.predict(dropped)
    assert np.sqrt(np.mean(error**2)) < 0.2 * np.nanstd(holes)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.full((40, 25), -1.0), "not negative"),
        (np.zeros((40, 25)), "not all be zero"),
        (np.ones((3, 3)), "sample_weight must have the shape"),
    ],
)
def test_bad_weights_are_refused(weights, words):
    _, holes = table_with_holes()
    with pytest.raises(rf.InputError, match=words):
        rf.DeepMatrixFactorization().fit(holes, sample_weight=weights)


def test_partial_fit_adds_rows_and_keeps_the_choices():
    truth, holes = table_with_holes((80, 25))
    model = rf.DeepMatrixFactorization(depth=2).partial_fit(holes[:50])
    time = model.stopping_time_
    model.partial_fit(holes[50:])
    assert model.fitted_.problem.shape == (80, 25)
    assert model.stopping_time_ == time
    hidden = np.isnan(holes)
    assert np.sqrt(np.mean((model.transform(holes) - truth)[hidden] ** 2)) < 0.1 * truth.std()


def test_warm_start_keeps_the_choices():
    _, holes = table_with_holes()
    model = rf.DeepMatrixFactorization(depth=2, warm_start=True).fit(holes)
    chosen = model.selection_
    assert model.fit(holes[:30]).selection_ is chosen
    assert model.fitted_.problem.shape == (30, 25)


def test_intervals_need_something_held_out():
    model = rf.DeepMatrixFactorization().fit(np.where(np.eye(3) > 0, 1.0, np.nan))
    with pytest.raises(rf.InputError, match="intervals need held-out entries"):
        model.predict_interval([0], [1])


@pytest.mark.parametrize("levels", [[[1, 2]], [[1.0], [2.0]], 3, ["a", "b"]])
def test_levels_that_are_no_list_of_numbers_are_refused(levels):
    with pytest.raises(rf.InputError, match="levels must be numbers"):
        rf.DeepMatrixFactorization(levels=levels).fit(table_with_holes()[1])


def test_levels_with_one_level_are_refused():
    with pytest.raises(rf.InputError, match="levels must hold at least 2 values"):
        rf.DeepMatrixFactorization(levels=[1.0]).fit(table_with_holes()[1])

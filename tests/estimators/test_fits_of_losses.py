"""The estimator with other losses than squares: outliers withstood, tables of signs completed."""

import numpy as np
import pytest
from sklearn.base import clone

import rankfall as rf
from rankfall.cli.options import FitOptions
from rankfall.estimators.robust_scaling import standardizations


def outlying(shape=(70, 50), rank=2, share=0.6, gross=0.05, size=10.0, seed=0):
    """A low-rank table of spread 1 with noise 0.1 and holes, and one in twenty of its entries grossly wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1])) / np.sqrt(rank)
    table = truth + 0.1 * rng.standard_normal(shape)
    wrong = rng.random(shape) < gross
    table[wrong] += size * rng.standard_normal(wrong.sum())
    table[rng.random(shape) > share] = np.nan
    return truth, table


def error_on_holes(model, truth, table):
    return float(np.sqrt(np.mean((model.transform(table) - truth)[np.isnan(table)] ** 2)))


@pytest.fixture(scope="module")
def gross():
    """Truth, table, and the error of squares on its holes."""
    truth, table = outlying()
    return truth, table, error_on_holes(rf.DeepMatrixFactorization(depth=2, loss="squared").fit(table), truth, table)


@pytest.mark.parametrize("loss", ["huber", "absolute", rf.problems.Huber(0.3)], ids=str)
def test_gross_outliers_hardly_move_robust_losses(gross, loss):
    truth, table, by_squares = gross
    model = rf.DeepMatrixFactorization(depth=2, loss=loss).fit(table)
    assert error_on_holes(model, truth, table) < 0.25 * by_squares


def test_without_outliers_huber_is_as_good_as_squares():
    truth, table = outlying(gross=0.0)
    squares, huber = (
        error_on_holes(rf.DeepMatrixFactorization(depth=2, loss=loss).fit(table), truth, table)
        for loss in ("squared", "huber")
    )
    assert huber < 1.2 * squares


def test_robust_answers_scale_and_shift_with_the_table():
    _, table = outlying((40, 25))
    filled = rf.DeepMatrixFactorization(depth=2, loss="huber").fit_transform(table)
    moved = rf.DeepMatrixFactorization(depth=2, loss="huber").fit_transform(7 + 3 * table)
    np.testing.assert_allclose(moved, 7 + 3 * filled, atol=1e-5 * np.abs(moved).max())


def test_outliers_set_neither_units_nor_effects():
    """What is read off a table with gross errors is what is read off the same table without them."""
    truth, table = outlying(share=1.0, size=100.0)
    plain = rf.Completion.from_array(truth + 5 * np.arange(50.0) / 50)
    dirty = rf.Completion.from_array(table + 5 * np.arange(50.0) / 50)
    (clean,) = standardizations(plain, [plain], "auto", rf.problems.Squared())
    (robust,) = standardizations(dirty, [dirty], "auto", rf.problems.Huber(0.5))
    assert np.sqrt(robust.noise) * robust.unit[0] == pytest.approx(np.sqrt(clean.noise) * clean.unit[0], rel=0.15)
    assert not robust.mixed
    effects = [shape.origin + shape.unit * (shape.mean + shape.column_effect) for shape in (clean, robust)]
    assert np.abs(effects[0] - effects[1]).max() < 0.5


def test_new_rows_with_outliers_are_folded_in():
    truth, table = outlying((120, 40))
    model = rf.DeepMatrixFactorization(depth=2, loss="huber").fit(table[:100])
    assert error_on_holes(model, truth[100:], table[100:]) < 0.2


def test_tables_too_small_to_hold_out_from_are_completed():
    for loss in ("huber", "absolute"):
        filled = rf.DeepMatrixFactorization(loss=loss).fit_transform(np.where(np.eye(3) > 0, 2.0, np.nan))
        np.testing.assert_allclose(filled, 2.0)
    corners = np.asarray([[1.0, np.nan], [np.nan, -1.0]])
    filled = rf.DeepMatrixFactorization(loss="logistic").fit_transform(corners)
    assert set(filled.ravel()) <= {-1.0, 1.0}


def signs(shape=(80, 50), rank=2, hidden=0.4, seed=0):
    """Signs drawn with log-odds of low rank and strength, and the same with holes."""
    rng = np.random.default_rng(seed)
    odds = 3 * rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    whole = np.where(rng.random(shape) < 1 / (1 + np.exp(-odds)), 1.0, -1.0)
    return whole, np.where(rng.random(shape) < hidden, np.nan, whole)


def by_column_majority(table):
    low, high = np.nanmin(table), np.nanmax(table)
    return np.where(np.nanmean(table, axis=0) >= (low + high) / 2, high, low)


@pytest.fixture(scope="module")
def fitted_signs():
    whole, table = signs()
    return rf.DeepMatrixFactorization(depth=2, loss="logistic").fit(table), whole, table


def test_signs_are_completed_better_than_by_chance_or_majority(fitted_signs):
    model, whole, table = fitted_signs
    hidden = np.isnan(table)
    right = (model.transform(table) == whole)[hidden].mean()
    majority = (by_column_majority(table) == whole)[hidden].mean()
    assert right > 0.75
    assert right > majority + 0.1
    assert model.held_out_error_ < 0.9 * model.column_mean_error_


def test_probabilities_are_those_of_the_signs(fitted_signs):
    model, whole, table = fitted_signs
    rows, cols = np.nonzero(np.isnan(table))
    likely = model.predict_proba(rows, cols)
    truth = whole[rows, cols] == 1
    assert ((likely > 0) & (likely < 1)).all()
    for low, high in ((0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)):
        here = (likely >= low) & (likely < high)
        # some 200 to 500 entries a quarter: a binomial deviation of up to 0.035
        assert truth[here].mean() == pytest.approx(likely[here].mean(), abs=0.1)
    np.testing.assert_array_equal(model.predict(rows, cols), np.where(likely >= 0.5, 1, -1))
    # the held-out error in units of ±1 is twice the root of the Brier score
    brier = np.sqrt(np.mean((likely - truth) ** 2))
    assert model.held_out_error_ / 2 == pytest.approx(brier, rel=0.15)


def test_which_two_values_it_is_does_not_matter(fitted_signs):
    model, _, table = fitted_signs
    other = rf.DeepMatrixFactorization(depth=2, loss="logistic").fit((table + 1) / 2)
    rows, cols = np.nonzero(np.isnan(table))
    np.testing.assert_allclose(other.predict_proba(rows, cols), model.predict_proba(rows, cols), rtol=1e-9)
    np.testing.assert_array_equal(other.transform((table + 1) / 2), (model.transform(table) + 1) / 2)
    assert other.held_out_error_ == pytest.approx(model.held_out_error_ / 2)


def test_new_rows_of_signs_are_folded_in():
    whole, table = signs((140, 50))
    model = rf.DeepMatrixFactorization(depth=2, loss="logistic").fit(table[:110])
    hidden = np.isnan(table[110:])
    right = (model.transform(table[110:]) == whole[110:])[hidden].mean()
    majority = (by_column_majority(table[:110]) == whole[110:])[hidden].mean()
    assert right > majority + 0.1
    assert set(np.unique(model.fold_in(table[110:]))) == {-1.0, 1.0}


def test_recommendations_of_signs_come_with_probabilities(fitted_signs):
    model, _, table = fitted_signs
    best, likely = model.recommend([0, 5], k=4)
    assert (np.diff(likely, axis=1) <= 0).all()
    np.testing.assert_allclose(likely[1], model.predict_proba(np.full(4, 5), best[1]), rtol=1e-9)
    assert np.isnan(table[5, best[1]]).all()


def test_what_signs_cannot_answer_is_refused(fitted_signs):
    model, _, table = fitted_signs
    with pytest.raises(rf.InputError, match="intervals are for tables of numbers"):
        model.predict_interval([0], [0])
    plain = rf.DeepMatrixFactorization(depth=2)
    assert hasattr(model, "predict_proba")
    assert not hasattr(plain, "predict_proba")
    plain.fit(table).set_params(loss="logistic")
    with pytest.raises(rf.InputError, match="call fit again"):
        plain.predict_proba([0], [0])


def test_rows_and_columns_without_entries_get_the_odds_of_the_table():
    _, table = signs((40, 30))
    table = np.where(np.random.default_rng(3).random(table.shape) < 0.5, 1.0, table)
    table[3], table[:, 7] = np.nan, np.nan
    model = rf.DeepMatrixFactorization(depth=2, loss="logistic").fit(table)
    likely = model.predict_proba([3, 0], [0, 7])
    np.testing.assert_allclose(likely, np.mean(table[~np.isnan(table)] == 1), atol=0.01)


@pytest.mark.parametrize("loss", ["logistic", rf.problems.Huber(0.3)], ids=str)
def test_saving_keeps_the_loss(loss, tmp_path):
    _, table = signs((30, 20))
    model = rf.DeepMatrixFactorization(depth=2, loss=loss).fit(table)
    model.save(tmp_path / "fit.npz")
    again = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.transform(table), model.transform(table))
    np.testing.assert_array_equal(again.fold_in(table[:2]), model.fold_in(table[:2]))


def test_a_loss_is_a_parameter_like_others():
    model = rf.DeepMatrixFactorization(loss=rf.problems.Absolute(0.1))
    assert clone(model).loss == rf.problems.Absolute(0.1)
    _, table = outlying((40, 25))
    model = rf.DeepMatrixFactorization(depth=2, loss="absolute").partial_fit(table[:30]).partial_fit(table[30:])
    assert model.fitted_.problem.shape == (40, 25)


def test_votes_of_the_senate_are_told_better_than_by_majority(shared_data):
    votes = np.load(shared_data / "senate109" / "senate109.npz")["vote"].astype(float)
    votes[votes == 0] = np.nan
    table = np.where(np.random.default_rng(0).random(votes.shape) < 0.2, np.nan, votes)
    hidden = np.isnan(table) & ~np.isnan(votes)
    model = rf.DeepMatrixFactorization(depth=2, loss="logistic").fit(table)
    right = (model.transform(table) == votes)[hidden].mean()
    majority = (by_column_majority(table) == votes)[hidden].mean()
    assert right > 0.9
    assert right > majority + 0.15


def test_the_command_line_takes_a_loss():
    assert FitOptions(loss="huber").estimator().loss == "huber"
    with pytest.raises(
        rf.InputError, match="--loss must be one of auto, squared, huber, absolute, logistic, got 'hinge'"
    ):
        FitOptions(loss="hinge")

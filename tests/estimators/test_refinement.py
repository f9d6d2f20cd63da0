"""The stack for small tables: laws that hold whatever its members are."""

import numpy as np
import pytest

import rankfall as rf


def table_of_units(m=60, n=6, seed=0, hidden=0.25):
    """A table with a nonlinear relation and columns in units of their own, and the same with holes."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + 0.3 * rng.standard_normal((m, n))
    z[:, -1] = z[:, 0] ** 2 + 0.3 * rng.standard_normal(m)
    truth = 10.0 + z * 10.0 ** np.arange(-2, n - 2)
    return truth, np.where(rng.random((m, n)) < hidden, np.nan, truth)


@pytest.fixture(scope="module")
def fitted():
    truth, holes = table_of_units()
    return rf.DeepMatrixFactorization().fit(holes), truth, holes


def error(filled, truth, holes):
    return float(np.sqrt(np.mean(((filled - truth) / truth.std(axis=0))[np.isnan(holes)] ** 2)))


def test_it_is_better_than_column_means_and_says_who_contributes(fitted):
    model, truth, holes = fitted
    means = np.where(np.isnan(holes), np.nanmean(holes, axis=0), holes)
    assert error(model.transform(holes), truth, holes) < 0.9 * error(means, truth, holes)
    assert model.shares_["trees"] >= 0
    assert sum(model.shares_.values()) > 0.5


@pytest.mark.trusted
def test_noise_alone_is_filled_as_by_column_means():
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((80, 5))
    holes = np.where(rng.random(truth.shape) < 0.2, np.nan, truth)
    means = np.where(np.isnan(holes), np.nanmean(holes, axis=0), holes)
    filled = rf.DeepMatrixFactorization().fit_transform(holes)
    assert error(filled, truth, holes) < 1.06 * error(means, truth, holes)


@pytest.mark.trusted
def test_units_of_a_column_do_not_matter(fitted):
    model, _, holes = fitted
    unit, origin = np.asarray([1, 8, 1 / 4, 2, 1, 16.0]), np.asarray([0, 64, 0, -32, 0, 0.0])
    other = rf.DeepMatrixFactorization().fit_transform(holes * unit + origin)
    spread = np.nanstd(holes, axis=0)
    assert np.abs((other - origin) / unit - model.transform(holes)).max(axis=0) == pytest.approx(
        0, abs=0.5 * spread.max()
    )
    assert np.sqrt(np.mean((((other - origin) / unit - model.transform(holes)) / spread) ** 2)) < 0.05


@pytest.mark.trusted
def test_a_constant_column_is_its_constant_and_changes_nothing_else(fitted):
    model, _, holes = fitted
    rng = np.random.default_rng(2)
    constants = np.tile([1e6, 0.1], (len(holes), 1))
    constants[rng.random(constants.shape) < 0.3] = np.nan
    filled = rf.DeepMatrixFactorization().fit_transform(np.hstack([holes, constants]))
    np.testing.assert_allclose(filled[:, -2:], np.tile([1e6, 0.1], (len(holes), 1)), rtol=1e-9)
    np.testing.assert_array_equal(filled[:, :-2], model.transform(holes))


@pytest.mark.trusted
def test_same_seed_same_fit_and_observed_entries_stay(fitted):
    model, _, holes = fitted
    again = rf.DeepMatrixFactorization().fit_transform(holes)
    np.testing.assert_array_equal(again, model.transform(holes))
    np.testing.assert_array_equal(again[~np.isnan(holes)], holes[~np.isnan(holes)])


def test_held_out_error_is_close_to_the_error_on_the_holes(fitted):
    model, truth, holes = fitted
    held = model.selection_
    spread = truth.std(axis=0)
    promised = np.sqrt(np.mean(((held.predicted - held.values) / spread[held.cols]) ** 2))
    # a fold knows a tenth less, and a table of six columns tells errors to about a fifth
    assert 0.8 < promised / error(model.transform(holes), truth, holes) < 1.5


@pytest.mark.slow
def test_intervals_cover_in_every_column():
    inside, columns = [], []
    for seed in range(5):
        truth, holes = table_of_units(m=400, hidden=0.3, seed=seed)
        model = rf.DeepMatrixFactorization().fit(holes)
        rows, cols = np.nonzero(np.isnan(holes))
        low, high = model.predict_interval(rows, cols, alpha=0.1)
        inside.append((low <= truth[rows, cols]) & (truth[rows, cols] <= high))
        columns.append(cols)
    inside, columns = np.concatenate(inside), np.concatenate(columns)
    shares = np.bincount(columns, inside) / np.bincount(columns)
    # 3600 entries and as many scores: a standard deviation of 0.7 %; 600 a column: 1.7 %
    assert 0.88 < inside.mean() < 0.925
    assert shares.min() > 0.85
    assert shares.max() < 0.95


def test_a_column_of_long_tails_has_intervals_of_its_own():
    rng = np.random.default_rng(6)
    truth = rng.standard_normal((300, 4))
    truth[:, 3] = rng.standard_t(1.5, 300)
    holes = np.where(rng.random(truth.shape) < 0.2, np.nan, truth)
    model = rf.DeepMatrixFactorization(depth=2).fit(holes)
    scores, cols = model.calibration_.scores, model.calibration_.cols
    factors = model.calibration_.half_width(np.zeros(4, dtype=int), np.arange(4), 0.1) / model.calibration_.spread(
        np.zeros(4, dtype=int), np.arange(4)
    )
    for col in range(4):
        share = (scores[cols == col] <= factors[col]).mean()
        assert share == pytest.approx(0.9, abs=0.06)


def test_new_rows_are_filled_from_the_rows_learnt(fitted):
    model, _, holes = fitted
    new_truth, _ = table_of_units(seed=0)
    rng = np.random.default_rng(9)
    new = np.where(rng.random(new_truth.shape) < 0.3, np.nan, new_truth)
    filled = model.fold_in(new)
    means = np.where(np.isnan(new), np.nanmean(holes, axis=0), new)
    assert error(filled, new_truth, new) < 0.9 * error(means, new_truth, new)
    np.testing.assert_allclose(filled[~np.isnan(new)], new[~np.isnan(new)], rtol=1e-9)


def test_saving_keeps_the_stack(fitted, tmp_path):
    model, _, holes = fitted
    model.save(tmp_path / "fit.npz")
    again = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    np.testing.assert_array_equal(again.transform(holes), model.transform(holes))
    np.testing.assert_array_equal(again.fold_in(holes[::-1] + 1), model.fold_in(holes[::-1] + 1))


@pytest.mark.trusted
def test_order_of_rows_helps_where_rows_are_moments_in_time():
    rng = np.random.default_rng(4)
    truth = np.cumsum(rng.standard_normal((120, 4)), axis=0)
    holes = np.where(rng.random(truth.shape) < 0.3, np.nan, truth)
    with_order = rf.DeepMatrixFactorization(order="rows").fit_transform(holes)
    assert error(with_order, truth, holes) < 0.6 * error(
        rf.DeepMatrixFactorization().fit_transform(holes), truth, holes
    )


def test_whole_numbers_stay_whole_within_their_range():
    rng = np.random.default_rng(5)
    truth = np.stack([rng.poisson(3, 60), rng.poisson(3, 60), np.round(rng.standard_normal(60), 1)], axis=1).astype(
        float
    )
    holes = np.where(rng.random(truth.shape) < 0.2, np.nan, truth)
    filled = rf.DeepMatrixFactorization(decimals="auto").fit_transform(holes)
    assert (filled[:, :2] == np.round(filled[:, :2])).all()
    np.testing.assert_allclose(filled[:, 2], np.round(filled[:, 2], 1), atol=1e-12)
    assert (filled >= np.nanmin(holes, axis=0)).all()
    assert (filled <= np.nanmax(holes, axis=0)).all()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"order": "columns"}, "order must be"),
        ({"refine": "yes"}, "refine must be"),
        ({"decimals": 2}, "decimals must"),
    ],
)
def test_bad_parameters_are_told(parameters, words):
    with pytest.raises(rf.errors.InputError, match=words):
        rf.DeepMatrixFactorization(**parameters).fit(table_of_units()[1])

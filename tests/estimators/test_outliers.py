"""A few grossly wrong entries: found on held-out entries, and withstood by Huber's loss."""

import numpy as np
import pytest

import rankfall as rf

# the same calls are checked in test_refinement
pytestmark = pytest.mark.trusted


def _table(share, seed=1):
    """A table of rank 2 with noise; a share of its entries is off by up to 20; and where it has holes."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((150, 2)) @ rng.standard_normal((2, 8)) + 0.3 * rng.standard_normal((150, 8))
    hidden = rng.random(truth.shape) < 0.2
    wrong = (rng.random(truth.shape) < share) & ~hidden
    holes = np.where(wrong, truth + 20 * rng.choice([-1, 1], truth.shape) * rng.random(truth.shape), truth)
    return truth, np.where(hidden, np.nan, holes)


def _error(model, truth, holes):
    return float(np.sqrt(np.mean((model.transform(holes) - truth)[np.isnan(holes)] ** 2)))


@pytest.mark.parametrize("share", [pytest.param(0.01, marks=pytest.mark.slow), 0.04])
def test_outliers_are_withstood(share):
    truth, holes = _table(share)
    model = rf.DeepMatrixFactorization().fit(holes)
    assert model.loss_ == "huber"
    assert _error(model, truth, holes) < 0.8 * _error(
        rf.DeepMatrixFactorization(loss="squared").fit(holes), truth, holes
    )


def test_without_outliers_squares_decide():
    _, holes = _table(0.0)
    model = rf.DeepMatrixFactorization().fit(holes)
    assert model.loss_ == "squared"
    squared = rf.DeepMatrixFactorization(loss="squared").fit(holes)
    np.testing.assert_array_equal(model.transform(holes), squared.transform(holes))


def test_a_skewed_column_is_no_outlier():
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((200, 1))
    table = np.concatenate([factor + 0.5 * rng.standard_normal((200, 3)), np.exp(1.5 * factor)], axis=1)
    holes = np.where(rng.random(table.shape) < 0.2, np.nan, table)
    assert rf.DeepMatrixFactorization().fit(holes).loss_ == "squared"


def test_what_was_found_is_kept_by_another_fit():
    truth, holes = _table(0.04)
    model = rf.DeepMatrixFactorization(warm_start=True).fit(holes)
    before = _error(model, truth, holes)
    assert model.fit(holes).loss_ == "huber"
    assert _error(model, truth, holes) == pytest.approx(before, rel=0.05)


@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_a_constant_table_with_one_wrong_entry_has_residuals_of_no_spread(unit):
    table = np.full((7, 8), unit)
    table[[0, 1, 2, 3, 5], [5, 1, 5, 1, 0]] = np.nan
    table[6, 0] = 5e-324
    model = rf.DeepMatrixFactorization(depth=2, scaling="columns").fit(table)
    np.testing.assert_allclose(model.predict([0, 1], [5, 1]), unit, rtol=1e-3)

"""Rows in the order of time: told as such, or by the time of each."""

import numpy as np
import pytest

import rankfall as rf

# the same calls are checked in test_refinement
pytestmark = pytest.mark.trusted


@pytest.fixture(scope="module")
def waves():
    """Three slow waves with noise, with gaps of five rows in each."""
    rng = np.random.default_rng(0)
    time = np.arange(120.0)
    truth = np.stack([np.sin(time / (7 + 3 * k)) + 0.1 * rng.standard_normal(120) for k in range(3)], axis=1)
    holes = truth.copy()
    for begin in range(5, 110, 20):
        for col in range(3):
            holes[begin + 4 * col : begin + 4 * col + 5, col] = np.nan
    return truth, holes


def _error(filled, truth, holes):
    return np.sqrt(np.mean((filled - truth)[np.isnan(holes)] ** 2))


def test_neighbors_in_time_help_where_rows_are_ordered(waves):
    truth, holes = waves
    with_order = _error(rf.DeepMatrixFactorization(order="rows").fit_transform(holes), truth, holes)
    without = _error(rf.DeepMatrixFactorization().fit_transform(holes), truth, holes)
    assert with_order < 0.4 * without


def test_rows_in_any_order_are_filled_alike_once_their_times_are_told(waves):
    _, holes = waves
    drawn = np.random.default_rng(1).permutation(len(holes))
    expected = rf.DeepMatrixFactorization(order="rows").fit(holes)
    days = np.datetime64("2020-01-01") + np.arange(len(holes))
    for times in (drawn.astype(float), days[drawn]):
        model = rf.DeepMatrixFactorization(order=times).fit(holes[drawn])
        assert model.shares_.keys() == expected.shares_.keys()
        assert _error(model.transform(holes[drawn]), expected.transform(holes)[drawn], holes[drawn]) < 0.02


def test_moments_without_any_measurement_are_between_their_neighbors():
    time = np.arange(200.0)
    truth = np.stack([np.sin(time / (9 + 2 * k)) for k in range(3)], axis=1)
    holes = truth + 0.05 * np.random.default_rng(0).standard_normal(truth.shape)
    holes[60:64] = holes[120:123] = np.nan
    assert _error(rf.DeepMatrixFactorization(order="rows").fit_transform(holes), truth, holes) < 0.1


@pytest.mark.parametrize("gap", [0, 1])
def test_a_table_without_noise_comes_back_exactly_unless_a_moment_is_unmeasured(gap):
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 15))
    holes = np.where(rng.random(truth.shape) < 0.7, truth, np.nan)
    holes[30 : 30 + gap] = np.nan
    model = rf.DeepMatrixFactorization(order="rows")
    error = _error(model.fit_transform(holes), truth, holes)
    assert model.depth_ == np.inf
    assert (model.fitted_.refinement is None) == (gap == 0)
    assert error < (1 if gap else 1e-9)


def test_saved_with_its_order(waves, tmp_path):
    _, holes = waves
    days = np.datetime64("2020-01-01") + np.arange(len(holes))[::-1]
    model = rf.DeepMatrixFactorization(order=days).fit(holes)
    model.save(tmp_path / "fit.npz")
    loaded = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    np.testing.assert_array_equal(loaded.transform(holes), model.transform(holes))
    np.testing.assert_array_equal(loaded.order, np.arange(len(holes))[::-1])


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("columns", "None, 'rows' or the time of each row, got 'columns'"),
        (np.arange(3.0), "one time for each of the 120 rows, got the shape \\(3,\\)"),
        (np.full(120, np.nan), "without a hole"),
        (["a"] * 120, "without a hole, got the type <U1"),
    ],
)
def test_times_that_are_none_are_refused(waves, order, words):
    with pytest.raises(ValueError, match=words):
        rf.DeepMatrixFactorization(order=order).fit(waves[1])

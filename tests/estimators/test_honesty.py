"""What keeps an estimate honest: quantiles, weights and halves are those that the statements name."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import rankfall as rf
from rankfall.estimators.conformal import Calibration, calibrate
from rankfall.estimators.fold import LowestPassed, fold_of
from rankfall.estimators.selection import _crossed, _lowest
from rankfall.estimators.standardization import standardize
from tests.helpers.planted import planted_problem
from tests.helpers.unchecked import unchecked


@pytest.mark.parametrize(("alpha", "width"), [(0.8, 1.0), (0.5, 3.0), (0.4, 3.0), (0.2, 4.0), (0.19, math.inf)])
def test_the_half_width_is_the_smallest_score_that_covers_a_further_entry(alpha, width):
    # of 4 scores the ⌈5 (1 − α)⌉-th
    calibration = Calibration(np.asarray([1.0, 2.0, 3.0, 4.0]), np.asarray([1.0, 0.0, 0.0]), np.ones(2), np.ones(2))
    np.testing.assert_array_equal(calibration.half_width(np.zeros(1, int), np.zeros(1, int), alpha), [width])


def test_the_spread_of_an_entry_has_a_share_of_its_row_and_one_of_its_column():
    row_counts, column_counts = np.array([1.0, 3.0, 9.0]), np.array([2.0, 4.0, 19.0])
    rows, cols = np.indices((3, 3)).reshape(2, -1)
    variances = np.array([0.5, 2.0, 7.0])
    squares = variances[0] + variances[1] / (1 + row_counts[rows]) + variances[2] / (1 + column_counts[cols])
    found = calibrate(np.sqrt(squares), rows, cols, row_counts, column_counts)
    np.testing.assert_allclose(found.variances, variances, rtol=1e-6)
    np.testing.assert_allclose(found.scores, 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("times", "errors", "lowest"),
    [
        ([1.0, 2.0, 4.0], [2.0, 1.0, 2.0], 2.0),
        ([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], 1.0),
        ([0.0, 1.0, 2.0], [2.0, 1.0, 2.0], 1.0),
        ([1.0, np.e, np.e**2], [5.0, 0.0, 3.0], math.exp(1.125)),
    ],
)
def test_a_curve_is_lowest_between_its_moments_over_the_logarithm_of_time(times, errors, lowest):
    assert _lowest(np.array(times), np.array(errors)) == pytest.approx(lowest)


@pytest.mark.parametrize("weighted", [False, True])
def test_slowed_residuals_are_weighed_by_the_square(weighted):
    # Σ w (z − offset − slow W)² = Σ w slow² ((z − offset)/slow − W)²
    problem = planted_problem()
    if weighted:
        weights = np.random.default_rng(0).random(problem.values.shape)
        problem = type(problem)(problem.rows, problem.cols, problem.values, problem.shape, weights)
    shape = standardize(problem, "columns").with_popularity(problem.degrees, 0.3)
    slow = shape.row_slow[problem.rows] * shape.column_slow[problem.cols]
    expected = slow**2 if problem.weights is None else problem.weights * slow**2
    np.testing.assert_allclose(shape.residual_problem(problem, np.float64).weights, expected)


def _fold():
    split = planted_problem((12, 9)).hold_out(0.3, seed=0)
    train, held = split.select(np.arange(split.rows.size)), split.held_out
    return fold_of(train, held, standardize(train, "global"), seed=0)


def test_each_half_is_predicted_at_the_moment_that_the_other_half_chose():
    fold = _fold()
    held, shape = fold.held, fold.standardization
    wanted = shape.to_units(held.values, held.cols)
    for moment in (0, 1):
        # exact on one half, off by one on the other
        residual = wanted - shape.offset(held.rows, held.cols) + (fold.half != moment)
        product = np.zeros(held.shape)
        product[held.rows, held.cols] = residual
        fold.watch(float(moment), 1.0, np.zeros(1), product, np.eye(held.shape[1]))
    np.testing.assert_allclose(fold.best, 0, atol=1e-20)
    np.testing.assert_allclose(fold.crossed, wanted + 1)


@pytest.mark.parametrize(
    ("losses", "passed"),
    [
        ([3, 2, *[2] * 9], False), ([3, 2, *[2] * 10], True), ([3, 2, 2.11], True), ([3, 2, 2.09], False),
        ([3, *[2 * (1 - 6e-5) ** k for k in range(20)]], False), ([3, *[2 * (1 - 6e-6) ** k for k in range(12)]], True),
    ],
)  # fmt: skip
def test_a_run_ends_ten_moments_after_the_lowest_or_where_the_loss_has_risen_by_a_share(losses, passed):
    fold = _fold()
    held, shape = fold.held, fold.standardization
    wanted = shape.to_units(held.values, held.cols) - shape.offset(held.rows, held.cols)
    for moment, loss in enumerate(losses):
        product = np.zeros(held.shape)
        product[held.rows, held.cols] = wanted + np.sqrt(loss)
        fold.watch(float(moment), 1.0, np.full(1, moment), product, np.eye(held.shape[1]))
    now = SimpleNamespace(runs=np.zeros(1, dtype=int))
    assert unchecked(LowestPassed.check)(LowestPassed([fold], rise=0.05), (), now)[1].tolist() == [passed]
    assert fold.weights == fold.lowest_time == float(np.argmin(losses))


def test_each_half_is_predicted_by_the_candidate_that_the_other_half_chose():
    folds = [_fold(), _fold()]
    for k, fold in enumerate(folds):
        fold.best = [float(k), float(1 - k)]
        fold.crossed = np.full(fold.half.size, float(k))
    # half 0 chose the first candidate, half 1 the second
    found = unchecked(_crossed)([(None, [fold]) for fold in folds])
    shape, cols = folds[0].standardization, folds[0].held.cols
    np.testing.assert_allclose(found, shape.from_units(np.where(folds[0].half == 0, 1.0, 0.0), cols))


@pytest.mark.parametrize("refine", [False, "auto"])
def test_the_errors_told_are_those_of_the_held_out_entries(refine):
    rng = np.random.default_rng(0)
    table = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 8)) + 0.1 * rng.standard_normal((60, 8))
    model = rf.DeepMatrixFactorization(refine=refine).fit(np.where(rng.random(table.shape) < 0.2, np.nan, table))
    held = model.selection_
    truth = table[held.rows, held.cols]
    np.testing.assert_allclose(held.values, truth, rtol=1e-12)
    assert model.held_out_error_ == pytest.approx(np.sqrt(np.mean((held.predicted - truth) ** 2)))
    assert model.column_mean_error_ == pytest.approx(np.sqrt(np.mean((held.column_means - truth) ** 2)))
    np.testing.assert_allclose(held.column_means, table.mean(axis=0)[held.cols], atol=0.5)

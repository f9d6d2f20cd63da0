"""The metric of the flow: M_ab tends to the logarithmic mean, and agrees with the end-to-end law."""

import math

import numpy as np
import pytest

from rankfall.errors import InputError
from rankfall.recovery import ArithmeticMean, DepthMean
from rankfall.recovery.metric import ridge
from rankfall.theory import preconditioner_eigenvalues


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    return np.exp(rng.normal(0, 2, (2, 50)))


def test_the_mean_of_a_depth_is_the_end_to_end_law(pairs):
    values = np.sort(pairs[0, :4])[::-1]
    law = preconditioner_eigenvalues(values, (4, 4), 3) / 3
    np.testing.assert_allclose(DepthMean(3).entries(values[:, None], values[None, :]), law, rtol=1e-12)


def test_the_limit_of_depth_is_the_logarithmic_mean(pairs):
    first, second = pairs
    limit = DepthMean().entries(first, second)
    np.testing.assert_allclose(limit, (first**2 - second**2) / (2 * np.log(first / second)), rtol=1e-12)
    errors = [np.abs(DepthMean(depth).entries(first, second) / limit - 1).max() for depth in (100, 200, 400)]
    # M_N = M (1 + O(1/N)): the error halves when the depth doubles
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("mean", [DepthMean(), DepthMean(4), ArithmeticMean()])
def test_a_mean_is_symmetric_and_meets_the_diagonal_smoothly(mean, pairs):
    first, second = pairs
    np.testing.assert_allclose(mean.entries(first, second), mean.entries(second, first), rtol=1e-10)
    near = [float(mean.entries(np.asarray([1.0 + step]), np.ones(1))[0]) for step in (0.0, 4.99e-4, 5.01e-4)]
    assert near[0] == pytest.approx(1)
    slope = (near[2] - 1) / 5.01e-4
    assert (near[1] - 1) / 4.99e-4 == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("mean", [DepthMean(), DepthMean(2), DepthMean(6), ArithmeticMean()])
def test_the_ridge_falls_with_the_value_and_depends_on_ratios_only(mean):
    values = np.geomspace(1.01, 1e6, 30)
    charge = ridge(mean, values, 1.0)
    assert (charge > 0).all()
    assert (np.diff(charge) < 0).all()
    np.testing.assert_allclose(ridge(mean, 1e-200 * values, 1e-200), charge, rtol=1e-10)


def test_the_ridge_is_that_of_the_issue_in_both_forms():
    values, scale = np.asarray([2.0, 5.0, 40.0]), 0.7
    log_mean = (values**2 - scale**2) / (2 * np.log(values / scale))
    np.testing.assert_allclose(ridge(DepthMean(), values, scale), scale**2 / (log_mean - scale**2), rtol=1e-12)
    geometric = sum((values / scale) ** (2 * j / 5) for j in range(5)) / 5
    np.testing.assert_allclose(ridge(DepthMean(5), values, scale), 1 / (geometric - 1), rtol=1e-12)


@pytest.mark.parametrize("depth", [1, 0, -2, 2.5, math.nan])
def test_depths_without_a_bias_are_refused(depth):
    with pytest.raises(InputError, match="depth must be a whole number from 2 on"):
        DepthMean(depth)

"""Regression and factorization: slopes, whitening, and the one being the other up to a constant."""

import numpy as np
import pytest

import rankfall as rf
from tests.helpers.derivatives import slope_along

EXPONENTS = [1, 1.5, 2, 2.5, 3, 4]


def samples(outputs=3, features=5, count=40, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((count, features)) @ rng.standard_normal((features, features)) + 2.0
    targets = inputs @ rng.standard_normal((features, outputs)) + 0.5 * rng.standard_normal((count, outputs))
    return inputs, targets


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_gradient_is_the_slope_of_the_loss(exponent, outputs):
    problem = rf.problems.Regression(*samples(outputs), exponent)
    product, direction = np.random.default_rng(1).standard_normal((2, *problem.shape))
    residual = product @ problem.inputs.T - problem.targets.T
    loss, gradient = problem.loss_and_gradient(product)
    np.testing.assert_allclose(loss, np.sum(np.abs(residual) ** exponent) / (exponent * 40), rtol=1e-12)
    np.testing.assert_allclose(problem.loss(product), loss, rtol=1e-13)
    step = 1e-4 if exponent == int(exponent) else 1e-5  # the kink of |e|^p at 0 must lie further away
    slope = slope_along(problem.loss, product, direction, step)
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-7)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
def test_pulls_are_the_gradient_times_the_factors(exponent, batch):
    problem, rng = rf.problems.Regression(*samples(), exponent), np.random.default_rng(2)
    left, right = (rng.standard_normal((*batch, side, 2)) for side in problem.shape)
    product = left @ np.swapaxes(right, -1, -2)
    loss, row_pull, column_pull = problem.loss_and_factor_gradients(left, right)
    gradient = problem.gradient(product)
    np.testing.assert_allclose(loss, problem.loss(product), rtol=1e-12)
    np.testing.assert_allclose(problem.factored_loss(left, right), loss, rtol=1e-12)
    np.testing.assert_allclose(row_pull, gradient @ right, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(column_pull, np.swapaxes(gradient, -1, -2) @ left, rtol=1e-10, atol=1e-10)


def test_whitened_inputs_are_white():
    inputs, targets = samples()
    problem = rf.problems.Regression.whitened(inputs, targets)
    assert problem.target is None  # ℓ is ½‖W − Φ‖² plus a floor
    np.testing.assert_allclose(problem.inputs.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(problem.inputs.T @ problem.inputs / 40, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(problem.whitening.apply(inputs), problem.inputs, atol=1e-11)


def test_directions_without_variance_are_dropped():
    inputs, targets = samples()
    inputs = np.column_stack([inputs, inputs[:, 0] + inputs[:, 1], np.full(40, 3.0)])
    assert rf.problems.Regression.whitened(inputs, targets).shape == (3, 5)


def test_whitened_least_squares_is_a_factorization_up_to_a_constant():
    problem = rf.problems.Regression.whitened(*samples())
    alone = problem.factorization()
    for seed in range(3):
        product = np.random.default_rng(seed).standard_normal(problem.shape)
        np.testing.assert_allclose(problem.loss(product), alone.loss(product) + problem.floor, rtol=1e-12)
        np.testing.assert_allclose(problem.gradient(product), alone.gradient(product), atol=1e-11)
    np.testing.assert_allclose(problem.loss(problem.correlation), problem.floor, rtol=1e-12)
    np.testing.assert_allclose(problem.back_projection().toarray(), problem.correlation, atol=1e-11)


def test_normalized_targets_have_a_correlation_of_size_one():
    problem = rf.problems.Regression.whitened(*samples(), normalize=True)
    np.testing.assert_allclose(np.linalg.norm(problem.correlation), 1, rtol=1e-12)


def test_the_flow_of_depth_finds_the_least_squares_map():
    inputs, targets = samples()
    problem = rf.problems.Regression.whitened(inputs, targets)
    assert problem.target is None  # ℓ is ½‖W − Φ‖² plus a floor
    run = rf.evolve(problem, rf.Chain(2), rf.Gaussian(0.1), rf.Flow(1e-5), stop=rf.LossBelow(problem.floor + 1e-10))
    best = np.linalg.lstsq(problem.inputs, targets, rcond=None)[0].T
    np.testing.assert_allclose(run.product, best, atol=1e-4)


def test_an_even_exponent_is_the_papers_sum():
    # ℓ = (1/p) Σ (w_i − y_i)^p on the two unit inputs, a mean here: half of it   [arora2018]
    targets = np.asarray([10.0, 0.1])
    problem = rf.problems.Regression(np.eye(2), targets, 4)
    weights = np.asarray([[3.0, -0.5]])
    np.testing.assert_allclose(2 * problem.loss(weights), np.sum((weights[0] - targets) ** 4) / 4, rtol=1e-13)
    np.testing.assert_allclose(2 * problem.gradient(weights)[0], (weights[0] - targets) ** 3, rtol=1e-13)


def test_held_out_samples_partition_the_observed():
    problem = rf.problems.Regression(*samples(), exponent=3).hold_out(0.25, seed=0)
    assert problem.held_out is not None
    assert (problem.samples, problem.held_out.samples) == (30, 10)
    product = np.zeros(problem.shape)
    parts = (30 * problem.loss(product) + 10 * problem.held_out.loss(product)) / 40
    np.testing.assert_allclose(parts, rf.problems.Regression(*samples(), exponent=3).loss(product), rtol=1e-12)


@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
def test_factorization_is_half_the_squared_distance(batch):
    rng = np.random.default_rng(3)
    problem = rf.problems.Factorization(rng.standard_normal((4, 6)))
    left, right = rng.standard_normal((*batch, 4, 2)), rng.standard_normal((*batch, 6, 2))
    product = left @ np.swapaxes(right, -1, -2)
    loss, row_pull, column_pull = problem.loss_and_factor_gradients(left, right)
    np.testing.assert_allclose(loss, 0.5 * np.linalg.norm(product - problem.target, axis=(-2, -1)) ** 2, rtol=1e-12)
    np.testing.assert_allclose(row_pull, (product - problem.target) @ right, atol=1e-12)
    np.testing.assert_allclose(column_pull, np.swapaxes(product - problem.target, -1, -2) @ left, atol=1e-12)


def test_many_targets_are_a_batch():
    targets = np.random.default_rng(4).standard_normal((3, 4, 5))
    batch = rf.evolve_batch(
        rf.problems.Factorization(targets), rf.Chain(2), rf.Gaussian(0.1), rf.Flow(1e-5), stop=rf.TimeReached(2.0)
    )
    for target, run in zip(targets, batch, strict=True):
        alone = rf.evolve(
            rf.problems.Factorization(target), rf.Chain(2), rf.Gaussian(0.1), rf.Flow(1e-5), stop=rf.TimeReached(2.0)
        )
        np.testing.assert_allclose(run.product, alone.product, atol=1e-3)
        np.testing.assert_allclose(run.problem.target, target)


# --- bad input ------------------------------------------------------------------------------------------------------


def test_bad_regressions_are_refused():
    inputs, targets = samples()
    with pytest.raises(rf.InputError, match="p must be at least 1, got 0.5"):
        rf.problems.Regression(inputs, targets, 0.5)
    with pytest.raises(rf.InputError, match=r"shapes \(40, 5\) and \(3, 40\)"):
        rf.problems.Regression(inputs, targets.T)
    with pytest.raises(rf.InputError, match=r"shape \(3, 5\), outputs × features, got \(5, 3\)"):
        rf.problems.Regression(inputs, targets, truth=np.zeros((5, 3)))
    with pytest.raises(rf.InputError, match="p = 2 on white inputs, got p = 2.0 and a covariance"):
        rf.problems.Regression(inputs, targets).factorization()
    with pytest.raises(rf.InputError, match="got p = 4"):
        _ = rf.problems.Regression.whitened(inputs, targets, 4).floor
    with pytest.raises(rf.InputError, match="must vary"):
        rf.problems.Regression.whitened(np.ones((4, 2)), np.ones(4))
    with pytest.raises(rf.InputError, match=r"a target is a matrix, got shape \(3,\)"):
        rf.problems.Factorization(np.ones(3))
    with pytest.raises(rf.InputError, match="finite, got inf"):
        rf.problems.Factorization(np.full((2, 2), np.inf))


def test_a_loss_that_is_not_finite_is_refused():
    problem = rf.problems.Regression(np.eye(2), np.asarray([1e200, 1.0]), 4)
    with pytest.raises(rf.InputError, match="the loss at the start must be finite, got inf"):
        rf.evolve(problem, rf.Chain(2), rf.Gaussian(), rf.Flow())

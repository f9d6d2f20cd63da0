"""Baselines of a given rank: objectives that never rise, and Gauss-Newton that finishes them."""

import numba
import numpy as np
import pytest

import rankfall as rf
from rankfall.baselines import (
    AlternatingLeastSquares,
    GaussNewton,
    HardThreshold,
    NuclearNorm,
    SoftImpute,
    Solution,
    largest_shrinkage,
)
from rankfall.baselines.refinement import _tangent_operator
from rankfall.baselines.sparse_low_rank import Pattern
from rankfall.trajectory import Status
from tests.helpers.baseline_problems import easy, error, norms, problems
from tests.helpers.completions import weighted
from tests.helpers.planted import planted_problem


def test_the_spectral_norm_of_the_observed_entries_whatever_the_size():
    problem = planted_problem((60, 50), rank=3, share=0.2)
    exact = norms(Pattern.of(problem).matrix(problem.values).toarray())[1]
    assert largest_shrinkage(problem) == pytest.approx(exact)
    # lines without entries change no singular value, but the way to them
    large = rf.Completion.from_triplets(problem.rows, problem.cols, problem.values, (2100, 2050))
    assert largest_shrinkage(large) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 0.1])
@pytest.mark.parametrize("problem", problems())
def test_the_als_objective_never_rises(problem, ridge):
    solution = AlternatingLeastSquares(2, ridge, iterations=50, tolerance=0).solve(weighted(problem))
    objective = solution.history["objective"]
    floor = 1e-12 * np.sum(problem.values**2)
    assert (np.diff(objective) <= floor).all()


def test_als_leaves_no_gradient_in_the_factor_it_solved_last():
    """∂F/∂R = 2 (Pᵀ L + ridge D R) = 0 after the right factor's half sweep."""
    problem, ridge = weighted(planted_problem((20, 15), rank=3)), 0.05
    solution = AlternatingLeastSquares(3, ridge, iterations=3).solve(problem)
    residual = np.zeros(problem.shape)
    degrees = np.bincount(problem.cols, problem.weights, 15)
    residual[problem.rows, problem.cols] = problem.weights * (
        solution.predict(problem.rows, problem.cols) - problem.values
    )
    gradient = residual.T @ solution.left + ridge * degrees[:, None] * solution.right
    np.testing.assert_allclose(gradient, 0, atol=1e-11)


def test_als_is_bit_equal_at_any_thread_count_and_watches_held_out_entries():
    problem = planted_problem((200, 150), rank=3, share=0.2).hold_out(0.2, seed=0)
    baseline, threads = AlternatingLeastSquares(16, 1e-3, iterations=5), numba.get_num_threads()
    many = baseline.solve(problem)
    try:
        numba.set_num_threads(1)
        one = baseline.solve(problem)
    finally:
        numba.set_num_threads(threads)
    np.testing.assert_array_equal(many.left, one.left)
    aside = problem.held_out
    missed = many.predict(aside.rows, aside.cols) - aside.values
    assert many.history["held_out_error"][-1] == pytest.approx(np.sqrt(np.mean(missed**2)))


def test_rows_without_entries_are_zero_in_every_baseline():
    table = easy().truth[:12, :10].copy()
    table[3], table[:, 7] = np.nan, np.nan
    problem = rf.Completion.from_array(table)
    for baseline in (NuclearNorm(), SoftImpute(0.1), AlternatingLeastSquares(2, 0.1), HardThreshold(2), GaussNewton(2)):
        product = baseline.solve(problem).product
        np.testing.assert_allclose(product[3], 0, atol=1e-9)
        np.testing.assert_allclose(product[:, 7], 0, atol=1e-9)


@pytest.mark.parametrize("problem", problems())
@pytest.mark.parametrize("baseline", [HardThreshold(1, iterations=60), GaussNewton(1)])
def test_fixed_rank_losses_never_rise(baseline, problem):
    solution = baseline.solve(weighted(problem))
    assert (np.diff(solution.history["loss"]) <= 0).all()
    assert solution.left.shape[1] == 1


@pytest.mark.parametrize("baseline", [HardThreshold(2), GaussNewton(2), AlternatingLeastSquares(2, iterations=3000)])
def test_noise_that_no_low_rank_matrix_fits_is_told(baseline):
    noise = np.random.default_rng(0).standard_normal((30, 20))
    solution = baseline.solve(rf.Completion.from_array(noise))
    assert solution.status in (Status.STALLED, Status.CONVERGED)
    tail = np.linalg.svd(noise, compute_uv=False)[2:]
    # All entries observed: the best rank-2 fit is the truncated decomposition, with loss Σ_{r>2} σ_r²/(mn).
    assert solution.history["loss"][-1] == pytest.approx((tail**2).sum() / noise.size, rel=1e-3)
    assert solution.reason


def test_the_tangent_operator_has_its_adjoint():
    problem = weighted(planted_problem((14, 9), rank=2))
    rng = np.random.default_rng(0)
    u, v = np.linalg.qr(rng.standard_normal((14, 2)))[0], np.linalg.qr(rng.standard_normal((9, 2)))[0]
    operator = _tangent_operator(Pattern.of(problem), np.sqrt(problem.weights), u, v)
    tangent, residual = rng.standard_normal(operator.shape[1]), rng.standard_normal(operator.shape[0])
    assert residual @ operator.matvec(tangent) == pytest.approx(operator.rmatvec(residual) @ tangent)


def test_gauss_newton_squares_the_error():
    problem = easy()
    rng = np.random.default_rng(0)
    u, values, vt = np.linalg.svd(problem.truth)
    left = u[:, :5] * values[:5] + 1e-3 * rng.standard_normal((100, 5))
    solution = GaussNewton(steps=2).solve(problem, Solution(left, vt[:5].T, Status.BUDGET))
    errors = np.sqrt(solution.history["loss"])
    assert 1e-4 < errors[0] < 1e-2
    assert errors[1] < 10 * errors[0] ** 2
    assert errors[-1] < 1e-10


def test_gauss_newton_finishes_what_the_nuclear_norm_began():
    """2000 entries: the convex answer is off by 1e-2 or more, but within reach of the truth at the right rank."""
    problem = planted_problem((100, 100), rank=5, share=0.2)
    solution = GaussNewton(5).solve(problem, NuclearNorm(gap=1e-4).solve(problem))
    assert solution.status is Status.CONVERGED
    assert error(solution, problem) < 1e-16

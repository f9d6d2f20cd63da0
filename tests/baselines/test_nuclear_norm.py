"""Least nuclear norm: certified, checked against conic solvers, accelerated without harm."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.baselines import (
    NuclearNorm,
    SoftImpute,
)
from rankfall.baselines.acceleration import Anderson
from rankfall.baselines.constraints import constraints_of
from rankfall.trajectory import Status
from tests.helpers.baseline_problems import easy, error, gaussians, norms, problems, recoverers_of_rank
from tests.helpers.planted import planted_problem

GAP = 1e-6


# Two solvers that stop at a relative gap g may differ by 2g in value; oracles stop at about 1e-5.
ORACLE = 1e-4


@pytest.mark.parametrize("slack", [0.0, 0.05])
@pytest.mark.parametrize("problem", problems())
def test_the_certificate_can_be_checked_by_hand(problem, slack):
    """Weak duality: a feasible X and a λ in the spectral ball bracket the optimum, within the gap reported."""
    solution = NuclearNorm(slack=slack, gap=GAP).solve(problem)
    constraints = constraints_of(problem, slack)
    feasible, _ = constraints.project(solution.product)
    primal, _ = norms(feasible)
    _, spectral = norms(constraints.adjoint(solution.dual))
    dual = problem.values @ solution.dual - slack * np.abs(solution.dual).sum()
    assert solution.status is Status.CONVERGED
    assert spectral <= 1 + 1e-12
    assert -1e-12 <= (primal - dual) / primal <= solution.gap + 1e-12 <= GAP + 1e-12
    excess = np.abs(solution.predict(problem.rows, problem.cols) - problem.values) - slack
    assert np.linalg.norm(np.maximum(excess, 0)) <= 10 * GAP * np.linalg.norm(problem.values) * (1 + 1e-9)
    assert solution.nuclear_norm == pytest.approx(primal, rel=20 * GAP)


@pytest.mark.parametrize("problem", problems())
def test_the_gap_falls_to_the_tolerance_and_the_dual_only_rises(problem):
    history = NuclearNorm(gap=GAP).solve(problem).history
    assert (history["gap"] >= 0).all()
    assert history["gap"][-1] <= GAP
    assert (np.diff(history["dual"]) >= 0).all()
    assert (history["primal"] >= history["dual"][-1] * (1 - 1e-12)).all()


@pytest.mark.parametrize("problem", problems())
def test_the_dual_is_a_subgradient_at_the_answer(problem):
    """KKT: ‖Λ‖ ≤ 1 and u_iᵀΛv_i = 1 where σ_i > 0; summed, Σσ_i(1 − u_iᵀΛv_i) is the gap up to infeasibility."""
    solution = NuclearNorm(gap=GAP).solve(problem)
    u, values, v = solution.svd()
    multipliers = constraints_of(problem).adjoint(solution.dual)
    slopes = np.einsum("ir,ij,jr->r", u, multipliers, v)
    assert (slopes <= 1 + 1e-9).all()
    assert values @ (1 - slopes) <= 30 * GAP * values.sum()


@pytest.mark.parametrize("slack", [0.0, 0.05])
@pytest.mark.parametrize("seed", [0, 1])
def test_nuclear_norm_agrees_with_a_conic_solver(seed, slack):
    cp = pytest.importorskip("cvxpy", reason="cvxpy (the 'oracle' extra) is not installed")
    problem = planted_problem((12, 10), rank=2, share=0.6, seed=seed)
    solution = NuclearNorm(slack=slack).solve(problem)
    unknown = cp.Variable(problem.shape)
    mask, table = np.zeros(problem.shape), np.zeros(problem.shape)
    mask[problem.rows, problem.cols], table[problem.rows, problem.cols] = 1, problem.values
    limits = [cp.abs(cp.multiply(mask, unknown) - table) <= slack]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best = cp.Problem(cp.Minimize(cp.normNuc(unknown)), limits).solve(solver=cp.SCS, eps=1e-7, max_iters=50_000)
    assert solution.nuclear_norm == pytest.approx(best, rel=ORACLE)


def test_sensing_agrees_with_a_conic_solver():
    cp = pytest.importorskip("cvxpy", reason="cvxpy (the 'oracle' extra) is not installed")
    problem, _ = gaussians(count=20)
    solution = NuclearNorm().solve(problem)
    unknown = cp.Variable(problem.shape)
    rows = problem.operator.matrices.reshape(problem.values.size, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = [rows @ cp.vec(unknown, order="C") == problem.values]
        best = cp.Problem(cp.Minimize(cp.normNuc(unknown)), fit).solve(solver=cp.SCS, eps=1e-7, max_iters=50_000)
    assert solution.nuclear_norm == pytest.approx(best, rel=ORACLE)


def test_gaussian_measurements_recover_a_rank_one_matrix():
    problem, truth = gaussians()
    solution = NuclearNorm(gap=1e-8).solve(problem)
    np.testing.assert_allclose(solution.product, truth, atol=1e-5)
    assert solution.effective_rank == pytest.approx(1, abs=1e-4)


def test_repeated_measurements_are_harmless_when_they_agree_and_refused_when_not():
    problem, truth = gaussians()
    matrices = np.concatenate([problem.operator.matrices] * 2)
    twice = rf.Sensing.from_matrices(matrices, np.concatenate([problem.values] * 2))
    np.testing.assert_allclose(NuclearNorm(gap=1e-8).solve(twice).product, truth, atol=1e-5)
    torn = rf.Sensing.from_matrices(matrices, twice.values + np.arange(twice.values.size))
    with pytest.raises(rf.InputError, match="measurements must be consistent"):
        NuclearNorm().solve(torn)


def test_transposing_and_scaling_the_data_transposes_and_scales_the_answer():
    problem = planted_problem((12, 10), rank=2, share=0.6)
    flipped = rf.Completion.from_triplets(problem.cols, problem.rows, problem.values, (10, 12))
    scaled = replace(problem, values=1e-6 * problem.values, truth=None)
    value = NuclearNorm().solve(problem).nuclear_norm
    assert NuclearNorm().solve(flipped).nuclear_norm == pytest.approx(value, rel=3 * GAP)
    assert NuclearNorm().solve(scaled).nuclear_norm == pytest.approx(1e-6 * value, rel=3 * GAP)


def test_the_papers_easy_problem_is_recovered_and_the_hard_one_is_not():
    """5000 entries: the truth comes back. 2000: a matrix of lower nuclear norm fits too.   [arora2019, experiments]"""
    solution = NuclearNorm().solve(easy())
    assert error(solution, easy()) <= 1e-5
    assert solution.effective_rank == pytest.approx(4.9, abs=0.2)
    hard = planted_problem((100, 100), rank=5, share=0.2)
    solution = NuclearNorm().solve(hard)
    assert solution.gap <= GAP
    assert solution.nuclear_norm < 0.99 * norms(hard.truth)[0]
    assert error(solution, hard) > 1e-3


def test_a_warm_start_saves_iterations():
    problem = planted_problem((40, 30), rank=3, share=0.4)
    cold = NuclearNorm(gap=1e-6).solve(problem)
    warm = NuclearNorm(gap=1e-6).solve(problem, cold)
    assert warm.history["iteration"][-1] < 0.5 * cold.history["iteration"][-1]


def test_the_budget_is_told_and_what_it_bought_is_still_certified():
    problem = planted_problem((40, 30), rank=3, share=0.4)
    solution = NuclearNorm(iterations=8).solve(problem)
    assert solution.status is Status.BUDGET
    assert GAP < solution.gap < 1


@pytest.mark.parametrize(("values", "slack"), [(0.0, 0.0), (0.5, 1.0)])
def test_observations_that_zero_fits_give_zero(values, slack):
    solution = NuclearNorm(slack=slack).solve(rf.Completion.from_array(np.full((4, 3), values)))
    assert (solution.gap, solution.nuclear_norm, solution.effective_rank) == (0, 0, 0)
    assert not solution.product.any()


@pytest.mark.parametrize("baseline", [NuclearNorm(), SoftImpute(), *recoverers_of_rank(2)])
def test_a_table_of_zeros_is_completed_by_zeros(baseline):
    solution = baseline.solve(rf.Completion.from_array(np.where(np.eye(6) > 0, np.nan, 0.0)))
    assert solution.status is Status.CONVERGED
    assert not solution.product.any()


def test_plain_and_accelerated_splitting_meet():
    problem = planted_problem((12, 10), rank=2, share=0.6)
    plain, accelerated = (NuclearNorm(memory=memory).solve(problem) for memory in (0, 15))
    assert plain.nuclear_norm == pytest.approx(accelerated.nuclear_norm, rel=3 * GAP)
    assert accelerated.history["iteration"][-1] < plain.history["iteration"][-1]


def test_anderson_solves_a_linear_contraction_in_its_dimension():
    """With memory d the iteration on R^d ends after d + 1 evaluations, however slow the plain one is."""
    rates, target = np.array([0.99, 0.9, 0.5]), np.array([1.0, -2.0, 3.0])
    anderson, point = Anderson(3, 3), np.zeros(3)
    for _ in range(5):
        image = target + rates * (point - target)
        point = anderson.step(image, image - point)
    np.testing.assert_allclose(point, target, atol=1e-6)


def test_anderson_returns_to_the_best_image_when_the_residual_grows():
    anderson = Anderson(2, 4)
    anderson.step(np.array([1.0, 1.0]), np.array([0.1, 0.0]))
    np.testing.assert_array_equal(anderson.step(np.array([9.0, 9.0]), np.array([5.0, 0.0])), [1.0, 1.0])

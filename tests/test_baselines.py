"""Baselines: optimality conditions hold at what they return, objectives fall, planted matrices come back."""

import re
import tracemalloc
import warnings
from dataclasses import dataclass, replace

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
    soft_impute,
)
from rankfall.baselines.acceleration import Anderson
from rankfall.baselines.constraints import constraints_of
from rankfall.baselines.refinement import _tangent_operator
from rankfall.baselines.shrinkage import Shrinkage
from rankfall.baselines.sparse_low_rank import Pattern
from rankfall.trajectory import Status
from tests.conftest import planted_problem

SHAPES = [(12, 10), (9, 20), (25, 8), (1, 7), (6, 1)]
GAP = 1e-6
# Two solvers that stop at a relative gap g may differ by 2g in value; oracles stop at about 1e-5.
ORACLE = 1e-4


def problems():
    for shape in SHAPES:
        yield pytest.param(planted_problem(shape, rank=min(2, *shape), share=0.6), id=f"{shape}")
    rng = np.random.default_rng(0)
    noise = np.where(rng.random((30, 20)) < 0.3, rng.standard_normal((30, 20)), np.nan)
    yield pytest.param(rf.Completion.from_array(noise), id="noise")
    ratings = np.where(rng.random((20, 40)) < 0.3, rng.integers(1, 6, (20, 40)), np.nan)
    yield pytest.param(rf.Completion.from_array(ratings), id="ratings")
    ones = np.where(rng.random((50, 50)) < 0.1, 1.0, np.nan)
    yield pytest.param(rf.Completion.from_array(ones), id="ones")


def easy(seed=0):
    """The papers' problem with 5000 entries, where everything recovers."""
    return planted_problem((100, 100), rank=5, share=0.5, seed=seed)


def weighted(problem, seed=3):
    return replace(problem, weights=np.random.default_rng(seed).uniform(0.2, 3.0, problem.values.size))


def recoverers_of_rank(rank):
    """Baselines that find a matrix of that rank, one with each idea."""
    return [
        SoftImpute(rank=rank),
        AlternatingLeastSquares(rank),
        AlternatingLeastSquares(rank, ridge=1e-6),
        HardThreshold(rank),
        GaussNewton(rank),
    ]


def error(solution, problem):
    return float(np.mean((solution.product - problem.truth) ** 2))


def norms(matrix):
    values = np.linalg.svd(matrix, compute_uv=False)
    return values.sum(), values[0]


@dataclass(frozen=True, eq=False)
class Gaussians:
    """b_i = ⟨A_i, W⟩ for Gaussian A_i."""

    matrices: np.ndarray
    values: np.ndarray

    @property
    def shape(self):
        return self.matrices.shape[1:]

    def apply(self, product):
        return np.tensordot(self.matrices, product, 2)

    def adjoint(self, multipliers):
        return np.tensordot(multipliers, self.matrices, 1)


def gaussians(shape=(9, 7), rank=1, count=45, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    matrices = rng.standard_normal((count, *shape))
    return Gaussians(matrices, np.tensordot(matrices, truth, 2)), truth


# nuclear norm


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
    rows = problem.matrices.reshape(problem.values.size, -1)
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
    twice = Gaussians(np.concatenate([problem.matrices] * 2), np.concatenate([problem.values] * 2))
    np.testing.assert_allclose(NuclearNorm(gap=1e-8).solve(twice).product, truth, atol=1e-5)
    torn = Gaussians(twice.matrices, twice.values + np.arange(twice.values.size))
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


# the parts


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


@pytest.mark.parametrize("shape", [(220, 190), (190, 220)])
def test_the_block_finds_what_a_full_decomposition_finds(shape):
    """S_t of sparse plus low rank by warm-started block steps, against a dense decomposition."""
    problem = planted_problem(shape, rank=4, share=0.1)
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((shape[0], 3)), rng.standard_normal((shape[1], 3))
    operator = Pattern.of(problem).operator(problem.values, left, right)
    u, values, vt = np.linalg.svd(operator.dense(), full_matrices=False)
    threshold = (values[5] + values[6]) / 2
    expected = (u * np.maximum(values - threshold, 0)) @ vt
    shrink = Shrinkage(shape)
    for _ in range(3):
        found = shrink(operator, threshold, passes=40)
        assert found[1].size == 6
    np.testing.assert_allclose((found[0] * found[1]) @ found[2].T, expected, atol=1e-4)
    np.testing.assert_allclose(found[1], values[:6] - threshold, atol=1e-7)


@pytest.mark.parametrize("problem", problems())
def test_sparse_plus_low_rank_multiplies_like_its_dense_form(problem):
    rng = np.random.default_rng(2)
    m, n = problem.shape
    left, right, block, other = (rng.standard_normal((size, k)) for size, k in ((m, 2), (n, 2), (n, 3), (m, 4)))
    operator = Pattern.of(problem).operator(problem.values, left, right)
    np.testing.assert_allclose(operator @ block, operator.dense() @ block, atol=1e-12)
    np.testing.assert_allclose(operator.T @ other, operator.dense().T @ other, atol=1e-12)
    np.testing.assert_allclose(other.T @ (operator @ block), (operator.T @ other).T @ block, atol=1e-11)


def test_a_solution_reads_like_its_product():
    rng = np.random.default_rng(0)
    solution = Solution(rng.standard_normal((9, 3)), rng.standard_normal((6, 3)), Status.CONVERGED)
    u, values, v = solution.svd()
    np.testing.assert_allclose((u * values) @ v.T, solution.product, atol=1e-13)
    np.testing.assert_allclose(values, np.linalg.svd(solution.product, compute_uv=False)[:3], atol=1e-13)
    rows, cols = np.divmod(np.arange(54), 6)
    np.testing.assert_allclose(solution.predict(rows, cols), solution.product.ravel(), atol=1e-14)
    frame = np.linalg.qr(rng.standard_normal((9, 4)))[0]
    flat = Solution(frame, frame, Status.CONVERGED)
    assert flat.effective_rank == pytest.approx(4)
    assert flat.nuclear_norm == pytest.approx(4)
    assert "of rank 4" in repr(flat)
    assert flat.factors[0] is flat.left


# soft-impute


@pytest.mark.parametrize("share", [0.02, 0.3])
@pytest.mark.parametrize("problem", [*problems(), pytest.param(planted_problem((120, 110), 3, 0.15), id="block")])
def test_soft_impute_is_a_fixed_point_of_its_proximal_map(problem, share):
    """X = S_{λ/c}(X + P_Ω(w(b − X))/c) is the optimality condition 0 ∈ ∂F_λ(X); the gap says the same in value."""
    problem = weighted(problem)
    shrinkage = share * largest_shrinkage(problem)
    tolerance = 1e-8
    solution = SoftImpute(shrinkage, tolerance=tolerance, iterations=20_000).solve(problem)
    product, top = solution.product, problem.weights.max()
    point = product.copy()
    residual = problem.values - product[problem.rows, problem.cols]
    point[problem.rows, problem.cols] += problem.weights * residual / top
    u, values, vt = np.linalg.svd(point, full_matrices=False)
    proximal = (u * np.maximum(values - shrinkage / top, 0)) @ vt
    assert solution.status is Status.CONVERGED
    assert np.linalg.norm(proximal - product) <= 5 * tolerance * np.linalg.norm(product) + 1e-7 * shrinkage
    assert 0 <= solution.gap <= 1e-4


@pytest.mark.parametrize("problem", problems())
def test_the_largest_shrinkage_is_where_zero_stops_being_the_answer(problem):
    top = largest_shrinkage(problem)
    assert SoftImpute(1.0001 * top).solve(problem).nuclear_norm == 0
    assert SoftImpute(0.99 * top).solve(problem).nuclear_norm > 0


def test_a_small_shrinkage_tends_to_the_nuclear_norm_minimizer():
    problem = planted_problem((12, 10), rank=2, share=0.6)
    limit = NuclearNorm(gap=1e-8).solve(problem).nuclear_norm
    near = [SoftImpute(shrinkage, iterations=50_000).solve(problem).nuclear_norm for shrinkage in (1e-2, 1e-3)]
    # ‖X_λ‖_* = min − λ‖dual‖² + O(λ²): the distance shrinks with λ.
    assert near[1] == pytest.approx(limit, rel=1e-3)
    assert 0 < limit - near[1] < 0.2 * (limit - near[0])


def test_the_shrinkage_is_the_best_on_held_out_entries_and_the_answer_uses_all():
    clean = planted_problem((60, 50), rank=3, share=0.5)
    noise = 0.3 * np.random.default_rng(1).standard_normal(clean.values.size)
    problem = replace(clean, values=clean.values + noise)
    solution = SoftImpute(seed=4).solve(problem)
    shrinkages, errors = solution.history["path_shrinkage"], solution.history["path_error"]
    assert solution.shrinkage == shrinkages[np.argmin(errors)]
    assert shrinkages[0] > solution.shrinkage > shrinkages[-1]
    again = SoftImpute(solution.shrinkage).solve(problem)
    assert np.linalg.norm(again.product - solution.product) <= 1e-3 * np.linalg.norm(solution.product)
    assert error(solution, clean) < 0.3**2
    split = problem.hold_out(0.1, 4)
    assert SoftImpute().solve(split).shrinkage == solution.shrinkage
    assert SoftImpute(path=[solution.shrinkage], seed=4).solve(problem).shrinkage == solution.shrinkage


def test_sparse_data_stay_sparse():
    """3000 × 2500 with 20,000 entries: a dense matrix would take 60 MB, and more than one."""
    rng = np.random.default_rng(0)
    flat = rng.choice(3000 * 2500, size=20_000, replace=False)
    problem = rf.Completion.from_triplets(*np.divmod(flat, 2500), rng.standard_normal(20_000), (3000, 2500))
    baselines = [
        SoftImpute(0.9 * largest_shrinkage(problem), iterations=5),
        AlternatingLeastSquares(3, ridge=0.1, iterations=2),
        HardThreshold(3, iterations=3),
        GaussNewton(3, steps=1, inner=5),
    ]
    for baseline in baselines:
        baseline.solve(planted_problem())
    tracemalloc.start()
    for baseline in baselines:
        baseline.solve(problem)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


# fixed rank


@pytest.mark.parametrize("baseline", [SoftImpute(), *recoverers_of_rank(5)])
def test_easy_planted_problems_are_recovered(baseline):
    problem = easy()
    solution = baseline.solve(problem)
    assert error(solution, problem) <= 1e-5
    assert solution.shape == (100, 100)
    assert (solution.singular_values > 1e-2).sum() == 5


@pytest.mark.parametrize("baseline", [SoftImpute(), *recoverers_of_rank(3)])
@pytest.mark.parametrize("shape", [(120, 60), (60, 120)])
def test_rectangular_problems_are_recovered(baseline, shape):
    problem = planted_problem(shape, rank=3, share=0.5, seed=1)
    assert error(baseline.solve(problem), problem) <= 1e-5


@pytest.mark.parametrize("baseline", [SoftImpute(), *recoverers_of_rank(2)])
def test_the_same_seed_gives_the_same_solution(baseline):
    problem = planted_problem((30, 20), rank=2, share=0.6)
    one, other = baseline.solve(problem), baseline.solve(problem)
    np.testing.assert_array_equal(one.left, other.left)
    np.testing.assert_array_equal(one.right, other.right)


@pytest.mark.parametrize("baseline", [NuclearNorm(gap=1e-3), SoftImpute(0.1), *recoverers_of_rank(5)[1:]])
def test_every_baseline_starts_from_any_solution(baseline):
    """Started at the truth, a solver stays near it and needs a step or two."""
    problem = easy()
    u, values, vt = np.linalg.svd(problem.truth)
    truth = Solution(u[:, :5] * values[:5], vt[:5].T, Status.CONVERGED)
    warm, cold = baseline.solve(problem, truth), baseline.solve(problem)
    assert error(warm, problem) <= 1e-3
    name = next(name for name in ("objective", "loss", "gap") if name in warm.history)
    assert len(warm.history[name]) <= len(cold.history[name])


def test_the_spectral_norm_of_a_large_sparse_matrix_comes_from_lanczos(monkeypatch):
    problem = planted_problem((60, 50), rank=3, share=0.2)
    exact = largest_shrinkage(problem)
    assert exact == pytest.approx(norms(Pattern.of(problem).matrix(problem.values).toarray())[1])
    monkeypatch.setattr(soft_impute, "_GRAM_SIDE", 0)
    assert largest_shrinkage(problem) == pytest.approx(exact, rel=1e-6)


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


# bad input


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: NuclearNorm(slack=-1), "slack must be at least 0, got -1"),
        (lambda: NuclearNorm(gap=0), "gap must lie between 0 and 1, got 0"),
        (lambda: NuclearNorm(relaxation=2), "relaxation must lie between 0 and 2, got 2"),
        (lambda: NuclearNorm(iterations=0), "iterations must be at least 1 and memory at least 0, got 0 and 15"),
        (lambda: NuclearNorm(slack=0.1).solve(gaussians()[0]), "slack must be 0 for general measurements, got 0.1"),
        (lambda: NuclearNorm().solve(gaussians), "a nuclear norm problem needs observed entries"),
        (lambda: SoftImpute(shrinkage=0), "shrinkage must be positive, got 0"),
        (lambda: SoftImpute(rank=0), "rank must be at least 1, got 0"),
        (lambda: SoftImpute(path=[]), "path must be a positive count or positive shrinkages, got []"),
        (lambda: SoftImpute(tolerance=2), "smallest and tolerance must lie between 0 and 1"),
        (lambda: SoftImpute(1.0).solve(gaussians()[0]), "this baseline completes observed entries, got Gaussians"),
        (lambda: AlternatingLeastSquares(0), "rank must be at least 1, got 0"),
        (lambda: AlternatingLeastSquares(2, ridge=-1), "ridge must be at least 0, got -1"),
        (lambda: AlternatingLeastSquares(2, iterations=0), "iterations must be at least 1"),
        (lambda: HardThreshold(0), "rank must be at least 1, got 0"),
        (lambda: HardThreshold(1, iterations=0), "iterations must be at least 1"),
        (lambda: GaussNewton(0), "rank must be at least 1, got 0"),
        (lambda: GaussNewton(1, steps=0), "steps and inner must be at least 1"),
        (lambda: GaussNewton().solve(planted_problem()), "rank must be given where there is no warm start"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, sentence):
    with pytest.raises(rf.InputError, match=re.escape(sentence)) as caught:
        call()
    assert ";" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("baseline", [NuclearNorm(), SoftImpute(1.0), *recoverers_of_rank(5)[1:]])
def test_warm_starts_and_batches_that_do_not_fit_are_refused(baseline):
    warm = Solution(np.ones((3, 1)), np.ones((3, 1)), Status.CONVERGED)
    with pytest.raises(rf.InputError, match="a warm start must have the problem's shape"):
        baseline.solve(planted_problem(), warm)
    batch = rf.Completion(np.array([0, 1]), np.array([0, 1]), np.ones((2, 2)), (2, 2))
    with pytest.raises(rf.InputError, match="a baseline solves one problem at a time"):
        baseline.solve(batch)


def test_a_warm_start_of_too_low_rank_and_positions_outside_are_refused():
    warm = Solution(np.ones((12, 1)), np.ones((9, 1)), Status.CONVERGED)
    with pytest.raises(rf.InputError, match="rank must be at most that of the warm start, 1, got 2"):
        GaussNewton(2).solve(planted_problem(), warm)
    with pytest.raises(rf.InputError, match="row indices must lie in"):
        warm.predict([12], [0])
    with pytest.raises(rf.InputError, match="lists of one length"):
        warm.predict([1, 2], [0])


def test_entries_out_of_order_are_refused():
    problem = rf.Completion(np.array([1, 0]), np.array([0, 1]), np.ones(2), (2, 2))
    with pytest.raises(rf.InputError, match="row-major order"):
        HardThreshold(1).solve(problem)

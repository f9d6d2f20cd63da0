"""Baselines: optimality conditions hold at what they return, objectives fall, planted matrices come back."""

import re
import tracemalloc
from dataclasses import replace

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
from rankfall.baselines.shrinkage import Shrinkage
from rankfall.baselines.sparse_low_rank import Pattern
from rankfall.problems import Factorization
from rankfall.trajectory import Status
from tests.helpers.baseline_problems import easy, error, gaussians, problems, recoverers_of_rank
from tests.helpers.completions import weighted
from tests.helpers.planted import planted_problem

# nuclear norm


# the parts


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


# bad input


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: NuclearNorm(slack=-1), "slack must be at least 0, got -1"),
        (lambda: NuclearNorm(gap=0), "gap must lie between 0 and 1, got 0"),
        (lambda: NuclearNorm(relaxation=2), "relaxation must lie between 0 and 2, got 2"),
        (lambda: NuclearNorm(iterations=0), "iterations must be at least 1 and memory at least 0, got 0 and 15"),
        (lambda: NuclearNorm(slack=0.1).solve(gaussians()[0]), "slack must be 0 for general measurements, got 0.1"),
        (lambda: NuclearNorm().solve(Factorization(np.eye(3))), "a nuclear norm problem has observed entries"),
        (lambda: SoftImpute(shrinkage=0), "shrinkage must be positive, got 0"),
        (lambda: SoftImpute(rank=0), "rank must be at least 1, got 0"),
        (lambda: SoftImpute(path=[]), "path must be a positive count or positive shrinkages, got []"),
        (lambda: SoftImpute(tolerance=2), "smallest and tolerance must lie between 0 and 1"),
        (lambda: SoftImpute(1.0).solve(gaussians()[0]), "completes observed entries of a matrix, got Sensing"),
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

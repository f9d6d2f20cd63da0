"""Greedy low-rank learning: ranks one by one, the counterexample to least nuclear norm, and the flow as its limit."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.theory import certify_nuclear_norm, nuclear_norm_instance
from rankfall.trajectory.greedy import escape_direction
from tests.helpers.planted import planted_problem
from tests.helpers.semidefinite import positive


def counterexample():
    instance = nuclear_norm_instance(2.0)
    return instance, rf.Sensing.from_matrices(instance.matrices, instance.values, symmetric=True)


def truncated(matrix, rank):
    left, values, right = np.linalg.svd(matrix)
    return left[:, :rank] * values[:rank] @ right[:rank]


MODELS = [rf.Chain(2), rf.Chain(3), rf.Symmetric(), rf.Symmetric(depth=4)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{type(model).__name__} {model.depth}")
def test_a_known_target_is_learnt_one_singular_value_at_a_time(model):
    # every stage ends at the best approximation of its rank, and λ before it is the singular value it learns
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    values = np.asarray([2.0, 1.4, 0.8])
    target = turn[:, :3] * values @ turn[:, :3].T
    path = rf.trajectory.greedy(rf.problems.Factorization(target), model, scale=1e-5)
    assert path.converged
    assert path.rank == 3
    np.testing.assert_allclose(path.drives[:3], values, rtol=1e-4)
    for rank, product in enumerate(path.products, start=1):
        np.testing.assert_allclose(product, truncated(target, rank), atol=1e-4)
        assert np.linalg.matrix_rank(product, tol=1e-8) == rank
    np.testing.assert_allclose(path.losses, [(1.4**2 + 0.8**2) / 2, 0.8**2 / 2, 0], atol=1e-6)


def test_the_counterexample_is_solved_with_rank_one_at_a_larger_nuclear_norm():
    instance, problem = counterexample()
    path = rf.trajectory.greedy(problem, rf.Symmetric())
    assert path.rank == 1
    assert path.losses[-1] < 1e-10
    np.testing.assert_allclose(path.product, instance.rival, atol=1e-4)
    assert path.nuclear_norm == pytest.approx(10, abs=1e-4)
    assert certify_nuclear_norm(instance.matrices, instance.values, instance.minimizer, instance.dual).holds
    assert np.trace(instance.minimizer) == pytest.approx(8)


def test_the_flow_tends_to_the_greedy_path_as_its_start_vanishes():
    _, problem = counterexample()
    scales = [1e-2, 1e-6, 1e-12, 1e-24]
    runs = rf.evolve_batch(problem, rf.Symmetric(), rf.Gaussian(scales), rf.Flow(1e-6), stop=rf.LossBelow(1e-13))
    traces = np.asarray([np.trace(run.product) for run in runs])
    assert (np.diff(traces) > 0).all()
    assert 8.0 < traces[0] < 9.5
    assert traces[2] == pytest.approx(10, abs=1e-2)
    assert traces[3] == pytest.approx(10, abs=1e-4)


def test_the_seed_of_the_second_rank_escapes_at_the_drive():
    # beside the saddle, √ε u grows like e^{λt}: the new singular value of W like e^{2λt}
    target = positive(3, seed=4)
    path = rf.trajectory.greedy(
        rf.problems.Factorization(target), rf.Symmetric(), scale=1e-10, integrator=rf.Reference(rtol=1e-7, atol=1e-12),
        max_rank=2, record=rf.Record(singular_values=2),
    )  # fmt: skip
    history = path.stages[1].history
    early = (history["singular_values"][:, 1] < 1e-5) & (history["time"] > 0)
    growth = np.polyfit(history["time"][early], np.log(history["singular_values"][early, 1]), 1)[0]
    assert growth == pytest.approx(2 * path.drives[1], rel=1e-3)


def test_oblong_completion_of_rank_one():
    problem = planted_problem((7, 5), 1, share=0.7)
    path = rf.trajectory.greedy(problem)
    assert path.rank == 1
    np.testing.assert_allclose(path.product, problem.truth, atol=1e-3)


def test_the_escape_direction_is_the_leading_pair():
    problem = planted_problem((5, 7))
    product = np.random.default_rng(0).standard_normal((5, 7))
    drive, left, right = escape_direction(problem, product, symmetric=False)
    np.testing.assert_allclose(-problem.gradient(product) @ right, drive * left, atol=1e-12)
    assert drive == pytest.approx(np.linalg.norm(problem.gradient(product), 2))
    drive, left, right = escape_direction(planted_problem((5, 5)), np.eye(5), symmetric=True)
    np.testing.assert_array_equal(left, right)


def test_a_limit_on_the_rank_ends_the_path():
    path = rf.trajectory.greedy(rf.problems.Factorization(positive(3)), rf.Symmetric(), max_rank=2)
    assert (path.rank, path.converged) == (2, False)
    assert "rank 2 was reached" in path.reason
    assert "rank 2" in repr(path)


def test_where_zero_is_best_nothing_is_learnt():
    path = rf.trajectory.greedy(rf.problems.Factorization(-np.eye(3)), rf.Symmetric())
    assert (path.rank, path.converged, path.nuclear_norm) == (0, True, 0.0)
    np.testing.assert_array_equal(path.product, np.zeros((3, 3)))


def test_a_stage_that_fails_ends_the_path():
    path = rf.trajectory.greedy(planted_problem((5, 5)), rf.Chain(2), integrator=rf.Descent(rf.Gradient(1e4)))
    assert not path.converged
    assert "stage 1 ended as diverged" in path.reason


def test_bad_greedy_runs_are_refused():
    problem = planted_problem((5, 5))
    with pytest.raises(rf.InputError, match="got Chain of depth 1"):
        rf.trajectory.greedy(problem, rf.Chain(1))
    with pytest.raises(rf.InputError, match="got EndToEnd of depth 2"):
        rf.trajectory.greedy(problem, rf.models.EndToEnd(2))
    with pytest.raises(rf.InputError, match="scale must be positive, got 0"):
        rf.trajectory.greedy(problem, scale=0.0)
    with pytest.raises(rf.InputError, match="of one problem, got 2"):
        rf.trajectory.greedy(rf.problems.Factorization(np.ones((2, 3, 3))))
    with pytest.raises(rf.InputError, match="between 0 and 1, got 2"):
        rf.trajectory.GradientBelow(2.0)

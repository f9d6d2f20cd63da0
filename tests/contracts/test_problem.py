"""The contract of problems: routes agree, slopes are those of the loss, what is declared is true."""

import numpy as np
import pytest

from rankfall.problems import Problem
from tests.catalogue import PROBLEMS

over_problems = pytest.mark.parametrize("name", PROBLEMS)
STEP, CLOSE = 1e-5, 1e-6


def at(problem, seed=0, rank=3):
    rng = np.random.default_rng(seed)
    m, n = problem.shape
    return rng.standard_normal((2, m, rank)), rng.standard_normal((2, n, rank))


@over_problems
def test_it_is_a_problem_and_declares_what_it_is(name):
    problem = PROBLEMS[name]()
    assert isinstance(problem, Problem)
    assert len(problem.shape) == 2
    assert problem.dtype == problem.values.dtype
    assert problem.batch_size is None
    assert problem.of_runs(0) is problem
    assert problem.held_out is None or isinstance(problem.held_out, Problem)
    assert problem.truth is None or tuple(problem.truth.shape) == problem.shape


@over_problems
def test_the_whole_route_is_the_slope_of_the_loss(name):
    problem = PROBLEMS[name]()
    left, right = at(problem)
    product = left @ right.mT
    loss, gradient = problem.loss_and_gradient(product)
    np.testing.assert_allclose(problem.loss(product), loss)
    direction = np.random.default_rng(1).standard_normal(product.shape)
    ahead, behind = (problem.loss(product + s * STEP * direction) for s in (1, -1))
    expected = np.sum(gradient * direction, axis=(-2, -1))
    np.testing.assert_allclose((ahead - behind) / (2 * STEP), expected, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_array_equal(problem.gradient(product), gradient)


@over_problems
def test_the_slope_of_a_convex_loss_is_monotone(name):
    problem = PROBLEMS[name]()
    if not problem.is_convex:
        pytest.skip("not known to be convex")
    first, second = (left @ right.mT for left, right in (at(problem), at(problem, seed=5)))
    gap = problem.gradient(first) - problem.gradient(second)
    assert (np.sum(gap * (first - second), axis=(-2, -1)) >= 0).all()


@over_problems
def test_the_factored_route_is_the_whole_one_times_the_factors(name):
    problem = PROBLEMS[name]()
    left, right = at(problem)
    loss, gradient = problem.loss_and_gradient(left @ right.mT)
    found = problem.loss_and_factor_gradients(left, right)
    for one, other in zip(found, (loss, gradient @ right, gradient.mT @ left), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    np.testing.assert_allclose(problem.factored_loss(left, right), loss, atol=1e-12)


@over_problems
def test_the_entrywise_route_is_the_whole_one_at_the_positions(name):
    problem = PROBLEMS[name]()
    left, right = at(problem)
    if problem.positions is None:
        with pytest.raises(ValueError, match="single entries"):
            problem.loss_and_entry_gradients(np.zeros(3))
        return
    rows, cols = problem.positions
    product = left @ right.mT
    loss, gradient = problem.loss_and_gradient(product)
    found = problem.loss_and_entry_gradients(product[..., rows, cols])
    np.testing.assert_allclose(found[0], loss)
    np.testing.assert_allclose(found[1], gradient[..., rows, cols], atol=1e-12)
    off = gradient.copy()
    off[..., rows, cols] = 0
    assert not off.any()


@over_problems
def test_the_back_projection_points_down_from_zero(name):
    problem = PROBLEMS[name]()
    projected = problem.back_projection().toarray()
    slope = problem.gradient(np.zeros(problem.shape))
    assert projected.shape == problem.shape
    assert np.sum(projected * slope) < 0
    quadratic = not name.endswith("signs") and "p = 3" not in name
    if quadratic:
        cosine = -np.sum(projected * slope) / np.linalg.norm(projected) / np.linalg.norm(slope)
        assert cosine == pytest.approx(1.0)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if not name.startswith("factorization")])
def test_held_out_measurements_are_kept_from_the_loss(name):
    problem = PROBLEMS[name]()
    kept, again = problem.hold_out(0.3, seed=1), problem.hold_out(0.3, seed=1)
    assert kept.held_out is not None
    left, right = at(problem)
    product = left @ right.mT
    np.testing.assert_array_equal(kept.loss(product), again.loss(product))
    assert not np.allclose(kept.loss(product), problem.hold_out(0.3, seed=2).loss(product))
    if problem.positions is not None:
        both = [set(zip(*map(np.ndarray.tolist, part.positions), strict=True)) for part in (kept, kept.held_out)]
        assert not both[0] & both[1]
        assert both[0] | both[1] == set(zip(*map(np.ndarray.tolist, problem.positions), strict=True))

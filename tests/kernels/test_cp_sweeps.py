"""A compiled sweep over a sum of components is the sweep layer by layer, with the same bits for all threads."""

import numba
import numpy as np
import pytest

import rankfall as rf
from rankfall.kernels.row_systems import normal_equations, solve_systems
from rankfall.models.tensor_sweep import swept_by_layers


def problem_of(shape, weighted, seed=0):
    rng = np.random.default_rng(seed)
    given = np.where(rng.random(shape) < 0.6, rng.standard_normal(shape), np.nan)
    given[1] = np.nan
    return rf.TensorCompletion.from_array(given, weights=rng.random(shape) if weighted else None)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("width", [1, 3, 8, 9, 20])
@pytest.mark.parametrize("shape", [(9, 8), (7, 6, 5), (4, 5, 3, 4)])
def test_a_sweep_is_that_of_one_layer_after_another(shape, width, weighted):
    problem = problem_of(shape, weighted)
    model = rf.CP(width).sized(shape)
    weights = np.random.default_rng(1).standard_normal(model.size)
    for _ in range(2):
        expected = swept_by_layers(model, problem.by_axis, weights, 0.3)
        weights = model.swept(problem.by_axis, weights, 0.3)
        np.testing.assert_allclose(weights, expected, rtol=1e-9, atol=1e-12)
    assert not model.layers(weights)[0][1].any()


@pytest.mark.parametrize("weighted", [True, False])
def test_threads_change_no_bit(weighted, monkeypatch):
    problem = problem_of((30, 20, 10), weighted)
    model = rf.CP(11).sized(problem.shape)
    weights = np.random.default_rng(1).standard_normal(model.size)
    one = model.swept(problem.by_axis, weights, 0.1)
    monkeypatch.setattr("rankfall.kernels.cp_sweeps.WORTH_THREADS", 0)
    before = numba.get_num_threads()
    try:
        for count in range(1, before + 1):
            numba.set_num_threads(count)
            np.testing.assert_array_equal(model.swept(problem.by_axis, weights, 0.1), one)
    finally:
        numba.set_num_threads(before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 5, 8, 19])
def test_systems_are_solved_row_by_row(width, dtype):
    rng = np.random.default_rng(0)
    starts, ridge = np.asarray([0, 40, 40, 80]), 0.5
    features, values = rng.standard_normal((80, width)).astype(dtype), rng.standard_normal(80).astype(dtype)
    grams, sides = normal_equations(starts, features, values, None)
    found = solve_systems(grams, sides, ridge, 0.0)
    expected = np.linalg.solve(grams + ridge * np.eye(width), sides[..., None].astype(np.float64))[..., 0]
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=1000 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(found[1], 0)


def test_numbers_far_below_their_row_become_zeros():
    grams, sides = np.eye(2)[None], np.asarray([[1.0, 1e-40]])
    found = solve_systems(grams, sides, 1e-12, 0.0)[0]
    assert found[0] == pytest.approx(1)
    assert found[1] == 0

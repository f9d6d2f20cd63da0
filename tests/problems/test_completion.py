"""Completion: both layouts give the same numbers, and they are the loss's; what users pass is read or refused."""

import re

import numpy as np
import pytest
import scipy.sparse

import rankfall as rf
from tests.helpers.completions import in_layout, is_one_sentence, random_factors, weighted
from tests.helpers.planted import planted_problem

SHAPES = [(12, 9), (5, 14), (14, 5), (1, 8), (8, 1), (6, 6)]
ROUNDING = 1e-13


def problems():
    for shape in SHAPES:
        yield pytest.param(planted_problem(shape, rank=1), id=f"{shape}")
        yield pytest.param(weighted(planted_problem(shape, rank=1)), id=f"{shape} weighted")


@pytest.mark.parametrize("problem", problems())
@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_layouts_agree(problem, batch):
    left, right = random_factors(problem, batch=batch)
    dense = in_layout(problem, True).loss_and_factor_gradients(left, right)
    sparse = in_layout(problem, False).loss_and_factor_gradients(left, right)
    for one, other in zip(dense, sparse, strict=True):
        np.testing.assert_allclose(one, other, rtol=ROUNDING, atol=ROUNDING)
    product = left @ np.swapaxes(right, -1, -2)
    np.testing.assert_allclose(problem.loss(product), dense[0], rtol=ROUNDING)
    np.testing.assert_allclose(problem.factored_loss(left, right), dense[0], rtol=ROUNDING)


@pytest.mark.parametrize("problem", problems())
def test_pulls_are_the_gradient_seen_by_the_factors(problem):
    left, right = random_factors(problem)
    gradient = problem.gradient(left @ right.T)
    _, left_pull, right_pull = problem.loss_and_factor_gradients(left, right)
    np.testing.assert_allclose(left_pull, gradient @ right, atol=ROUNDING)
    np.testing.assert_allclose(right_pull, gradient.T @ left, atol=ROUNDING)


@pytest.mark.parametrize("problem", problems())
def test_gradient_is_the_slope_of_the_loss(problem):
    rng = np.random.default_rng(1)
    product, direction = rng.standard_normal((2, *problem.shape))
    # ℓ is quadratic: the central difference is exact up to rounding ε/h
    h = 1e-3
    slope = (problem.loss(product + h * direction) - problem.loss(product - h * direction)) / (2 * h)
    np.testing.assert_allclose(np.sum(problem.gradient(product) * direction), slope, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("problem", problems())
def test_gradient_lives_on_the_observed_entries(problem):
    gradient = problem.gradient(np.random.default_rng(2).standard_normal(problem.shape))
    gradient[problem.rows, problem.cols] = 0
    assert not gradient.any()


def test_loss_is_the_weighted_mean_of_squared_residuals():
    problem = weighted(planted_problem())
    product = np.random.default_rng(4).standard_normal(problem.shape)
    squares = (product[problem.rows, problem.cols] - problem.values) ** 2
    np.testing.assert_allclose(problem.loss(product), np.average(squares, weights=problem.weights), rtol=1e-14)
    assert problem.loss(problem.truth) < 1e-30


def test_constant_weights_change_nothing():
    problem = planted_problem()
    same = rf.Completion(problem.rows, problem.cols, problem.values, problem.shape, np.full(problem.values.size, 7.0))
    product = np.random.default_rng(5).standard_normal(problem.shape)
    np.testing.assert_allclose(same.loss(product), problem.loss(product), rtol=1e-14)
    np.testing.assert_allclose(same.gradient(product), problem.gradient(product), atol=1e-15)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("with_weights", [None, "shared", "own"])
def test_many_tables_are_each_table_alone(dense, with_weights):
    problem = planted_problem()
    rng = np.random.default_rng(6)
    values = problem.values + rng.standard_normal((3, problem.values.size))
    weights = {None: None, "shared": rng.random(values.shape[1]), "own": rng.random(values.shape)}[with_weights]
    many = rf.Completion.from_triplets(problem.rows, problem.cols, values, problem.shape, weights=weights)
    many = in_layout(many, dense)
    assert many.batch_size == 3
    left, right = random_factors(problem, batch=(3,))
    answers = many.loss_and_factor_gradients(left, right)
    for i in range(3):
        alone = many.of_runs(i).loss_and_factor_gradients(left[i], right[i])
        for one, other in zip(alone, answers, strict=True):
            np.testing.assert_allclose(one, other[i], rtol=ROUNDING, atol=ROUNDING)
    np.testing.assert_array_equal(many.of_runs(np.asarray([2, 0])).values, values[[2, 0]])
    assert problem.of_runs(1) is problem


def test_every_door_leads_to_the_same_problem():
    problem = planted_problem()
    m, n = problem.shape
    table = np.full((m, n), np.nan)
    table[problem.rows, problem.cols] = problem.values
    shuffled = np.random.default_rng(7).permutation(problem.rows.size)
    doors = [
        rf.Completion.from_array(table),
        rf.Completion.from_array(table.tolist()),
        rf.Completion.from_array(np.ma.masked_invalid(table)),
        rf.Completion.from_triplets(*(a[shuffled] for a in (problem.rows, problem.cols, problem.values)), (m, n)),
        rf.Completion.from_triplets(problem.rows.tolist(), problem.cols.tolist(), problem.values.tolist(), (m, n)),
        rf.Completion.from_sparse(scipy.sparse.csr_array((problem.values, (problem.rows, problem.cols)), shape=(m, n))),
    ]
    for other in doors:
        assert other.shape == (m, n)
        for name in ("rows", "cols", "values"):
            np.testing.assert_array_equal(getattr(other, name), getattr(problem, name))
    assert (np.diff(problem.rows * n + problem.cols) > 0).all()


def test_weights_travel_with_their_entries():
    problem = planted_problem()
    weights = np.random.default_rng(8).random(problem.shape)
    table = np.full(problem.shape, np.nan)
    table[problem.rows, problem.cols] = problem.values
    shuffled = np.random.default_rng(9).permutation(problem.rows.size)
    rows, cols = problem.rows[shuffled], problem.cols[shuffled]
    by_array = rf.Completion.from_array(table, weights=weights)
    by_triplets = rf.Completion.from_triplets(rows, cols, table[rows, cols], problem.shape, weights=weights[rows, cols])
    np.testing.assert_array_equal(by_array.weights, weights[problem.rows, problem.cols])
    np.testing.assert_array_equal(by_triplets.weights, by_array.weights)


def test_stored_zeros_of_a_sparse_matrix_are_observed():
    matrix = scipy.sparse.coo_array(([0.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2))
    np.testing.assert_array_equal(rf.Completion.from_sparse(matrix).values, [0, 2])


def test_float32_stays_and_integers_become_float64():
    assert rf.Completion.from_array(np.ones((2, 2), np.float32) * [[1, np.nan], [1, 1]]).dtype == np.float64
    table = np.asarray([[1, np.nan]], np.float32)
    assert rf.Completion.from_array(table).dtype == np.float32
    assert rf.Completion.from_triplets([0], [0], np.asarray([3])).dtype == np.float64


@pytest.mark.parametrize(("policy", "value", "weight"), [("mean", 3.5, 4.0), ("last", 4.0, 3.0)])
def test_duplicates(policy, value, weight):
    given = {"rows": [0, 1, 0], "cols": [1, 0, 1], "values": np.asarray([2.0, 9.0, 4.0])}
    problem = rf.Completion.from_triplets(**given, weights=np.asarray([1.0, 1.0, 3.0]), duplicates=policy)
    np.testing.assert_array_equal(problem.rows, [0, 1])
    np.testing.assert_array_equal(problem.values, [value, 9])
    np.testing.assert_array_equal(problem.weights, [weight, 1])


def test_repeats_without_weight_keep_the_first():
    given = {"rows": [0, 1, 0], "cols": [1, 0, 1], "values": np.asarray([2.0, 9.0, 4.0])}
    problem = rf.Completion.from_triplets(**given, weights=np.asarray([0.0, 1.0, 0.0]), duplicates="mean")
    np.testing.assert_array_equal(problem.values, [2, 9])


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
def test_holding_out_is_a_partition(fraction):
    problem = weighted(planted_problem())
    kept = problem.hold_out(fraction, seed=1)
    held = kept.held_out
    n = problem.shape[1]
    both = np.concatenate([kept.rows * n + kept.cols, held.rows * n + held.cols])
    np.testing.assert_array_equal(np.sort(both), problem.rows * n + problem.cols)
    assert held.rows.size == min(max(1, round(fraction * problem.rows.size)), problem.rows.size - 1)
    np.testing.assert_array_equal(held.values, problem.truth[held.rows, held.cols])
    assert kept.truth is problem.truth
    again = problem.hold_out(fraction, seed=1).held_out
    np.testing.assert_array_equal(again.rows, held.rows)
    assert fraction < 0.1 or not np.array_equal(problem.hold_out(fraction, seed=2).held_out.rows, held.rows)


def test_entries_without_weight_are_never_held_out():
    weights = np.asarray([0.0, 0.0, 1.0, 2.0])
    problem = rf.Completion.from_triplets([0, 0, 1, 1], [0, 1, 0, 1], np.arange(4.0), weights=weights)
    for seed in range(5):
        kept = problem.hold_out(0.9, seed)
        assert kept.weights.sum() > 0
        assert (kept.held_out.weights > 0).all()


def test_back_projection_is_the_rescaled_observation():
    problem = planted_problem()
    expected = np.zeros(problem.shape)
    expected[problem.rows, problem.cols] = problem.values / problem.share
    np.testing.assert_allclose(problem.back_projection().toarray(), expected, rtol=1e-14)
    np.testing.assert_allclose(
        problem.gradient(np.zeros(problem.shape)), -2 / (12 * 9) * expected, rtol=1e-13, atol=1e-16
    )


BAD_ARRAYS = [
    ([[np.nan, np.nan]], "at least one entry"),
    (np.ones(3), "two dimensions"),
    (np.ones((2, 2, 2)), "two dimensions"),
    ([[1.0, np.inf]], "finite"),
    ([[1.0, 2j]], "real"),
    (np.asarray([["a", "b"]]), "numbers"),
    (np.asarray([[1, "b"]], dtype=object), "numbers"),
    (np.asarray([["2020-01-01"]], dtype="datetime64[D]"), "numbers"),
]


@pytest.mark.parametrize(("array", "words"), BAD_ARRAYS)
def test_bad_arrays_are_refused(array, words):
    with pytest.raises(rf.InputError, match=words) as caught:
        rf.Completion.from_array(array)
    assert is_one_sentence(str(caught.value))


GOOD = {"rows": [0, 1], "cols": [1, 0], "values": np.asarray([1.0, 2.0])}
BAD_TRIPLETS = [
    ({"rows": [0]}, "one length"),
    ({"values": np.ones(3)}, "one length"),
    ({"rows": [0, 2], "shape": (2, 2)}, "row indices must lie in 0 … 1"),
    ({"cols": [0, -1]}, "column indices"),
    ({"rows": [0.5, 1.0]}, "integers"),
    ({"rows": ["a", "b"]}, "integers"),
    ({"values": np.asarray([1.0, np.nan])}, "finite"),
    ({"values": np.asarray([1.0, -np.inf])}, "got -inf"),
    ({"values": np.asarray(["x", "y"])}, "numbers"),
    ({"rows": [0, 0], "cols": [1, 1]}, re.escape("(0, 1) more than once")),
    ({"duplicates": "sum"}, "duplicates"),
    ({"weights": np.ones(3)}, "weights must match"),
    ({"weights": np.asarray([1.0, -1.0])}, "not negative"),
    ({"weights": np.asarray([1.0, np.nan])}, "finite"),
    ({"weights": np.zeros(2)}, "not all be zero"),
    ({"truth": np.ones((3, 3))}, "truth"),
    ({"rows": [], "cols": [], "values": np.empty(0)}, "at least one entry"),
]


@pytest.mark.parametrize(("change", "words"), BAD_TRIPLETS)
def test_bad_triplets_are_refused(change, words):
    with pytest.raises(rf.InputError, match=words) as caught:
        rf.Completion.from_triplets(**{**GOOD, **change})
    assert is_one_sentence(str(caught.value))


def test_other_bad_input_is_refused():
    problem = planted_problem()
    with pytest.raises(rf.InputError, match="SciPy sparse"):
        rf.Completion.from_sparse(np.eye(2))
    with pytest.raises(rf.InputError, match="shape of the matrix"):
        rf.Completion.from_array(np.ones((2, 2)), weights=np.ones((3, 2)))
    for fraction in (0.0, 1.0, -1.0):
        with pytest.raises(rf.InputError, match="between 0 and 1"):
            problem.hold_out(fraction, seed=0)
    with pytest.raises(rf.InputError, match="at least 2"):
        rf.Completion.from_triplets([0], [0], np.ones(1)).hold_out(0.5, seed=0)
    with pytest.raises(rf.InputError, match="one table"):
        rf.Completion.from_triplets([0], [0], np.ones((2, 1))).back_projection()

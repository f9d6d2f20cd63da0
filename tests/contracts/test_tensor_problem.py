"""The contract of tensor problems: routes agree, what is declared is true, order 2 is a matrix, input is refused."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.problems.matricization import matricize
from tests.tensor_catalogue import PROBLEMS, SHAPES, planted_tensor

over_problems = pytest.mark.parametrize("name", PROBLEMS)
over_orders = pytest.mark.parametrize("shape", SHAPES.values())
STEP = 1e-5


@over_problems
@over_orders
def test_the_whole_route_is_the_slope_of_the_loss(name, shape):
    problem = PROBLEMS[name](shape)
    product, direction = np.random.default_rng(0).standard_normal((2, 2, *shape))
    loss, gradient = problem.loss_and_gradient(product)
    assert loss.shape == (2,)
    ahead, behind = (problem.loss(product + s * STEP * direction) for s in (1, -1))
    expected = np.sum((gradient * direction).reshape(2, -1), axis=1)
    np.testing.assert_allclose((ahead - behind) / (2 * STEP), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "sensing"])
@over_orders
def test_the_entrywise_route_is_the_whole_one_at_the_positions(name, shape):
    problem = PROBLEMS[name](shape)
    product = np.random.default_rng(0).standard_normal((2, *shape))
    loss, gradient = problem.loss_and_gradient(product)
    found = problem.loss_and_entry_gradients(product[..., *problem.indices])
    np.testing.assert_allclose(found[0], loss)
    np.testing.assert_allclose(found[1], gradient[..., *problem.indices])
    gradient[..., *problem.indices] = 0
    assert not gradient.any()


@over_problems
def test_the_back_projection_is_the_matricized_descent_direction_at_zero(name):
    shape = SHAPES[4]
    problem = PROBLEMS[name](shape)
    projected = problem.back_projection().toarray()
    slope = matricize(problem.gradient(np.zeros(shape)), (0, 1))
    cosine = -np.sum(projected * slope) / np.linalg.norm(projected) / np.linalg.norm(slope)
    assert cosine == pytest.approx(1.0)


@over_problems
def test_held_out_measurements_are_kept_from_the_loss(name):
    shape = SHAPES[3]
    problem = PROBLEMS[name](shape)
    kept, again = problem.hold_out(0.3, seed=1), problem.hold_out(0.3, seed=1)
    product = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_array_equal(kept.loss(product), again.loss(product))
    assert not np.allclose(kept.loss(product), problem.hold_out(0.3, seed=2).loss(product))
    assert kept.held_out is not None
    if problem.positions is not None:
        both = [set(zip(*part.positions.tolist(), strict=True)) for part in (kept, kept.held_out)]
        assert not both[0] & both[1]
        assert both[0] | both[1] == set(zip(*problem.positions.tolist(), strict=True))


@pytest.mark.parametrize("loss", [rf.problems.Squared(), rf.problems.Huber(0.4), rf.problems.Absolute(0.1)])
@pytest.mark.parametrize("weighted", [False, True])
def test_order_two_gives_the_numbers_of_a_matrix(loss, weighted):
    rng = np.random.default_rng(0)
    given = np.where(rng.random((6, 5)) < 0.6, rng.standard_normal((6, 5)), np.nan)
    weights = rng.random((6, 5)) if weighted else None
    tensor = rf.TensorCompletion.from_array(given, weights=weights, loss=loss)
    matrix = rf.Completion.from_array(given, weights=weights, loss=loss)
    product = rng.standard_normal((6, 5))
    np.testing.assert_array_equal(tensor.indices, np.stack(matrix.positions))
    for one, other in zip(tensor.loss_and_gradient(product), matrix.loss_and_gradient(product), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-15)
    np.testing.assert_allclose(tensor.back_projection().toarray(), matrix.back_projection().toarray())
    run = rf.evolve(tensor, rf.Chain(2), rf.Gaussian(0.1), rf.Flow(1e-6), stop=rf.TimeReached(2.0))
    again = rf.evolve(matrix, rf.Chain(2), rf.Gaussian(0.1), rf.Flow(1e-6), stop=rf.TimeReached(2.0))
    np.testing.assert_allclose(run.product, again.product, atol=1e-6)


def test_a_batch_of_tensors_is_its_problems():
    problem = planted_tensor((4, 5, 3))
    values = np.stack([problem.values, 2 * problem.values])
    both = rf.TensorCompletion(problem.indices, values, problem.shape)
    runs = rf.evolve_batch(both, rf.CP(3), rf.Gaussian(0.1), rf.Descent(rf.Gradient(0.1)), stop=rf.StepLimit(20))
    alone = rf.evolve(both.of_runs(1), rf.CP(3), rf.Gaussian(0.1), rf.Descent(rf.Gradient(0.1)),
                      stop=rf.StepLimit(20))  # fmt: skip
    np.testing.assert_allclose(runs[1].weights, alone.weights, rtol=1e-10)


def test_dense_and_coordinates_and_labelled_arrays_are_one_problem():
    import xarray

    problem = planted_tensor((4, 5, 3))
    given = np.full((4, 5, 3), np.nan)
    given[tuple(problem.indices)] = problem.values
    order = np.random.default_rng(0).permutation(problem.count)
    listed = rf.TensorCompletion.from_coordinates(problem.indices[:, order], problem.values[order], (4, 5, 3))
    labelled = rf.TensorCompletion.from_array(xarray.DataArray(given, dims=("day", "hour", "place")))
    for other in (listed, labelled):
        np.testing.assert_array_equal(other.indices, problem.indices)
        np.testing.assert_array_equal(other.values, problem.values)


def test_repeated_positions_are_refused_averaged_or_replaced():
    indices, values = ([0, 1, 0], [0, 1, 0], [1, 0, 1]), np.asarray([1.0, 5.0, 3.0])
    with pytest.raises(ValueError, match=r"\(0, 0, 1\) more than once"):
        rf.TensorCompletion.from_coordinates(indices, values)
    mean = rf.TensorCompletion.from_coordinates(indices, values, duplicates="mean")
    last = rf.TensorCompletion.from_coordinates(indices, values, duplicates="last")
    assert mean.values.tolist() == [2.0, 5.0]
    assert last.values.tolist() == [3.0, 5.0]
    assert mean.shape == (2, 2, 2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: rf.TensorCompletion.from_array(np.ones(4)), "at least two axes"),
        (lambda: rf.TensorCompletion.from_array(np.full((2, 2, 2), np.nan)), "at least one entry"),
        (lambda: rf.TensorCompletion.from_array(np.full((2, 2, 2), np.inf)), "finite"),
        (lambda: rf.TensorCompletion.from_array(np.full((2, 2, 2), 1j)), "real"),
        (lambda: rf.TensorCompletion.from_array(np.ones((2, 2, 2)), weights=np.ones((2, 2))), "weights"),
        (lambda: rf.TensorCompletion.from_coordinates(([0], [3], [0]), [1.0], (2, 2, 2)), "0 … 1"),
        (lambda: rf.TensorCompletion.from_coordinates(([0], [-1], [0]), [1.0], (2, 2, 2)), "0 … 1"),
        (lambda: rf.TensorCompletion.from_coordinates(([0], [1]), [1.0], (2, 2, 2)), "3 axes"),
        (lambda: rf.TensorCompletion.from_coordinates(([0.5], [1.0]), [1.0], (2, 2)), "integers"),
        (lambda: rf.TensorCompletion.from_coordinates(([0, 1], [1]), [1.0, 2.0]), "one list for each axis"),
        (lambda: rf.CP(0), "at least 1"),
        (lambda: rf.CP(2).sized((3,)), "at least two axes"),
        (lambda: rf.Train((2, 9)).sized((3, 3, 3)), "at most 3"),
        (lambda: rf.Train((2,)).sized((3, 3, 3)), "2 ranks"),
        (lambda: rf.Tree(((0, 1), 1)).sized((3, 3, 3)), "misses axis 2"),
        (lambda: rf.Tree(((0, 1), (1, 2))).sized((3, 3, 3)), "repeats axis 1"),
        (lambda: rf.Tree(((0, 1), (2, 3))).sized((3, 3, 3)), "has axis 3"),
        (lambda: rf.Tree(((0, 1), ())), "at least one child"),
        (lambda: rf.Tree(((0, 1), "a")), "nested tuples"),
        (lambda: rf.Tree(None, (2, 2, 2)).sized((3, 3, 3)), "2 inner nodes"),
        (lambda: rf.problems.TensorSensing(np.ones((2, 3, 3, 3)), np.ones(3)), "one value"),
    ],
)
def test_input_is_refused_in_a_sentence(make, sentence):
    with pytest.raises(rf.InputError, match=sentence):
        make()


def test_a_model_of_matrices_refuses_a_tensor_and_the_other_way_round():
    problem = planted_tensor((4, 5, 3))
    with pytest.raises(rf.InputError, match="axes"):
        rf.evolve(problem, rf.Chain(2), rf.Gaussian(0.1), rf.Flow())

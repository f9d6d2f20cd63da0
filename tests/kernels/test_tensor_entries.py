"""Compiled passes over the entries of tensors are those of the whole tensor, with the same bits for any threads."""

import numba
import numpy as np
import pytest

import rankfall as rf
from rankfall.kernels.tensor_chunks import chunk_bounds
from rankfall.kernels.tree_nodes import Nodes
from rankfall.problems import Absolute, Huber, Logistic, Loss, Squared
from tests.helpers.kernel_cases import threads

MODELS = [rf.CP(4), rf.Train(3), rf.Tree(None, 3), rf.Tree(((2, 0), (1,), 3), 3)]


@pytest.mark.parametrize("dtype", [pytest.param(np.float32, marks=pytest.mark.slow), np.float64])
@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread is all there is")
def test_bits_do_not_depend_on_threads(model, dtype, monkeypatch):
    for module in ("cp", "train", "tree"):
        monkeypatch.setattr(f"rankfall.kernels.{module}_entries.WORTH_THREADS", 0)
    rng, shape, count = np.random.default_rng(0), (9, 8, 7, 6), 4000
    model = model.sized(shape)
    positions = np.stack([rng.integers(0, side, count) for side in shape]).astype(np.int32)
    weights, slopes = rng.standard_normal((2, model.size)), rng.standard_normal((2, count))
    problem = rf.TensorCompletion(positions, slopes.astype(dtype), shape)
    answers = []
    for threads_used in (1, 2):
        with threads(threads_used):
            answers.append([
                model.values_at(positions, weights.astype(dtype)).tobytes(),
                model.adjoint_at(positions, weights.astype(dtype), slopes.astype(dtype)).tobytes(),
                *(part.tobytes() for part in model.loss_and_gradient_at(positions, problem, weights.astype(dtype))),
            ])  # fmt: skip
    assert answers[0] == answers[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("model", [rf.Train(3), rf.Tree(None, 3)], ids=str)
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread is all there is")
def test_loops_for_three_axes_have_the_same_bits_too(model, dtype, monkeypatch):
    for module in ("train_of_three", "tree_entries"):
        monkeypatch.setattr(f"rankfall.kernels.{module}.WORTH_THREADS", 0)
    rng, shape = np.random.default_rng(0), (19, 18, 17)
    given = np.where(rng.random(shape) < 0.7, rng.standard_normal(shape), np.nan).astype(dtype)
    # one slice without entries, one with a single entry
    given[:, 3] = given[1:, 4] = np.nan
    problem, model = rf.TensorCompletion.from_array(given), model.sized(shape)
    weights = rng.standard_normal((2, model.size)).astype(dtype)
    answers = []
    for threads_used in (1, 2):
        with threads(threads_used):
            found = model.loss_and_gradient_at(problem.positions, problem, weights)
            answers.append([part.tobytes() for part in found])
    assert answers[0] == answers[1]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_one_thread_and_many_chunks_are_the_same_sum(model, monkeypatch):
    rng, shape, count = np.random.default_rng(0), (3, 2, 2, 3), 3000
    model = model.sized(shape)
    positions = np.stack([rng.integers(0, side, count) for side in shape]).astype(np.int32)
    weights, slopes = rng.standard_normal((1, model.size)), rng.standard_normal((1, count))
    chunked = model.adjoint_at(positions, weights, slopes)
    monkeypatch.setattr("rankfall.kernels.tensor_chunks._MOST", 1)
    np.testing.assert_allclose(model.adjoint_at(positions, weights, slopes), chunked, atol=1e-9)


@pytest.mark.parametrize("worth", [0, 2**30])
@pytest.mark.parametrize("count", [1, 12, 400])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_entries_and_the_way_back_are_those_of_the_whole_tensor(model, count, worth, monkeypatch):
    for module in ("cp", "train", "tree"):
        monkeypatch.setattr(f"rankfall.kernels.{module}_entries.WORTH_THREADS", worth)
    rng, shape, runs = np.random.default_rng(1), (3, 2, 4, 2), 2
    model = model.sized(shape)
    positions = np.stack([rng.integers(0, side, count) for side in shape]).astype(np.int32)
    weights, slopes = rng.standard_normal((runs, model.size)), rng.standard_normal((runs, count))
    at = slice(None), *positions
    whole = np.asarray(model.product(weights))[at]
    np.testing.assert_allclose(model.values_at(positions, weights), whole, atol=1e-12)
    pulled = model.adjoint_at(positions, weights, slopes)
    for run in range(runs):
        # W is linear in each weight: a unit step is the derivative
        derivatives = np.asarray(model.product(weights[run] + np.eye(model.size)))[at] - whole[run]
        np.testing.assert_allclose(pulled[run], derivatives @ slopes[run], atol=1e-9)


class Quartic(Loss):
    """A user's own, which no compiled loop knows."""

    def value(self, prediction, target):
        return (prediction - target) ** 4

    def derivative(self, prediction, target):
        return 4 * (prediction - target) ** 3


@pytest.mark.parametrize(
    "loss", [Squared(), Huber(0.4), Absolute(0.1), Logistic(0.2), Quartic()], ids=lambda loss: type(loss).__name__
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("shape", "model"),
    [
        ((5, 4), rf.CP(3)), ((5, 4, 3), rf.CP(11)), ((3, 2, 4, 2), rf.CP(70)), ((2, 3, 2, 2, 3), rf.CP(2)),
        ((5, 4, 3), rf.Train(2)), ((4, 4, 4, 4), rf.Train((4, 11, 4))), ((3, 2, 4, 2), rf.Tree(((2, 0, 1), (3,)), 9)),
        ((12, 3, 11), rf.Train((2, 11))), ((6, 40, 5), rf.Train(3)), ((5, 4, 3), rf.Tree(None, 11)),
        ((5, 4, 3), rf.Tree((2, (0, 1)), (3, 2))), ((5, 4, 3), rf.Tree(((0,), 1, 2), 3)),
        ((5, 4, 3), rf.Tree(((0, 1, 2),), 3)),
    ],
    ids=str,
)  # fmt: skip
def test_one_loop_for_loss_and_gradient_gives_what_two_give(loss, weighted, shape, model):
    rng, model = np.random.default_rng(2), model.sized(shape)
    values = np.where(rng.random((2, *shape)) < 0.5, 1.0, -1.0)
    given = np.stack([np.ravel(each) for each in values])
    indices = np.stack([np.ravel(each) for each in np.indices(shape, dtype=np.int32)])
    weights = rng.random((2, given.shape[1])) if weighted else None
    problem = rf.TensorCompletion(indices, given, shape, weights, loss_function=loss)
    at = rng.standard_normal((2, model.size))
    found = model.loss_and_gradient_at(problem.positions, problem, at)
    predicted = model.values_at(problem.positions, at)
    loss_values, slopes = problem.loss_and_entry_gradients(predicted)
    np.testing.assert_allclose(found[0], loss_values, rtol=1e-12)
    np.testing.assert_allclose(found[1], model.adjoint_at(problem.positions, at, slopes), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("runs", [1, 3, 5, 40])
@pytest.mark.parametrize(("entries", "width", "size"), [(0, 4, 9), (1, 4, 9), (100, 4, 40), (1000, 7, 90), (99, 5, 0)])
def test_chunks_are_even_few_and_worth_their_copies(entries, width, size, runs):
    bounds = chunk_bounds(entries, width, size, runs)
    lengths, count = np.diff(bounds), len(bounds) - 1
    assert (bounds[0], bounds[-1]) == (0, entries)
    assert np.ptp(lengths) <= 1
    assert count == 1 or count * runs <= 16
    # clearing and summing the copies is a quarter of the work at most, and no more chunks would fit
    assert count == 1 or 4 * count * size <= entries * width
    assert (count + 1) * runs > 16 or 4 * (count + 1) * max(size, 1) > entries * width


def test_the_work_of_an_entry_is_what_it_multiplies(monkeypatch):
    tree = Nodes(*(np.asarray(part) for part in ([2, 2, -1], [0, 1, -1], [4, 5, 3], [3, 3, 1])))
    # a row of each leaf, the whole matrix of the root
    assert tree.work == 3 + 3 + 3 * 1
    told = []

    def spied(entries, width, size, runs):
        told.append(width)
        return chunk_bounds(entries, width, size, runs)

    for model, work in ((rf.CP(4), 3 * 4), (rf.Train(3), 3 + 9 + 3)):
        module = "cp" if isinstance(model, rf.CP) else "train"
        monkeypatch.setattr(f"rankfall.kernels.{module}_entries.chunk_bounds", spied)
        sized, positions = model.sized((4, 5, 6)), np.zeros((3, 7), np.int32)
        sized.adjoint_at(positions, np.ones((1, sized.size)), np.ones((1, 7)))
        sized.values_at(positions, np.ones((1, sized.size)))
        assert told == [work, work]
        told.clear()

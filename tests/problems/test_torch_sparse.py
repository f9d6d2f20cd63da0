"""The sparse layout in PyTorch: the numbers of the other layouts for every loss and form of weights, and their bits."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.kernels.torch_entries import TorchEntries
from rankfall.problems import Batched, Dense, Sparse, TorchSparse
from tests.catalogue import LOSSES
from tests.helpers.completions import random_factors
from tests.helpers.planted import planted_problem

torch = pytest.importorskip("torch")

SHAPE = (40, 30)
# A row and a column longer than a block of `LineSums`, one of each empty, and the rest thin.
LONG = (700, 600)


def uneven_problem(dtype=np.float64):
    rng = np.random.default_rng(0)
    observed = rng.random(LONG) < 0.02
    observed[3], observed[:, 5] = True, True
    observed[7], observed[:, 9] = False, False
    rows, cols = np.nonzero(observed)
    return rf.Completion.from_triplets(rows, cols, rng.standard_normal(rows.size).astype(dtype), LONG)


def problems(loss):
    """One table, weighed; several on the same entries; several with entries of their own."""
    rng = np.random.default_rng(1)
    base = planted_problem(SHAPE, share=0.3)
    many = rng.standard_normal((3, base.values.size))
    read = np.sign if loss.is_binary else np.asarray
    own = (rng.random(many.shape) < 0.6) * rng.random(many.shape)
    for values, weights in (
        (base.values, None),
        (base.values, rng.random(base.values.size)),
        (many, None),
        (many, rng.random(base.values.size)),
        (many, own),
    ):
        yield rf.Completion(base.rows, base.cols, read(values), SHAPE, weights, loss_function=loss)


def assert_same(found, expected, tolerance):
    for theirs, ours in zip(found, expected, strict=True):
        assert tuple(theirs.shape) == ours.shape
        np.testing.assert_allclose(to_numpy(theirs), ours, rtol=tolerance, atol=tolerance * np.abs(ours).max())


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_numpys_for_every_loss(name):
    for problem in problems(LOSSES[name]):
        batch = () if problem.batch_size is None else (problem.batch_size,)
        factors = random_factors(problem, 4, batch)
        expected = replace(problem, layout=Dense).loss_and_factor_gradients(*factors)
        tensors = [torch.from_numpy(factor) for factor in factors]
        for layout in (TorchSparse, Dense):
            there = replace(problem, layout=layout).on_device("cpu")
            assert_same(there.loss_and_factor_gradients(*tensors), expected, 1e-12)
            assert_same([there.factored_loss(*tensors)], expected[:1], 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_and_empty_lines(dtype):
    problem = uneven_problem(dtype)
    factors = [factor.astype(dtype) for factor in random_factors(problem, 5)]
    expected = replace(problem, layout=Sparse).loss_and_factor_gradients(*factors)
    found = replace(problem, layout=TorchSparse).on_device("cpu").loss_and_factor_gradients(*map(torch.tensor, factors))
    # a sum of |Ω_i| terms is off by no more than so many roundings
    assert_same(found, expected, 700 * np.finfo(dtype).eps)
    assert not found[1][7].any()
    assert not found[2][9].any()


def test_runs_of_one_table_share_its_entries():
    problem = replace(planted_problem(SHAPE, share=0.3), layout=Dense)
    factors = random_factors(problem, 4, (2, 3))
    expected = problem.loss_and_factor_gradients(*factors)
    for layout in (TorchSparse, Dense):
        there = replace(problem, layout=layout).on_device("cpu")
        assert_same(there.loss_and_factor_gradients(*map(torch.from_numpy, factors)), expected, 1e-12)


def test_factors_may_be_views():
    problem = replace(planted_problem(SHAPE, share=0.3), layout=TorchSparse).on_device("cpu")
    left, right = map(torch.from_numpy, random_factors(problem, 4))
    turned = [factor.mT.contiguous().mT for factor in (left, right)]
    assert_same(
        problem.loss_and_factor_gradients(*turned), map(to_numpy, problem.loss_and_factor_gradients(left, right)), 0
    )


def test_a_gradient_repeats_to_the_last_bit():
    problem = replace(uneven_problem(np.float32), layout=TorchSparse).on_device("cpu")
    factors = [torch.tensor(factor, dtype=torch.float32) for factor in random_factors(problem, 8)]
    first = problem.loss_and_factor_gradients(*factors)
    for _ in range(3):
        again = replace(problem).loss_and_factor_gradients(*factors)
        assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_devices_without_products_at_positions_gather_rows():
    problem = uneven_problem()
    left, right = map(torch.from_numpy, random_factors(problem, 5))
    entries = TorchEntries.of(problem.rows, problem.cols, LONG, left)
    gathered = TorchEntries.of(problem.rows, problem.cols, LONG, left, sampled=())
    torch.testing.assert_close(gathered.predict(left, right), entries.predict(left, right), rtol=1e-13, atol=1e-13)


def test_the_choice_of_a_layout():
    thin, thick = planted_problem((200, 100), share=0.02), planted_problem((200, 100), share=0.5)
    assert thin.on_device("cpu").layout_class is TorchSparse
    assert thick.on_device("cpu").layout_class is Dense
    assert thin.layout_class is Sparse
    many = replace(thin, values=np.stack([thin.values, thin.values]))
    assert many.on_device("cpu").layout_class is Dense


@pytest.mark.parametrize(
    ("problem", "word"),
    [
        (replace(planted_problem(SHAPE), layout=TorchSparse), "TorchSparse is for PyTorch tensors, got ndarray"),
        (replace(planted_problem(SHAPE), layout=Sparse).on_device("cpu"), "Sparse is for NumPy arrays, got Tensor"),
        (replace(planted_problem(SHAPE), layout=Batched).on_device("cpu"), "Batched is for many tables of NumPy"),
    ],
    ids=["TorchSparse", "Sparse", "Batched"],
)
def test_a_layout_of_another_library_says_so(problem, word):
    with pytest.raises(InputError, match=word):
        problem.loss_and_factor_gradients(*random_factors(problem, 2))

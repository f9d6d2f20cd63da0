"""Compiled passes over the entries of tensors: the bits do not depend on the number of threads."""

import numba
import numpy as np
import pytest

import rankfall as rf
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
    answers = []
    for threads_used in (1, 2):
        with threads(threads_used):
            answers.append([
                model.values_at(positions, weights.astype(dtype)).tobytes(),
                model.adjoint_at(positions, weights.astype(dtype), slopes.astype(dtype)).tobytes(),
            ])  # fmt: skip
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

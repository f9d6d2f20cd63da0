"""Problems that the baselines solve, and the error of what they return."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.baselines import AlternatingLeastSquares, GaussNewton, HardThreshold, SoftImpute
from tests.helpers.planted import planted_problem

SHAPES = [(12, 10), (9, 20), (25, 8), (1, 7), (6, 1)]


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


def gaussians(shape=(9, 7), rank=1, count=45, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    matrices = rng.standard_normal((count, *shape))
    return rf.Sensing.from_matrices(matrices, np.tensordot(matrices, truth, 2)), truth


def norms(matrix):
    values = np.linalg.svd(matrix, compute_uv=False)
    return values.sum(), values[0]

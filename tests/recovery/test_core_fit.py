"""Rows and columns with few entries are fitted after the core, exactly, and do no harm to it."""

import numpy as np
import pytest

from rankfall.datasets import planted
from rankfall.recovery.core_fit import fit_core, fit_exact
from rankfall.recovery.gauss_newton import fit_rank
from rankfall.recovery.redundancy import core_of
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import triplets_of


def near(truth, seen, rank, away, seed=0):
    """The sampling of a mask, the entries, and the leading triplets of a matrix that is `away` from the truth."""
    rows, cols = (a.astype(np.int32) for a in np.nonzero(seen))
    noise = np.random.default_rng(seed).standard_normal(truth.shape) * np.sqrt(np.mean(truth**2))
    return (
        Sampling(rows, cols, truth.shape),
        truth[rows, cols],
        triplets_of(truth + away * noise, np.eye(len(truth.T)), rank),
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_all_entries_are_fitted_also_those_outside_of_the_core(rank):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth = planted((25, 20), rank, condition=3.0, seed=seed)
        seen = rng.random(truth.shape) < 0.45
        seen[:6] &= rng.random((6, 20)) < 0.15
        # two lines that share an entry with each other alone
        seen[24], seen[:, 19] = False, False
        seen[24, 19] = True
        sampling, entries, start = near(truth, seen, rank, 1e-3, seed)
        kept = core_of(sampling, rank)
        assert not kept.all()
        found = fit_core(sampling, entries, start, rank, 1e-11, kept)
        assert found is not None, seed
        assert found.residual < 1e-11
        core = sampling.select(kept)
        block = np.ix_(np.unique(core.rows), np.unique(core.cols))
        product = (found.triplets.left * found.triplets.values) @ found.triplets.right.T
        np.testing.assert_allclose(product[block], truth[block], atol=1e-8)


def test_rows_of_few_dependent_entries_spoil_gauss_newton_but_not_the_core():
    spoiled = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        left, right = rng.standard_normal((30, 3)), rng.standard_normal((25, 3))
        for place in (2, 5, 8):
            right[place] = right[place - 2] + right[place - 1] + 1e-3 * rng.standard_normal(3)
        truth = left @ right.T
        seen = rng.random(truth.shape) < 0.5
        seen[:4] = False
        for row in range(4):
            seen[row, 3 * (row % 3) : 3 * (row % 3) + 3] = True
        sampling, entries, start = near(truth, seen, 3, 0.6, seed)
        spoiled += fit_rank(sampling, entries, start, 3).residual > 1e-11
        found = fit_exact(sampling, entries, start, 3, 1e-11)
        assert found is not None, seed
        product = (found.triplets.left * found.triplets.values) @ found.triplets.right.T
        np.testing.assert_allclose(product[4:], truth[4:], atol=1e-7)
    assert spoiled >= 2


def test_there_is_no_fit_of_a_rank_too_low_or_without_a_core():
    truth = planted((20, 20), 3, condition=2.0, seed=0)
    seen = np.random.default_rng(0).random(truth.shape) < 0.6
    sampling, entries, start = near(truth, seen, 3, 0.0)
    assert fit_exact(sampling, entries, start, 2, 1e-11) is None
    diagonal = Sampling(np.arange(20, dtype=np.int32), np.arange(20, dtype=np.int32), truth.shape)
    assert fit_exact(diagonal, np.diag(truth).copy(), start, 1, 1e-11, again=False) is None

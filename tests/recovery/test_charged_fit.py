"""With much noise the answer is as good as that of an oracle which knows the tangent space, at the true rank."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.datasets import planted, uniform_entries
from rankfall.recovery import recover
from rankfall.recovery.charged_fit import fit_charged
from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.gauss_newton import fit_rank
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets, triplets_of


class Draw:
    """A planted matrix, a share of its entries, and their noise, relative to the entries' size."""

    def __init__(self, size, rank, oversampling, level, seed):
        self.truth = planted((size, size), rank=rank, condition=10.0, seed=seed)
        count = round(oversampling * rank * (2 * size - rank))
        rows, cols = uniform_entries((size, size), count, seed=seed)
        self.sampling = Sampling(rows.astype(np.int32), cols.astype(np.int32), (size, size))
        self.deviation = level * float(np.sqrt(np.mean(self.truth**2)))
        self.noise = self.deviation * np.random.default_rng([seed, 1]).standard_normal(count)
        u, values, vt = np.linalg.svd(self.truth)
        self.triplets = Triplets(u[:, :rank], values[:rank], vt[:rank].T)

    @property
    def values(self):
        return self.truth[self.sampling.rows, self.sampling.cols] + self.noise

    @property
    def problem(self):
        return rf.Completion.from_triplets(self.sampling.rows, self.sampling.cols, self.values, self.sampling.shape)

    @property
    def oracle_error(self):
        """What least squares in the true tangent space makes of the noise."""
        u, v = self.triplets.left, self.triplets.right
        charge = np.full(u.shape[1], 1e-12)
        fit = fit_tangent(self.sampling, self.noise, u, v, charge, tolerance=1e-8, iterations=2000)
        return self.unobserved(fit.left @ v.T + u @ fit.right.T)

    def unobserved(self, wrong):
        hidden = np.ones(self.truth.shape, bool)
        hidden[self.sampling.rows, self.sampling.cols] = False
        return float(np.sqrt(np.mean(wrong[hidden] ** 2)))


def test_a_tenth_of_noise_costs_no_more_than_an_oracle():
    ratios = []
    for size, rank, oversampling in ((100, 3, 3.0), (100, 5, 3.0), (120, 5, 2.0)):
        for seed in range(2):
            draw = Draw(size, rank, oversampling, 0.1, seed)
            found = recover(draw.problem, exact=False)
            assert found.rank == rank
            assert found.noise == pytest.approx(draw.deviation, rel=0.2)
            ratios.append(draw.unobserved(found.product.product - draw.truth) / draw.oracle_error)
    assert np.median(ratios) < 1.05
    assert max(ratios) < 1.2


def test_a_charge_beats_least_squares_where_rows_have_few_entries():
    draw = Draw(100, 5, 2.0, 0.1, 1)
    start = draw.triplets
    free = fit_rank(draw.sampling, draw.values, start, 5, persistent=True).triplets
    charged = fit_charged(draw.sampling, draw.values, start, 5, draw.deviation)
    errors = [draw.unobserved((fit.left * fit.values) @ fit.right.T - draw.truth) for fit in (free, charged)]
    assert errors[1] < errors[0]


def test_directions_that_noise_accounts_for_are_dropped_and_none_without_a_charge():
    draw = Draw(100, 3, 4.0, 0.1, 0)
    left, right = np.random.default_rng(0).standard_normal((2, 100, 8))
    start = triplets_of(left, right, 8)
    start = fit_rank(draw.sampling, draw.values, start, 8).triplets
    assert fit_charged(draw.sampling, draw.values, start, 8, 1.3 * draw.deviation).values.size == 3
    assert fit_charged(draw.sampling, draw.values, start, 8, 1e-3 * draw.deviation).values.size == 8

"""Fits tried while a path is walked: early where the path is near the matrix, none where no fit would mean anything."""

import numpy as np

import rankfall as rf
from rankfall.recovery import recover
from rankfall.recovery.fits_ahead import FitsAhead
from rankfall.recovery.frozen_path import PathPoint, PathStep, follow
from rankfall.recovery.frozen_solve import TangentFit
from rankfall.recovery.metric import DepthMean
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Iterate, Triplets
from tests.recovery.test_recover import planted_holes


def entries_of(holes):
    rows, cols = (places.astype(np.int32) for places in np.nonzero(~np.isnan(holes)))
    return Sampling(rows, cols, holes.shape), holes[rows, cols]


def point_of(sampling, values, rank, residual):
    """A point of a path with these singular values; its solution is of no account."""
    (m, n), count = sampling.shape, len(values)
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((side, count)))[0] for side in (m, n))
    empty = Iterate.observed(sampling, np.zeros(sampling.count))
    solution = TangentFit(left, right, np.zeros(sampling.count), 0)
    step = PathStep(1e-9, rank, residual)
    return PathPoint(step, solution, empty, Triplets(left, np.asarray(values), right))


def test_the_matrix_is_found_long_before_the_path_ends():
    truth, holes = planted_holes((60, 60), 3, 1.8)
    found = recover(rf.Completion.from_array(holes))
    assert found.is_exact
    np.testing.assert_allclose(found.product.product, truth, atol=1e-9)
    sampling, entries = entries_of(holes)
    walked = [point.step for point in follow(sampling, entries / np.abs(entries).max(), DepthMean(4), 0.9)]
    assert found.attempts == 1
    assert len(found.path) < 0.8 * len(walked)
    assert found.path[-1].residual > 1e3 * walked[-1].residual


def test_a_rank_is_tried_at_a_wide_gap_and_again_only_when_the_residual_is_much_smaller(monkeypatch):
    sampling, entries = entries_of(planted_holes((20, 20), 2, 2.0)[1])
    tried = []
    monkeypatch.setattr("rankfall.recovery.fits_ahead.fit_exact", lambda *given, **_: tried.append(given[3]))
    ahead = FitsAhead(sampling, entries, 1e-11)
    for values, residual in (
        ([1, 0.5, 0.1], 0.1),
        ([1, 0.5, 1e-3], 0.1),
        ([1, 0.5, 1e-3], 0.05),
        ([1, 0.5, 1e-3], 5e-3),
    ):
        ahead.tried(point_of(sampling, values, 2, residual))
    assert tried == [2, 2]


def test_a_narrower_gap_is_enough_with_twice_as_many_entries_as_degrees_of_freedom(monkeypatch):
    tried = []
    monkeypatch.setattr("rankfall.recovery.fits_ahead.fit_exact", lambda *given, **_: tried.append(given[3]))
    for oversampling in (1.8, 2.5):
        sampling, entries = entries_of(planted_holes((20, 20), 2, oversampling)[1])
        ahead = FitsAhead(sampling, entries, 1e-11)
        ahead.tried(point_of(sampling, [1, 0.5, 0.1], 2, 0.5))
        ahead.tried(point_of(sampling, [1, 0.5, 0.02], 2, 0.5))
        assert tried == ([] if oversampling < 2 else [2])


def test_a_path_that_has_decided_for_a_rank_that_nothing_checks_is_left():
    sampling, entries = entries_of(planted_holes((20, 20), 2, 1.2)[1])
    ahead = FitsAhead(sampling, entries, 1e-11)
    decided = [1, 0.5, 0.2, 0.1, 1e-6]
    assert ahead.is_vain(point_of(sampling, decided, 4, 1e-5))
    assert ahead.tried(point_of(sampling, decided, 4, 1e-5)) is None
    assert not ahead.is_vain(point_of(sampling, decided, 4, 1e-2))
    assert not ahead.is_vain(point_of(sampling, [1, 0.5, 0.2, 0.1, 0.01], 4, 1e-5))
    assert not ahead.is_vain(point_of(sampling, [1, 0.5, 1e-6, 1e-7], 2, 1e-5))

"""Ctrl-C while a matrix is recovered: the best answer so far comes back, and says that the search was interrupted."""

import sys

import numpy as np
import pytest

import rankfall as rf
from rankfall.problems import Sensing
from rankfall.recovery import recover
from tests.recovery.test_recover import planted_holes, right_where_determined


def pressing(stage, step):
    """A watch that presses Ctrl-C at this step of this stage."""
    seen = []

    def watch(now, _point):
        seen.append(now)
        if seen.count(stage) == step:
            raise KeyboardInterrupt

    return watch


def undecided():
    """Entries whose first path ends without an exact fit."""
    rng = np.random.default_rng(0)
    return rf.Completion.from_array(np.where(rng.random((25, 25)) < 0.4, rng.standard_normal((25, 25)), np.nan))


def test_on_the_first_path_its_last_point_comes_back_and_certifies_nothing():
    truth, holes = planted_holes()
    found = recover(rf.Completion.from_array(holes), progress=pressing("attempt 1", 12))
    assert (found.interrupted, found.is_exact, found.certificate.count, found.attempts) == (True, False, 0, 1)
    assert found.status.startswith("interrupted on path 1, at rank")
    assert len(found.path) == 11
    assert found.residual == found.path[-1].residual
    assert found.product.left.shape[1] == found.rank == found.path[-1].rank
    assert np.linalg.norm(found.product.product - truth) < np.linalg.norm(truth)


def test_an_exact_fit_of_an_earlier_path_comes_back_with_what_it_certifies(monkeypatch):
    """Where the entries determine less than half of the lines a second path is walked."""
    truth, holes = planted_holes((60, 50), 3, 2.0)
    holes[25:] = np.where(np.random.default_rng(0).random((35, 50)) < 0.02, holes[25:], np.nan)
    problem = rf.Completion.from_array(holes)
    whole = recover(problem, attempts=1)
    monkeypatch.setattr("rankfall.recovery.exact_search._MOST", 2.0)
    found = recover(problem, progress=pressing("attempt 2", 5))
    assert (found.interrupted, found.is_exact) == (True, True)
    assert found.status.startswith("interrupted on path 2; rank")
    assert found.certificate.count > 0
    np.testing.assert_array_equal(found.certificate.rows, whole.certificate.rows)
    assert right_where_determined(found, truth)


def test_before_the_first_step_and_while_noise_is_measured(monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        recover(undecided(), progress=pressing("attempt 1", 1))

    def press(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["rankfall.recovery.recover"], "fit_noisy", press)
    found = recover(undecided(), attempts=2)
    assert (found.interrupted, found.is_exact, found.attempts, found.certificate.count) == (True, False, 2, 0)
    with pytest.raises(KeyboardInterrupt):
        recover(undecided(), exact=False)


def test_a_fit_that_is_being_certified_comes_back_without_a_certificate(monkeypatch):
    def press(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("rankfall.recovery.exact_search.certify", press)
    found = recover(rf.Completion.from_array(planted_holes()[1]))
    assert (found.interrupted, found.is_exact, found.rank, found.certificate.count) == (True, True, 3, 0)


def test_measurements_likewise():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 10))
    found = recover(Sensing.gaussian(truth, 70), progress=pressing("attempt 1", 6))
    assert (found.interrupted, found.is_exact) == (True, False)
    assert "measurements" in found.status

"""How many entries decide how a fit is followed, and when its held-out error rises for sure."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.estimators.fold import LowestPassed
from rankfall.integrators import Chebyshev2
from tests.helpers.entries import uneven_entries

pytestmark = pytest.mark.trusted
LIMITS = {"many": "rankfall.estimators.settings._MANY", "sure": "rankfall.estimators.folds._SURE"}


def followed(monkeypatch, rtol="auto", **limits):
    """The integrator of a fit, and the rises that were sure in it, with some of the limits changed."""
    for name, value in limits.items():
        monkeypatch.setattr(LIMITS[name], value)
    frame = uneven_entries()
    problem = rf.Completion.from_triplets(*(frame[name].to_numpy() for name in frame))
    rises = []
    noted = LowestPassed.__init__

    def init(self, folds, rise):
        rises.append(rise)
        noted(self, folds, rise)

    monkeypatch.setattr(LowestPassed, "__init__", init)
    model = rf.DeepMatrixFactorization(depth=2, width=4, features=False, refine=False, rtol=rtol)
    model.fit_problem(problem)
    return model.trajectory_.integrator, rises


def test_long_lists_are_followed_by_stabilized_steps_alone(monkeypatch):
    integrator, _ = followed(monkeypatch, many=1000)
    assert integrator.methods == (Chebyshev2(),)


@pytest.mark.parametrize("given", [{}, {"many": 1000, "rtol": 1e-3}])
def test_short_lists_and_fine_tolerances_take_both_methods(monkeypatch, given):
    integrator, _ = followed(monkeypatch, **given)
    assert len(integrator.methods) == 2


@pytest.mark.parametrize(("sure", "rise"), [(((500, 0.02), (100, 0.05)), 0.02), (((10**6, 0.02), (100, 0.05)), 0.05)])
def test_the_more_entries_are_held_out_the_sooner_a_rise_is_sure(monkeypatch, sure, rise):
    _, rises = followed(monkeypatch, sure=sure)
    assert set(rises) == {rise}


def test_few_held_out_entries_are_never_sure(monkeypatch):
    _, rises = followed(monkeypatch)
    assert set(rises) == {np.inf}

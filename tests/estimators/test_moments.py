"""Means and spreads of a table are those of NumPy; those of a constant one are positive and too small to show."""

import numpy as np
import pytest

from rankfall.estimators.inputs import stacked
from rankfall.estimators.moments import Moments
from rankfall.problems import Completion


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_are_those_of_the_entries(weighted):
    rng = np.random.default_rng(0)
    cols, values = np.repeat([0, 1, 3], 5), rng.standard_normal(15) + 7
    weights = rng.uniform(0.5, 2, 15) if weighted else None
    found = Moments.of(cols, values, weights, 4)
    mass = np.ones(15) if weights is None else weights
    center = np.average(values, weights=mass)
    assert found.counts.tolist() == [5, 5, 0, 5]
    assert found.center == pytest.approx(center)
    assert found.typical == pytest.approx(np.average((values - center) ** 2, weights=mass) ** 0.5)
    for place in (0, 1, 3):
        own, share = values[cols == place], mass[cols == place]
        mean = np.average(own, weights=share)
        assert found.means[place] == pytest.approx(mean)
        assert found.spreads[place] == pytest.approx(np.average((own - mean) ** 2, weights=share) ** 0.5)
    assert (found.means[2], found.spreads[2]) == (pytest.approx(center), 0)


@pytest.mark.parametrize("constant", [0.0, 3.0, -1e9])
def test_the_deviation_of_a_constant_table_is_positive_and_does_not_show(constant):
    found = Moments.of(np.asarray([0, 1]), np.full(2, constant), None, 2)
    assert 0 < found.typical <= 1e-12 * max(1, abs(constant))
    assert found.spreads.tolist() == [0, 0]


def test_rows_that_are_added_keep_the_weights_of_either_table():
    plain = Completion.from_array(np.eye(2))
    weighted = Completion.from_array(np.eye(2), weights=np.full((2, 2), 3.0))
    assert stacked(weighted, plain).weights.tolist() == [3] * 4 + [1] * 4
    assert stacked(plain, weighted).weights.tolist() == [1] * 4 + [3] * 4
    assert stacked(plain, plain).weights is None

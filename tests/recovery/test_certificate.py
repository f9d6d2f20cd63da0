"""Entries that no other checks, against their leverages."""

import numpy as np

from rankfall.recovery.certificate import _unchecked_entries
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import triplets_of


def leverages(sampling, left, right):
    """The diagonal of the projection onto what tangent vectors put at the entries."""
    (m, n), k = sampling.shape, left.shape[1]
    operator = np.zeros((sampling.count, (m + n) * k))
    for entry, (i, j) in enumerate(zip(sampling.rows, sampling.cols, strict=True)):
        operator[entry, i * k : (i + 1) * k] = right[j]
        operator[entry, (m + j) * k : (m + j + 1) * k] = left[i]
    frame, values, _ = np.linalg.svd(operator, full_matrices=False)
    return np.sum(frame[:, values > 1e-10 * values[0]] ** 2, axis=1)


def test_unchecked_entries_are_those_of_leverage_one_and_none_by_chance(monkeypatch):
    """So wide a bound that one random right side leaves less than it at a checked entry now and then."""
    monkeypatch.setattr("rankfall.recovery.certificate._UNCHECKED", 3e-3)
    rng = np.random.default_rng(0)
    for draw in range(6):
        left, right = rng.standard_normal((30, 2)), rng.standard_normal((24, 2))
        observed = rng.random((30, 24)) < 0.5
        # a row with as many entries as the rank: nothing checks them
        observed[3], observed[3, [1, 5]] = False, True
        rows, cols = (places.astype(np.int32) for places in np.nonzero(observed))
        sampling, fit = Sampling(rows, cols, observed.shape), triplets_of(left, right, 2)
        leverage = leverages(sampling, fit.left, fit.right)
        unchecked = _unchecked_entries(sampling, fit, np.random.default_rng(draw))
        np.testing.assert_array_equal(unchecked, leverage > 1 - 1e-9)
        assert unchecked.sum() == 2

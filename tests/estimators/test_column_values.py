"""What the observed entries of a column say about the ones to fill: their range and their decimals."""

import numpy as np

from rankfall.estimators.column_values import ColumnValues


def test_decimals_and_range_are_those_of_the_column():
    columns = [[1.0, 3.0, -2.0], [0.5, 1.0, 2.5], [0.25, 1.5, 3.0], [np.pi, np.e, 1.0]]
    cols = np.repeat(np.arange(4), 3)
    found = ColumnValues.read(cols, np.concatenate(columns), 5)
    np.testing.assert_array_equal(found.decimals[:3], [0, 1, 2])
    np.testing.assert_array_equal(found.low, [-2, 0.5, 0.25, 1, -np.inf])
    np.testing.assert_array_equal(found.high, [3, 2.5, 3, np.pi, np.inf])
    dressed = found.dressed(np.array([[2.4, 1.26, 0.333, 1.23456789, 1.23456789], [7.0] * 5]), slice(None))
    np.testing.assert_array_equal(dressed, [[2, 1.3, 0.33, 1.23456789, 1.23456789], [3, 2.5, 3, np.pi, 7]])


def test_large_whole_numbers_are_whole():
    found = ColumnValues.read(np.zeros(3, dtype=int), np.array([1e6, 2.5e9, -3e12]), 1)
    assert found.decimals[0] == 0


def test_a_column_that_was_never_seen_is_free():
    found = ColumnValues.read(np.zeros(2, dtype=int), np.array([1.0, 2.0]), 1)
    np.testing.assert_array_equal(found.dressed(np.array([9.75, 9.75]), np.array([0, -1])), [2, 9.75])

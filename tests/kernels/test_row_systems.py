"""Normal equations and sparse products are NumPy's, whatever the number of threads."""

import numpy as np
import pytest
import scipy.sparse

from rankfall.kernels.observed import line_starts
from rankfall.kernels.row_systems import normal_equations
from rankfall.kernels.sparse_products import Multiplier

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("width", [1, 2, 5, 11, 40])
@pytest.mark.parametrize("worth", [0, 2**30])
def test_normal_equations_are_those_of_each_row(width, weighted, dtype, worth, monkeypatch):
    monkeypatch.setattr("rankfall.kernels.row_systems.WORTH_THREADS", worth)
    rng = np.random.default_rng(0)
    lines = np.sort(rng.choice([0, 1, 3, 4], 30))
    features, values, weights = rng.standard_normal((30, width)), rng.standard_normal(30), rng.random(30)
    features, values, weights = (part.astype(dtype) for part in (features, values, weights))
    grams, sides = normal_equations(line_starts(lines, 6), features, values, weights if weighted else None)
    assert grams.dtype == sides.dtype == dtype
    for line in range(6):
        mine, share = features[lines == line], (weights if weighted else np.ones(30, dtype))[lines == line]
        tolerance = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(grams[line], mine.T @ (share[:, None] * mine), atol=tolerance)
        np.testing.assert_allclose(sides[line], mine.T @ (share * values[lines == line]), atol=tolerance)
        np.testing.assert_array_equal(grams[line], grams[line].T)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("worth", [0, 2**30])
@pytest.mark.parametrize("width", [1, 4])
def test_a_sparse_matrix_times_a_dense_one(width, worth, dtype, monkeypatch):
    monkeypatch.setattr("rankfall.kernels.sparse_products.WORTH_THREADS", worth)
    rng = np.random.default_rng(1)
    table = np.where(rng.random((40, 13)) < 0.3, rng.standard_normal((40, 13)), 0)
    table[[0, 17]] = 0
    dense = rng.standard_normal((width, 13)).astype(dtype).T
    forth, back = scipy.sparse.csr_array(table), scipy.sparse.csc_array(table.T)
    for found in (Multiplier.of(forth)(dense), Multiplier.of(back).transposed(dense)):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, table @ dense, atol=100 * np.finfo(dtype).eps)

"""The compiled passes are the NumPy formula, and their bits do not depend on the number of threads."""

import numba
import numpy as np
import pytest

from rankfall.kernels.batched_entries import TableEntries
from rankfall.kernels.entry_costs import ABSOLUTE, HUBER, LOGISTIC, SQUARED
from rankfall.kernels.observed import Entries, predict
from rankfall.kernels.stacks import multiply
from tests.helpers.kernel_cases import random_case, threads

DTYPES = [np.float32, np.float64]


@pytest.fixture(params=["rows of any width", "rows in lanes"])
def passes(request, monkeypatch):
    """Both ways to pass over the entries; a list is long, and its rows are in lanes, from so much work on."""
    monkeypatch.setattr("rankfall.kernels.lane_passes.LONG", 0 if request.param == "rows in lanes" else 2**40)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(17, 11, 3), (1, 30, 1), (30, 1, 2), (40, 25, 7), (40, 25, 20), (40, 25, 70)])
@pytest.mark.usefixtures("passes")
def test_pulls_are_the_numpy_formula(shape, weighted, dtype):
    m, n, k = shape
    entries, rows, cols, values, weights, left, right = random_case(m, n, k, 0.4, dtype, weighted)
    loss, row_pulls, column_pulls = entries.loss_and_products(values, weights, left, right)
    left64, right64 = left.astype(np.float64), right.astype(np.float64)
    residual = (left64 @ right64.T)[rows, cols] - values
    pull = np.zeros((m, n))
    pull[rows, cols] = residual * (weights if weighted else 1)
    # sums of at most n·k terms of size 1
    tolerance = n * m * np.finfo(dtype).eps
    np.testing.assert_allclose(loss, np.sum(residual * pull[rows, cols]), rtol=tolerance)
    np.testing.assert_allclose(row_pulls, pull @ right64, atol=10 * tolerance)
    np.testing.assert_allclose(column_pulls, pull.T @ left64, atol=10 * tolerance)
    assert row_pulls.dtype == column_pulls.dtype == dtype


@pytest.mark.parametrize("tile", [3, 100])
@pytest.mark.parametrize("kind", [SQUARED, HUBER])
@pytest.mark.usefixtures("passes")
def test_chunks_of_lines_change_no_bit(kind, tile, monkeypatch):
    case = random_case(40, 25, 7, 0.4, np.float64, weighted=True)
    entries = Entries(case[0].rows, case[0].columns, case[0].shape, tile)
    answers = []
    for worth in (2**30, 0):
        monkeypatch.setattr("rankfall.kernels.observed.WORTH_THREADS", worth)
        loss, *pulls = entries.loss_and_products(*case[3:], kind, 0.3)
        answers.append([loss, *pulls, entries.predict(*case[5:]), *entries.products(case[3], *case[5:])])
    for one, other in zip(*answers, strict=True):
        np.testing.assert_array_equal(one, other)
    slopes = np.zeros((40, 25))
    slopes[entries.rows, entries.columns] = case[3]
    np.testing.assert_allclose(answers[0][-2], slopes @ case[6], atol=1e-12)
    np.testing.assert_allclose(answers[0][-1], slopes.T @ case[5], atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tile", [1, 7, 100])
@pytest.mark.usefixtures("passes")
def test_tiles_change_no_bit(tile, dtype):
    case = random_case(40, 25, 7, 0.4, dtype, weighted=True)
    whole = case[0].loss_and_products(*case[3:])
    tiled = Entries(case[0].rows, case[0].columns, case[0].shape, tile).loss_and_products(*case[3:])
    assert whole[0] == tiled[0]
    for one, other in zip(whole[1:], tiled[1:], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread is all there is")
@pytest.mark.usefixtures("passes")
def test_bits_do_not_depend_on_threads(dtype):
    case = random_case(300, 200, 5, 0.1, dtype, True)
    entries, rows, cols, values, weights, left, right = case
    answers = []
    for count in (1, 2):
        with threads(count):
            fresh = Entries(entries.rows, entries.columns, entries.shape)
            loss, row_pulls, column_pulls = fresh.loss_and_products(values, weights, left, right)
            answers.append(
                (loss, row_pulls.tobytes(), column_pulls.tobytes(), predict(rows, cols, left, right).tobytes())
            )
    assert answers[0] == answers[1]


@pytest.mark.parametrize("kept", [[], [0], [7], [3, 4]])
@pytest.mark.usefixtures("passes")
def test_lines_without_entries_are_pulled_by_nothing(kept):
    m, n = 8, 6
    rows = np.asarray([i for i in kept for _ in range(2)], dtype=np.int32)
    cols = np.asarray([j for _ in kept for j in (1, 4)], dtype=np.int32)
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((m, 2)), rng.standard_normal((n, 2))
    values = rng.standard_normal(rows.size)
    loss, row_pulls, column_pulls = Entries(rows, cols, (m, n)).loss_and_products(values, np.empty(0), left, right)
    others = np.setdiff1d(np.arange(m), kept)
    assert (loss > 0) == bool(kept)
    assert not row_pulls[others].any()
    assert not column_pulls[[0, 2, 3, 5]].any()


def test_predictions_are_the_product_at_the_positions():
    rng = np.random.default_rng(2)
    left, right = rng.standard_normal((9, 4)), rng.standard_normal((7, 4))
    rows, cols = rng.integers(0, 9, 50), rng.integers(0, 7, 50)
    np.testing.assert_allclose(predict(rows, cols, left, right), (left @ right.T)[rows, cols], rtol=1e-13)


@pytest.mark.usefixtures("passes")
def test_a_residual_that_is_not_a_number_stays_visible():
    entries, rows, _, values, weights, left, right = random_case(6, 5, 2, 0.5, np.float64, False)
    values[0] = np.nan
    loss, row_pulls, _ = entries.loss_and_products(values, weights, left, right)
    assert np.isnan(loss)
    assert np.isnan(row_pulls[rows[0]]).all()


def random_tables(count, m, n, k, dtype, seed=0):
    rng = np.random.default_rng(seed)
    masks = rng.random((count, m, n)) < 0.3
    masks[count // 2] = False
    table, rows, cols = np.nonzero(masks)
    values, shares = rng.choice([-1.0, 1.0], table.size).astype(dtype), rng.random(table.size).astype(dtype)
    left, right = (rng.standard_normal((count, lines, k)).astype(dtype) for lines in (m, n))
    return TableEntries(table, rows, cols, count, (m, n)), values, shares, left, right


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [SQUARED, HUBER, ABSOLUTE, LOGISTIC])
def test_every_table_of_many_is_the_table_alone(kind, dtype):
    entries, values, shares, left, right = random_tables(5, 7, 4, 3, dtype)
    losses, row_pulls, column_pulls = entries.loss_and_products(values, shares, left, right, kind, 0.3)
    for t in range(5):
        mine = entries.table == t
        alone = Entries(entries.rows[mine].astype(np.int32), entries.columns[mine].astype(np.int32), (7, 4))
        # an entry without weights of its own counts as one; a table may have no entry
        expected = alone.loss_and_products(values[mine], shares[mine], left[t], right[t], kind, 0.3)
        if not mine.any():
            expected = 0.0, np.zeros_like(left[t]), np.zeros_like(right[t])
        np.testing.assert_allclose(losses[t], expected[0], rtol=20 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(row_pulls[t], expected[1])
        np.testing.assert_array_equal(column_pulls[t], expected[2])


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread is all there is")
def test_bits_of_many_tables_do_not_depend_on_threads(monkeypatch):
    entries, *rest = random_tables(9, 30, 20, 5, np.float64)
    serial = entries.loss_and_products(*rest)
    monkeypatch.setattr("rankfall.kernels.batched_entries.WORTH_THREADS", 1)
    for one, other in zip(serial, entries.loss_and_products(*rest), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", [(3, 3, 3), (1, 5, 2), (4, 1, 4), (30, 20, 10)])
@pytest.mark.parametrize("count", [1, 20])
def test_products_of_stacks(count, shapes, dtype):
    (m, k, n), rng = shapes, np.random.default_rng(0)
    # views of longer rows and transposes, as a chain's layers are
    left = rng.standard_normal((count, m * k + 5)).astype(dtype)[:, 2 : 2 + m * k].reshape(count, m, k)
    right = rng.standard_normal((count, n, k)).astype(dtype).mT
    place = np.empty((count, m * n + 3), dtype)[:, 1 : 1 + m * n].reshape(count, m, n)
    tolerance = 10 * k * np.finfo(dtype).eps
    np.testing.assert_allclose(multiply(left, right), left @ right, atol=tolerance)
    assert multiply(left, right, place) is place
    np.testing.assert_allclose(place, left @ right, atol=tolerance)

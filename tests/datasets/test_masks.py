"""Which entries are observed: masks and planted ratings, their laws and their size."""

import math
import tracemalloc

import numpy as np
import pytest

from rankfall.datasets import (
    at_least_one_each,
    planted_ratings,
    power_law_entries,
    uniform_entries,
)
from rankfall.errors import InputError

# Five standard deviations: a false alarm once in a million draws, and the seeds are fixed.
SIGMAS = 5.0

# (shape, count, exponent): both ways of drawing, sparse and dense, thin tables, full tables.
MASKS = [
    ((100, 100), 2000, 0.0),
    ((100, 100), 10_000, 1.0),
    ((7, 2000), 300, 0.5),
    ((1, 9), 9, 3.0),
    ((60_000, 20_000), 50_000, 0.0),
    ((60_000, 20_000), 50_000, 0.8),
    ((60_000, 20_000), 50_000, (1.0, 0.0)),
    ((60_000, 20_000), 50_000, 1.3),
    ((3000, 3000), 900_000, 0.7),
]


@pytest.mark.parametrize(("shape", "count", "exponent"), MASKS)
def test_masks_are_unique_sorted_in_range_and_reproducible(shape, count, exponent):
    rows, cols = power_law_entries(shape, count, exponent, seed=5)
    assert rows.size == cols.size == count
    assert rows.min() >= 0
    assert rows.max() < shape[0]
    assert cols.min() >= 0
    assert cols.max() < shape[1]
    assert np.all(np.diff(rows * shape[1] + cols) > 0)
    again = power_law_entries(shape, count, exponent, seed=5)
    assert np.array_equal(rows, again[0])
    assert np.array_equal(cols, again[1])
    if count < shape[0] * shape[1]:
        other = power_law_entries(shape, count, exponent, seed=6)
        assert not (np.array_equal(rows, other[0]) and np.array_equal(cols, other[1]))


@pytest.mark.parametrize("shape", [(50, 40), (50_000, 40_000)])
def test_uniform_entries_prefer_no_quarter(shape):
    """Counts in the four quarters are hypergeometric with mean count/4."""
    count = 1000
    rows, cols = uniform_entries(shape, count, seed=2)
    quarter = 2 * (rows >= shape[0] // 2) + (cols >= shape[1] // 2)
    error = math.sqrt(count * 3 / 16)
    assert np.bincount(quarter, minlength=4) == pytest.approx(np.full(4, count / 4), abs=SIGMAS * error)


@pytest.mark.parametrize("shape", [(200, 20_000), (200, 60_000)])
def test_power_law_has_its_exponent(shape):
    """With few entries drawn hardly any repeats, so the rows share them as ∫ x^{−a} dx says."""
    count, exponent = 20_000, 0.5
    rows, _ = power_law_entries(shape, count, (exponent, 0.0), seed=1)
    sizes = np.sort(np.bincount(rows, minlength=shape[0]))[::-1]
    share = sizes[:20].sum() / count
    assert share == pytest.approx((21**0.5 - 1) / (201**0.5 - 1), abs=0.01)
    flat, _ = power_law_entries(shape, count, (0.0, exponent), seed=1)
    assert np.bincount(flat).max() < 2 * count / shape[0]


def test_both_ways_of_drawing_have_the_same_law():
    """Expected hits of the most popular row, over seeds: clocks (small table) against repeats."""
    from rankfall.datasets import masks

    m, n, count, exponent = 40, 50, 120, 1.0
    row_rates, col_rates = (masks._popularity(size, exponent) for size in (m, n))
    tops = {"clocks": [], "repeats": []}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        keys = masks._first_to_ring(row_rates, col_rates, count, rng)
        tops["clocks"].append(np.count_nonzero(keys // n == 0))

        def draw(size, rng=rng):
            first = masks._ranks(rng, m, size, exponent)
            return first * n + masks._ranks(rng, n, size, exponent)

        keys = masks._distinct(draw, count, exponent)
        tops["repeats"].append(np.count_nonzero(keys // n == 0))
    clocks, repeats = (np.array(hits) for hits in tops.values())
    error = math.sqrt((clocks.var() + repeats.var()) / 300)
    assert clocks.mean() == pytest.approx(repeats.mean(), abs=SIGMAS * error)


def test_masks_and_ratings_never_hold_the_table():
    """3.7e9 positions: the peak stays a small multiple of the 16 bytes an entry needs."""
    shape, count = (138_000, 27_000), 400_000
    tracemalloc.start()
    rows, cols, values = planted_ratings(shape, count, rank=8, noise=0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    factors = 8 * 8 * sum(shape) * 2
    assert peak < 120 * count + factors
    assert rows.size == cols.size == values.size == count


def test_planted_ratings_are_signal_plus_noise():
    """With no noise the observed table has the planted rank; variances are 1 and 1 + noise²."""
    shape = (40, 30)
    rows, cols, values = planted_ratings(shape, 1200, rank=3, noise=0, dtype=np.float64, exponent=0.0)
    table = np.full(shape, np.nan)
    table[rows, cols] = values
    assert np.linalg.matrix_rank(table) == 3
    signal = planted_ratings((900, 800), 30_000, rank=40, noise=0, seed=4)[2]
    noisy = planted_ratings((900, 800), 30_000, rank=40, noise=0.5, seed=4)[2]
    assert signal.dtype == noisy.dtype == np.float32
    assert np.var(signal) == pytest.approx(1.0, abs=0.05)
    assert np.std(noisy - signal) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("exponent", [0.0, 1.5])
def test_at_least_one_each_reaches_all_and_keeps_the_number(exponent):
    shape, count = (60, 90), 151
    rows, cols = power_law_entries(shape, count, exponent, seed=3)
    assert np.unique(rows).size < 60 or np.unique(cols).size < 90
    new_rows, new_cols = at_least_one_each(rows, cols, shape, seed=3)
    assert new_rows.size == count
    assert np.unique(new_rows).size == 60
    assert np.unique(new_cols).size == 90
    assert np.all(np.diff(new_rows * 90 + new_cols) > 0)
    kept = np.isin(new_rows * 90 + new_cols, rows * 90 + cols)
    assert np.count_nonzero(~kept) <= 60 + 90 - np.unique(rows).size - np.unique(cols).size
    same = at_least_one_each(new_rows, new_cols, shape, seed=8)
    assert np.array_equal(same[0], new_rows)
    assert np.array_equal(same[1], new_cols)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: uniform_entries((3, 4), 13), "count must lie between 1 and 12"),
        (lambda: uniform_entries((3, 4), 0), "count must lie between 1 and 12"),
        (lambda: power_law_entries((3, 4), 5, -1.0), "exponent must lie between 0 and 10"),
        (lambda: power_law_entries((10**5, 10**5), 10**4, 6), "exponent must be flat enough"),
        (lambda: planted_ratings((30, 40), 50, rank=0), "rank must be at least 1"),
        (lambda: planted_ratings((30, 40), 50, noise=-1.0), "noise must not be negative"),
        (lambda: planted_ratings((30, 40), 50, dtype=np.int32), "real floating type"),
        (
            lambda: at_least_one_each(np.arange(3), np.arange(3), (3, 4)),
            "there must be at least 7",
        ),
        (
            lambda: at_least_one_each(np.arange(9), np.arange(9), (3, 4)),
            "positions must lie inside",
        ),
    ],
)
def test_masks_refuse_in_a_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()

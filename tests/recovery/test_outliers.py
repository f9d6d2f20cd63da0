"""Grossly wrong entries are found, left out and told; where none is wrong, none is left out."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.datasets import planted, uniform_entries
from rankfall.recovery import recover


def with_wrong_entries(seed, oversampling, share, noise=0.0, size=60, rank=2):
    """A problem, its truth, and the (row, column) of the entries that were moved by 3 to 20 times their size."""
    rng = np.random.default_rng([seed, 9])
    truth = planted((size, size), rank, condition=10.0, seed=seed)
    rows, cols = uniform_entries(truth.shape, round(oversampling * rank * (2 * size - rank)), seed=seed)
    unit = np.sqrt(np.mean(truth**2))
    values = truth[rows, cols] + noise * unit * rng.standard_normal(rows.size)
    wrong = np.sort(rng.choice(rows.size, round(share * rows.size), replace=False))
    values[wrong] += unit * rng.choice([-1, 1], wrong.size) * rng.uniform(3, 20, wrong.size)
    problem = rf.Completion.from_triplets(rows, cols, values, truth.shape)
    return problem, truth, set(zip(rows[wrong].tolist(), cols[wrong].tolist(), strict=True))


def left_out(found):
    return {tuple(place) for place in found.outliers.tolist()}


def worst_in_block(found, truth):
    block = np.ix_(found.certificate.rows, found.certificate.cols)
    return np.abs(found.product.product - truth)[block].max() / np.abs(truth).max()


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_wrong_entries_are_found_and_the_matrix_is_exact_without_them(share):
    problem, truth, wrong = with_wrong_entries(0, 2.5, share)
    assert not recover(problem, attempts=1).certificate.count
    found = recover(problem, outliers=0.06)
    assert left_out(found) == wrong
    assert (found.rank, found.is_exact) == (2, True)
    assert found.certificate.count > 100
    assert worst_in_block(found, truth) < 1e-8
    assert f"{len(wrong)} of {problem.values.size} entries are left out" in found.status


def test_with_noise_the_wrong_entries_are_found_and_the_noise_is_that_of_the_others():
    problem, truth, wrong = with_wrong_entries(1, 3.0, 0.03, noise=1e-2)
    found = recover(problem, outliers=0.05)
    assert wrong <= left_out(found)
    assert len(left_out(found) - wrong) <= 2
    assert found.rank == 2
    assert found.noise == pytest.approx(1e-2 * np.sqrt(np.mean(truth**2)), rel=0.2)


@pytest.mark.parametrize("noise", [0.0, 1e-2])
def test_nothing_is_left_out_where_nothing_is_wrong(noise):
    problem, truth, _ = with_wrong_entries(20, 2.5, 0.0, noise)
    found = recover(problem, outliers=0.05)
    assert len(found.outliers) == 0
    assert "left out" not in found.status
    assert found.rank == 2
    if noise == 0:
        assert worst_in_block(found, truth) < 1e-8


def test_a_line_whose_entries_nothing_checks_is_not_vouched_for():
    """A row with as many entries as the rank fits whatever they are, also where one is wrong."""
    problem, truth, _ = with_wrong_entries(2, 3.0, 0.0)
    kept = problem.rows != 5
    kept[np.flatnonzero(problem.rows == 5)[:2]] = True
    few = rf.Completion.from_triplets(problem.rows[kept], problem.cols[kept], problem.values[kept], problem.shape)
    assert recover(few).certificate.rows[5]
    found = recover(few, outliers=0.05)
    assert not found.certificate.rows[5]
    assert found.certificate.count > 100
    assert worst_in_block(found, truth) < 1e-8


def test_weights_of_zero_and_the_order_of_entries_keep_their_places():
    problem, _truth, wrong = with_wrong_entries(0, 2.5, 0.05)
    dropped = sorted(wrong)[0]
    weights = np.where((problem.rows == dropped[0]) & (problem.cols == dropped[1]), 0.0, 1.0)
    weighed = rf.Completion.from_triplets(
        problem.rows[::-1], problem.cols[::-1], problem.values[::-1], problem.shape, weights=weights[::-1]
    )
    assert left_out(recover(weighed, outliers=0.05)) == wrong - {dropped}


@pytest.mark.slow
def test_certified_cells_are_right_in_many_draws_with_wrong_entries():
    found_all = certified = 0
    for seed in range(60):
        problem, truth, wrong = with_wrong_entries(seed, 1.5 + seed % 3 / 2, 0.01 * (1 + seed % 5))
        found = recover(problem, outliers=0.06, attempts=3)
        found_all += left_out(found) >= wrong
        if found.is_exact and found.certificate.count:
            certified += 1
            assert worst_in_block(found, truth) < 1e-6, seed
    assert certified > 40
    assert found_all > 40

"""Planted matrices come back exactly, with nothing told; what the entries do not determine is not claimed."""

import math

import numpy as np
import pytest

import rankfall as rf
from rankfall.recovery import certify, recover, suggest_cells
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import triplets_of


def planted_holes(shape=(60, 50), rank=3, oversampling=1.8, condition=10.0, seed=0):
    rng = np.random.default_rng(seed)
    frames = [np.linalg.qr(rng.standard_normal((size, rank)))[0] for size in shape]
    truth = (frames[0] * np.geomspace(condition, 1, rank)) @ frames[1].T
    count = round(oversampling * rank * (sum(shape) - rank))
    observed = rng.permutation(truth.size)[:count]
    holes = np.full(truth.size, np.nan)
    holes[observed] = truth.ravel()[observed]
    return truth, holes.reshape(shape)


def right_where_determined(found, truth):
    """Every determined cell is right; up to the noise told, in the root of the mean square, where there is any."""
    block = np.ix_(found.certificate.rows, found.certificate.cols)
    wrong = np.abs(found.product.product - truth)[block]
    if not wrong.size:
        return True
    if not found.is_exact:
        return np.sqrt(np.mean(wrong**2)) < 3 * found.noise
    return wrong.max() < 1e-6 * np.abs(truth).max()


@pytest.mark.parametrize("condition", [1.0, 1e4])
@pytest.mark.parametrize("depth", [math.inf, 4])
def test_planted_matrices_are_recovered_without_being_told_the_rank(condition, depth):
    truth, holes = planted_holes(condition=condition)
    found = recover(rf.Completion.from_array(holes), depth=depth)
    assert (found.rank, found.is_exact, found.noise) == (3, True, 0.0)
    assert found.residual < 1e-11
    assert found.certificate.count >= 100
    assert right_where_determined(found, truth)
    assert found.path
    assert found.path[-1].residual < found.path[0].residual


def test_every_determined_cell_is_right_close_to_the_limit():
    exact = 0
    for seed in range(5):
        truth, holes = planted_holes((40, 40), 2, 1.3, seed=seed)
        found = recover(rf.Completion.from_array(holes))
        assert right_where_determined(found, truth), seed
        exact += found.is_exact and found.certificate.count > 60
    assert exact >= 4


def test_units_do_not_matter_and_runs_repeat_to_the_bit():
    _truth, holes = planted_holes()
    one, again = (recover(rf.Completion.from_array(holes)) for _ in range(2))
    np.testing.assert_array_equal(one.product.left, again.product.left)
    huge = recover(rf.Completion.from_array(holes * 2.0**200))
    np.testing.assert_allclose(huge.product.product * 2.0**-200, one.product.product, rtol=1e-9)


def test_float32_values_are_exact_up_to_their_rounding():
    truth, holes = planted_holes(oversampling=2.5)
    found = recover(rf.Completion.from_array(holes.astype(np.float32)))
    assert (found.rank, found.is_exact) == (3, True)
    assert np.abs(found.product.product - truth).max() < 1e-4 * np.abs(truth).max()


def test_rows_that_the_entries_do_not_determine_are_named_and_no_others():
    truth, holes = planted_holes(oversampling=2.5)
    full = recover(rf.Completion.from_array(holes)).certificate
    holes[7] = np.nan
    holes[11, np.flatnonzero(~np.isnan(holes[11]))[2:]] = np.nan
    found = recover(rf.Completion.from_array(holes))
    assert found.is_exact
    assert found.rank == 3
    assert set(np.flatnonzero(full.rows & ~found.certificate.rows)) == {7, 11}
    assert right_where_determined(found, truth)
    assert "rows" in found.status


def test_two_blocks_that_share_nothing_are_not_certified_against_each_other():
    """Each block is complete, but the cells between them can be anything: only one block may be certified."""
    rng = np.random.default_rng(3)
    truth = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 30))
    observed = np.zeros((30, 30), bool)
    # block 1 has most of the rows, block 2 most of the columns
    observed[:18, :12] = observed[18:, 12:] = True
    u, values, vt = np.linalg.svd(truth)
    rows, cols = (a.astype(np.int32) for a in np.nonzero(observed))
    certificate = certify(Sampling(rows, cols, (30, 30)), triplets_of(u[:, :2] * values[:2], vt[:2].T, 2))
    certified = np.ix_(certificate.rows, certificate.cols)
    assert observed[certified].all()


def test_the_certificate_refuses_exact_fits_that_are_not_unique():
    """A rank-2 matrix with exactly as many entries as degrees of freedom, none redundant."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 12))
    observed = np.zeros((12, 12), bool)
    observed[:, :2] = observed[:2, :] = True
    u, values, vt = np.linalg.svd(truth)
    rows, cols = (a.astype(np.int32) for a in np.nonzero(observed))
    assert certify(Sampling(rows, cols, (12, 12)), triplets_of(u[:, :2] * values[:2], vt[:2].T, 2)).count == 0


def test_too_few_entries_are_told():
    found = recover(rf.Completion.from_triplets([0, 1, 2], [0, 1, 2], [1.0, 2.0, 3.0], (3, 3)))
    assert not found.is_exact
    assert found.rank == 0
    assert found.certificate.count == 0
    assert "too few" in found.status
    assert "degrees of freedom" in found.status


def test_entries_that_no_checkable_rank_explains_are_told():
    rng = np.random.default_rng(0)
    holes = np.where(rng.random((25, 25)) < 0.4, rng.standard_normal((25, 25)), np.nan)
    found = recover(rf.Completion.from_array(holes), attempts=1)
    assert not found.is_exact
    assert "no matrix of a rank up to" in found.status or "contradict" in found.status


def test_a_noisy_fit_of_exact_data_claims_no_more_than_its_noise():
    """Below the limit the tail of the matrix looks like noise: what is certified must be right up to that."""
    certified = 0
    for seed in (18, 19, 29, 0, 21):
        rng = np.random.default_rng([seed, 5])
        shape = (int(rng.integers(12, 60)), int(rng.integers(12, 60)))
        rank, condition = int(rng.integers(1, 6)), 10 ** rng.uniform(0, 4)
        truth, holes = planted_holes(shape, rank, rng.uniform(0.9, 1.15), condition, seed)
        found = recover(rf.Completion.from_array(holes), exact=False)
        certified += found.certificate.count > 0
        assert right_where_determined(found, truth), seed
    assert certified >= 2


def test_noise_is_certified_where_the_entries_hold_it_down():
    truth, holes = planted_holes((60, 50), 3, 3.0, 4.0)
    # row 5 keeps three entries, in columns that are nearly alike: they determine it, and amplify noise
    vectors = np.linalg.svd(truth)[2][:3].T
    triples = np.random.default_rng(0).choice(np.flatnonzero(~np.isnan(holes[5])), (50, 3))
    alike = [np.linalg.svd(vectors[t], compute_uv=False)[-1] if len(set(t.tolist())) == 3 else 1 for t in triples]
    holes[5, np.setdiff1d(np.arange(50), triples[np.argmin(alike)])] = np.nan
    size = np.sqrt(np.mean(truth**2))
    found = recover(
        rf.Completion.from_array(holes + 1e-2 * size * np.random.default_rng(1).standard_normal(truth.shape)),
        exact=False,
    )
    assert found.certificate.rows.mean() > 0.8
    assert found.certificate.cols.mean() > 0.9
    assert not found.certificate.rows[5]
    assert right_where_determined(found, truth)


@pytest.mark.parametrize("level", [1e-3, 1e-2])
def test_noise_is_measured_and_the_rank_still_found(level):
    truth, holes = planted_holes((60, 50), 3, 3.0, 4.0)
    deviation = level * np.sqrt(np.mean(truth**2))
    noise = deviation * np.random.default_rng(1).standard_normal(truth.shape)
    found = recover(rf.Completion.from_array(holes + noise), attempts=1)
    assert (found.rank, found.is_exact) == (3, False)
    assert found.noise == pytest.approx(deviation, rel=0.15)
    assert "contradict" in found.status
    # an oracle that knows the tangent space has about √(dof/|Ω|) of the noise
    assert np.sqrt(np.mean((found.product.product - truth) ** 2)) < 1.2 * deviation


def test_large_matrices_are_never_formed():
    rng = np.random.default_rng(0)
    size, rank = 4000, 2
    left, right = rng.standard_normal((size, rank)), rng.standard_normal((size, rank))
    keys = np.unique(rng.integers(size * size, size=16 * size))
    rows, cols = keys // size, keys % size
    problem = rf.Completion.from_triplets(rows, cols, np.einsum("ek,ek->e", left[rows], right[cols]), (size, size))
    found = recover(problem)
    i, j = rng.integers(size, size=(2, 2000))
    sure = found.certificate.determines(i, j)
    assert sure.mean() > 0.9
    assert found.rank == rank
    np.testing.assert_allclose(
        found.product.predict(i, j)[sure], np.einsum("ek,ek->e", left[i], right[j])[sure], atol=1e-6
    )


def test_suggested_cells_certify_more_than_random_ones():
    suggested, random = 0, 0
    for seed in range(3):
        truth, holes = planted_holes((40, 30), 2, 3.0, 4.0, seed)
        for row in range(5):
            holes[row, np.flatnonzero(~np.isnan(holes[row]))[row % 2 :]] = np.nan
        problem = rf.Completion.from_array(holes)
        before = recover(problem)
        cells = suggest_cells(problem, before, 8)
        assert 0 < len(cells) <= 8
        assert all(np.isnan(holes[cell]) for cell in cells)
        unknown = np.argwhere(np.isnan(holes))
        picked = unknown[np.random.default_rng(seed).choice(len(unknown), len(cells), replace=False)]
        gains = []
        for chosen in (np.asarray(cells), picked):
            fuller = holes.copy()
            fuller[chosen[:, 0], chosen[:, 1]] = truth[chosen[:, 0], chosen[:, 1]]
            gains.append(recover(rf.Completion.from_array(fuller)).certificate.count - before.certificate.count)
        suggested, random = suggested + gains[0], random + gains[1]
    assert suggested >= 9
    assert suggested > 2 * random


def test_suggestions_end_when_everything_is_certified_and_without_a_block_they_fill_the_emptiest():
    _, holes = planted_holes(oversampling=3.0)
    problem = rf.Completion.from_array(holes)
    found = recover(problem)
    assert found.certificate.is_complete
    assert suggest_cells(problem, found) == []
    sparse = rf.Completion.from_triplets([0, 1], [0, 1], [1.0, 2.0], (3, 3))
    cells = suggest_cells(sparse, recover(sparse), 2)
    assert cells[0][0] == 2
    assert len(cells) == 2


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"depth": 1}, "depth must be a whole number"),
        ({"attempts": 0}, "attempts must lie between 1 and 7"),
        ({"outliers": 0.25}, "outliers must be a share of the entries from 0 to below 0.25"),
        ({"outliers": -0.01}, "outliers must be a share"),
        ({"outliers": math.nan}, "outliers must be a share"),
        ({"tolerance": 0.0}, "tolerance must lie between 0 and 1"),
    ],
)
def test_arguments_out_of_range_are_refused(change, match):
    _, holes = planted_holes()
    with pytest.raises(rf.InputError, match=match):
        recover(rf.Completion.from_array(holes), **change)


def test_problems_that_are_no_table_of_values_are_refused():
    values = np.asarray([1.0, np.inf, 2.0])
    with pytest.raises(rf.InputError, match="finite"):
        rf.Completion.from_triplets([0, 1, 2], [0, 1, 0], values, (3, 2))
    with pytest.raises(rf.InputError, match="at least one entry"):
        rf.Completion.from_array(np.full((3, 3), np.nan))
    huber = rf.Completion.from_triplets([0, 1], [0, 1], [1.0, 2.0], (2, 2), loss=rf.problems.Huber(1.0))
    with pytest.raises(rf.InputError, match="squared loss"):
        recover(huber)
    with pytest.raises(rf.InputError, match="one table"):
        recover(rf.Completion.from_triplets([0, 1], [0, 1], np.ones((2, 2)), (2, 2)))


def test_zeros_determine_nothing():
    found = recover(rf.Completion.from_array(np.where(np.eye(4) > 0, np.nan, 0.0)))
    assert found.certificate.count == 0
    assert "zero" in found.status


@pytest.mark.slow
def test_no_certified_cell_is_wrong_in_many_small_draws():
    """All kinds of shapes, ranks and conditions at and below the limit, where most instances are not identifiable."""
    certified = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        shape = (int(rng.integers(12, 40)), int(rng.integers(12, 40)))
        rank, condition = int(rng.integers(1, 5)), 10 ** rng.uniform(0, 4)
        truth, holes = planted_holes(shape, rank, rng.uniform(0.9, 1.8), condition, seed)
        if np.isnan(holes).any():
            found = recover(rf.Completion.from_array(holes), attempts=3)
            certified += found.certificate.count > 0
            assert right_where_determined(found, truth), seed
    assert certified > 200

"""Symmetric tables: the answer is symmetric, both triangles count once, one triangle is as good as both."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.recovery import Symmetry, certify, recover, suggest_cells
from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.redundancy import redundancy_of
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import triplets_of


def distances(size, dimension, share, seed, diagonal=False):
    """Squared distances of points, of rank dimension + 2, and a symmetric part of them."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((size, dimension))
    table = ((points[:, None] - points[None]) ** 2).sum(-1)
    seen = np.triu(rng.random((size, size)) < share, 1)
    seen |= seen.T | (diagonal * np.eye(size, dtype=bool))
    return table, np.where(seen, table, np.nan)


def kernel(size, rank, share, seed):
    """A Gram matrix, its diagonal and a symmetric part of the rest."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((size, rank))
    seen = np.triu(rng.random((size, size)) < share, 1)
    return factor @ factor.T, np.where(seen | seen.T | np.eye(size, dtype=bool), factor @ factor.T, np.nan)


def is_right(found, truth):
    block = np.ix_(found.certificate.rows, found.certificate.cols)
    wrong = (found.product.product - truth)[block]
    return not wrong.size or np.abs(wrong).max() < (1e-6 if found.is_exact else 10 * found.noise) * np.abs(truth).max()


@pytest.mark.parametrize("diagonal", [False, True])
def test_a_distance_table_comes_back_symmetric(diagonal):
    truth, holes = distances(30, 2, 0.5, 0, diagonal)
    found = recover(rf.Completion.from_array(holes))
    assert (found.rank, found.is_exact, found.certificate.is_complete) == (4, True, True)
    np.testing.assert_allclose(found.product.product, truth, atol=1e-8 * truth.max())
    np.testing.assert_allclose(found.product.product, found.product.product.T, atol=1e-13 * truth.max())
    assert found.symmetry is Symmetry.SYMMETRIC
    assert "taken to be symmetric" in found.status
    np.testing.assert_array_equal(found.certificate.rows, found.certificate.cols)


def test_close_to_the_limit_the_answer_is_symmetric_and_no_certified_cell_is_wrong():
    for seed in range(8):
        truth, holes = distances(20, 1, 0.35, seed)
        found = recover(rf.Completion.from_array(holes), attempts=2)
        np.testing.assert_allclose(found.product.product, found.product.product.T, atol=1e-9 * truth.max())
        assert is_right(found, truth), seed


def test_a_diagonal_makes_symmetric_recovery_possible_where_a_general_matrix_is_not_determined():
    """n entries of the diagonal check a symmetric matrix, and say nothing of what is not symmetric in a general one."""
    for seed in (2, 54):
        truth, holes = kernel(20, 2, 0.2, seed)
        found = recover(rf.Completion.from_array(holes), attempts=1)
        assert (found.is_exact, found.certificate.is_complete) == (True, True), seed
        assert is_right(found, truth), seed
        free = recover(rf.Completion.from_array(holes), attempts=1, symmetric=False)
        assert free.certificate.count == 0, seed


def test_one_triangle_is_as_good_as_both_and_semidefinite_is_a_square():
    truth, holes = kernel(24, 2, 0.4, 0)
    both = recover(rf.Completion.from_array(holes))
    upper = np.where(np.triu(np.ones_like(truth)) > 0, holes, np.nan)
    one = recover(rf.Completion.from_array(upper), symmetric=True)
    np.testing.assert_array_equal(one.product.left, both.product.left)
    square = recover(rf.Completion.from_array(upper), semidefinite=True)
    np.testing.assert_array_equal(square.product.left, square.product.right)
    np.testing.assert_allclose(square.product.product, truth, atol=1e-8 * np.abs(truth).max())
    assert square.symmetry is Symmetry.SEMIDEFINITE


def test_twins_count_once():
    rng = np.random.default_rng(0)
    seen = np.triu(rng.random((12, 12)) < 0.7, 1)
    rows, cols = (a.astype(np.int32) for a in np.nonzero(seen | seen.T))
    general, symmetric = Sampling(rows, cols, (12, 12)), Sampling(rows, cols, (12, 12), Symmetry.SYMMETRIC)
    pairs = int(seen.sum())
    assert symmetric.numbers == pairs
    kept = np.ones(rows.size, bool)
    # n q − q (q − 1)/2 unknowns of a symmetric matrix, q (2n − q) of a general one
    assert redundancy_of(symmetric, 3, kept) == pairs - (12 * 3 - 3)
    assert redundancy_of(general, 3, kept) == 2 * pairs - 3 * (24 - 3)
    np.testing.assert_array_equal(symmetric.rows[symmetric.mirror], symmetric.cols)
    parted = kept.copy()
    parted[0] = False
    assert symmetric.select(parted).symmetry is Symmetry.GENERAL
    assert symmetric.select(symmetric.mirrored(parted)).symmetry is Symmetry.SYMMETRIC


def test_as_many_pairs_as_unknowns_do_not_certify_all_however_often_they_are_seen():
    """Of a general matrix the twins would check each other; of a symmetric one they are one number."""
    certified = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        frame = np.linalg.qr(rng.standard_normal((9, 2)))[0]
        truth = (frame * [2.0, -1.0]) @ frame.T
        places = rng.permutation(np.argwhere(np.triu(np.ones((9, 9)), 1)))[:17]
        seen = np.zeros((9, 9), bool)
        seen[places[:, 0], places[:, 1]] = seen[places[:, 1], places[:, 0]] = True
        rows, cols = (a.astype(np.int32) for a in np.nonzero(seen))
        fit = triplets_of(truth, np.eye(9), 2, Symmetry.SYMMETRIC)
        certified += certify(Sampling(rows, cols, (9, 9)), fit).is_complete
        # 17 pairs, 17 unknowns; a smaller block may have more pairs than unknowns
        assert not certify(Sampling(rows, cols, (9, 9), Symmetry.SYMMETRIC), fit).is_complete
    assert certified


def test_an_inexact_solution_is_made_symmetric():
    truth, holes = kernel(15, 3, 0.5, 1)
    rows, cols = (a.astype(np.int32) for a in np.nonzero(~np.isnan(holes)))
    sampling = Sampling(rows, cols, truth.shape, Symmetry.SYMMETRIC)
    fit = triplets_of(truth, np.eye(15), 2, Symmetry.SYMMETRIC)
    found = fit_tangent(sampling, truth[rows, cols], fit.left, fit.right, np.full(2, 0.1), iterations=2)
    tangent = found.left @ fit.right.T + fit.left @ found.right.T
    np.testing.assert_allclose(tangent, tangent.T, atol=1e-12)
    np.testing.assert_allclose(found.residual, (truth - tangent)[rows, cols], atol=1e-12)


def test_wrong_entries_of_a_symmetric_table_are_left_out_with_their_twins():
    truth, holes = kernel(40, 2, 0.5, 0)
    i, j = np.argwhere(np.triu(~np.isnan(holes), 1))[7]
    holes[i, j] = holes[j, i] = truth[i, j] + 20.0
    found = recover(rf.Completion.from_array(holes), outliers=0.02)
    assert {tuple(place) for place in found.outliers.tolist()} == {(i, j), (j, i)}
    assert found.symmetry is Symmetry.SYMMETRIC
    assert is_right(found, truth)


def test_noise_of_a_symmetric_table_is_measured_by_twins_held_out_together():
    truth, holes = kernel(40, 2, 0.5, 0)
    size = np.sqrt(np.mean(truth**2))
    noise = np.triu(np.random.default_rng(1).standard_normal(truth.shape)) * 1e-2 * size
    found = recover(rf.Completion.from_array(holes + np.triu(noise) + np.triu(noise, 1).T), exact=False)
    np.testing.assert_allclose(found.product.product, found.product.product.T, atol=1e-12 * size)
    assert (found.rank, found.is_exact) == (2, False)
    assert found.noise == pytest.approx(1e-2 * size, rel=0.15)
    assert found.certificate.is_complete
    assert np.sqrt(np.mean((found.product.product - truth) ** 2)) < found.noise


def test_suggested_cells_of_a_symmetric_table_are_no_twins_and_determine_it():
    truth, holes = kernel(24, 2, 0.5, 0)
    for line in (3, 9):
        holes[line] = holes[:, line] = np.nan
    problem = rf.Completion.from_array(holes)
    found = recover(problem)
    assert set(np.flatnonzero(~found.certificate.rows)) == {3, 9}
    cells = suggest_cells(problem, found)
    assert len(cells) == len({frozenset(cell) for cell in cells}) == 4
    for i, j in cells:
        holes[i, j] = holes[j, i] = truth[i, j]
    assert recover(rf.Completion.from_array(holes)).certificate.is_complete


def test_tables_that_are_not_symmetric_are_not_taken_to_be_and_refused_where_told():
    holes = kernel(24, 2, 0.5, 0)[1]
    i, j = np.argwhere(np.triu(~np.isnan(holes), 1))[0]
    holes[i, j] += 1.0
    problem = rf.Completion.from_array(holes)
    assert recover(problem, attempts=1).symmetry is Symmetry.GENERAL
    with pytest.raises(rf.InputError, match=f"equal entries.*row {i}, column {j}"):
        recover(problem, symmetric=True)
    with pytest.raises(rf.InputError, match="square"):
        recover(rf.Completion.from_array(holes[:5]), semidefinite=True)
    with pytest.raises(rf.InputError, match="semidefinite matrix is symmetric"):
        recover(problem, symmetric=False, semidefinite=True)

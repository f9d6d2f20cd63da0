"""Matrices come back from linear measurements as from entries; a certificate is for the whole matrix or for nothing."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.problems import Sensing
from rankfall.problems.stacked_operators import DenseOperator
from rankfall.problems.thin_operators import DiagonalOperator, RankOneOperator
from rankfall.recovery import Symmetry, recover
from rankfall.recovery.certificate import certify
from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.measurements import Measurements
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets

SHAPE, SIDE, RANK = (16, 13), 15, 2


def truth_of(kind, seed=0):
    rng = np.random.default_rng(seed)
    if kind == "general":
        return rng.standard_normal((SHAPE[0], RANK)) @ rng.standard_normal((RANK, SHAPE[1]))
    frame = rng.standard_normal((SIDE, RANK))
    return (frame * (1.0 if kind == "semidefinite" else np.asarray([1.0, -1.0]))) @ frame.T


def freedom_of(kind):
    return {"general": RANK * (sum(SHAPE) - RANK)}.get(kind, SIDE * RANK - RANK * (RANK - 1) // 2)


@pytest.mark.parametrize("kind", ["general", "symmetric", "semidefinite"])
@pytest.mark.parametrize("measured", [Sensing.gaussian, Sensing.rank_one])
def test_few_measurements_more_than_unknowns_are_enough(kind, measured):
    for seed in range(2):
        truth = truth_of(kind, seed)
        problem = measured(truth, round(1.3 * freedom_of(kind)), seed, symmetric=kind != "general")
        found = recover(problem, semidefinite=kind == "semidefinite")
        assert (found.rank, found.is_exact, found.certificate.is_complete) == (RANK, True, True), seed
        np.testing.assert_allclose(found.product.product, truth, atol=1e-8)
        assert found.symmetry is {"general": Symmetry.GENERAL, "symmetric": Symmetry.SYMMETRIC}.get(
            kind, Symmetry.SEMIDEFINITE
        )
        assert "measurements" in found.status


@pytest.mark.parametrize("kind", ["general", "symmetric", "semidefinite"])
@pytest.mark.parametrize("level", [1e-4, 0.05])
def test_noise_costs_what_it_costs_who_knows_the_tangent_space(kind, level):
    truth, count = truth_of(kind), 2 * freedom_of(kind)
    exact = Sensing.gaussian(truth, count, 0, symmetric=kind != "general")
    noise = level * np.std(exact.values)
    noisy = Sensing(exact.operator, exact.values + noise * np.random.default_rng(1).standard_normal(count))
    found = recover(noisy, semidefinite=kind == "semidefinite", attempts=1)
    assert (found.rank, found.is_exact, found.certificate.is_complete) == (RANK, False, True), found
    assert "measurements" in found.status
    assert "up to that noise" in found.status
    given = Measurements.as_given(noisy.operator, found.symmetry)
    left, _, right = np.linalg.svd(truth)
    tangents = given.tangents(left[:, :RANK], right[:RANK].T)
    seen, known = (given.whitening @ one for one in (noisy.values, exact.values))
    # what least squares in the tangent space takes of the noise, and what it leaves
    taken = tangents @ np.linalg.lstsq(tangents, seen - known)[0]
    left_over = np.linalg.norm(seen - known - taken) / np.sqrt(count - freedom_of(kind))
    ours = given.whitening @ noisy.operator.apply(found.product.product) - known
    assert np.linalg.norm(ours) < 1.15 * np.linalg.norm(taken)
    assert found.noise == pytest.approx(left_over * given.unit, rel=0.05)


def test_noise_that_hides_everything_is_told():
    problem = Sensing.gaussian(truth_of("general"), 70)
    values = np.random.default_rng(0).standard_normal(70)
    found = recover(Sensing(problem.operator, values), exact=False)
    assert found.certificate.count == 0
    assert not found.is_exact
    assert "measurements" in found.status


@pytest.mark.parametrize("kind", ["general", "symmetric"])
def test_no_more_measurements_than_unknowns_certify_nothing(kind):
    truth = truth_of(kind)
    found = recover(Sensing.gaussian(truth, freedom_of(kind), symmetric=kind != "general"), attempts=1)
    assert found.certificate.count == 0


def test_orthonormal_measurements_say_the_same_and_repeated_ones_nothing_new():
    rng = np.random.default_rng(0)
    stack = rng.standard_normal((9, 5, 4))
    measured = Measurements.of(DenseOperator(np.concatenate([stack, stack[:3]])), Symmetry.GENERAL)
    rows = measured.matrices.reshape(measured.count, -1)
    assert measured.count == measured.numbers == 9
    np.testing.assert_allclose(rows @ rows.T, np.eye(9), atol=1e-10)
    left, right = rng.standard_normal((5, 2)), rng.standard_normal((4, 2))
    entries, thin = rng.standard_normal(9), rng.standard_normal((4, 3))
    # ⟨z, P(L Rᵀ)⟩ = ⟨P*(z) R, L⟩ = ⟨P*(z)ᵀ L, R⟩
    inner = entries @ measured.read(left, right)
    np.testing.assert_allclose(inner, np.vdot(measured.times(entries, right), left))
    np.testing.assert_allclose(inner, np.vdot(measured.transposed_times(entries, left), right))
    assert measured.times(entries, thin).shape == (5, 3)


def test_entries_as_measurements_are_solved_as_entries():
    """The direct solution of the frozen problem is what conjugate gradients find on the same entries."""
    rng = np.random.default_rng(1)
    shape, keys = (9, 8), np.sort(rng.choice(72, 50, replace=False))
    rows, cols = (a.astype(np.int32) for a in np.divmod(keys, 8))
    sampling = Sampling(rows, cols, shape)
    operator = RankOneOperator(np.eye(9)[rows], np.eye(8)[cols])
    measured = Measurements.of(operator, Symmetry.GENERAL)
    left, right = (np.linalg.qr(rng.standard_normal((side, 2)))[0] for side in shape)
    values, charge = rng.standard_normal(50), np.asarray([0.1, 0.5])
    one = fit_tangent(sampling, values, left, right, charge, tolerance=1e-13, iterations=2000)
    other = fit_tangent(measured, measured.whitening @ values, left, right, charge)
    np.testing.assert_allclose(other.left, one.left, atol=1e-9)
    np.testing.assert_allclose(other.right, one.right, atol=1e-9)


def test_a_measurement_that_no_other_checks_is_no_check_itself():
    """All but one measurement see a block; what the last one sees outside of it, it alone determines."""
    rng = np.random.default_rng(2)
    u, v = rng.standard_normal((6, 1)), rng.standard_normal((6, 1))
    stack = np.zeros((21, 6, 6))
    stack[:20, :5] = rng.standard_normal((20, 5, 6))
    stack[20, 5, 0] = 1.0
    fit = Triplets(u / np.linalg.norm(u), np.ones(1), v / np.linalg.norm(v))
    assert certify(Measurements.of(DenseOperator(stack), Symmetry.GENERAL), fit).count == 0
    stack[20] = rng.standard_normal((6, 6))
    assert certify(Measurements.of(DenseOperator(stack), Symmetry.GENERAL), fit).count == 0
    more = np.concatenate([stack, rng.standard_normal((1, 6, 6))])
    assert certify(Measurements.of(DenseOperator(more), Symmetry.GENERAL), fit).is_complete


def test_a_diagonal_sees_nothing_of_the_rest():
    truth = truth_of("symmetric")
    entries = np.random.default_rng(0).standard_normal((40, SIDE))
    operator = DiagonalOperator(entries, (SIDE, SIDE))
    found = recover(Sensing.of(operator, truth), attempts=1)
    assert found.certificate.count == 0


def test_what_cannot_be_had_is_told_or_refused():
    truth = truth_of("general")
    problem = Sensing.gaussian(truth, 60)
    few = recover(Sensing.gaussian(truth, 10))
    assert "too few" in few.status
    zero = recover(Sensing.gaussian(np.zeros(SHAPE), 60))
    assert "zero" in zero.status
    for change, match in (
        ({"outliers": 0.1}, "outliers are found among observed entries"),
        ({"symmetric": True}, "square"),
        ({"semidefinite": True, "symmetric": False}, "semidefinite matrix is symmetric"),
    ):
        with pytest.raises(rf.InputError, match=match):
            recover(problem, **change)
    with pytest.raises(rf.InputError, match="one table"):
        recover(Sensing(problem.operator, np.ones((2, 60))))
    with pytest.raises(rf.InputError, match="entries or linear measurements"):
        recover(rf.problems.Factorization(truth))

"""Claims on particular problems: recognized on their instances, judged there, and not applied elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.theory import check
from rankfall.theory.check_instances import check_corner
from tests.helpers.checked_runs import CONTRACTION, MARGIN, ORDER, STAIRS, TIMES, claims, path_of, walked, why_not

pytestmark = pytest.mark.trusted


@pytest.mark.parametrize("depth", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_unmixed_modes_escape_as_the_closed_form_says(depth):
    found = claims(check(walked(STAIRS, depth, rf.Identity(1e-2), rf.Flow(1e-5))))
    assert found[TIMES].holds
    assert found[TIMES].measured < 2e-3
    assert found[ORDER].measured == 0
    assert "4 escapes" in found[ORDER].why


@pytest.mark.parametrize("integrator", [rf.Flow(1e-4), rf.Descent(rf.Gradient(1e-2))], ids=repr)
@pytest.mark.parametrize("depth", [1, 3])
def test_a_start_near_a_full_target_is_certified_and_keeps_the_promise(integrator, depth):
    problem = rf.problems.Factorization(np.diag([3.0, 2.5, 2.2]))
    start = rf.models.FromLayers([2.5 ** (1 / depth) * np.eye(3)] * depth)
    reports = check(walked(problem, depth, start, integrator))
    assert reports.holds, reports
    found = claims(reports)
    assert found[MARGIN].measured > found[MARGIN].bound > 1
    assert CONTRACTION in found
    assert any("Lemma 1" in claim.source for claim in reports) == isinstance(integrator, rf.Descent)


CURVE = "two modes of one measurement stay on their curve"
COMMUTING = "W ends where the closed form of commuting measurements says"
CORNER = "|W_11| ≥ (|z| − √(2ℓ))(|z'| − √(2ℓ))/(|ε| + √(2ℓ))"
BLOCK = "outside a block of size 2r each layer is ρ_j times an isometry"


@pytest.mark.parametrize(
    "model", [rf.Chain(2), rf.Chain(3), rf.models.EndToEnd(2.5), rf.models.Diagonal(4), rf.Symmetric()], ids=repr
)
def test_commuting_measurements_are_recognized(model):
    one = rf.Sensing.from_diagonals([[1.0, 0.6, 0.2]], [1.0])
    two = rf.Sensing.from_diagonals([[1.0, 0.5, 0.2], [0.1, 0.6, 0.9]], [1.0, 0.7])
    for problem, found in ((one, {CURVE, COMMUTING}), (two, {COMMUTING})):
        report = check(rf.evolve(problem, model, rf.Identity(1e-2), rf.Flow(1e-5)))
        assert report.holds, report
        assert set(claims(report)) & {CURVE, COMMUTING} == found


def test_commuting_measurements_given_as_matrices_are_recognized():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    matrices = [basis @ np.diag(row) @ basis.T for row in ([1.0, 0.5, 0.2, 0.3], [0.1, 0.6, 0.9, 0.3])]
    problem = rf.Sensing.from_matrices(matrices, [1.0, 0.7])
    report = check(rf.evolve(problem, rf.Chain(3), rf.Identity(1e-2), rf.Flow(1e-5)))
    assert claims(report)[COMMUTING].holds, report


def test_modes_that_mix_and_measurements_that_do_not_commute_are_told():
    problem = rf.Sensing.from_diagonals([[1.0, 0.6, 0.2]], [1.0])
    report = check(walked(problem, 3, rf.Balanced(1e-2)))
    assert (
        why_not(report, CURVE) == why_not(report, COMMUTING) == "W(0) is not diagonal in the basis of the measurements"
    )
    mixed = [np.diag([1.0, 0.5, 0.2]), np.ones((3, 3)) + np.diag([0.0, 1.0, 3.0])]
    report = check(walked(rf.Sensing.from_matrices(mixed, [1.0, 0.7]), 3, rf.Identity(1e-2)))
    assert "commute" in why_not(report, COMMUTING)


@pytest.mark.parametrize("update", [rf.integrators.Adam(1e-2), rf.integrators.Momentum(0.1)], ids=repr)
def test_rules_that_leave_the_closed_form_fail(update):
    problem = rf.Sensing.from_diagonals([[1.0, 0.5, 0.2], [0.1, 0.6, 0.9]], [1.0, 0.7])
    report = check(walked(problem, 3, rf.Identity(1e-2), rf.Descent(update)))
    assert claims(report)[COMMUTING].fails
    gentle = check(walked(problem, 3, rf.Identity(1e-2), rf.Descent(rf.Gradient(1e-2))))
    assert claims(gentle)[COMMUTING].holds


def test_a_curve_is_broken_by_the_worst_of_its_modes():
    # rule of descent: steps so long that the second mode leaves its curve, by more than the third
    problem = rf.Sensing.from_diagonals([[1.0, 0.9, 0.1]], [1.0])
    report = check(walked(problem, 2, rf.Identity(1e-3), rf.Descent(rf.integrators.Momentum(0.2))))
    claim = claims(report)[CURVE]
    assert claim.fails, report


@pytest.mark.parametrize("missing", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_the_corner_that_is_not_observed_is_recognized(missing):
    seen = np.array([[0.0, 1.0], [-1.0, 0.1]])[:: -1 if missing[0] else 1, :: -1 if missing[1] else 1]
    rows, cols = np.nonzero(np.arange(4).reshape(2, 2) != 2 * missing[0] + missing[1])
    problem = rf.Completion.from_triplets(rows, cols, seen[rows, cols], (2, 2))
    sign = -1.0 if missing[0] == missing[1] else 1.0  # of det W, from that of z z' = −1 and the turns
    start = rf.models.FromLayers([0.1 * np.diag([1.0, sign]), 0.1 * np.eye(2), np.eye(2) / 10])
    reports = check(rf.evolve(problem, rf.Chain(3), start, rf.Flow(1e-5), stop=rf.LossBelow(1e-2)))
    assert reports.holds, reports
    assert CORNER in claims(reports)
    other = rf.models.FromLayers([0.1 * np.diag([1.0, -sign]), 0.1 * np.eye(2), np.eye(2) / 10])
    report = check(rf.evolve(problem, rf.Chain(3), other, rf.Flow(1e-4), stop=rf.LossBelow(1e-2) | rf.StepLimit(100)))
    assert why_not(report, CORNER) == "det W(0) does not have the sign of z z′"


@pytest.mark.parametrize("corner", [1.0, -1.0])
def test_a_determinant_that_loses_its_sign_breaks_the_claim_about_the_corner(corner):
    problem = rf.Completion.from_triplets([0, 1, 1], [1, 0, 1], [1.0, corner, 0.1], (2, 2))
    start = rf.models.FromLayers([0.1 * np.diag([1.0, corner]), 0.1 * np.eye(2), np.eye(2) / 10])
    path = path_of(rf.evolve(problem, rf.Chain(3), start, rf.Flow(1e-5), stop=rf.LossBelow(1e-2)), 100)
    (claim,) = check_corner(path)
    assert claim.holds, claim
    products = path.products.copy()
    early = path.spans[1, 0]
    products[early] = products[early] * np.array([[-1.0], [1.0]])
    tampered = replace(path)
    vars(tampered)["products"] = products
    (broken,) = check_corner(tampered)
    assert broken.fails, broken
    assert "lost its sign at 1 record" in broken.why


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_the_invariant_block_is_recognized(decay):
    target = np.outer(np.arange(1.0, 7.0), np.ones(6)) / 10
    start, step = rf.models.Orthogonal(0.1), rf.Descent(rf.Gradient(0.05))
    run = rf.evolve(rf.problems.Factorization(target), rf.Chain(3, decay=decay), start, step, stop=rf.StepLimit(60))
    assert claims(check(run))[BLOCK].holds
    full = rf.evolve(rf.problems.Factorization(np.eye(6)), rf.Chain(3), start, step, stop=rf.StepLimit(5))
    assert BLOCK not in claims(check(full))

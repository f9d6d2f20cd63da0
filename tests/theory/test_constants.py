"""Constants and choices of the theorems, each against a number computed apart."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.theory import admissible_step, allowed_imbalance, check, excess_bound, iteration_bound
from rankfall.theory.check_instances import check_block, check_one_measurement
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.run_again import every_step
from rankfall.trajectory.greedy import _widened


def path_of(run, intervals=100):
    return CheckedPath.of(run, intervals, every_step(run).history)


def claim_of(run, statement):
    (claim,) = [claim for claim in check(run) if claim.statement.startswith(statement)]
    return claim


@pytest.mark.parametrize(
    ("depth", "imbalance", "step"),
    # c = 1/2, ‖Φ‖ = 2: c²/(256 N³ 4^{(N−1)/N}) and c^{(4N−2)/N}/(6144 N³ 2^{(6N−4)/N})
    [
        (1, 0.25 / 256, 0.25 / (6144 * 4)),
        (2, 0.25 / (256 * 8 * 2), 0.125 / (6144 * 8 * 16)),
        (4, 0.25 / (256 * 64 * 2**1.5), 2**-3.5 / (6144 * 64 * 32)),
    ],
)
def test_the_constants_of_the_convergence_theorem(depth, imbalance, step):
    assert allowed_imbalance(0.5, 2.0, depth) == pytest.approx(imbalance, rel=1e-12)
    assert admissible_step(0.5, 2.0, depth) == pytest.approx(step, rel=1e-12)
    # e-fold of the loss: 1/(η c^{2(N−1)/N})
    assert iteration_bound(np.e, 1.0, 0.5, depth, 0.1) == pytest.approx(10 * 4 ** ((depth - 1) / depth), rel=1e-12)


def test_the_excess_bound_at_depths_2_and_3():
    # N = 3, α³ = 1e-3: α Σ w^{2/3};  N = 2: (ln⁺ w_max Σw − Σ w ln w)/ln(1/α²)
    assert excess_bound(np.array([8.0, 1.0]), 3, 1e-3) == pytest.approx(0.1 * (4 + 1), rel=1e-12)
    assert excess_bound(np.array([np.e, 1.0]), 2, np.exp(-10.0)) == pytest.approx(1 / 10, rel=1e-12)


def test_the_block_is_judged_at_the_end():
    target = np.outer(np.arange(1.0, 7.0), np.ones(6)) / 10
    run = rf.evolve(
        rf.problems.Factorization(target),
        rf.Chain(3),
        rf.models.Orthogonal(0.1),
        rf.Descent(rf.Gradient(0.05)),
        stop=rf.StepLimit(40),
    )
    path = path_of(run)
    assert check_block(path)[0].holds
    weights = path.weights.copy()
    weights[-1] *= 1 + 1e-6
    assert check_block(replace(path, weights=weights))[0].fails


def test_the_worst_of_all_curves_is_judged():
    problem = rf.Sensing.from_diagonals([[1.0, 0.7, 0.4, 0.2]], [1.0])
    path = path_of(rf.evolve(problem, rf.Chain(2), rf.Identity(1e-2), rf.Flow(1e-6)))
    assert check_one_measurement(path)[0].holds
    for mode in (1, 2, 3):
        weights = path.weights.copy()
        for layer in path.run.model.layers(weights):
            layer[-1, mode, mode] *= 1.1
        assert check_one_measurement(replace(path, weights=weights))[0].fails


def test_escapes_are_late_by_what_is_measured():
    # strong steps are late: compared with the crossing of half the target read off the recorded values
    target, rate = np.diag([3.0, 1.0]), 0.13
    run = rf.evolve(
        rf.problems.Factorization(target), rf.Chain(3), rf.Identity(1e-2), rf.Descent(rf.Gradient(rate)),
        stop=rf.LossBelow(1e-4), record=rf.Record(singular_values=True),
    )  # fmt: skip
    late = []
    for mode, strength in enumerate((3.0, 1.0)):
        crossing = np.interp(strength / 2, run.history["singular_values"][:, mode], run.history["time"])
        # dσ/dt = 3 σ^{4/3} (λ − σ), integrated on a fine grid
        values = np.geomspace(1e-2, strength / 2, 200_001)
        expected = np.trapezoid(1 / (3 * values ** (4 / 3) * (strength - values)), values)
        late.append(abs(crossing / expected - 1))
    claim = claim_of(run, "modes reach half")
    assert claim.fails
    assert claim.measured == pytest.approx(max(late), rel=0.1)


def test_the_corner_is_measured_against_half_the_sum_of_squares():
    problem = rf.Completion.from_triplets([0, 1, 1], [1, 0, 1], np.array([1.0, 1.0, 0.0]), (2, 2))
    start = rf.models.FromLayers([0.3 * np.eye(2)] * 3)
    products = rf.Record(functions={"products": lambda problem, model, weights: model.product(weights)})
    run = rf.evolve(problem, rf.Chain(3), start, rf.Flow(1e-6), stop=rf.LossBelow(1e-3), record=products)
    w = run.history["products"]
    slack = np.sqrt((w[:, 0, 1] - 1) ** 2 + (w[:, 1, 0] - 1) ** 2 + w[:, 1, 1] ** 2)
    told = slack < 1
    ratio = np.abs(w[told, 0, 0]) / ((1 - slack[told]) ** 2 / slack[told])
    claim = claim_of(run, "|W_11|")
    if claim.holds is None:  # det W(0) > 0 and z z′ > 0: the claim applies
        pytest.fail(claim.why)
    assert claim.measured == pytest.approx(ratio.min(), rel=0.05)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_a_new_direction_of_greedy_learning_adds_scale_to_the_product(depth):
    left, right = np.array([0.6, 0.8]), np.array([0.0, 1.0, 0.0])
    first = _widened([], left, right, 1e-4, depth)
    product = np.linalg.multi_dot(first[::-1])
    np.testing.assert_allclose(product, 1e-4 * np.outer(left, right), atol=1e-18)
    second = _widened(first, right[:2] * 0 + np.array([0.8, -0.6]), np.array([1.0, 0.0, 0.0]), 1e-2, depth)
    grown = np.linalg.multi_dot(second[::-1]) - product
    np.testing.assert_allclose(grown, 1e-2 * np.outer([0.8, -0.6], [1.0, 0.0, 0.0]), atol=1e-15)


def test_the_penalty_of_decay_is_half_the_squared_weights():
    problem = rf.problems.Factorization(np.diag([2.0, 1.0]))
    run = rf.evolve(problem, rf.Chain(2, decay=0.1), rf.Identity(0.5), rf.Flow(1e-4), stop=rf.TimeReached(1.0))
    found = every_step(run).history["penalty"]
    start = 2 * 2 * 0.5  # ‖W_1‖² + ‖W_2‖² of two layers √0.5 · I
    assert found[0] == pytest.approx(0.1 / 2 * start)
    assert found[-1] == pytest.approx(0.1 / 2 * float(np.sum(run.weights**2)))


def test_modes_of_an_unbalanced_start_are_not_judged_by_the_balanced_law():
    start = rf.models.FromLayers([0.2 * np.eye(2), 0.05 * np.eye(2)])
    problem = rf.problems.Factorization(np.diag([2.0, 1.0]))
    run = rf.evolve(problem, rf.Chain(2), start, rf.Flow(1e-4), stop=rf.TimeReached(5.0))
    claim = claim_of(run, "modes reach half their target")
    assert claim.holds is None
    assert "unbalanced" in claim.why

"""Zero as a saddle, the optimum of a convex loss, and one output: each law against a number computed apart."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

import rankfall as rf
from rankfall.theory import (
    admissible_step,
    check,
    check_convex_descent,
    convex_bound,
    curvature_at_zero,
    iteration_bound,
    least_escape_time,
    single_output_deviation,
    single_output_floor,
    single_output_iterations,
    single_output_margin,
    single_output_probability,
    single_output_step,
)
from rankfall.theory.check_landscape import check_convex, check_zero
from tests.helpers.checked_runs import CONVEX, OBLONG, SQUARE, STAIRS, ZERO, claims, path_of, walked, why_not

rng = np.random.default_rng(0)
INPUTS, WEIGHTS = rng.standard_normal((40, 5)), np.array([1.0, 2.0, -1.0, 0.5, 0.2])


def quartic():
    return rf.problems.Regression(INPUTS, INPUTS @ WEIGHTS, 4, truth=WEIGHTS[None])


# --- zero -----------------------------------------------------------------------------------------------------------


def hessian_at_zero(problem, depth, step=1e-3):
    """Minus the slope of the layers' velocity, by central differences."""
    chain = rf.Chain(depth).sized(problem.shape)
    rows = []
    for unit in np.eye(chain.size):
        ahead, behind = (chain.velocity(problem, (s * step * unit)[None])[1][0] for s in (1, -1))
        rows.append((behind - ahead) / (2 * step))
    return np.array(rows)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("problem", [rf.problems.Factorization(np.diag([3.0, 1.0])[:, ::-1]), quartic()], ids=repr)
def test_zero_is_a_strict_saddle_at_depth_two_only(problem, depth):
    gradient = problem.gradient(np.zeros(problem.shape))
    values = np.linalg.eigvalsh(hessian_at_zero(problem, depth))
    assert values[0] == pytest.approx(curvature_at_zero(gradient, depth), abs=1e-6)
    if depth == 2:  # ±σ_r(∇ℓ(0)), once for each hidden unit
        assert values[0] < -0.1
        assert values[-1] == pytest.approx(-values[0], abs=1e-6)
    else:
        np.testing.assert_allclose(values, 0, atol=1e-6)


@pytest.mark.parametrize("depth", [2, 2.5, 3, 4])
def test_no_mode_leaves_zero_before_its_time_and_an_aligned_one_does_then(depth):
    # σ̇ = N σ^{2−2/N} G, solved by quadrature
    start, end, steepest = 1e-3, 0.5, 2.0
    values = np.geomspace(start, end, 100_001)
    time = np.trapezoid(values ** (2 / depth - 2), values) / (depth * steepest)
    assert least_escape_time(start, end, steepest, depth) == pytest.approx(time, rel=1e-6)


def test_the_time_to_leave_grows_like_a_logarithm_and_like_a_power():
    two, three = ([least_escape_time(start, 1.0, 1.0, depth) for start in (1e-6, 1e-12)] for depth in (2, 3))
    assert two[1] / two[0] == pytest.approx(2)
    assert three[1] / three[0] == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize("integrator", [rf.Flow(1e-4), rf.Descent(rf.Gradient(0.02))], ids=repr)
@pytest.mark.parametrize("depth", [2, 3])
def test_runs_leave_zero_no_sooner_and_aligned_ones_as_soon(integrator, depth):
    for problem, start in ((STAIRS, rf.Identity(1e-3)), (OBLONG, rf.Balanced(1e-3))):
        claim = check_zero(path_of(walked(problem, depth, start, integrator), 300))[0]
        assert claim.holds, claim
        assert claim.measured > 0.9 or problem is OBLONG


@pytest.mark.parametrize("update", [rf.integrators.Adam(1e-2), rf.integrators.AdaGrad(3e-2)], ids=repr)
@pytest.mark.parametrize("depth", [2, 3])
def test_rules_that_rescale_each_entry_leave_sooner(update, depth):
    run = walked(STAIRS, depth, rf.Identity(1e-3), rf.Descent(update))
    assert check_zero(path_of(run, 400))[0].fails


def test_a_path_of_another_depth_leaves_too_soon():
    path = path_of(walked(STAIRS, 3, rf.Identity(1e-3), rf.Flow(1e-5)), 300)
    assert check_zero(path)[0].holds
    # depth 2 from that start would take ln(σ/σ_0)/(2G), a tenth as long
    slow = replace(path, gradients=path.gradients / 2)
    assert check_zero(slow)[0].fails
    deeper = replace(path, run=replace(path.run, model=replace(path.run.model, depth=4)))
    assert check_zero(deeper)[0].fails


def test_depth_one_has_no_saddle():
    assert why_not(check(walked(SQUARE, 1)), ZERO) == "at depth 1 zero is no critical point"


# --- convex losses --------------------------------------------------------------------------------------------------


def test_a_convex_loss_keeps_one_output_away_from_zero():
    problem = quartic()
    zero = np.zeros((1, 5))
    at_zero, slope = float(problem.loss(zero)), problem.gradient(zero)
    better = 0
    for _ in range(200):
        row = WEIGHTS + rng.standard_normal((1, 5))
        floor = single_output_floor(float(problem.loss(row)), at_zero, slope)
        assert np.linalg.norm(row) >= floor
        better += floor > 0
    assert better > 5
    # a linear loss ⟨g, W⟩ has equality along −g
    assert single_output_floor(-6.0, 0.0, np.array([[0.0, 2.0]])) == 3.0
    assert single_output_floor(1.0, 1.0, zero) == 0.0


def test_the_bound_of_a_convex_loss_solves_its_equation():
    # ė = −c^{2−2/N} e²/D²
    times, c, distance, depth = np.linspace(0, 5, 2001), 0.5, 2.0, 3
    bounds = convex_bound(times, 3.0, c, distance, depth)
    rate = -(c ** (2 - 2 / depth)) * bounds**2 / distance**2
    np.testing.assert_allclose(np.gradient(bounds, times)[1:-1], rate[1:-1], rtol=1e-4)
    assert bounds[0] == 3.0


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_flow_of_a_convex_loss_of_one_output_reaches_its_optimum(depth):
    start = rf.models.FromLayers(_balanced(0.5 * WEIGHTS + 0.1, depth))
    run = rf.evolve(quartic(), rf.Chain(depth), start, rf.Flow(1e-5), stop=rf.TimeReached(200.0))
    assert run.loss < 1e-3 * run.history["loss"][0]
    report = check(run)
    assert claims(report)[CONVEX].holds, report
    path = path_of(run, 200)
    away, fall = check_convex(path)
    assert away.measured > away.bound > 0
    assert fall.holds
    assert check_convex(replace(path, times=100 * path.times))[1].fails
    # weights that pass zero are no flow of a convex loss
    assert check_convex(replace(path, weights=path.weights * np.linspace(1, 0.01, len(path.times))[:, None]))[0].fails


def _balanced(row, depth):
    size = np.linalg.norm(row)
    layers = [size ** (1 / depth) * row[None] / size] + [np.array([[size ** (1 / depth)]])] * (depth - 1)
    return layers


def test_the_hypotheses_of_the_convex_corollary_are_told():
    for loss, start, why in (
        (quartic(), rf.models.FromLayers(_balanced(-WEIGHTS, 2)), "a singular matrix is as good as the start"),
        (SQUARE, rf.Balanced(0.1), "the best singular matrix of this loss is not known"),
    ):
        run = rf.evolve(loss, rf.Chain(2), start, rf.Flow(1e-4), stop=rf.TimeReached(1.0))
        assert why_not(check(run), CONVEX) == why
    near = rf.models.FromLayers([np.sqrt(2.5) * np.eye(3)] * 2)
    target = rf.problems.Factorization(np.diag([3.0, 2.5, 2.2]))
    run = rf.evolve(target, rf.Chain(2), near, rf.Flow(1e-5), stop=rf.LossBelow(1e-6))
    assert claims(check(run))[CONVEX].holds


def test_a_loss_that_rests_above_its_optimum_is_told():
    times, losses = np.array([0.0, 1.0, 10.0, 100.0]), np.array([1.0, 0.5, 0.4, 0.4])
    assert check_convex_descent(times, np.array([1.0, 0.4, 0.08, 0.009]), np.ones(4), 0.0, 1.0, 2).holds
    claim = check_convex_descent(times, losses, np.ones(4), 0.0, 1.0, 2)
    assert claim.fails
    assert claim.measured == pytest.approx(0.4 - 1 / 101)
    # c^{2−2/N} = ½ at depth 2 and c = ½: e(1) ≤ 1/1.5 holds, e(100) ≤ 1/51 does not
    claim = check_convex_descent(times, losses, np.ones(4), 0.0, 0.5, 2)
    assert claim.measured == pytest.approx(0.4 - 1 / 51)


# --- one output -----------------------------------------------------------------------------------------------------


def test_random_starts_have_the_margin_as_often_as_stated():
    inputs, ratio, size = 100, 100.0, 1.7
    target = np.ones(inputs) * size / np.sqrt(inputs)
    deviation = single_output_deviation(size, inputs, ratio)
    assert deviation == pytest.approx(size / (10 * inputs))
    starts = deviation * np.random.default_rng(1).standard_normal((20_000, inputs))
    margins = size - np.linalg.norm(starts - target, axis=1)
    share = float(np.mean(margins >= single_output_margin(deviation, size, inputs)))
    stated = single_output_probability(inputs, ratio)
    assert 0.25 < stated <= share < 0.5
    # ⟨W, Φ⟩ ≥ (‖W‖² + s² d)/2 ≈ s² d, s‖Φ‖ times a normal number: exact but for the spread of ‖W‖²
    assert share == pytest.approx(norm.sf(deviation * inputs / size), abs=0.01)
    assert single_output_probability(10**6, 1e8) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_theorem_two_is_theorem_one_twice(depth):
    size, inputs, deviation, accuracy = 1.3, 50, 2e-3, 1e-4
    margin = single_output_margin(deviation, size, inputs)
    step = single_output_step(deviation, size, inputs, depth)
    # 10⁵ stands for 2^{4−2/N} · 6144
    largest = admissible_step(margin, size, depth)
    assert step == pytest.approx(largest * 2 ** (4 - 2 / depth) * 6144 / 1e5, rel=1e-9)
    assert step <= largest
    # from the margin of the start to half of Φ, and from there on
    phases = [
        iteration_bound(size**2 / 2, size**2 / 8, margin, depth, step),
        iteration_bound(size**2 / 8, accuracy, size / 2, depth, step),
    ]
    stated = single_output_iterations(deviation, size, inputs, depth, step, accuracy)
    share = 2 ** (2 - 2 / depth) / 4
    assert stated * share == pytest.approx(sum(phases), rel=1e-9)
    assert single_output_iterations(deviation, size, inputs, depth, step, size**2) * step == pytest.approx(
        4 * np.log(4) * (size / (deviation**2 * inputs)) ** (2 - 2 / depth)
    )


def test_as_many_flows_fit_as_the_theorem_says_by_its_time():
    inputs, ratio, depth, runs = 100, 100.0, 2, 8
    target = np.full((1, inputs), 0.1)
    deviation = single_output_deviation(1.0, inputs, ratio)
    time = single_output_iterations(deviation, 1.0, inputs, depth, 1.0, 1e-4)
    rows = deviation * np.random.default_rng(2).standard_normal((runs, inputs))
    ends = []
    for row in rows:
        start = rf.models.FromLayers(_balanced(row, depth))
        stop = rf.LossBelow(1e-4) | rf.TimeReached(time)
        ends.append(rf.evolve(rf.problems.Factorization(target), rf.Chain(depth), start, rf.Flow(1e-3), stop=stop))
    has_margin = 1 - np.linalg.norm(rows - target, axis=1) >= single_output_margin(deviation, 1.0, inputs)
    assert has_margin.any()
    for run, sure in zip(ends, has_margin, strict=True):
        assert run.loss <= 1.01e-4 or not sure


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: curvature_at_zero(np.eye(2), 1), "two layers or more, got depth 1"),
        (lambda: least_escape_time(0.0, 1.0, 1.0, 2), "from 0 itself"),
        (lambda: least_escape_time(2.0, 1.0, 1.0, 2), "got 2.0, 1.0 and 1.0"),
        (lambda: single_output_floor(0.0, 1.0, np.eye(2)), "one row or one column"),
        (lambda: check_convex_descent(np.ones(2), np.ones(2), np.ones(2), 0.0, 0.0, 2), "got c = 0.0"),
        (lambda: single_output_probability(0, 1.0), "inputs must be positive"),
        (lambda: single_output_iterations(1.0, 1.0, 1, 2, 0.1, 0.0), "accuracy must be positive"),
    ],
)
def test_bad_input_says_what_to_do(call, words):
    with pytest.raises(rf.InputError, match=words):
        call()

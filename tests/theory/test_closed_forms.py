"""Closed forms against the differential equations, the linear program and bisection."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from rankfall.errors import InputError
from rankfall.theory import (
    certify_nuclear_norm,
    check_measurement_curve,
    common_eigenbasis,
    commuting_path,
    commuting_solution,
    curve_ceiling,
    escape_time,
    excess_bound,
    layer_velocities,
    leakage,
    measurement_curve,
    minimum_trace,
    mode_time,
    mode_trajectory,
    multiply,
    straighten,
    unstraighten,
)
from tests.helpers.unchecked import unchecked

DEPTHS = [1, 2, 3, 4, 5]
REAL_DEPTHS = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 7.3]
ODE = 1e-8  # what solve_ivp keeps at rtol 1e-10

over_depths = pytest.mark.parametrize("depth", DEPTHS)
over_real_depths = pytest.mark.parametrize("depth", REAL_DEPTHS)


def diagonal_flow(measurements, values, depth, start, until):
    """Layer-wise gradient flow of ½‖A(W) − y‖² from scaled identities; eigenvalues of W at 60 times.

    Integrates s = ∫(A(W) − y) beside the layers.
    """
    size = measurements.shape[1]
    layers = np.tile(start ** (1 / depth) * np.eye(size), (depth, 1, 1))

    def flow(_, state):
        now = list(state[: layers.size].reshape(layers.shape))
        residual = measurements @ np.diagonal(multiply(now)) - values
        moves = layer_velocities(now, np.diag(residual @ measurements))
        return np.concatenate([np.ravel(moves), residual])

    begin = np.concatenate([layers.ravel(), np.zeros(len(values))])
    times = np.linspace(0, until, 60)
    path = solve_ivp(flow, (0, until), begin, "LSODA", t_eval=times, rtol=1e-10, atol=1e-14).y.T
    products = [np.diagonal(multiply(list(s[: layers.size].reshape(layers.shape)))) for s in path]
    return np.array(products), path[:, layers.size :]


@over_real_depths
def test_straightened_coordinate_inverts_and_has_the_multiplier_as_its_slope(depth):
    values = np.geomspace(1e-6, 10, 30)
    coordinates = straighten(values, depth)
    np.testing.assert_allclose(unstraighten(coordinates, depth), values, rtol=1e-12)
    assert np.all(np.diff(coordinates) > 0)
    slope = (straighten(values * 1.0001, depth) - straighten(values / 1.0001, depth)) / (values * (1.0001 - 1 / 1.0001))
    np.testing.assert_allclose(slope, values ** -(2 - 2 / depth), rtol=1e-7)


@pytest.mark.parametrize(
    ("depth", "first", "ceiling"),
    [(1, 0.6004, np.inf), (2, 0.0631, np.inf), (3, 0.01027, 0.015625), (4, 0.00570, 0.00625)],
)
def test_one_measurement_numbers(depth, first, ceiling):
    found = measurement_curve(np.array(1.0), 0.6, depth, 1e-3)
    assert found == pytest.approx(first, rel=1e-3)
    assert curve_ceiling(0.6, depth, 1e-3) == pytest.approx(ceiling)
    assert leakage(0.6, depth, 1e-3) == pytest.approx(found)


@over_depths
def test_one_measurement_run_stays_on_its_curve(depth):
    measurement = np.array([[1.0, 0.6]])
    path, _ = diagonal_flow(measurement, np.array([1.0]), depth, 1e-2, until=30.0)
    report = check_measurement_curve(path[:, 1], path[:, 0], 0.6, depth, tolerance=1e-6)
    assert report.holds, report
    assert np.max(path[:, 1]) <= curve_ceiling(0.6, depth, 1e-2)
    assert not check_measurement_curve(path[:, 1], path[:, 0], 0.6, depth + 1).holds


def test_a_mode_that_leads_escapes_at_finite_distance():
    # θ_3(σ) = −3σ^{−1/3}: from ½ the leader is at infinity when the other is at 2³·½ = 4
    found = measurement_curve(np.array([3.9, 4.1]), 2.0, 3, 0.5)
    assert 1e3 < found[0] < np.inf == found[1]


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_leakage_is_linear_in_the_start_from_depth_three_on(depth):
    small, smaller = leakage(0.5, depth, 1e-8), leakage(0.5, depth, 1e-9)
    assert small / smaller == pytest.approx(10, rel=1e-1)
    assert smaller <= curve_ceiling(0.5, depth, 1e-9)
    assert leakage(0.5, 2, 1e-8) == pytest.approx(1e-4)


@over_real_depths
def test_mode_at_its_target_stays(depth):
    assert mode_trajectory(np.array([0.0, 1.0]), 0.5, 0.5, depth).tolist() == [0.5, 0.5]


@over_real_depths
@pytest.mark.parametrize(("target", "start"), [(1.0, 0.01), (2.0, 0.001), (0.5, 1.5)])
def test_mode_follows_its_equation(depth, target, start):
    def law(_, value):
        return depth * np.abs(value) ** (2 - 2 / depth) * (target - value)

    times = np.linspace(0, 6, 25)
    found = mode_trajectory(times, target, start, depth)
    path = solve_ivp(law, (0, 6), [start], t_eval=times, rtol=1e-11, atol=1e-14).y[0]
    np.testing.assert_allclose(found, path, atol=ODE)
    middle = (start + target) / 2
    time = mode_time(np.array([middle]), target, start, depth)
    assert mode_trajectory(time, target, start, depth)[0] == pytest.approx(middle, rel=1e-9)
    expected = quad(lambda value: 1 / law(0, value), start, middle, epsabs=0, limit=200)[0]
    assert time[0] == pytest.approx(expected, rel=1e-7)


def test_escape_time_is_the_stated_one():
    assert escape_time(2.0, 1e-6, 2) == pytest.approx(np.log(2e6) / 4)
    for depth in (3, 4, 5):
        leading = 1e-12 ** (-(depth - 2) / depth) / ((depth - 2) * 2.0)
        assert escape_time(2.0, 1e-12, depth) == pytest.approx(leading, rel=1e-2)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_escape_is_proportional_to_one_over_the_target_and_predicts_the_half_time(depth):
    start = 1e-9
    times = [float(mode_time(np.array(t / 2), t, start, depth)) for t in (1.0, 0.5, 0.25)]
    for target, time in zip((1.0, 0.5, 0.25), times, strict=True):
        assert escape_time(target, start, depth) == pytest.approx(time, rel=0.05)
        assert time * target == pytest.approx(times[0], rel=0.1)


@pytest.mark.parametrize(
    ("depth", "start", "spectrum"),
    [
        (2, 1e-4, (0.99501, 9.98e-3)),
        (2, 1e-8, (0.99995, 1.0e-4)),
        (3, 1e-4, (0.99965, 6.98e-4)),
        (4, 1e-4, (0.99980, 3.92e-4)),
    ],
)
def test_commuting_numbers(depth, start, spectrum):
    found = commuting_solution(np.array([[1.0, 0.5]]), np.array([1.0]), depth, start).spectrum
    np.testing.assert_allclose(found, spectrum, rtol=1e-3)


@pytest.mark.parametrize("depth", [2, 2.5, 3, 4, 5])
def test_one_constraint_agrees_with_bisection(depth):
    row, start = np.array([1.0, 0.7, 0.2, -0.1]), 1e-3

    def spectrum(control):
        return unstraighten(straighten(np.array(start), depth) + control * row, depth)

    kappa = (2 - depth) / depth
    end = 20.0 if depth == 2 else start**kappa / -kappa  # the first mode escapes there
    root = brentq(lambda c: row @ spectrum(c) - 1.0, 0.0, end * (1 - 1e-12), xtol=1e-15)
    found = commuting_solution(row[None], np.array([1.0]), depth, start).spectrum
    np.testing.assert_allclose(found, spectrum(root), rtol=1e-6)


@over_depths
def test_commuting_flow_passes_through_the_path_and_ends_at_the_solution(depth):
    measurements = np.array([[1.0, 0.5, 0.3], [0.2, 0.4, 1.0]])
    values, start = measurements @ np.array([1.0, 0.1, 0.6]), 0.02
    path, integrals = diagonal_flow(measurements, values, depth, start, until=60.0)
    for spectrum, integral in zip(path[::10], integrals[::10], strict=True):
        stated = commuting_path(measurements, integral, depth, start)
        np.testing.assert_allclose(spectrum, stated, rtol=1e-6)
    end = commuting_solution(measurements, values, depth, start)
    assert end.residual < 1e-10
    np.testing.assert_allclose(path[-1], end.spectrum, rtol=1e-5)


@pytest.mark.parametrize("depth", DEPTHS[1:])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_depth_tends_to_least_nuclear_norm(depth, seed):
    rng = np.random.default_rng(seed)
    measurements = rng.standard_normal((3, 10))
    values = measurements @ rng.random(10)
    best = minimum_trace(measurements, values)
    ends = [commuting_solution(measurements, values, depth, s) for s in (1e-2, 1e-4, 1e-8)]
    gaps = [end.spectrum.sum() - best.spectrum.sum() for end in ends]
    assert gaps[0] > gaps[1] > gaps[2] > -1e-8
    assert gaps[2] < 0.2 * gaps[0]
    if depth > 2:
        assert all(np.max(end.dual @ measurements) < 1 for end in ends)
    bounds = [excess_bound(end.spectrum, depth, s) for end, s in zip(ends, (1e-2, 1e-4, 1e-8), strict=True)]
    assert all(gap <= bound for gap, bound in zip(gaps, bounds, strict=True))
    assert bounds[0] > bounds[1] > bounds[2]

    rotation = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    matrices = np.array([(rotation * row) @ rotation.T for row in measurements])
    product = (rotation * best.spectrum) @ rotation.T
    assert certify_nuclear_norm(matrices, values, product, best.dual).holds
    basis, eigenvalues = common_eigenbasis(list(matrices))
    restored = np.array([(basis * row) @ basis.T for row in eigenvalues])
    np.testing.assert_allclose(restored, matrices, atol=1e-12)


def test_depth_one_ends_nearest_to_its_start():
    measurements = np.array([[1.0, 0.5, -2.0]])
    end = commuting_solution(measurements, np.array([1.0]), 1, 0.1)
    nearest = 0.1 + np.linalg.pinv(measurements) @ (1.0 - measurements @ np.full(3, 0.1))
    np.testing.assert_allclose(end.spectrum, nearest, atol=1e-12)


def test_residual_mass_scales_with_the_start_as_stated():
    row, value = np.array([[1.0, 0.5]]), np.array([1.0])
    for start in (1e-6, 1e-8):
        two = commuting_solution(row, value, 2, start).spectrum[1]
        assert two == pytest.approx(start**0.5, rel=1e-2)
        for depth in (3, 4, 5):
            deep = commuting_solution(row, value, depth, start).spectrum[1]
            assert deep == pytest.approx(start * 0.5 ** (-depth / (depth - 2)), rel=5e-2)


def test_common_eigenbasis_splits_blocks_that_a_matrix_leaves_together():
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    rows = np.array([[1.0, 1.0, 1.0, 0.0], [2.0, 2.0, 5.0, 2.0], [1.0, 0.0, 0.0, 1.0]])
    basis, eigenvalues = common_eigenbasis([(rotation * row) @ rotation.T for row in rows])
    np.testing.assert_allclose(basis.T @ basis, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(sorted(map(tuple, eigenvalues.T.round(9))), sorted(map(tuple, rows.T)), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: measurement_curve(np.ones(2), 0.5, 2, 0.0), "start above zero"),
        (lambda: leakage(2.0, 2, 1e-3), "swap the modes"),
        (lambda: mode_time(np.array([3.0]), 1.0, 0.1, 2), "takes no other value"),
        (lambda: mode_trajectory(np.array([-1.0]), 1.0, 0.1, 2), "must not be negative"),
        (lambda: mode_trajectory(np.ones(1), -1.0, 0.1, 2), "must be positive"),
        (lambda: escape_time(1.0, 2.0, 2), "from below its target"),
        (lambda: commuting_solution(np.ones((1, 2)), np.ones(1), 1.5, 0.1), "eigenvalues cross"),
        (lambda: commuting_solution(np.ones((1, 2)), -np.ones(1), 2, 0.1), "w > 0"),
        (lambda: unchecked(commuting_solution)(np.ones((2, 3)), np.ones(3), 2, 0.1), r"got \(2, 3\) and \(3,\)"),
        (lambda: minimum_trace(np.ones((1, 2)), -np.ones(1)), "w ≥ 0"),
        (lambda: excess_bound(np.ones(2), 1, 0.1), "depth 2 or more"),
        (lambda: excess_bound(np.ones(2), 3, 1.5), "start between 0 and 1"),
        (lambda: common_eigenbasis([np.diag([1.0, 2.0]), np.ones((2, 2))]), "must commute"),
        (lambda: common_eigenbasis([np.triu(np.ones((2, 2)))]), "symmetric"),
    ],
)
def test_bad_input_says_what_to_do(call, words):
    with pytest.raises(InputError, match=words):
        call()

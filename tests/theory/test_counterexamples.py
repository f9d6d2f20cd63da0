"""The instances that settle a question, settled again by running them."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from rankfall.errors import InputError
from rankfall.theory import (
    acceleration_factor,
    acceleration_step,
    certify_nuclear_norm,
    check_divergence,
    check_explosion,
    check_no_regularizer,
    check_schatten,
    check_sign,
    check_stall,
    commuting_solution,
    deficiency_margin,
    descend,
    divergence_bound,
    half_annulus_integral,
    imbalance,
    layer_velocities,
    loop_integral,
    lp_losses,
    measure,
    multiply,
    nuclear_norm_instance,
    schatten_instance,
    schatten_sum,
    single_output_velocity,
    stalled_loss,
    unbalanced_start,
)
from tests.helpers.unchecked import unchecked


@pytest.mark.parametrize(("exponent", "total"), [(0.1, 1.99910), (0.5, 1.99749), (0.9, 1.99910)])
def test_schatten_numbers(exponent, total):
    report = check_schatten(exponent, epsilon=0.1)
    assert report.holds
    assert report.measured == pytest.approx(total, abs=1e-5)
    assert report.bound == pytest.approx(2)
    assert not check_schatten(1.0).holds


@pytest.mark.parametrize("dim", [3, 4, 6])
def test_schatten_instance_is_solved_by_both_and_the_flow_takes_the_minimizer(dim):
    instance = schatten_instance(dim, 0.3)
    np.testing.assert_allclose(measure(instance.matrices, instance.rival), instance.values)
    assert np.linalg.eigvalsh(instance.rival)[0] >= 0
    assert certify_nuclear_norm(instance.matrices, instance.values, instance.minimizer, instance.dual).holds
    rows = np.diagonal(instance.matrices, axis1=1, axis2=2)
    for depth in (2, 3, 4):
        end = commuting_solution(rows, instance.values, depth, 1e-7).spectrum
        np.testing.assert_allclose(end, np.diagonal(instance.minimizer), atol=1e-3)


@pytest.mark.parametrize("ratio", [1.5, 2.0, 3.0])
def test_four_by_four_has_a_larger_nuclear_norm_at_rank_one(ratio):
    instance = nuclear_norm_instance(ratio)
    proof = certify_nuclear_norm(instance.matrices, instance.values, instance.minimizer, instance.dual)
    assert proof.holds, proof
    assert np.trace(instance.minimizer) == pytest.approx(4 * ratio)
    assert np.trace(instance.rival) == pytest.approx(2 * ratio**2 + 2)
    np.testing.assert_allclose(measure(instance.matrices, instance.rival), instance.values)
    assert np.linalg.matrix_rank(instance.rival) == 1
    assert np.linalg.matrix_rank(instance.minimizer) == 2
    rival = certify_nuclear_norm(instance.matrices, instance.values, instance.rival, instance.dual)
    assert not rival.holds


def test_small_starts_solve_the_four_by_four_by_rank_not_by_nuclear_norm():
    instance = nuclear_norm_instance(2.0)
    observed = np.sum(instance.matrices, axis=0) != 0
    gaussian = np.random.default_rng(0).standard_normal((4, 4))
    traces, seconds = [], []
    for start in (1e-2, 1e-12, 1e-24):
        factor = np.sqrt(start) * gaussian
        for _ in range(10_000):
            factor = factor - 1e-2 * (observed * (factor @ factor.T - instance.rival)) @ factor
        product = factor @ factor.T
        np.testing.assert_allclose(measure(instance.matrices, product), instance.values, atol=1e-6)
        traces.append(np.trace(product))
        seconds.append(np.linalg.eigvalsh(product)[-2])
    assert traces[0] < traces[1] < traces[2]
    assert traces[2] == pytest.approx(10, abs=1e-3)
    assert seconds[0] > seconds[1] > seconds[2]
    assert seconds[2] < 1e-3


def two_by_two(depth, start, until, target, scale_sign=1.0):
    """Losses and products of the balanced flow on a 2×2 completion, the first entry missing."""
    observed = np.array([[0.0, 1.0], [1.0, 1.0]])
    layers = np.tile(start ** (1 / depth) * np.eye(2), (depth, 1, 1))
    layers[0] = layers[0] * np.array([1.0, scale_sign])  # keeps balance, sets the sign of det W

    def flow(_, weights):
        now = list(weights.reshape(layers.shape))
        gradient = observed * (multiply(now) - target)
        return np.ravel(layer_velocities(now, gradient))

    times = np.linspace(0, until, 40)
    path = solve_ivp(flow, (0, until), layers.ravel(), "LSODA", t_eval=times, rtol=1e-10, atol=1e-13).y.T
    products = np.array([multiply(list(weights.reshape(layers.shape))) for weights in path])
    return np.sum((observed * (products - target)) ** 2, axis=(1, 2)) / 2, products


def test_two_by_two_completion_runs_to_infinity_as_it_fits():
    losses, products = two_by_two(3, 1e-4, 900.0, np.array([[0.0, 1.0], [1.0, 0.0]]))
    report = check_divergence(losses, products)
    assert report.holds, report
    assert check_sign(np.linalg.det(products), 3).holds
    assert np.all(np.diff(losses) <= 1e-9)
    # the numbers of descent at step 6e-3 after 150000 steps, that is at time 900
    assert losses[-1] == pytest.approx(6.6e-4, rel=1e-2)
    assert products[-1, 0, 0] == pytest.approx(27.40, rel=1e-3)
    assert products[-1, 0, 0] * np.sqrt(2 * losses[-1]) == pytest.approx(0.9987, rel=1e-3)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize(("first", "second", "corner"), [(1.0, 1.0, 0.0), (-2.0, 0.5, 0.05)])
def test_two_by_two_bound_holds_along_the_flow(depth, first, second, corner):
    target = np.array([[0.0, first], [second, corner]])
    sign = np.sign(first * second)
    losses, products = two_by_two(depth, 1e-2, 20.0, target, sign)
    report = check_divergence(losses, products, first, second, corner)
    assert report.holds, report


def test_divergence_bound_grows_without_limit_and_starts_at_zero():
    losses = np.array([1.0, 0.5, 1e-2, 1e-4, 1e-8, 0.0])
    bounds = divergence_bound(losses)
    assert bounds[0] == bounds[1] == 0
    assert np.all(np.diff(bounds[1:]) > 0)
    assert bounds[-1] == np.inf
    assert divergence_bound(losses, 1.0, 1.0, 0.1)[-1] == pytest.approx(10)


@pytest.mark.parametrize("depth", [2, 4, 6])
@pytest.mark.parametrize("step", [1e-3, 0.1, 3.0])
@pytest.mark.parametrize("margin", [0.01, 0.5, 0.99])
def test_unbalanced_layers_explode_with_any_margin_and_any_step(depth, step, margin):
    layers, target = unbalanced_start(step, margin, depth, dim=2), np.eye(2)
    assert deficiency_margin(multiply(layers), target) == pytest.approx(margin)
    assert imbalance(layers) > 0.1
    _, losses = descend(layers, target, step, 30)
    assert not np.isfinite(losses[-1])
    report = check_explosion(losses[:-1], depth)
    assert report.holds, report

    signs = []
    for iterations in (1, 2, 3):
        signs.append([np.sign(w[0, 0]) for w in descend(layers, target, step, iterations)[0]])
    assert np.array_equal(np.array(signs), np.outer([1, -1, 1], np.ones(depth)))


@pytest.mark.parametrize(("large", "converges"), [(2.0, True), (5.0, True), (20.0, False)])
def test_two_scalars_explode_from_some_imbalance_on(large, converges):
    layers = [np.array([[large]]), np.array([[0.8 / large]])]
    _, losses = descend(layers, np.eye(1), 0.1, 200)
    assert (losses[-1] < 1e-12) == converges
    if not converges:
        assert losses[7] > 1e6


@pytest.mark.parametrize("depth", [2, 4])
@pytest.mark.parametrize("step", [0.02, 0.1])
def test_identity_layers_never_reach_a_negative_eigenvalue(depth, step):
    target = np.diag([1.0, -0.5])
    layers = [np.eye(2)] * depth
    assert imbalance(layers) == 0
    assert deficiency_margin(multiply(layers), target) < 0
    _, losses = descend(layers, target, step, 2000)
    assert stalled_loss(target) == pytest.approx(0.125)
    assert check_stall(losses, target, depth).holds
    assert losses[-1] == pytest.approx(0.125, rel=0.1 if depth > 2 else 1e-9)


def test_depth_accelerates_lp_regression():
    targets, start = np.array([10.0, 0.1]), np.array([1e-3, 0.0])
    step = acceleration_step(targets, 4, 2, 1e-3)
    assert step == pytest.approx(5)
    assert acceleration_factor(10.0, 2, 1e-3) == pytest.approx(2500)
    plain = lp_losses(targets, 4, 1, 0.019, start, 2000)
    deep = lp_losses(targets, 4, 2, step, start, 2000)
    assert plain[50] == pytest.approx(6e-2, rel=0.1)
    assert deep[50] == pytest.approx(9e-9, rel=0.1)
    assert deep[-1] < 1e-6 * plain[-1]


def test_the_same_step_explodes_where_the_second_target_is_large():
    targets = np.array([10.0, 1.0])
    with pytest.raises(InputError, match="smaller second target"):
        acceleration_step(targets, 4, 2, 1e-3)
    assert not np.isfinite(lp_losses(targets, 4, 2, 5.0, np.array([1e-3, 0.0]), 50)[-1])


def test_square_loss_leaves_no_room_to_accelerate():
    with pytest.raises(InputError, match="below 2"):
        acceleration_step(np.array([10.0, 0.1]), 2, 2, 1e-3)


def quadratic(point):
    return point - np.array([1.0, 2.0])


def skewed(point):
    return np.array([1.0, 3.0]) * quadratic(point)


def linear(point):
    return np.array([1.0, 2.0]) + 0 * point


@pytest.mark.parametrize(
    ("gradient", "depth", "is_gradient"),
    [
        (quadratic, 1, True),
        (quadratic, 3, False),
        (quadratic, 4, False),
        (skewed, 1, True),
        (skewed, 2, False),
        (linear, 2, True),
        (linear, 3, False),
    ],
)
def test_depth_adds_no_regularizer(gradient, depth, is_gradient):
    center = np.array([1.0, 1.0])
    assert check_no_regularizer(gradient, depth, center).holds != is_gradient
    if is_gradient:
        assert abs(loop_integral(gradient, depth, center)) < 1e-12


@pytest.mark.parametrize("depth", [1, 1.5, 2, 3, 4.5])
def test_the_loop_integral_around_half_an_annulus_is_the_stated_one(depth):
    angles = np.linspace(np.pi, 0, 401)
    rim = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    line = np.linspace(0.5, 1, 401)[:, None] * np.array([1.0, 0.0])
    loop = np.concatenate([-line[::-1], 0.5 * rim, line, rim[::-1]])
    middles, steps, slope = (loop[1:] + loop[:-1]) / 2, np.diff(loop, axis=0), np.array([[2.0, 0.0]])
    fields = np.array([-single_output_velocity(point[None], slope, depth)[0] for point in middles])
    stated = half_annulus_integral(2.0, depth, 0.5, 1.0)
    assert np.sum(fields * steps) == pytest.approx(stated, abs=1e-4)  # midpoints: O(1/400²)
    assert (abs(stated) < 1e-12) == (depth in (1, 2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: half_annulus_integral(1.0, 3, 1.0, 0.5), "radii 0 < r < R"),
        (lambda: schatten_instance(2), "dimension at least 3"),
        (lambda: nuclear_norm_instance(1.0), "must exceed 1"),
        (lambda: check_divergence(np.ones(1), -np.ones((1, 2, 2))), "sign of zz'"),
        (lambda: unchecked(check_divergence)(np.ones(3), np.ones((2, 2, 2))), "3 losses and 2 products"),
        (lambda: schatten_sum(np.eye(2), 0.0), "must be positive, got 0"),
        (lambda: unbalanced_start(0.1, 0.5, 3), "even depth"),
        (lambda: unbalanced_start(0.1, 1.0), "strictly between"),
        (lambda: check_explosion(np.ones(2)), "more iterations"),
        (lambda: stalled_loss(np.triu(np.ones((2, 2)))), "symmetric"),
        (lambda: acceleration_step(np.array([-1.0, 0.1]), 4, 2, 1e-3), "must be positive"),
        (lambda: lp_losses(np.ones(2), 3, 2, 0.1, np.ones(2), 1), "must be even"),
    ],
)
def test_bad_input_says_what_to_do(call, words):
    with pytest.raises(InputError, match=words):
        call()

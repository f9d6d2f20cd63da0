"""Lemmas on the motion of layers, products and singular triplets, over depths and shapes."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import rankfall as rf
from rankfall.errors import InputError
from rankfall.theory import (
    alignment_drift,
    check_balance,
    check_end_to_end,
    check_invariant_block,
    check_sign,
    check_singular_values,
    compress,
    end_to_end_velocity,
    expand,
    idle_scales,
    imbalance,
    invariant_block,
    layer_velocities,
    mode_trajectory,
    multiplier,
    multiply,
    preconditioner,
    preconditioner_eigenvalues,
    single_output_velocity,
    singular_motion,
    singular_value_velocity,
)
from tests.helpers.unchecked import unchecked

DEPTHS = [1, 2, 3, 4, 5]
SHAPES = [(5, 5), (4, 6), (6, 4)]
ROUNDING = 1e-12  # of sums of a few hundred products of numbers of size one
STEP = 2e-6  # of central differences: truncation STEP² = 4e-12 times a third derivative of some 1e4
DIFFERENCE = 1e-7

over_depths = pytest.mark.parametrize("depth", DEPTHS)
over_shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def orthogonal(rng, size):
    return np.linalg.qr(rng.standard_normal((size, size)))[0]


def planted(rng, shape):
    """A matrix with distinct singular values 2, 1.5, 1, 0.5 (and 0.25)."""
    values = np.array([2.0, 1.5, 1.0, 0.5, 0.25])[: min(shape)]
    left, right = orthogonal(rng, shape[0]), orthogonal(rng, shape[1])
    return (left[:, : len(values)] * values) @ right[:, : len(values)].T


def balanced_layers(rng, product, depth, hidden=7):
    """Exactly balanced factors of a matrix, with a random orthogonal gauge between layers."""
    if depth == 1:
        return [product]
    left, values, right = np.linalg.svd(product, full_matrices=False)
    root = np.zeros((hidden, hidden))
    np.fill_diagonal(root[: len(values), : len(values)], values ** (1 / depth))
    q = len(values)
    layers = [root[:, :q] @ right, *[root] * (depth - 2), left @ root[:q]]
    for j in range(depth - 1):
        gauge = orthogonal(rng, hidden)
        layers[j], layers[j + 1] = gauge @ layers[j], layers[j + 1] @ gauge.T
    return layers


@over_depths
@over_shapes
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_balanced_layers_move_their_product_by_the_end_to_end_law(depth, shape, decay):
    rng = np.random.default_rng(depth)
    product, gradient = planted(rng, shape), rng.standard_normal(shape)
    layers = balanced_layers(rng, product, depth)
    assert imbalance(layers) < ROUNDING
    np.testing.assert_allclose(multiply(layers), product, atol=ROUNDING)
    report = check_end_to_end(layers, gradient, decay, tolerance=ROUNDING)
    assert report.holds, report


@pytest.mark.parametrize("depth", DEPTHS[1:])
def test_unbalanced_layers_do_not(depth):
    rng = np.random.default_rng(depth)
    layers = balanced_layers(rng, planted(rng, (4, 6)), depth)
    layers[0], layers[1] = 2 * layers[0], layers[1] / 2
    assert not check_end_to_end(layers, rng.standard_normal((4, 6)), tolerance=1e-2).holds


@over_depths
@over_shapes
def test_preconditioner_is_the_law_and_has_the_stated_eigenvalues(depth, shape):
    rng = np.random.default_rng(depth)
    product, gradient = planted(rng, shape), rng.standard_normal(shape)
    matrix = preconditioner(product, depth)
    moved = -(matrix @ gradient.ravel(order="F")).reshape(shape, order="F")
    velocity = end_to_end_velocity(product, gradient, depth)
    np.testing.assert_allclose(moved, velocity, atol=50 * ROUNDING)

    values = np.linalg.svd(product, compute_uv=False)
    eigenvalues = preconditioner_eigenvalues(values, shape, depth)
    found = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(np.sort(eigenvalues.ravel()), found, atol=50 * ROUNDING)
    assert found[0] >= values[-1] ** (2 * (depth - 1) / depth) - 50 * ROUNDING
    assert np.sum(gradient * velocity) <= 0


@over_depths
def test_eigenvalues_are_the_sum_over_layers(depth):
    values = np.array([2.0, 1.0, 1.0, 0.0])
    left, right = np.append(values, 0.0), values
    j = np.arange(1, depth + 1)[:, None, None]
    terms = left[:, None] ** (2 * (j - 1) / depth) * right ** (2 * (depth - j) / depth)
    found = preconditioner_eigenvalues(values, (5, 4), depth)
    np.testing.assert_allclose(found, terms.sum(axis=0), rtol=ROUNDING)
    np.testing.assert_allclose(np.diagonal(found), multiplier(values, depth), rtol=ROUNDING)


@over_depths
def test_depth_may_be_real(depth):
    rng = np.random.default_rng(0)
    product, gradient = planted(rng, (4, 6)), rng.standard_normal((4, 6))
    near = end_to_end_velocity(product, gradient, depth + 1e-9)
    np.testing.assert_allclose(near, end_to_end_velocity(product, gradient, depth), atol=1e-7)
    assert np.sum(gradient * end_to_end_velocity(product, gradient, depth + 0.5)) < 0


@over_depths
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_single_output_law_is_the_end_to_end_law_of_one_row(depth, decay):
    rng = np.random.default_rng(depth)
    row, gradient = rng.standard_normal((2, 1, 6))
    np.testing.assert_allclose(
        single_output_velocity(row, gradient, depth, decay),
        end_to_end_velocity(row, gradient, depth, decay),
        atol=50 * ROUNDING,
    )
    zero = np.zeros((1, 6))
    expected = -gradient if depth == 1 else zero
    np.testing.assert_array_equal(single_output_velocity(zero, gradient, depth), expected)


@over_depths
@over_shapes
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_singular_triplets_move_as_stated(depth, shape, decay):
    rng = np.random.default_rng(depth)
    product, gradient = planted(rng, shape), rng.standard_normal(shape)
    velocity = end_to_end_velocity(product, gradient, depth, decay)
    motion = singular_motion(product, gradient, depth, decay)

    def triplets(time):
        left, values, right = np.linalg.svd(product + time * velocity, full_matrices=False)
        signs = np.sign(np.sum(left * motion.left, axis=0))
        return left * signs, values, right.T * signs

    ahead, behind = triplets(STEP), triplets(-STEP)
    stated = (motion.left_velocity, motion.value_velocity, motion.right_velocity)
    size = float(np.linalg.norm(velocity))
    for late, early, law in zip(ahead, behind, stated, strict=True):
        np.testing.assert_allclose((late - early) / (2 * STEP), law, atol=DIFFERENCE * size)


@over_depths
@over_shapes
def test_singular_vectors_stay_orthonormal_and_turn_by_the_misalignment(depth, shape):
    rng = np.random.default_rng(depth)
    product, gradient = planted(rng, shape), rng.standard_normal(shape)
    motion = singular_motion(product, gradient, depth)
    left_turn = motion.left.T @ motion.left_velocity
    right_turn = motion.right.T @ motion.right_velocity
    for turn in (left_turn, right_turn):
        np.testing.assert_allclose(turn, -turn.T, atol=50 * ROUNDING)
    drift = left_turn * motion.values - motion.values[:, None] * right_turn
    found = alignment_drift(product, gradient, depth)
    np.testing.assert_allclose(drift, found, atol=100 * ROUNDING)
    assert np.linalg.norm(found) > 1

    aligned = (motion.left * rng.standard_normal(min(shape))) @ motion.right.T
    assert np.linalg.norm(alignment_drift(product, aligned, depth)) < 50 * ROUNDING
    still = singular_motion(product, aligned, depth)
    assert np.linalg.norm(still.left_velocity) < 50 * ROUNDING


@pytest.mark.parametrize("depth", DEPTHS[1:])
@over_shapes
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_flow_conserves_imbalance_and_descent_drifts(depth, shape, decay):
    rng, chain = np.random.default_rng(depth), rf.Chain(depth).sized(shape)
    layers = [rng.standard_normal(size) / 2 for size in chain.layer_shapes]
    target = rng.standard_normal(shape)

    def flow(_, weights):
        now = chain.layers(weights)
        return chain.join(layer_velocities(now, multiply(now) - target, decay))

    times = np.linspace(0, 2, 5)
    path = solve_ivp(flow, (0, 2), chain.join(layers), t_eval=times, rtol=1e-9, atol=1e-10).y.T
    assert check_balance(times, [chain.layers(weights) for weights in path], decay, tolerance=1e-6).holds

    drifts = []
    for step in (8e-3, 4e-3):
        now, records = layers, [layers]
        for _ in range(round(1 / step)):
            moves = layer_velocities(now, multiply(now) - target, decay)
            now = [layer + step * move for layer, move in zip(now, moves, strict=True)]
            records.append(now)
        moments = step * np.arange(len(records))
        drifts.append(check_balance(moments, records, decay, tolerance=0.0).measured)
    assert 1.7 < drifts[0] / drifts[1] < 2.3  # first order in the step


@over_depths
def test_recorded_singular_values_follow_their_law(depth):
    targets, start = np.array([2.0, 1.0]), 0.05
    times = np.linspace(0, 6, 400)
    values = np.stack([mode_trajectory(times, target, start, depth) for target in targets], axis=1)
    report = check_singular_values(times, values, values - targets, depth, tolerance=2e-3)
    assert report.holds, report
    wrong = check_singular_values(times, values, values - targets, depth + 1, tolerance=2e-3)
    assert not wrong.holds


@pytest.mark.parametrize("depth", DEPTHS[1:])
def test_no_singular_value_crosses_zero_beyond_depth_one(depth):
    assert singular_value_velocity(np.zeros(3), np.ones(3), depth).tolist() == [0, 0, 0]
    assert check_sign(np.array([1e-9, 0.1, 2.0]), depth).holds
    assert not check_sign(np.array([1e-9, -0.1, 2.0]), depth).holds


@pytest.mark.parametrize("depth", DEPTHS[1:])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_deep_factorization_moves_in_a_block_of_twice_the_rank(depth, decay):
    rng = np.random.default_rng(depth)
    size, rank, step, iterations = 12, 2, 0.05, 200
    target = rng.standard_normal((size, rank)) @ rng.standard_normal((rank, size)) / size
    start = [(0.3 + 0.1 * j) * orthogonal(rng, size) for j in range(depth)]
    block = invariant_block(start, target, rank)
    scales = idle_scales(block.scales, step, iterations, decay)

    def descend(layers, goal):
        for _ in range(iterations):
            moves = layer_velocities(layers, multiply(layers) - goal, decay)
            layers = [layer + step * move for layer, move in zip(layers, moves, strict=True)]
        return layers

    layers = descend(start, target)
    assert check_invariant_block(layers, block, scales[-1]).holds
    assert not check_invariant_block(layers, block, scales[0]).holds
    for layer, scale in zip(layers, scales[-1], strict=True):
        values = np.linalg.svd(layer, compute_uv=False)
        assert np.sum(np.abs(values - scale) < 1e-9) == size - 2 * rank

    small = descend(compress(start, block), block.active[-1].T @ target @ block.active[0])
    for wide, narrow in zip(layers, expand(small, block, list(scales[-1])), strict=True):
        np.testing.assert_allclose(wide, narrow, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: multiplier(np.ones(2), 0), "depth must be at least 1, got 0"),
        (lambda: preconditioner(np.eye(2), 2.5), "whole number"),
        (lambda: preconditioner_eigenvalues(np.ones(2), (3, 4), 2), "has 3 singular values"),
        (lambda: singular_motion(np.eye(2), np.eye(2), 2), "distinct and positive"),
        (lambda: multiply([]), "at least one layer"),
        (lambda: multiply([np.ones((3, 2)), np.ones((2, 2))]), "layer 2 must have 3 columns"),
        (lambda: multiply([np.ones((3, 2)), np.ones((2, 2))]), r"got shapes \(3, 2\) and \(2, 2\)"),
        (lambda: imbalance([np.ones((3, 2)), np.ones((2, 2))]), "layer 2 must have 3 columns"),
        (
            lambda: layer_velocities([np.ones((3, 2)), np.ones((2, 3))], np.ones((3, 3))),
            r"shape \(2, 2\), got \(3, 3\)",
        ),
        (lambda: check_balance(np.zeros(2), []), "2 times and 0 lists of layers"),
        (lambda: unchecked(end_to_end_velocity)(np.ones((3, 2)), np.ones((2, 3)), 2), r"shape \(3, 2\), got \(2, 3\)"),
        (lambda: unchecked(singular_motion)(np.ones((3, 2)), np.ones((2, 3)), 2), r"shape \(3, 2\), got \(2, 3\)"),
        (lambda: unchecked(alignment_drift)(np.ones((3, 2)), np.ones((2, 3)), 2), r"shape \(3, 2\), got \(2, 3\)"),
        (
            lambda: unchecked(single_output_velocity)(np.ones((2, 3)), np.ones((2, 3)), 2),
            r"one row, got shape \(2, 3\)",
        ),
        (
            lambda: unchecked(check_singular_values)(np.zeros(3), np.ones((3, 2)), np.ones((3, 1)), 2),
            r"shapes \(3, 2\) and \(3, 1\)",
        ),
        (lambda: check_sign(np.ones(2), 1), "from depth 2 on"),
        (lambda: invariant_block([np.eye(4)], np.eye(4), 2), "2·rank < 4"),
        (lambda: invariant_block([np.eye(4)], np.eye(4), 1), "rank at most 1"),
        (lambda: invariant_block([np.ones((4, 4))], np.eye(4), 1), "orthogonal matrix"),
        (lambda: invariant_block([np.ones((3, 4))], np.eye(4), 1), "orthogonal matrix"),
    ],
)
def test_bad_input_says_what_to_do(call, words):
    with pytest.raises(InputError, match=words):
        call()

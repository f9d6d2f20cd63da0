"""What a chain may add to the plain flow: weight decay, layers of different rates, and compressed dynamics."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.theory import check_balance, check_end_to_end, idle_scales, imbalances, multiply
from tests.helpers.derivatives import slope_along, slope_of
from tests.helpers.planted import planted_problem

DEPTHS = [1, 2, 3, 4, 5]
over_depths = pytest.mark.parametrize("depth", DEPTHS)
over_shapes = pytest.mark.parametrize("shape", [(6, 6), (4, 7), (7, 4)], ids=str)
LAYERS = rf.Record(functions={"weights": lambda problem, model, weights: weights})


def penalty(chain, weights):
    return chain.decay / 2 * np.sum(weights**2)


# --- weight decay ---------------------------------------------------------------------------------------------------


@over_depths
@over_shapes
def test_decay_is_the_slope_of_a_penalty_that_the_loss_leaves_out(depth, shape):
    problem = planted_problem(shape)
    plain, chain = (rf.Chain(depth, decay=decay).sized(shape) for decay in (0.0, 0.3))
    weights, direction = np.random.default_rng(depth).standard_normal((2, chain.size)) * 0.7
    loss, gradient = slope_of(chain, problem, weights)
    assert loss == slope_of(plain, problem, weights)[0]
    slope = slope_along(lambda at: chain.loss(problem, at) + penalty(chain, at), weights, direction)
    np.testing.assert_allclose(gradient @ direction, slope, rtol=1e-7, atol=1e-7)


@over_depths
@pytest.mark.parametrize("shape", [(4, 7)], ids=str)
def test_decaying_layers_move_their_product_by_the_law_with_decay(depth, shape):
    # Ẇ = −λN W − Σ_j […]: the chain's run and the law's agree   [arora2018, Theorem 1]
    problem, start, decay = planted_problem(shape), rf.Balanced(0.3), 0.2
    runs = [
        rf.evolve(problem, model(depth, decay=decay), start, rf.Reference(rtol=1e-7), stop=rf.TimeReached(4.0))
        for model in (rf.Chain, rf.models.EndToEnd)
    ]
    np.testing.assert_allclose(runs[0].product, runs[1].product, atol=1e-5)
    assert check_end_to_end(runs[0].layers, problem.gradient(runs[0].product), decay, tolerance=1e-5).holds


@pytest.mark.parametrize("decay", [0.0, 0.4])
@pytest.mark.parametrize("depth", [2, 3])
def test_imbalance_dies_at_twice_the_decay(depth, decay):
    run = rf.evolve(
        planted_problem((6, 6)), rf.Chain(depth, decay=decay), rf.Gaussian(0.5), rf.Reference(rtol=1e-9),
        stop=rf.TimeReached(3.0), record=LAYERS,
    )  # fmt: skip
    history = [run.model.layers(weights) for weights in run.history["weights"]]
    report = check_balance(run.history["time"], history, decay)
    assert report.holds, report


def test_decay_keeps_a_residual_that_depends_on_it():
    problem = rf.problems.Factorization(np.diag([2.0, 1.0]))
    run = rf.evolve(problem, rf.Chain(2, decay=0.5), rf.Identity(0.5), rf.Flow(1e-6), stop=rf.TimeReached(100.0))
    # at depth 2 the penalty is λ‖W‖_*: soft thresholding by λ
    np.testing.assert_allclose(run.product, np.diag([1.5, 0.5]), atol=1e-5)


# --- rates ----------------------------------------------------------------------------------------------------------


@over_depths
def test_rates_multiply_the_layers_motion(depth):
    problem, rates = planted_problem((6, 5)), np.arange(1.0, depth + 1)
    plain, chain = (rf.Chain(depth, rates=each, decay=0.1).sized((6, 5)) for each in (None, rates.tolist()))
    weights = np.random.default_rng(0).standard_normal((2, chain.size))
    loss, gradient = slope_of(chain, problem, weights)
    expected, slope = slope_of(plain, problem, weights)
    np.testing.assert_array_equal(loss, expected)
    for rate, mine, theirs in zip(rates, chain.layers(gradient), plain.layers(slope), strict=True):
        np.testing.assert_allclose(mine, rate * theirs, rtol=1e-13)


def test_with_rates_another_imbalance_is_conserved():
    # W_{j+1}ᵀW_{j+1}/α_{j+1} − W_jW_jᵀ/α_j
    rates = (5.0, 1.0, 5.0)
    run = rf.evolve(
        planted_problem((6, 6)), rf.Chain(3, rates=rates), rf.Gaussian(0.5), rf.Reference(rtol=1e-9),
        stop=rf.TimeReached(3.0), record=LAYERS,
    )  # fmt: skip
    scaled = [
        imbalances([layer / np.sqrt(rate) for rate, layer in zip(rates, run.model.layers(weights), strict=True)])
        for weights in run.history["weights"]
    ]
    for gap, first in zip(scaled[-1], scaled[0], strict=True):
        np.testing.assert_allclose(gap, first, atol=1e-7)
    assert (
        np.abs(np.subtract(imbalances(run.layers), imbalances(run.model.layers(run.history["weights"][0])))).max() > 0.1
    )


def test_a_rate_of_zero_keeps_a_layer():
    run = rf.evolve(
        planted_problem((6, 6)),
        rf.Chain(3, rates=(0, 1, 0)),
        rf.Gaussian(0.5),
        rf.Flow(),
        stop=rf.StepLimit(20),
        record=LAYERS,
    )
    first = run.model.layers(run.history["weights"][0])
    np.testing.assert_allclose(run.layers[0], first[0], atol=1e-13)
    np.testing.assert_allclose(run.layers[2], first[2], atol=1e-13)
    assert np.abs(run.layers[1] - first[1]).max() > 1e-3


def test_faster_outer_layers_fit_sooner():
    problem = planted_problem((20, 20), 2, share=0.6)
    steps = [
        rf.evolve(
            problem,
            rf.Chain(3, rates=rates),
            rf.Spectral(4, 1e-2),
            rf.Descent(rf.Gradient(0.5)),
            stop=rf.LossBelow(1e-4) | rf.StepLimit(500),
        ).steps
        for rates in (None, (5, 1, 5))
    ]
    assert 2 * steps[1] < steps[0] < 500


# --- compressed dynamics --------------------------------------------------------------------------------------------


def low_rank(side=12, rank=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((side, rank)) @ rng.standard_normal((rank, side)) / np.sqrt(side)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_the_compressed_chain_is_the_wide_one_but_for_what_only_shrinks(depth, decay):
    # W_wide = W_small + (∏ρ_j) Q (I − VVᵀ), the ρ_j by their own recursion   [yaras2024]
    target, scale, rate, count = low_rank(), 0.03, 0.05, 300
    problem = rf.problems.Factorization(target)
    settings = {"integrator": rf.Descent(rf.Gradient(rate)), "stop": rf.StepLimit(count)}
    wide = rf.evolve(problem, rf.Chain(depth, decay=decay), rf.models.Orthogonal(scale), seed=5, **settings)
    rates = (0, *[1] * depth, 0)
    start = rf.models.compressed(problem, 2, depth=depth, scale=scale, seed=5)
    small = rf.evolve(problem, rf.Chain(depth + 2, rates=rates, decay=decay), start, **settings)
    assert [layer.shape for layer in small.layers] == [(4, 12), *[(4, 4)] * depth, (12, 4)]

    shrunk = idle_scales([scale ** (1 / depth)] * depth, rate, count, decay)[-1].prod()
    inner, outer = small.layers[0].T, small.layers[-1]
    first = rf.Chain(depth).sized((12, 12))
    rotation = first.product(first.draw(problem, rf.models.Orthogonal(1.0), [1.0], [5]))[0]
    np.testing.assert_allclose(outer, rotation @ inner, atol=1e-12)
    idle = rotation @ (np.eye(12) - inner @ inner.T)
    np.testing.assert_allclose(wide.product, small.product + shrunk * idle, atol=1e-9)
    assert np.linalg.norm(small.product - target) < 0.5 * np.linalg.norm(target)


def test_compressed_completion_needs_its_block_to_turn():
    problem = planted_problem((24, 24), 1, share=0.5, seed=1)
    errors = []
    for rate in (0, 0.1):
        run = rf.evolve(
            problem, rf.Chain(5, rates=(rate, 1, 1, 1, rate)), rf.models.compressed(problem, 1, depth=3, scale=1e-2),
            rf.Flow(1e-3), stop=rf.LossBelow(1e-4) | rf.StepLimit(45),
        )  # fmt: skip
        errors.append(run.history["test_error"][-1])
    assert errors[1] < 1e-3
    assert errors[0] > 10 * errors[1]


# --- the residual start ---------------------------------------------------------------------------------------------


@over_depths
@over_shapes
def test_residual_layers_lie_near_the_identity(depth, shape):
    chain = rf.Chain(depth).sized(shape)
    weights = chain.draw(planted_problem((5, 6)), rf.models.Residual(0.01, 8.0), [8.0], [3])
    for layer in chain.layers(weights[0]):
        gap = layer / 8.0 ** (1 / depth) - np.eye(*layer.shape)
        assert 0 < np.linalg.norm(gap, 2) < 0.03
    still = chain.draw(planted_problem((5, 6)), rf.models.Residual(0.0), [1.0], [3])
    np.testing.assert_allclose(chain.product(still)[0], np.eye(*shape), atol=1e-14)


def test_residual_starts_have_no_plateau():
    target = np.eye(6) + 0.1 * np.random.default_rng(0).standard_normal((6, 6))
    times = [
        rf.evolve(rf.problems.Factorization(target), rf.Chain(4), start, rf.Flow(), stop=rf.LossBelow(1e-6)).time
        for start in (rf.models.Residual(1e-2), rf.Gaussian(1e-3))
    ]
    assert 10 * times[0] < times[1]


# --- reading and bad input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        rf.Chain(3, (4, 3), rates=(1, 2, 1), decay=0.1),
        rf.models.EndToEnd(2.5, decay=0.1),
        rf.Symmetric(3, 4),
        rf.models.Diagonal(3),
    ],
    ids=lambda model: type(model).__name__,
)
def test_saved_runs_know_their_model(model, tmp_path):
    problem = rf.Sensing.gaussian(np.eye(5), 12, symmetric=True)
    run = rf.evolve(problem, model, rf.Identity(0.1), rf.Flow(), stop=rf.StepLimit(3))
    run.save(tmp_path / "run.zarr")
    again = rf.Trajectory.load(tmp_path / "run.zarr")
    assert again.model == run.model
    np.testing.assert_array_equal(again.weights, run.weights)
    np.testing.assert_array_equal(again.product, run.product)
    np.testing.assert_allclose(multiply(again.layers), run.product, atol=1e-13)


def test_bad_rates_and_decays_are_refused():
    with pytest.raises(rf.InputError, match="depth 3 has 3 rates, W_1 first, got 2"):
        rf.Chain(3, rates=(1, 2))
    with pytest.raises(rf.InputError, match=r"not be negative, and not all zero, got \(1.0, -1.0\)"):
        rf.Chain(2, rates=(1, -1))
    with pytest.raises(rf.InputError, match="not all zero"):
        rf.Chain(2, rates=(0, 0))
    with pytest.raises(rf.InputError, match="decay must not be negative, got -0.1"):
        rf.Chain(2, decay=-0.1)


def test_bad_compressions_and_residuals_are_refused():
    with pytest.raises(rf.InputError, match=r"square matrices, got shape \(4, 6\)"):
        rf.models.compressed(planted_problem((4, 6)), 1)
    with pytest.raises(rf.InputError, match=r"0 < 2·rank ≤ 6, got rank 4"):
        rf.models.compressed(planted_problem((6, 6)), 4)
    with pytest.raises(rf.InputError, match="scale must be positive, got 0"):
        rf.models.compressed(planted_problem((6, 6)), 1, scale=0)
    with pytest.raises(rf.InputError, match="scale must be positive, got -1"):
        rf.models.Residual(scale=-1.0)
    with pytest.raises(rf.InputError, match="noise must not be negative, got -1"):
        rf.models.Residual(noise=-1.0)

"""U Uᵀ and diagonal layers: the mirrored chain, the flow of the product, and the ends that are known in closed form."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.theory import check_end_to_end, commuting_solution, end_to_end_velocity, imbalance, multiply
from tests.helpers.derivatives import slope_along, slope_of
from tests.helpers.planted import planted_problem
from tests.helpers.semidefinite import commuting, sensing

SIDE = 6
ROUNDING = 1e-11


MODELS = [rf.Symmetric(), rf.Symmetric(3), rf.Symmetric(depth=4), rf.Symmetric((7, 4), 4), rf.Symmetric(5, 6)]
over_models = pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.depth} {model.width}")


def drawn(model, seed=0, batch=()):
    sized = model.sized((SIDE, SIDE))
    return sized, np.random.default_rng(seed).standard_normal((*batch, sized.size)) * 0.7


# --- the mirrored chain ---------------------------------------------------------------------------------------------


@over_models
@pytest.mark.parametrize("batch", [(), (3,)], ids=str)
def test_the_product_is_that_of_the_mirrored_layers(model, batch):
    sized, weights = drawn(model, batch=batch)
    layers = sized.layers(weights)
    assert [layer.shape[-2:] for layer in layers] == sized.layer_shapes
    assert len(layers) == model.depth
    for layer, twin in zip(layers, reversed(layers), strict=True):
        np.testing.assert_array_equal(layer, np.swapaxes(twin, -1, -2))
    product = layers[0]
    for layer in layers[1:]:
        product = layer @ product
    np.testing.assert_allclose(sized.product(weights), product, atol=ROUNDING)
    left, right = sized.factors(weights)
    np.testing.assert_allclose(left @ np.swapaxes(right, -1, -2), product, atol=ROUNDING)
    np.testing.assert_array_equal(sized.join(layers), weights)
    vectors, values, rows = sized.decomposition(weights)
    assert values.shape[-1] == sized.rank
    np.testing.assert_allclose(vectors * values[..., None, :] @ rows, product, atol=100 * ROUNDING)


@over_models
@pytest.mark.parametrize("symmetric", [True, False])
def test_each_layer_moves_half_the_slope_and_as_in_the_chain(model, symmetric):
    problem = sensing() if symmetric else planted_problem((SIDE, SIDE))
    sized, weights = drawn(model)
    _, direction = drawn(model, seed=1)
    loss, gradient = slope_of(sized, problem, weights)
    np.testing.assert_allclose(loss, problem.loss(sized.product(weights)), rtol=1e-12)
    np.testing.assert_allclose(sized.loss(problem, weights), loss, rtol=1e-12)
    slope = slope_along(lambda at: sized.loss(problem, at), weights, direction)
    np.testing.assert_allclose(2 * gradient @ direction, slope, rtol=1e-7, atol=1e-7)
    if symmetric:
        chain = sized.mirrored
        whole = slope_of(chain, problem, chain.join(sized.layers(weights)))[1]
        np.testing.assert_allclose(chain.join(sized.layers(gradient)), whole, atol=ROUNDING)


def test_the_product_moves_by_its_own_law():
    # Ẋ = −∇ℓ X − X ∇ℓ   [gunasekar2017, (4)]
    problem, (sized, weights) = sensing(), drawn(rf.Symmetric())
    product = sized.product(weights)
    pull = problem.gradient(product)
    velocity = slope_along(sized.product, weights, -slope_of(sized, problem, weights)[1])
    np.testing.assert_allclose(velocity, -pull @ product - product @ pull, atol=1e-10)


@pytest.mark.parametrize("depth", [2, 4, 6])
@pytest.mark.parametrize("decay", [0.0, 0.4])
def test_balanced_mirrored_layers_move_by_the_end_to_end_law(depth, decay):
    problem = sensing()
    sized = rf.Symmetric(depth=depth, decay=decay).sized((SIDE, SIDE))
    weights = sized.draw(problem, rf.Balanced(0.5), [0.5], [3])[0]
    layers = sized.layers(weights)
    assert imbalance(layers) < ROUNDING
    product = multiply(layers)
    pull = problem.gradient(product)
    velocity = slope_along(sized.product, weights, -slope_of(sized, problem, weights)[1])
    np.testing.assert_allclose(velocity, end_to_end_velocity(product, pull, depth, decay), atol=1e-9)
    assert check_end_to_end(layers, pull, decay).holds


@pytest.mark.parametrize("depth", [2, 4])
def test_the_flow_is_that_of_a_chain_that_starts_mirrored(depth):
    problem, start = sensing(), rf.Identity(0.1)
    runs = [
        rf.evolve(problem, model, start, rf.Reference(rtol=1e-8), stop=rf.TimeReached(10.0))
        for model in (rf.Symmetric(depth=depth), rf.Chain(depth))
    ]
    np.testing.assert_allclose(runs[0].product, runs[1].product, atol=1e-6)
    assert np.linalg.eigvalsh(runs[0].product)[0] > 0


def test_a_run_goes_on_from_its_layers():
    problem = sensing()
    settings = {"integrator": rf.Reference(rtol=1e-9), "stop": rf.TimeReached(5.0)}
    first = rf.evolve(problem, rf.Symmetric(), rf.Gaussian(0.1), **settings)
    second = rf.evolve(problem, rf.Symmetric(), rf.models.FromLayers(first.layers), **settings)
    whole = rf.evolve(problem, rf.Symmetric(), rf.Gaussian(0.1), rf.Reference(rtol=1e-9), stop=rf.TimeReached(10.0))
    np.testing.assert_allclose(second.product, whole.product, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_imbalance_is_conserved_and_dies_with_decay(decay):
    record = rf.Record(imbalance=True)
    model = rf.Symmetric(depth=4, decay=decay)
    run = rf.evolve(
        sensing(), model, rf.Gaussian(0.3), rf.Reference(rtol=1e-9), stop=rf.TimeReached(4.0), record=record
    )
    kept = np.exp(-2 * decay * run.history["time"]) * run.history["imbalance"][0]
    assert kept[0] > 0.1
    np.testing.assert_allclose(run.history["imbalance"], kept, atol=1e-6)


def test_scaled_starts_have_the_scale_they_say():
    problem = sensing()
    for start in (rf.Identity(0.1), rf.models.Orthogonal(0.1)):
        for depth in (2, 4):
            sized = rf.Symmetric(depth=depth).sized((SIDE, SIDE))
            product = sized.product(sized.draw(problem, start, [0.1], [0]))[0]
            np.testing.assert_allclose(np.linalg.svd(product, compute_uv=False), 0.1, rtol=1e-12)


# --- diagonal layers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(6, 6), (4, 6), (6, 4)], ids=str)
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_diagonal_layers_move_as_in_a_chain(depth, shape, decay):
    entries = np.random.default_rng(0).standard_normal((3, min(shape)))
    problem = rf.Sensing.from_diagonals(entries, np.ones(3), shape=shape)
    sized = rf.models.Diagonal(depth, decay=decay).sized(shape)
    weights = np.random.default_rng(1).uniform(0.3, 1.2, (2, sized.size))
    chain = rf.Chain(depth, decay=decay).sized(shape)
    whole = chain.join(sized.layers(weights))
    np.testing.assert_allclose(sized.product(weights), chain.product(whole), atol=ROUNDING)
    loss, gradient = slope_of(sized, problem, weights)
    expected, slope = slope_of(chain, problem, whole)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    np.testing.assert_allclose(chain.join(sized.layers(gradient)), slope, atol=ROUNDING)
    np.testing.assert_allclose(sized.loss(problem, weights), loss, rtol=1e-12)
    left, right = sized.factors(weights)
    np.testing.assert_allclose(left @ np.swapaxes(right, -1, -2), sized.product(weights), atol=ROUNDING)
    np.testing.assert_array_equal(sized.join(sized.layers(weights)), weights)
    np.testing.assert_allclose(
        sized.decomposition(weights)[1], -np.sort(-np.abs(sized.spectrum(weights)), axis=-1), rtol=1e-10
    )


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_diagonal_flow_ends_where_the_closed_form_says(depth):
    entries, values = commuting()
    problem = rf.Sensing.from_diagonals(entries, values)
    run = rf.evolve(
        problem,
        rf.models.Diagonal(depth),
        rf.Identity(1e-2),
        rf.Reference(rtol=1e-8, atol=1e-12),
        stop=rf.LossBelow(1e-13),
    )
    spectrum = run.model.spectrum(run.weights)
    np.testing.assert_allclose(spectrum, commuting_solution(entries, values, depth, 1e-2).spectrum, atol=1e-5)


def test_along_the_way_it_stays_on_the_curved_manifold():
    # x = x_0 exp(Aᵀs) for some s at every time   [gunasekar2017, (11)]
    entries, values = commuting()
    run = rf.evolve(
        rf.Sensing.from_diagonals(entries, values), rf.models.Diagonal(), rf.Identity(1e-3), rf.Flow(1e-8),
        stop=rf.LossBelow(1e-8), record=rf.Record(every=5, functions={"x": lambda p, m, u: m.spectrum(u)}),
    )  # fmt: skip
    for spectrum in run.history["x"]:
        control, residual, *_ = np.linalg.lstsq(entries.T, np.log(spectrum / 1e-3), rcond=None)
        assert np.sqrt(residual.sum()) < 1e-6 * max(1.0, np.linalg.norm(control))


@pytest.mark.parametrize("basis", [False, True])
def test_symmetric_factors_end_there_too(basis):
    entries, values = commuting()
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((6, 6)))[0] if basis else np.eye(6)
    stack = np.einsum("ik,mk,jk->mij", turn, entries, turn)
    problem = rf.Sensing.from_matrices((stack + np.swapaxes(stack, 1, 2)) / 2, values, symmetric=True)
    run = rf.evolve(problem, rf.Symmetric(), rf.Identity(1e-3), rf.Flow(1e-8), stop=rf.LossBelow(1e-14))
    expected = turn * commuting_solution(entries, values, 2, 1e-3).spectrum @ turn.T
    np.testing.assert_allclose(run.product, expected, atol=1e-5)


def test_signs_are_kept():
    start = rf.models.FromLayers([np.diag([0.1, -0.1, 0.1])] * 3)
    problem = rf.Sensing.from_diagonals(np.eye(3), [1.0, 1.0, -1.0])
    run = rf.evolve(problem, rf.models.Diagonal(3), start, rf.Flow(1e-5), stop=rf.TimeReached(200.0))
    assert (np.sign(run.model.spectrum(run.weights)) == [1, -1, 1]).all()
    assert run.model.spectrum(run.weights)[0] > 0.9


# --- bad input ------------------------------------------------------------------------------------------------------


def test_bad_symmetric_models_are_refused():
    with pytest.raises(rf.InputError, match="depth must be even, got 3"):
        rf.Symmetric(depth=3)
    with pytest.raises(rf.InputError, match=r"depth 4 has 2 hidden widths up to its middle, got 1"):
        rf.Symmetric((3,), 4)
    with pytest.raises(rf.InputError, match="width must be at least 1, got 0"):
        rf.Symmetric(0)
    with pytest.raises(rf.InputError, match="decay must not be negative"):
        rf.Symmetric(decay=-0.1)
    with pytest.raises(rf.InputError, match=r"square, got a problem of shape \(4, 5\)"):
        rf.evolve(planted_problem((4, 5)), rf.Symmetric(), rf.Gaussian(), rf.Flow())
    problem = sensing()
    with pytest.raises(rf.InputError, match="exactly zero never moves"):
        rf.evolve(problem, rf.Symmetric(), rf.models.FromLayers([np.zeros((SIDE, SIDE))] * 2), rf.Flow())
    with pytest.raises(rf.InputError, match=r"mirror each other, W_2 = W_1ᵀ"):
        rf.evolve(problem, rf.Symmetric(), rf.models.FromLayers([np.eye(SIDE), 2 * np.eye(SIDE)]), rf.Flow())
    with pytest.raises(rf.InputError, match=r"shapes \[\(6, 6\), \(6, 6\)\], W_1 first, got \[\(6, 6\)\]"):
        rf.evolve(problem, rf.Symmetric(), rf.models.FromLayers([np.eye(SIDE)]), rf.Flow())


def test_bad_diagonal_starts_are_refused():
    problem = rf.Sensing.from_diagonals(np.eye(3), np.ones(3))
    with pytest.raises(rf.InputError, match="equal diagonal layers, got layers that are not"):
        rf.evolve(problem, rf.models.Diagonal(), rf.Gaussian(), rf.Flow())
    with pytest.raises(rf.InputError, match="got layers that are not"):
        rf.evolve(problem, rf.models.Diagonal(), rf.models.FromLayers([np.eye(3), 2 * np.eye(3)]), rf.Flow())
    with pytest.raises(rf.InputError, match="exactly zero never moves at depth 2"):
        rf.evolve(problem, rf.models.Diagonal(), rf.models.FromLayers([np.zeros((3, 3))] * 2), rf.Flow())
    with pytest.raises(rf.InputError, match=r"must have shapes \[\(3, 3\), \(3, 3\)\].*got \[\(3, 3\)\]"):
        rf.evolve(problem, rf.models.Diagonal(), rf.models.FromLayers([np.eye(3)]), rf.Flow())
    with pytest.raises(rf.InputError, match="depth must be at least 1, got 0"):
        rf.models.Diagonal(0)

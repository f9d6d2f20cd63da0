"""End-to-end dynamics: W alone moves as a balanced chain of layers moves it, at every depth, discretely too."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.models.preconditioner import multipliers, precondition
from rankfall.theory import end_to_end_velocity, preconditioner, preconditioner_eigenvalues, single_output_velocity
from tests.helpers.derivatives import order_of, slope_of
from tests.helpers.planted import planted_problem

DEPTHS = [1, 2, 3, 4, 5]
SHAPES = [(6, 6), (4, 7), (7, 4)]
ROUNDING = 1e-11  # of SVDs and sums of numbers up to a hundred

over_depths = pytest.mark.parametrize("depth", DEPTHS)
over_shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def sensing(shape, seed=0):
    rng = np.random.default_rng(seed)
    m, n = shape
    truth = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n))
    return rf.Sensing.gaussian(truth * np.sqrt(m * n) / np.linalg.norm(truth), 2 * (m + n), seed)


def field_of(model, problem, product, decay=0.0):
    sized = model.sized(problem.shape)
    return sized.product(slope_of(sized, problem, product.reshape(*product.shape[:-2], -1))[1])


# --- the law --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [*DEPTHS, 1.5, 2.7])
@over_shapes
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_the_field_is_the_end_to_end_law(depth, shape, decay):
    problem, product = sensing(shape), np.random.default_rng(1).standard_normal(shape)
    field = field_of(rf.models.EndToEnd(depth, decay=decay), problem, product)
    law = end_to_end_velocity(product, problem.gradient(product), depth, decay)
    np.testing.assert_allclose(field, -law, atol=ROUNDING)


@over_depths
@over_shapes
def test_the_field_is_the_preconditioner_times_the_gradient(depth, shape):
    product, gradient = np.random.default_rng(depth).standard_normal((2, *shape))
    expected = (preconditioner(product, depth) @ gradient.ravel(order="F")).reshape(shape, order="F")
    np.testing.assert_allclose(precondition(product, gradient, depth), expected, atol=ROUNDING)


@over_depths
@over_shapes
def test_rank_deficient_products_follow_the_same_law(depth, shape):
    rng = np.random.default_rng(2)
    product = rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1]))
    gradient = rng.standard_normal(shape)
    law = preconditioner(product, depth) @ gradient.ravel(order="F")
    # a singular value at rounding, 1e-16 of the largest, weighs (1e-16)^{2/N} beside an exact zero
    moved = precondition(product, gradient, depth)
    np.testing.assert_allclose(moved.ravel(order="F"), law, atol=50 * (1e-15 ** (2 / depth) if depth > 1 else ROUNDING))
    # tangent to the matrices of rank 2: the flow keeps the rank, a step of length h raises it by O(h²)
    left, _, right = np.linalg.svd(product)
    if depth > 1:
        assert np.abs(left[:, 2:].T @ moved @ right[2:].T).max() < 50 * 1e-15 ** (2 - 2 / depth) + ROUNDING


@pytest.mark.parametrize("depth", [*DEPTHS, 2.5])
def test_multipliers_are_the_eigenvalues(depth):
    values = np.asarray([3.0, 1.0, 1.0, 1e-9, 0.0])
    expected = preconditioner_eigenvalues(values, (5, 5), depth)
    np.testing.assert_allclose(multipliers(values, depth), expected, rtol=1e-13)
    np.testing.assert_allclose(np.diagonal(expected), depth * values ** (2 - 2 / depth), rtol=1e-13)


def test_multipliers_are_the_sum_at_whole_depth():
    values = np.asarray([2.0, 1.0 + 1e-9, 1.0, 0.3])
    for depth in DEPTHS:
        j = np.arange(1, depth + 1)
        powers = values[:, None] ** (2 * (j - 1) / depth)
        np.testing.assert_allclose(multipliers(values, depth), powers @ powers[:, ::-1].T, rtol=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 3, 2.5])
def test_a_single_output_moves_by_its_own_form(depth):
    problem, product = sensing((1, 6)), np.random.default_rng(3).standard_normal((1, 6))
    field = field_of(rf.models.EndToEnd(depth), problem, product)
    np.testing.assert_allclose(field, -single_output_velocity(product, problem.gradient(product), depth), atol=ROUNDING)


@over_shapes
def test_a_batch_is_its_runs(shape):
    problem, products = sensing(shape), np.random.default_rng(4).standard_normal((3, *shape))
    model = rf.models.EndToEnd(3)
    np.testing.assert_allclose(
        field_of(model, problem, products), [field_of(model, problem, one) for one in products], atol=ROUNDING
    )


def test_what_is_not_finite_stays_so_and_spoils_no_other_run():
    products = np.random.default_rng(4).standard_normal((2, 4, 5))
    products[0, 1, 1] = np.nan
    moved = precondition(products, np.ones((2, 4, 5)), 3)
    assert np.isnan(moved[0]).all()
    np.testing.assert_allclose(moved[1], precondition(products[1], np.ones((4, 5)), 3), atol=ROUNDING)


def test_torch_gives_the_same_numbers():
    torch = pytest.importorskip("torch")
    product, gradient = np.random.default_rng(5).standard_normal((2, 2, 4, 6))
    there = precondition(torch.from_numpy(product), torch.from_numpy(gradient), 3)
    np.testing.assert_allclose(there.numpy(), precondition(product, gradient, 3), atol=ROUNDING)


# --- the flow -------------------------------------------------------------------------------------------------------


BALANCED = [(rf.Balanced(0.1), (4, 7)), (rf.models.Orthogonal(0.1), (7, 4)), (rf.Identity(0.1), (6, 6))]


@over_depths
@pytest.mark.parametrize(("start", "shape"), BALANCED, ids=lambda part: str(getattr(type(part), "__name__", part)))
def test_balanced_layers_and_their_product_alone_take_the_same_path(depth, shape, start):
    problem, yardstick = sensing(shape), rf.Reference(rtol=1e-6, atol=1e-8)
    settings = {
        "stop": rf.TimeReached(8.0),
        "record": rf.Record(times=[4.0, 7.0], functions={"product": _product}),
        "seed": 3,
    }
    layers = rf.evolve(problem, rf.Chain(depth), start, yardstick, **settings)
    alone = rf.evolve(problem, rf.models.EndToEnd(depth), start, yardstick, **settings)
    np.testing.assert_allclose(alone.history["product"][0], layers.history["product"][0], atol=1e-15)
    np.testing.assert_allclose(alone.history["product"], layers.history["product"], atol=1e-4)


def _product(problem, model, weights):
    return model.product(weights)


@pytest.mark.parametrize("depth", [2, 3])
def test_flow_follows_the_law_to_its_tolerance(depth):
    problem = planted_problem((8, 6), 2)
    runs = [
        rf.evolve(problem, rf.models.EndToEnd(depth), rf.Balanced(0.1), integrator, stop=rf.TimeReached(60.0))
        for integrator in (rf.Reference(rtol=1e-9), rf.Flow(1e-6))
    ]
    assert np.linalg.norm(runs[1].product - runs[0].product) < 1e-3 * np.linalg.norm(runs[0].product)
    losses = runs[1].history["loss"]
    assert (np.diff(losses) <= 1e-6 * losses[:-1]).all()


@pytest.mark.parametrize("depth", [2, 3])
def test_hidden_width_plays_no_role(depth):
    problem = sensing((4, 7))
    wide = rf.Chain(depth, 9).sized((4, 7))
    layers = rf.Balanced(0.1, rotated=True).layers(problem, wide.form(), 0)
    start = rf.models.FromLayers([0.1 ** (1 / depth) * layer for layer in layers])
    settings = {"stop": rf.TimeReached(40.0)}
    runs = [
        rf.evolve(problem, model, start, rf.Reference(rtol=1e-7, atol=1e-9), **settings)
        for model in (rf.Chain(depth), rf.models.EndToEnd(depth))
    ]
    np.testing.assert_allclose(runs[1].product, runs[0].product, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_the_discrete_rule(depth, decay):
    # W ← (1 − ηλN) W − η P_W[∇ℓ]   [arora2018]
    problem, rate = sensing((4, 5)), 0.2
    run = rf.evolve(
        problem,
        rf.models.EndToEnd(depth, decay=decay),
        rf.Gaussian(0.3),
        rf.Descent(rf.Gradient(rate)),
        stop=rf.StepLimit(4),
    )
    product = rf.models.EndToEnd(depth).sized((4, 5)).draw(problem, rf.Gaussian(0.3), [0.3], [0]).reshape(4, 5)
    for _ in range(4):
        product = product + rate * end_to_end_velocity(product, problem.gradient(product), depth, decay)
    np.testing.assert_allclose(run.product, product, atol=ROUNDING)


def test_descent_on_balanced_layers_follows_the_rule_at_order_one():
    problem, rates = sensing((4, 5)), np.asarray([0.4, 0.2])
    gaps = []
    for rate in rates:
        stop = rf.StepLimit(round(12 / rate))
        layers, alone = (
            rf.evolve(problem, model, rf.Balanced(0.3), rf.Descent(rf.Gradient(rate)), stop=stop)
            for model in (rf.Chain(3), rf.models.EndToEnd(3))
        )
        gaps.append(np.linalg.norm(layers.product - alone.product))
    assert order_of(rates, gaps) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_path_is_continuous_in_the_depth(depth):
    problem = planted_problem((8, 6), 1)
    products = [
        rf.evolve(problem, rf.models.EndToEnd(near), rf.Identity(0.1), rf.Flow(1e-6), stop=rf.TimeReached(5.0)).product
        for near in (depth, depth + 1e-6)
    ]
    np.testing.assert_allclose(products[1], products[0], atol=1e-4)


@pytest.mark.parametrize("depth", [1, 2, 3, 2.5])
def test_weight_decay_alone_shrinks_the_product(depth):
    # Ẇ = −λN W
    problem = rf.Completion.from_triplets([0], [0], [0.0], (4, 4))
    start = rf.models.FromLayers([np.diag([0.0, 1.0, 2.0, 3.0])])
    run = rf.evolve(
        problem, rf.models.EndToEnd(depth, decay=0.2), start, rf.Reference(rtol=1e-10), stop=rf.TimeReached(1.5)
    )
    np.testing.assert_allclose(run.product, start.given[0] * np.exp(-0.2 * depth * 1.5), atol=1e-8)


# --- the interface --------------------------------------------------------------------------------------------------


@over_shapes
def test_the_same_start_and_seed_give_the_same_product_as_a_chain(shape):
    problem = planted_problem(shape, 2)
    for start in (rf.Gaussian(1e-2), rf.models.Uniform(1e-2), rf.Balanced(1e-2), rf.Spectral(2, 1e-2)):
        for depth in DEPTHS:
            products = []
            for model in (rf.Chain(depth), rf.models.EndToEnd(depth)):
                sized = model.sized(shape, start.width)
                products.append(sized.product(sized.draw(problem, start, [1e-2], [7])))
            np.testing.assert_allclose(products[1], products[0], atol=1e-16)


def test_a_run_reads_like_any_other():
    problem = planted_problem((5, 7))
    run = rf.evolve_batch(
        problem, rf.models.EndToEnd(3), rf.Gaussian([1e-2, 1e-1]), rf.Flow(), stop=rf.StepLimit(8),
        record=rf.Record(singular_values=2, imbalance=True, vectors=True),
    )[1]  # fmt: skip
    left, right = run.factors
    np.testing.assert_allclose(left @ right.T, run.product, atol=1e-15)
    np.testing.assert_array_equal(run.layers[0], run.product)
    np.testing.assert_allclose(run.history["singular_values"][-1], run.singular_values[:2], rtol=1e-12)
    assert not run.history["imbalance"].any()


def test_bad_models_and_starts_are_refused():
    problem = planted_problem((5, 7))
    with pytest.raises(rf.InputError, match="depth must be at least 1, got 0.5"):
        rf.models.EndToEnd(0.5)
    with pytest.raises(rf.InputError, match="decay must not be negative, got -1"):
        rf.models.EndToEnd(2, decay=-1.0)
    with pytest.raises(rf.InputError, match="exactly zero never moves at depth 2, got one in run 0; start small"):
        rf.evolve(problem, rf.models.EndToEnd(2), rf.models.FromLayers([np.zeros((5, 7))]), rf.Flow())
    with pytest.raises(rf.InputError, match=r"product of shape \(5, 7\), got \(7, 5\)"):
        rf.evolve(problem, rf.models.EndToEnd(2), rf.models.FromLayers([np.ones((7, 5))]), rf.Flow())
    run = rf.evolve(
        problem, rf.models.EndToEnd(1), rf.models.FromLayers([np.zeros((5, 7))]), rf.Flow(), stop=rf.StepLimit(3)
    )
    assert run.loss < problem.loss(np.zeros((5, 7)))

"""The contract of models and starts: layers and weights, velocity, factors, SVD, sizes of starts, saving."""

import itertools
import json

import numpy as np
import pytest

import rankfall as rf
from rankfall.models import LayerForm, Model, Start
from tests.catalogue import GRADIENT_MODELS, MODELS, PROBLEMS, SHAPE, STARTS
from tests.helpers.planted import planted_problem

over_models = pytest.mark.parametrize("name", MODELS)
over_starts = pytest.mark.parametrize("start", STARTS)
STEP = 1e-5


def sized(name) -> Model:
    return MODELS[name]().sized(SHAPE)


def weights_of(model, seed=0):
    return np.random.default_rng(seed).standard_normal((2, model.size))


@over_models
def test_layers_and_weights_are_one_another(name):
    model = sized(name)
    assert isinstance(model, Model)
    weights = weights_of(model)
    layers = model.layers(weights)
    np.testing.assert_array_equal(model.join(layers), weights)
    assert [tuple(layer.shape[1:]) for layer in layers] == [tuple(shape) for shape in model.layer_shapes]
    assert len(model.layer_axes) == len(layers)
    assert model.sized(SHAPE) == model or name == "lifted"


@over_models
def test_factors_decomposition_and_product_are_one_matrix(name):
    model = sized(name)
    weights = weights_of(model)
    product = model.product(weights)
    left, right = model.factors(weights)
    u, values, v = model.decomposition(weights)
    assert product.shape == (2, *SHAPE)
    np.testing.assert_allclose(left @ right.mT, product, atol=1e-10)
    np.testing.assert_allclose((u * values[:, None, :]) @ v, product, atol=1e-9)
    assert (np.diff(values) <= 1e-12).all()
    assert values.shape[1] == model.rank
    assert np.linalg.matrix_rank(product).max() <= model.rank


@over_models
@pytest.mark.parametrize("problem", ["completion", "completion, weighted", "sensing", "regression"])
def test_the_velocity_lowers_the_loss_and_a_batch_is_its_runs(name, problem):
    model, problem = sized(name), PROBLEMS[problem]()
    weights = weights_of(model)
    loss, velocity = model.velocity(problem, weights)
    np.testing.assert_allclose(model.loss(problem, weights), loss)
    for run in range(2):
        alone = model.velocity(problem, weights[run : run + 1])
        np.testing.assert_allclose(alone[0], loss[run : run + 1], rtol=1e-12)
        np.testing.assert_allclose(alone[1], velocity[run : run + 1], atol=1e-12)
    if model.decay:
        velocity = velocity + model.decay * weights * (1 if model.is_layered else model.depth)
    ahead, behind = (model.loss(problem, weights + s * STEP * velocity) for s in (1, -1))
    assert (ahead - behind <= 0).all()


@pytest.mark.parametrize("name", GRADIENT_MODELS)
def test_without_rates_decay_or_preconditioner_the_velocity_is_minus_the_gradient(name):
    model, problem = sized(name), planted_problem(SHAPE)
    weights, direction = weights_of(model), weights_of(model, 1)
    _, velocity = model.velocity(problem, weights)
    ahead, behind = (model.loss(problem, weights + s * STEP * direction) for s in (1, -1))
    expected = -np.sum(velocity * direction, axis=1)
    np.testing.assert_allclose((ahead - behind) / (2 * STEP), expected, rtol=1e-5, atol=1e-6)


@over_models
def test_a_model_is_saved_as_plain_values_and_arrays(name):
    model = sized(name)
    fields, arrays = model.to_saved()
    again = Model.registered[type(model).__name__].from_saved(json.loads(json.dumps(fields)), dict(arrays))
    weights = weights_of(model)
    np.testing.assert_array_equal(again.product(weights), model.product(weights))
    assert (again.depth, again.decay, again.rates) == (model.depth, model.decay, model.rates)


@over_starts
def test_a_start_gives_layers_of_the_form_and_the_same_for_the_same_seed(start):
    start, model, problem = STARTS[start](), sized("chain 3"), planted_problem(SHAPE)
    assert isinstance(start, Start)
    form = model.form(start.width)
    assert isinstance(form, LayerForm)
    layers, again = (start.layers(problem, form, 5) for _ in range(2))
    assert [layer.shape for layer in layers] == list(form.shapes)
    assert all(layer.dtype == np.float64 for layer in layers)
    for one, other in zip(layers, again, strict=True):
        np.testing.assert_array_equal(one, other)


@over_starts
@pytest.mark.parametrize("name", ["chain 1", "chain 2", "chain 3", "end to end 3"])
def test_a_start_is_as_large_as_its_scale_at_every_depth(start, name):
    start, problem = STARTS[start](), planted_problem(SHAPE)
    model = MODELS[name]().sized(SHAPE, start.width)
    weights = model.draw(problem, start, [0.3] * 200, range(200))
    size = np.sqrt(np.mean(np.sum(model.product(weights) ** 2, axis=(1, 2))))
    width = min(min(SHAPE), start.width or min(SHAPE))
    assert size == pytest.approx(0.3 * np.sqrt(width), rel=0.25)


@pytest.mark.parametrize("name", ["chain 2", "chain 3", "lifted"])
def test_a_run_of_the_flow_conserves_the_balance(name):
    problem = planted_problem(SHAPE)
    run = rf.evolve(problem, MODELS[name](), rf.Gaussian(0.3), rf.Flow(1e-7), stop=rf.TimeReached(3.0))
    end = run.model.layers(run.weights[None])
    start = run.model.layers(run.model.draw(problem, rf.Gaussian(0.3), [0.3], [0]))
    pairs = zip(itertools.pairwise(end), itertools.pairwise(start), strict=True)
    for (lower, upper), (first, second) in pairs:
        gap = upper.mT @ upper - lower @ lower.mT
        before = second.mT @ second - first @ first.mT
        np.testing.assert_allclose(gap, before, atol=1e-5)

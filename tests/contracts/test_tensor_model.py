"""The contract of tensor models: layers and weights, entries and adjoints, velocity, starts, saving, conservation."""

import itertools
import json

import numpy as np
import pytest

import rankfall as rf
from rankfall.models import BalancedComponents, Model, Subspaces
from rankfall.problems.matricization import matricize
from tests.tensor_catalogue import CONSERVING, GRADIENT_MODELS, MODELS, PROBLEMS, planted_tensor, sized

over_models = pytest.mark.parametrize("name", MODELS)
over_problems = pytest.mark.parametrize("problem", PROBLEMS)
STEP = 1e-5


def weights_of(model, seed=0, runs=2):
    return np.random.default_rng(seed).standard_normal((runs, model.size))


def all_positions(shape):
    return np.stack(np.unravel_index(np.arange(np.prod(shape)), shape)).astype(np.int32)


@over_models
def test_layers_and_weights_are_one_another(name):
    model = sized(name)
    weights = weights_of(model)
    layers = model.layers(weights)
    np.testing.assert_array_equal(model.join(layers), weights)
    assert [layer.shape[1:] for layer in layers] == [tuple(shape) for shape in model.layer_shapes]
    assert len(model.layer_axes) == len(model.modes) == model.depth
    assert model.sized(MODELS[name][0]) == model
    for layer, mode in zip(layers, model.modes, strict=True):
        assert mode is None or layer.shape[1] == model.dimensions[mode]


@over_models
def test_entries_are_those_of_the_formed_tensor(name):
    model = sized(name)
    weights, shape = weights_of(model), model.dimensions
    product = model.product(weights)
    assert product.shape == (2, *shape)
    np.testing.assert_allclose(model.entries(weights, tuple(all_positions(shape))), product.reshape(2, -1), atol=1e-12)


@over_models
def test_the_adjoint_is_the_slope_of_entries_and_of_the_formed_tensor(name):
    model = sized(name)
    weights, direction, shape = weights_of(model), weights_of(model, 1), model.dimensions
    slopes = np.random.default_rng(2).standard_normal((2, *shape))
    pull = model.adjoint_at(all_positions(shape), weights, slopes.reshape(2, -1))
    np.testing.assert_allclose(model.join(model.adjoint(weights, slopes)), pull, atol=1e-11)
    ahead, behind = (model.product(weights + s * STEP * direction) for s in (1, -1))
    moved = np.sum(((ahead - behind) / (2 * STEP) * slopes).reshape(2, -1), axis=1)
    np.testing.assert_allclose(np.sum(pull * direction, axis=1), moved, rtol=1e-6)


@over_models
def test_factors_and_decomposition_are_those_of_the_matricization(name):
    model = sized(name)
    weights = weights_of(model)
    whole = np.stack([matricize(w, range(w.ndim // 2)) for w in model.product(weights)])
    left, right = model.factors(weights)
    u, values, v = model.decomposition(weights)
    np.testing.assert_allclose(left @ right.mT, whole, atol=1e-10)
    np.testing.assert_allclose((u * values[:, None, :]) @ v, whole, atol=1e-9)
    assert values.shape[1] == model.rank


@over_models
def test_matricizations_of_random_weights_have_the_largest_rank(name):
    model = sized(name)
    tensor = model.product(weights_of(model))[0]
    order = tensor.ndim
    for axes in [(0,), (order - 1,), tuple(range(0, order, 2)), tuple(range(order - 1))]:
        assert np.linalg.matrix_rank(matricize(tensor, axes)) == model.largest_rank(axes), axes


@over_models
@over_problems
def test_the_velocity_lowers_the_loss_and_a_batch_is_its_runs(name, problem):
    model = sized(name)
    problem, weights = PROBLEMS[problem](model.dimensions), weights_of(model)
    loss, velocity = model.velocity(problem, weights)
    np.testing.assert_allclose(model.loss(problem, weights), loss)
    np.testing.assert_allclose(problem.loss(model.product(weights)), loss)
    for run in range(2):
        alone = model.velocity(problem, weights[run : run + 1])
        np.testing.assert_allclose(alone[0], loss[run : run + 1], rtol=1e-12)
        np.testing.assert_allclose(alone[1], velocity[run : run + 1], atol=1e-12)


@pytest.mark.parametrize("name", GRADIENT_MODELS)
@over_problems
def test_without_decay_the_velocity_is_minus_the_gradient(name, problem):
    model = sized(name)
    problem, weights, direction = PROBLEMS[problem](model.dimensions), weights_of(model), weights_of(model, 1)
    _, velocity = model.velocity(problem, weights)
    ahead, behind = (model.loss(problem, weights + s * STEP * direction) for s in (1, -1))
    expected = -np.sum(velocity * direction, axis=1)
    np.testing.assert_allclose((ahead - behind) / (2 * STEP), expected, rtol=1e-4, atol=1e-5)


@over_models
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_libraries_and_dtypes_give_the_same_velocity(name, dtype):
    torch = pytest.importorskip("torch")
    model = sized(name)
    problem = planted_tensor(model.dimensions, dtype=dtype)
    weights = weights_of(model).astype(dtype)
    loss, velocity = model.velocity(problem, weights)
    assert velocity.dtype == dtype
    given = np.full(model.dimensions, np.nan, dtype)
    given[tuple(problem.indices)] = problem.values
    other = rf.TensorCompletion.from_array(torch.asarray(given))
    found = model.velocity(other, torch.asarray(weights))
    tolerance = 200 * np.finfo(dtype).eps
    np.testing.assert_allclose(found[0].numpy(), loss, rtol=tolerance)
    np.testing.assert_allclose(found[1].numpy(), velocity, atol=tolerance * np.abs(velocity).max())


@over_models
def test_a_model_is_saved_as_plain_values(name):
    model = sized(name)
    fields, arrays = model.to_saved()
    again = Model.registered[type(model).__name__].from_saved(json.loads(json.dumps(fields)), dict(arrays))
    weights = weights_of(model)
    np.testing.assert_array_equal(again.product(weights), model.product(weights))
    assert again == model


@over_models
@pytest.mark.parametrize("start", [rf.Gaussian(0.3), Subspaces(9, 0.3)])
def test_a_start_is_as_large_as_its_scale(name, start):
    model = sized(name)
    weights = model.draw(planted_tensor(model.dimensions), start, [0.3] * 400, range(400))
    size = np.sqrt(np.mean(np.sum(model.product(weights).reshape(400, -1) ** 2, axis=1)))
    # the products of many layers have heavy tails
    assert size == pytest.approx(0.3 * np.sqrt(model.rank), rel=0.5)


def test_balanced_components_are_balanced():
    model = sized("cp, order 4")
    weights = model.draw(planted_tensor(model.dimensions), BalancedComponents(0.3), [0.3] * 2, range(2))
    assert model.imbalance(weights).max() < 1e-15
    with pytest.raises(ValueError, match="components"):
        sized("train, order 4").draw(planted_tensor((3, 4, 2, 3)), BalancedComponents(0.3), [0.3], [0])


def test_a_start_in_subspaces_stays_in_those_of_the_data():
    problem = planted_tensor((9, 8, 7), rank=2, share=1.0)
    model = rf.CP(5).sized(problem.shape)
    layers = model.layers(model.draw(problem, Subspaces(2, 0.1), [0.1], [0]))
    for axis, layer in enumerate(layers):
        basis = np.linalg.svd(matricize(problem.truth, [axis]))[0][:, :2]
        np.testing.assert_allclose(basis @ (basis.T @ layer[0]), layer[0], atol=1e-12)


@pytest.mark.parametrize("name", CONSERVING)
def test_a_run_of_the_flow_conserves_the_balance(name):
    model = sized(name)
    problem, start = planted_tensor(model.dimensions), rf.Gaussian(0.5)
    run = rf.evolve(problem, model, start, rf.Flow(1e-8), stop=rf.TimeReached(2.0))
    before = conserved(run.model, run.model.layers(run.model.draw(problem, start, [0.5], [0])))
    after = conserved(run.model, run.model.layers(run.weights[None]))
    for one, other in zip(after, before, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert run.loss < run.history["loss"][0]


def conserved(model, layers):
    """The conserved quantities of a model, from its papers rather than from its own `imbalance`."""
    layers = [layer[0] for layer in layers]
    if isinstance(model, rf.CP):
        return [np.sum(a**2, axis=0) - np.sum(layers[0] ** 2, axis=0) for a in layers[1:]]
    if isinstance(model, rf.Train):
        pairs = itertools.pairwise(layers)
        return [np.einsum("jab,jac->bc", a, a) - np.einsum("jba,jca->bc", b, b) for a, b in pairs]
    found = []
    for v, node in enumerate(model.nodes):
        for child in node.children:
            found.append(np.sum(layers[v] ** 2, axis=1) - np.sum(layers[child] ** 2, axis=0))
    return found


@pytest.mark.parametrize("name", ["cp, order 3", "train, order 4", "tree, balanced"])
@pytest.mark.parametrize(
    "integrator", [rf.Flow(1e-3), rf.Descent(rf.integrators.GroupRMSprop(1e-2)), rf.Reference(rtol=1e-6)], ids=str
)
def test_runs_with_records_events_held_out_entries_and_disk(name, integrator, tmp_path):
    from rankfall.trajectory import Escape

    model = MODELS[name][1]()
    problem = planted_tensor(MODELS[name][0], rank=1, share=0.9).hold_out(0.2, seed=0)
    record = rf.Record(singular_values=True, drives=True, imbalance=True, every=5, events=(Escape(),))
    run = rf.evolve(problem, model, rf.Gaussian(1e-2), integrator, record=record,
                    stop=rf.LossBelow(1e-4) | rf.StepLimit(1500))  # fmt: skip
    assert run.loss < 1e-3
    assert run.history["test_error"][-1] < run.history["test_error"][0]
    assert [event.name for event in run.events][:1] == ["escape"]
    run.save(tmp_path / "run.zarr")
    again = rf.Trajectory.load(tmp_path / "run.zarr")
    np.testing.assert_array_equal(again.weights, run.weights)
    np.testing.assert_array_equal(again.product, run.product)
    positions = [[0, 1]] * len(problem.shape)
    np.testing.assert_allclose(run.predict(*positions), run.product[tuple(np.asarray(positions))], rtol=1e-10)


def test_a_batch_of_seeds_is_its_runs():
    problem = planted_tensor((4, 5, 3))
    batch = rf.evolve(problem, rf.CP(3), rf.Gaussian(0.1), rf.Descent(rf.Gradient(0.1)), seed=[0, 1, 2],
                      stop=rf.StepLimit(20))  # fmt: skip
    for seed, run in enumerate(batch):
        alone = rf.evolve(problem, rf.CP(3), rf.Gaussian(0.1), rf.Descent(rf.Gradient(0.1)), seed=seed,
                          stop=rf.StepLimit(20))  # fmt: skip
        np.testing.assert_allclose(run.weights, alone.weights, rtol=1e-10)


def test_order_two_is_the_chain_of_depth_two():
    problem = planted_tensor((6, 5))
    rows, cols = problem.indices
    matrix = rf.Completion.from_triplets(rows, cols, problem.values, problem.shape)
    chain = rf.Chain(2, 3).sized(problem.shape)
    for model, transposed in ((rf.CP(3), True), (rf.Train(3), False)):
        model = model.sized(problem.shape)
        assert model.rank == chain.rank
        assert model.form().unit_deviation == pytest.approx(chain.form().unit_deviation)
        first, second = chain.layers(weights_of(chain, runs=1))
        layers = [second, first.mT] if transposed else [second[:, :, None, :], first.mT[..., None]]
        loss, velocity = model.velocity(problem, model.join(layers))
        expected = chain.velocity(matrix, chain.join([first, second]))
        np.testing.assert_allclose(loss, expected[0])
        moved = model.layers(velocity)[1].reshape(1, 5, 3)
        np.testing.assert_allclose(moved, chain.layers(expected[1])[0].mT, atol=1e-12)

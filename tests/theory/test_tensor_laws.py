"""Networks compute what their factorizations do, and components move as the laws say."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.models import BalancedComponents
from rankfall.problems.matricization import matricize
from rankfall.theory.networks import network_of, score
from rankfall.theory.tensor_laws import (
    component_velocities,
    components_needed,
    local_component_velocities,
    rank_along_tree,
)
from tests.tensor_catalogue import MODELS, planted_tensor, sized


@pytest.mark.parametrize("name", MODELS)
def test_networks_compute_the_scores_of_their_tensors_and_come_back(name):
    model, rng = sized(name), np.random.default_rng(0)
    weights = rng.standard_normal(model.size)
    inputs = [rng.standard_normal((20, side)) for side in model.dimensions]
    network = network_of(model, weights)
    expected = score(model.product(weights), inputs)
    np.testing.assert_allclose(network(inputs), expected, atol=1e-12 * np.abs(expected).max())
    again, same = network.factorization()
    np.testing.assert_array_equal(again.product(same), model.product(weights))
    np.testing.assert_array_equal(network_of(again, same)(inputs), network(inputs))


@pytest.mark.parametrize("order", [3, 4, 5])
def test_balanced_components_move_by_the_law(order):
    problem = planted_tensor((3, 4, 2, 3, 2)[:order])
    model = rf.CP(3).sized(problem.shape)
    record = rf.Record(functions={"velocities": component_velocities}, every=5)
    run = rf.evolve(problem, model, BalancedComponents(0.5), rf.Flow(1e-8), stop=rf.TimeReached(3.0), record=record)
    law, moved = np.moveaxis(run.history["velocities"], 1, 0)
    np.testing.assert_allclose(moved, law, atol=1e-5 * np.abs(law).max())


def test_unbalanced_components_do_not():
    problem = planted_tensor((3, 4, 2))
    model = rf.CP(3).sized(problem.shape)
    law, moved = component_velocities(problem, model, np.random.default_rng(0).standard_normal((1, model.size)))[0]
    assert np.abs(law - moved).max() > 0.1 * np.abs(law).max()


def test_balanced_local_components_move_by_the_law_of_their_own_order():
    model = sized("tree, balanced")
    problem, layers = planted_tensor(model.dimensions), []
    rng = np.random.default_rng(0)
    for v, node in enumerate(model.nodes):
        layer = rng.standard_normal(model.layer_shapes[v])
        # all columns, and the rows of inner nodes, of length 1
        for _ in range(200 if node.mode is None else 1):
            layer /= np.linalg.norm(layer, axis=0) if v < len(model.nodes) - 1 else 1
            if node.mode is None:
                layer /= np.linalg.norm(layer, axis=1)[:, None]
        layers.append(layer)
    weights = model.join(layers)[None]
    for v, node in enumerate(model.nodes):
        if node.mode is None:
            law, moved = local_component_velocities(problem, model, weights, v)[0]
            np.testing.assert_allclose(moved, law, rtol=1e-6)


def test_ranks_along_a_tree_are_at_most_its_widths_and_expressiveness_is_exponential():
    tree = rf.Tree(None, 3).sized((3, 3, 3, 3))
    tensor = tree.product(np.random.default_rng(0).standard_normal(tree.size))
    assert set(rank_along_tree(tensor, tree).values()) == {3}
    # facts §5.4: the odd–even matricization of a random tree of width 3 over four axes has rank 9
    assert components_needed(tree, (0, 2)) == np.linalg.matrix_rank(matricize(tensor, (0, 2))) == 9
    train = rf.Train(3).sized((3, 3, 3, 3))
    assert components_needed(train, (0, 2)) == 9
    assert components_needed(rf.CP(3).sized((3, 3, 3, 3)), (0, 2)) == 3

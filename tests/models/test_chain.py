"""The chain: layers and flat vector are one memory, the product is the layers', the gradient is the loss's."""

import itertools
import math
from functools import reduce

import numpy as np
import pytest

import rankfall as rf
from tests.helpers.completions import in_layout
from tests.helpers.derivatives import slope_of
from tests.helpers.planted import planted_problem
from tests.helpers.unchecked import unchecked

# shape (m, n), depth, hidden widths: square, wide and tall; as wide as needed, narrow, wide, uneven
CATALOGUE = [
    ((9, 9), 1, None),
    ((6, 11), 1, None),
    ((8, 8), 2, None),
    ((6, 11), 2, 3),
    ((11, 6), 2, 15),
    ((1, 7), 2, 4),
    ((7, 1), 3, None),
    ((9, 6), 3, (4, 8)),
    ((6, 9), 3, (8, 4)),
    ((7, 7), 4, 2),
    ((5, 8), 4, (9, 3, 3)),
    ((8, 5), 5, 6),
    ((5, 8), 5, (7, 2, 9, 2)),
]


def cases():
    for shape, depth, width in CATALOGUE:
        yield pytest.param(
            planted_problem(shape, rank=1, share=0.7),
            rf.Chain(depth, width).sized(shape),
            id=f"{shape} {depth} {width}",
        )


def random_weights(chain, batch=(), seed=0):
    return np.random.default_rng(seed).standard_normal((*batch, chain.size)) * 0.7


@pytest.mark.parametrize(("problem", "chain"), cases())
@pytest.mark.parametrize("batch", [(), (3,)])
def test_layers_are_views_and_join_again(problem, chain, batch):
    weights = random_weights(chain, batch)
    layers = chain.layers(weights)
    assert [layer.shape[-2:] for layer in layers] == chain.layer_shapes
    assert all(np.shares_memory(layer, weights) for layer in layers)
    np.testing.assert_array_equal(chain.join(layers), weights)
    assert chain.size == weights.shape[-1]


@pytest.mark.parametrize(("problem", "chain"), cases())
@pytest.mark.parametrize("batch", [(), (3,)])
def test_product_and_factors_are_the_layers_multiplied(problem, chain, batch):
    weights = random_weights(chain, batch)
    product = reduce(lambda below, layer: layer @ below, chain.layers(weights))
    np.testing.assert_allclose(chain.product(weights), product, atol=1e-12)
    left, right = chain.factors(weights)
    np.testing.assert_allclose(left @ np.swapaxes(right, -1, -2), product, atol=1e-12)
    hidden = chain.dimensions[1:-1]
    assert left.shape[-1] == (min(hidden) if hidden else min(problem.shape))


@pytest.mark.parametrize(("problem", "chain"), cases())
def test_decomposition_is_the_svd(problem, chain):
    weights = random_weights(chain, (2,))
    u, values, v = chain.decomposition(weights)
    expected = np.linalg.svd(chain.product(weights), compute_uv=False)
    np.testing.assert_allclose(values, expected[:, : chain.rank], atol=1e-12 * expected.max())
    np.testing.assert_allclose(u * values[:, None, :] @ v, chain.product(weights), atol=1e-12 * expected.max())
    identity = np.broadcast_to(np.eye(chain.rank), (2, chain.rank, chain.rank))
    np.testing.assert_allclose(np.swapaxes(u, 1, 2) @ u, identity, atol=1e-12)
    np.testing.assert_allclose(v @ np.swapaxes(v, 1, 2), identity, atol=1e-12)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize(("problem", "chain"), cases())
def test_gradient_is_the_slope_of_the_loss(problem, chain, dense):
    problem = rf.Completion(problem.rows, problem.cols, problem.values, problem.shape)
    problem = in_layout(problem, dense)
    weights, direction = random_weights(chain), random_weights(chain, seed=1)
    _, gradient = slope_of(chain, problem, weights)
    # fourth-order difference: error h⁴φ⁗′ + ε/h
    h = 1e-3
    values = [chain.loss(problem, weights + k * h * direction) for k in (-2, -1, 1, 2)]
    slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    np.testing.assert_allclose(gradient @ direction, slope, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("problem", "chain"), cases())
def test_loss_with_and_without_gradient_agree(problem, chain):
    weights = random_weights(chain, (3,))
    loss, gradient = slope_of(chain, problem, weights)
    np.testing.assert_allclose(chain.loss(problem, weights), loss, rtol=1e-12)
    np.testing.assert_allclose(problem.loss(chain.product(weights)), loss, rtol=1e-12)
    for i in range(3):
        alone, slope = slope_of(chain, problem, weights[i])
        np.testing.assert_allclose(loss[i], alone, rtol=1e-13)
        np.testing.assert_allclose(gradient[i], slope, atol=1e-13)


@pytest.mark.parametrize(("problem", "chain"), cases())
def test_euler_identity(problem, chain):
    # W is homogeneous of degree 1 in each layer: ⟨W_j, ∂φ/∂W_j⟩ = ⟨W, ∇ℓ(W)⟩ for every j
    weights = random_weights(chain)
    product = chain.product(weights)
    expected = np.sum(product * problem.gradient(product))
    _, gradient = slope_of(chain, problem, weights)
    for layer, slope in zip(chain.layers(weights), chain.layers(gradient), strict=True):
        np.testing.assert_allclose(np.sum(layer * slope), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("problem", "chain"), cases())
def test_imbalance_is_the_largest_gap(problem, chain):
    weights = random_weights(chain, (2,))
    layers = chain.layers(weights)
    gaps = [
        np.linalg.norm(np.swapaxes(above, 1, 2) @ above - below @ np.swapaxes(below, 1, 2), axis=(1, 2))
        for below, above in itertools.pairwise(layers)
    ]
    np.testing.assert_allclose(chain.imbalance(weights), np.max(gaps, axis=0) if gaps else 0, rtol=1e-13)


def test_dimensions_come_from_the_chain_then_the_start_then_the_matrix():
    assert rf.Chain(3).sized((5, 8)).dimensions == (8, 5, 5, 5)
    assert rf.Chain(3).sized((5, 8), 2).dimensions == (8, 2, 2, 5)
    assert rf.Chain(3, 4).sized((5, 8), 2).dimensions == (8, 4, 4, 5)
    assert rf.Chain(3, [4, 6]).sized((5, 8)).dimensions == (8, 4, 6, 5)
    assert rf.Chain(1).sized((5, 8), 2).dimensions == (8, 5)
    chain = rf.Chain(3, [4, 6]).sized((5, 8))
    assert chain.rank == 4
    assert chain.size == sum(math.prod(shape) for shape in chain.layer_shapes)
    assert hash(chain) == hash(rf.Chain(3, (4, 6)).sized((5, 8)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"depth": 0}, "depth must be at least 1, got 0"),
        ({"depth": -2}, "got -2"),
        ({"depth": 2, "width": 0}, "width must be at least 1, got 0"),
        ({"depth": 3, "width": (4, 0)}, "got 0"),
        ({"depth": 3, "width": (4,)}, "2 hidden widths, got 1"),
        ({"depth": 1, "width": (4,)}, "0 hidden widths, got 1"),
    ],
)
def test_bad_chains_are_refused(arguments, words):
    with pytest.raises(rf.InputError, match=words):
        rf.Chain(**arguments)


def test_layers_of_other_shapes_are_refused():
    chain = rf.Chain(2, 3).sized((5, 4))
    with pytest.raises(rf.InputError, match="layers must have shapes"):
        chain.join([np.zeros((3, 5)), np.zeros((4, 3))])


def test_layers_are_counted_by_whole_numbers():
    chain = object.__new__(rf.Chain)
    with pytest.raises(rf.InputError, match="whole number, got 2.5; EndToEnd moves W at any real depth"):
        unchecked(rf.Chain.__init__)(chain, depth=2.5)

"""Starts: as large as they say, as balanced as they say, and the same whatever the dtype or library."""

import numpy as np
import pytest

import rankfall as rf
from tests.helpers.planted import planted_problem

CHAINS = [
    ((10, 10), 1, None), ((10, 10), 2, None), ((10, 10), 3, None), ((8, 12), 3, 5), ((12, 8), 4, (6, 15, 9)),
    ((6, 9), 2, 20), ((9, 6), 5, 7),
]  # fmt: skip
RANDOM = [rf.Gaussian, rf.models.Uniform, rf.Balanced, rf.models.Orthogonal]
BALANCED = [
    rf.Identity(), rf.models.Orthogonal(), rf.Balanced(), rf.Balanced(rotated=True), rf.Spectral(4), rf.Spectral(30),
]  # fmt: skip


def drawn(start, shape, depth, width, seeds=(0,), scales=(1.0,)):
    problem = planted_problem(shape)
    chain = rf.Chain(depth, width).sized(shape, start.width)
    count = max(len(seeds), len(scales))
    weights = chain.draw(problem, start, list(scales) * (count // len(scales)), list(seeds) * (count // len(seeds)))
    return problem, chain, weights


@pytest.mark.parametrize("kind", RANDOM)
@pytest.mark.parametrize(("shape", "depth", "width"), CHAINS)
def test_size_of_the_product(kind, shape, depth, width):
    seeds = range(400)
    _, chain, weights = drawn(kind(), shape, depth, width, seeds)
    squares = np.sum(chain.product(weights) ** 2, axis=(1, 2)) / chain.rank
    # five standard errors of the mean, as the sample itself shows them
    assert abs(squares.mean() - 1) <= 5 * squares.std() / np.sqrt(len(seeds)) + 1e-12


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_square_gaussian_starts_are_the_papers(depth):
    n, scale = 30, 1e-3
    problem = planted_problem((n, n))
    chain = rf.Chain(depth).sized((n, n))
    weights = chain.draw(problem, rf.Gaussian(), [scale] * 50, list(range(50)))
    np.testing.assert_allclose(weights.std(), scale ** (1 / depth) / np.sqrt(n), rtol=0.02)
    sizes = np.linalg.norm(chain.product(weights), axis=(1, 2))
    np.testing.assert_allclose(sizes.mean(), scale * np.sqrt(n), rtol=0.05)


@pytest.mark.parametrize("start", BALANCED, ids=repr)
@pytest.mark.parametrize(("shape", "depth", "width"), CHAINS)
def test_balanced_starts_are_balanced(start, shape, depth, width):
    _, chain, weights = drawn(start, shape, depth, width)
    np.testing.assert_allclose(chain.imbalance(weights), 0, atol=1e-13)


@pytest.mark.parametrize("start", [rf.Identity(), rf.models.Orthogonal(), rf.Spectral(50)], ids=repr)
@pytest.mark.parametrize(("shape", "depth", "width"), CHAINS)
def test_isotropic_starts_have_equal_singular_values(start, shape, depth, width):
    _, chain, weights = drawn(start, shape, depth, width, scales=(0.01,))
    np.testing.assert_allclose(chain.decomposition(weights)[1], 0.01, rtol=1e-12)


def test_identity_is_the_identity():
    _, chain, weights = drawn(rf.Identity(), (6, 6), 3, None, scales=(1e-3,))
    for layer in chain.layers(weights[0]):
        np.testing.assert_allclose(layer, 0.1 * np.eye(6), rtol=1e-14)


def test_rotation_changes_the_layers_and_not_the_product():
    _, chain, plain = drawn(rf.Balanced(), (6, 8), 3, None)
    _, _, rotated = drawn(rf.Balanced(rotated=True), (6, 8), 3, None)
    np.testing.assert_allclose(chain.product(plain), chain.product(rotated), atol=1e-13)
    assert np.abs(plain - rotated).max() > 0.1


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_spectral_start_points_along_the_back_projection(depth):
    problem, chain, weights = drawn(rf.Spectral(3), (10, 14), depth, None)
    u, _, v = np.linalg.svd(problem.back_projection().toarray(), full_matrices=False)
    np.testing.assert_allclose(chain.product(weights)[0], u[:, :3] @ v[:3], atol=1e-12)


def test_large_sparse_problems_take_their_leading_vectors_iteratively():
    """Exact where the spectrum has a gap: here 1601 and 1274 above a bulk that begins at 321."""
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, 900, 120_000), rng.integers(0, 700, 120_000)
    values = 1.0 + (rows % 2) + 2.0 * (2 * (rows // 2 % 2) - 1) * (2 * (cols % 2) - 1)
    problem = rf.Completion.from_triplets(rows, cols, values, (900, 700), duplicates="mean")
    chain = rf.Chain(2).sized(problem.shape, 2)
    first, again = (chain.draw(problem, rf.Spectral(2), [1.0], [0]) for _ in range(2))
    u, _, v = np.linalg.svd(problem.back_projection().toarray(), full_matrices=False)
    exact = u[:, :2] @ v[:2]
    assert np.linalg.norm(chain.product(first)[0] - exact) < 1e-3 * np.linalg.norm(exact)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("start", [kind() for kind in RANDOM], ids=repr)
def test_same_seed_same_start(start):
    seeds = (5, 5, 6)
    _, _, weights = drawn(start, (7, 9), 3, None, seeds)
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.abs(weights[0] - weights[2]).max() > 0


def test_a_start_does_not_depend_on_dtype_or_library():
    strict = pytest.importorskip("array_api_strict")
    problem = planted_problem((7, 9))
    stop = rf.StepLimit(1)

    def begin(values):
        given = rf.Completion.from_triplets(problem.rows, problem.cols, values, problem.shape)
        seen = []
        rf.evolve(given, rf.Chain(2), rf.Gaussian(0.1), rf.Descent(rf.Gradient(1e-9)), stop=stop, seed=3,
                  callback=lambda now: seen.append(now.weights))  # fmt: skip
        return np.asarray(seen[0], dtype=np.float64)[0]

    expected = begin(problem.values)
    np.testing.assert_allclose(begin(problem.values.astype(np.float32)), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(begin(strict.asarray(problem.values)), expected, rtol=1e-12)


def test_scales_of_a_batch_scale_the_product():
    scales = (1e-4, 1e-2, 1.0)
    _, chain, weights = drawn(rf.Gaussian(), (6, 6), 3, None, scales=scales)
    products = chain.product(weights)
    for scale, product in zip(scales, products, strict=True):
        np.testing.assert_allclose(product, scale * products[-1], rtol=1e-12, atol=1e-18)


def test_given_layers_are_taken_as_they_are():
    problem = planted_problem((5, 6))
    layers = [np.full((3, 6), 0.1), np.full((5, 3), 0.2)]
    run = rf.evolve(problem, rf.Chain(2), rf.models.FromLayers(layers), rf.Flow(), stop=rf.StepLimit(1))
    assert run.model.dimensions == (6, 3, 5)
    np.testing.assert_allclose(run.history["loss"][0], problem.loss(layers[1] @ layers[0]), rtol=1e-13)


@pytest.mark.parametrize("kind", [*RANDOM, rf.Identity])
@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan"), (1e-3, 0.0)])
def test_bad_scales_are_refused(kind, scale):
    with pytest.raises(rf.InputError, match="scale must be positive"):
        kind(scale=scale)


def test_other_bad_starts_are_refused():
    with pytest.raises(rf.InputError, match="width must be at least 1, got 0"):
        rf.Spectral(width=0)
    with pytest.raises(rf.InputError, match="scale must be positive"):
        rf.Spectral(scale=-1.0)
    with pytest.raises(rf.InputError, match="at least one layer"):
        rf.models.FromLayers([])
    with pytest.raises(rf.InputError, match="layers must have shapes"):
        rf.evolve(
            planted_problem((5, 6)), rf.Chain(3), rf.models.FromLayers([np.ones((3, 6)), np.ones((5, 3))]), rf.Flow()
        )

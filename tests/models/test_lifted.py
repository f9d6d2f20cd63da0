"""Models with features: (I | F) Z (I | G)ᵀ as the formula says, its velocity, and masks that carry information."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

import rankfall as rf
from rankfall.errors import InputError
from rankfall.kernels.sparse_products import Multiplier
from rankfall.models import Features, Lifted, observed_features

SHAPE = (9, 7)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    places = rng.permutation(SHAPE[0] * SHAPE[1])[:30]
    rows, cols = np.divmod(places, SHAPE[1])
    return rf.Completion.from_triplets(rows, cols, rng.standard_normal(30), SHAPE, weights=rng.uniform(0.5, 2, 30))


@pytest.fixture
def features():
    return [Features(csr_array(random_array((lines, 4), density=0.5, random_state=1))) for lines in SHAPE]


def dense(features):
    return np.concatenate([np.eye(features.matrix.shape[0]), features.matrix.toarray()], axis=1)


def lifted(features, depth=2, width=3):
    return Lifted(rf.Chain(depth, width), *features).sized(SHAPE)


@pytest.mark.parametrize("depth", [2, 3])
def test_the_product_is_that_of_the_formula(table, features, depth):
    model = lifted(features, depth)
    weights = np.random.default_rng(2).standard_normal((1, model.size))
    inner = model.inner.product(weights)[0]
    expected = dense(features[0]) @ inner @ dense(features[1]).T
    np.testing.assert_allclose(model.product(weights)[0], expected, atol=1e-12)
    np.testing.assert_allclose(model.loss(table, weights)[0], table.loss(expected[None])[0])


@pytest.mark.parametrize("depth", [2, 3])
def test_the_velocity_is_minus_the_slope_of_the_loss(table, features, depth):
    model = lifted(features, depth)
    rng = np.random.default_rng(3)
    weights, direction = rng.standard_normal((2, 1, model.size))
    loss, velocity = model.velocity(table, weights)
    step = 1e-5
    ahead, behind = (model.loss(table, weights + s * step * direction)[0] for s in (1, -1))
    assert loss[0] == pytest.approx(model.loss(table, weights)[0])
    assert (ahead - behind) / (2 * step) == pytest.approx(-np.sum(velocity * direction), rel=1e-6)


@pytest.mark.parametrize("depth", [2, 3])
def test_a_flow_lowers_the_loss_and_keeps_the_balance(table, features, depth):
    model = Lifted(rf.Chain(depth, 3), *features)
    run = rf.evolve(table, model, rf.Spectral(3, 0.1), rf.Flow(1e-6), stop=rf.TimeReached(20.0))
    assert (np.diff(run.history["loss"]) <= 1e-12).all()
    assert run.loss < 0.5 * run.history["loss"][0]
    assert run.model.imbalance(run.weights[None])[0] < 1e-4
    assert run.product.shape == SHAPE
    np.testing.assert_allclose(run.singular_values, np.linalg.svd(run.product, compute_uv=False)[:3], atol=1e-10)


def test_a_spectral_start_leaves_the_features_out(table, features):
    model = lifted(features)
    weights = model.draw(table, rf.Spectral(3), [1.0], [0])
    plain = rf.Chain(2, 3).sized(SHAPE)
    np.testing.assert_allclose(model.product(weights), plain.product(plain.draw(table, rf.Spectral(3), [1.0], [0])))


def test_observed_features_have_the_spectral_norm_asked(table):
    rows, columns = observed_features(table, 4.0)
    assert np.linalg.norm(rows.matrix.toarray(), 2) == pytest.approx(4.0)
    np.testing.assert_array_equal(rows.matrix.toarray(), columns.matrix.toarray().T)
    np.testing.assert_array_equal(np.transpose(np.nonzero(rows.matrix.toarray())), np.c_[table.rows, table.cols])


def test_held_out_entries_are_no_feature(table):
    split = table.hold_out(0.3, seed=0)
    rows, _ = observed_features(split, 1.0)
    assert split.held_out is not None
    assert not rows.matrix.toarray()[split.held_out.rows, split.held_out.cols].any()


@pytest.mark.trusted
def test_a_mask_that_tells_is_used_and_helps():
    rng = np.random.default_rng(3)
    m, n, kinds = 400, 300, 4
    taste = rng.integers(kinds, size=m), rng.integers(kinds, size=n)
    match = taste[0][:, None] == taste[1]
    likely = np.where(match, 0.25, 0.02) * rng.uniform(0.2, 1.8, m)[:, None] * rng.uniform(0.2, 1.8, n)
    mask = rng.random((m, n)) < likely
    truth = match + 0.7 * rng.standard_normal((m, n))
    table = rf.Completion.from_array(np.where(mask, truth, np.nan))
    # in one reading of the table, so that features alone differ
    models = [rf.DeepMatrixFactorization(depth=2, features=choice, scaling="global") for choice in ("auto", False)]
    fits = [model.fit_problem(table) for model in models]
    errors = [np.sqrt(np.mean((fit.fitted_.trained_rows(slice(None)) - match)[~mask] ** 2)) for fit in fits]
    assert fits[0].features_ > 0
    assert errors[0] < 0.9 * errors[1]
    assert fits[0].held_out_error_ < fits[1].held_out_error_


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    taste = rng.choice([-1.0, 1.0], 150)
    likes = np.outer(taste, rng.choice([-1.0, 1.0], 80))
    values = np.where(
        rng.random((150, 80)) < 0.7 + 0.25 * likes, 3 + likes + 0.3 * rng.standard_normal((150, 80)), np.nan
    )
    return values, rf.DeepMatrixFactorization(features=True, width=6, depth=2).fit(values)


def test_a_row_s_factor_is_its_own_and_what_its_entries_add(fitted):
    values, model = fitted
    run, shape = model.trajectory_, model.fitted_.standardization
    own = run.model.inner.factors(run.weights[None])[0][0][:150] * shape.row_slow[:, None]
    np.testing.assert_allclose(own + model.fitted_.shift(~np.isnan(values)), model.fitted_.left, atol=1e-9)
    np.testing.assert_allclose(model.fitted_.shift.own, own.T @ own / 150, atol=1e-9)


def test_new_rows_are_told_by_which_of_their_entries_are_observed(fitted, tmp_path):
    values, model = fitted
    row = np.full((1, 80), np.nan)
    seen = np.flatnonzero(~np.isnan(values[0]))
    row[0, seen] = np.nanmean(values)
    shift = model.fitted_.shift(~np.isnan(row))
    assert np.linalg.norm(shift) > 0
    model.save(tmp_path / "fit.npz")
    again = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    np.testing.assert_array_equal(again.fold_in(row), model.fold_in(row))


def test_bad_features_are_told(table, features):
    short = Features(csr_array((SHAPE[0] - 1, 2)))
    with pytest.raises(InputError, match=f"line for each of the {SHAPE[0]} rows"):
        rf.evolve(table, Lifted(rf.Chain(2), short, features[1]), rf.Gaussian(), rf.Flow())
    with pytest.raises(InputError, match="features must be True, False or 'auto', got 'yes'"):
        rf.DeepMatrixFactorization(features="yes").fit_problem(table)
    with pytest.raises(InputError, match="depth of at least 2"):
        rf.DeepMatrixFactorization(features=True, depth=1).fit_problem(table)
    with pytest.raises(InputError, match="features need 500 entries to be held out, got 30"):
        rf.DeepMatrixFactorization(features=True).fit_problem(table)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_products_are_scipy_s_and_bit_equal_for_any_threads(dtype):
    from numba import get_num_threads, set_num_threads

    matrix = csr_array(random_array((3000, 2000), density=0.02, random_state=0), dtype=dtype)
    dense_side = np.random.default_rng(0).standard_normal((2000, 16)).astype(dtype)
    before, found = get_num_threads(), []
    try:
        for threads in {1, before}:
            set_num_threads(threads)
            found.append(Multiplier(matrix)(dense_side))
            found.append(Multiplier.of(matrix.T).transposed(dense_side))
    finally:
        set_num_threads(before)
    assert all((product == found[0]).all() for product in found)
    assert found[0].dtype == dtype
    np.testing.assert_allclose(found[0], matrix @ dense_side, atol=200 * np.finfo(dtype).eps)

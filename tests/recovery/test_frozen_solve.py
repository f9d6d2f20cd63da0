"""The frozen problem: adjoint identities, the minimizer against a dense solve, and the flow's fixed point."""

import numba
import numpy as np
import pytest

from rankfall.recovery.frozen_path import follow
from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.metric import ArithmeticMean, DepthMean, ridge
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Iterate, leading_triplets


def drawn(shape=(14, 11), share=0.6, rank=3, seed=0):
    rng = np.random.default_rng(seed)
    rows, cols = (a.astype(np.int32) for a in np.nonzero(rng.random(shape) < share))
    frames = [np.linalg.qr(rng.standard_normal((size, rank)))[0] for size in shape]
    return Sampling(rows, cols, shape), frames[0], frames[1], rng


def dense(sampling, entries):
    matrix = np.zeros(sampling.shape)
    matrix[sampling.rows, sampling.cols] = entries
    return matrix


def test_sampling_and_writing_back_are_adjoint():
    sampling, left, right, rng = drawn()
    entries = rng.standard_normal(sampling.count)
    read = sampling.read(left, right) @ entries
    assert read == pytest.approx(np.sum(sampling.times(entries, right) * left), rel=1e-12)
    assert read == pytest.approx(np.sum(sampling.transposed_times(entries, left) * right), rel=1e-12)
    np.testing.assert_allclose(sampling.times(entries, right), dense(sampling, entries) @ right, atol=1e-12)


@pytest.mark.parametrize("one_call", [True, False])
def test_the_tangent_fit_is_the_dense_least_squares_solution(one_call):
    sampling, left, right, rng = drawn()
    entries, charge = rng.standard_normal(sampling.count), np.asarray([0.1, 0.5, 2.0])
    found = fit_tangent(sampling, entries, left, right, charge, tolerance=1e-13, one_call=one_call)
    (m, n), k = sampling.shape, 3
    design = np.zeros((sampling.count, (m + n) * k))
    for e, (i, j) in enumerate(zip(sampling.rows, sampling.cols, strict=True)):
        design[e, i * k : (i + 1) * k] = right[j]
        design[e, (m + j) * k : (m + j + 1) * k] = left[i]
    penalty = np.tile(charge, m + n)
    exact = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ entries)
    np.testing.assert_allclose(np.vstack([found.left, found.right]).ravel(), exact, atol=1e-9)
    np.testing.assert_allclose(found.residual, entries - design @ exact, atol=1e-9)


def test_one_call_and_passes_take_the_same_iterations():
    sampling, left, right, rng = drawn((60, 50), 0.3, 5)
    entries, start = rng.standard_normal(sampling.count), rng.standard_normal((50, 5))
    found = [
        fit_tangent(sampling, entries, left, right, np.geomspace(1e-3, 1, 5), start, iterations=12, one_call=one_call)
        for one_call in (True, False)
    ]
    assert found[0].iterations == found[1].iterations
    np.testing.assert_allclose(found[0].right, found[1].right, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found[0].residual, found[1].residual, rtol=1e-7, atol=1e-9)


def test_the_iterate_multiplies_like_the_matrix_it_stands_for():
    sampling, left, right, rng = drawn()
    iterate = Iterate(sampling, left, right, rng.standard_normal(sampling.count))
    formed = left @ right.T + dense(sampling, iterate.entries)
    triplets = leading_triplets(iterate, np.zeros((11, 0)), 8, 200, rng)
    np.testing.assert_allclose(triplets.values[:4], np.linalg.svd(formed, compute_uv=False)[:4], rtol=1e-8)
    block = rng.standard_normal((14, 2))
    np.testing.assert_allclose(iterate.transposed_times(block), formed.T @ block, atol=1e-12)


def test_the_frozen_flow_ends_at_the_least_norm_of_its_metric():
    """For the arithmetic mean the step is argmin ⟨X, M⁻¹X⟩ subject to P(X) = b, which Lagrange gives densely."""
    sampling, left, right, rng = drawn(shape=(7, 6), rank=2)
    entries, scale, values = rng.standard_normal(sampling.count), 0.3, np.asarray([2.0, 1.1])
    found = fit_tangent(sampling, entries, left, right, ridge(ArithmeticMean(), values, scale), tolerance=1e-13)
    minimizer = found.left @ right.T + left @ found.right.T + dense(sampling, found.residual)
    np.testing.assert_allclose(minimizer[sampling.rows, sampling.cols], entries, atol=1e-10)
    full = [np.linalg.svd(frame, full_matrices=True)[0] for frame in (left, right)]
    for basis, frame in zip(full, (left, right), strict=True):
        basis[:, :2] = frame
    spectra = [np.concatenate([values, np.full(size - 2, scale)]) for size in sampling.shape]
    metric = ArithmeticMean().entries(spectra[0][:, None], spectra[1][None, :])
    operator = np.kron(full[0], full[1]) @ np.diag(metric.ravel()) @ np.kron(full[0], full[1]).T
    seen = sampling.rows * 6 + sampling.cols
    multipliers = np.linalg.solve(operator[np.ix_(seen, seen)], entries)
    least = (operator[:, seen] @ multipliers).reshape(7, 6)
    np.testing.assert_allclose(minimizer, least, atol=1e-8)


def test_the_frozen_flow_follows_the_end_to_end_law_to_that_point():
    """Ẋ = M(P*(b − P(X))) from zero, integrated for a long time at depth infinity in the lone bulk: X = P*(b)."""
    sampling, _, _, rng = drawn(shape=(5, 4), share=0.7)
    target = dense(sampling, rng.standard_normal(sampling.count))
    observed, product = target != 0, np.zeros((5, 4))
    frames = np.linalg.qr(rng.standard_normal((5, 5)))[0], np.linalg.qr(rng.standard_normal((4, 4)))[0]
    metric = DepthMean().entries(*np.broadcast_arrays(rng.uniform(0.5, 2, (5, 1)), rng.uniform(0.5, 2, (1, 4))))
    for _ in range(4000):
        pull = frames[0].T @ np.where(observed, target - product, 0) @ frames[1]
        product += 0.2 * frames[0] @ (metric * pull) @ frames[1].T
    operator = np.kron(frames[0], frames[1]) @ np.diag(metric.ravel()) @ np.kron(frames[0], frames[1]).T
    seen = np.flatnonzero(observed.ravel())
    least = operator[:, seen] @ np.linalg.solve(operator[np.ix_(seen, seen)], target.ravel()[seen])
    np.testing.assert_allclose(product.ravel(), least, atol=1e-8)


def test_the_path_shrinks_its_scale_and_its_residual_on_a_planted_matrix():
    sampling, left, right, _ = drawn((40, 30), 0.5, 2)
    entries = sampling.read(left * [3.0, 1.0], right)
    steps = [point.step for point in follow(sampling, entries, DepthMean(), 0.9)]
    scales = np.asarray([step.scale for step in steps])
    assert (np.diff(scales) < 1e-12).all()
    assert steps[-1].residual < 1e-8
    assert all(step.rank >= 1 for step in steps)


def test_leaps_save_steps_pass_no_rank_and_end_at_the_same_matrix():
    sampling, left, right, _ = drawn((60, 60), 0.4, 3)
    truth = left * [1.0, 1e-2, 1e-4], right
    entries = sampling.read(*truth)
    slow, fast = (list(follow(sampling, entries, DepthMean(), 0.9, leaps=leaps)) for leaps in (False, True))
    assert len(fast) < 0.85 * len(slow)
    assert {point.step.rank for point in slow} == {point.step.rank for point in fast} == {1, 2, 3}
    for points in (slow, fast):
        found = points[-1].triplets.leading(3)
        np.testing.assert_allclose((found.left * found.values) @ found.right.T, truth[0] @ truth[1].T, atol=1e-7)


def test_a_bound_on_the_escaped_directions_is_kept():
    sampling, left, right, _ = drawn((40, 30), 0.5, 3)
    entries = sampling.read(left * [3.0, 2.0, 1.0], right)
    ranks = [point.step.rank for point in follow(sampling, entries, DepthMean(), 0.9, widest=2)]
    assert max(ranks) == 2


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_the_bits_do_not_depend_on_the_number_of_threads():
    sampling, left, right, rng = drawn((600, 600), 0.8, 8)
    entries, found = rng.standard_normal(sampling.count), []
    before = numba.get_num_threads()
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            found.append(fit_tangent(sampling, entries, left, right, np.full(8, 0.1), iterations=3))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(found[0].left, found[1].left)
    np.testing.assert_array_equal(found[0].right, found[1].right)
    np.testing.assert_array_equal(found[0].residual, found[1].residual)

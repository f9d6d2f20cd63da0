"""Singular values followed through crossings, and the numbers that describe a spectrum and what pulls at it."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.theory import check_singular_values, mode_trajectory
from rankfall.trajectory import observables
from rankfall.trajectory.singular_paths import follow
from tests.helpers.planted import planted_problem

ROUNDING = 1e-10
KEPT = {"singular_values": True, "vectors": True}


def turning(rng, size, times, speed=0.3):
    """An orthogonal matrix that turns with time: exp(tA) Q."""
    from scipy.linalg import expm

    skew = rng.standard_normal((size, size))
    skew = speed * (skew - skew.T)
    first = np.linalg.qr(rng.standard_normal((size, size)))[0]
    return np.stack([expm(time * skew) @ first for time in times])


def sorted_triplets(products):
    u, s, v = np.linalg.svd(products, full_matrices=False)
    return s, u, np.swapaxes(v, -1, -2)


# --- planted paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 4), (6, 4), (4, 7)], ids=str)
def test_paths_pass_through_crossings_and_through_zero(shape):
    rng = np.random.default_rng(0)
    times = np.linspace(0, 1, 60)
    q = min(shape)
    # two that cross, one that changes its sign (and crosses in size), one at rest: 3, 2.4, 2.0, 0.2 at the end
    values = np.stack([1 + 2 * times, 3 - times, -1 + 3.4 * times, np.full(60, 0.2)], axis=1)
    left, right = turning(rng, shape[0], times)[:, :, :q], turning(rng, shape[1], times)[:, :, :q]
    products = np.einsum("tmq,tq,tnq->tmn", left, values, right)
    paths = follow(times, *sorted_triplets(products))
    np.testing.assert_allclose(paths.values, values[:, [0, 2, 1, 3]], atol=ROUNDING)
    np.testing.assert_allclose(
        np.einsum("tmq,tq,tnq->tmn", paths.left, paths.values, paths.right), products, atol=ROUNDING
    )
    assert paths.overlaps.min() > 0.98
    for vectors in (paths.left, paths.right):
        assert np.abs(np.diff(vectors, axis=0)).max() < 0.2


def test_values_that_are_equal_at_a_record_are_turned_to_their_neighbors():
    rng = np.random.default_rng(1)
    times = np.linspace(0, 1, 21)
    values = np.stack([1 + times, 2 - times, np.full(21, 0.3)], axis=1)  # equal at 0.5, a record
    left, right = turning(rng, 3, times, 0.05), turning(rng, 3, times, 0.05)
    products = np.einsum("tmq,tq,tnq->tmn", left, values, right)
    products[10] = 1.5 * np.einsum("mq,nq->mn", left[10][:, :2], right[10][:, :2]) + 0.3 * np.outer(
        left[10][:, 2], right[10][:, 2]
    )
    paths = follow(times, *sorted_triplets(products))
    np.testing.assert_allclose(paths.values, values, atol=ROUNDING)
    assert paths.overlaps.min() > 0.99


def test_a_coarse_record_says_that_its_matches_are_guesses():
    rng = np.random.default_rng(2)
    times = np.array([0.0, 1.0])
    products = rng.standard_normal((2, 5, 5))
    assert follow(times, *sorted_triplets(products)).overlaps.min() < 0.5


# --- paths of runs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_two_modes_cross_without_a_swap(depth):
    targets, starts = np.array([1.0, 3.0]), np.array([0.5, 1e-2])
    run = rf.evolve(
        rf.problems.Factorization(np.diag(targets)),
        rf.Chain(depth), rf.models.FromLayers([np.diag(starts ** (1 / depth))] * depth),
        rf.Flow(1e-9), stop=rf.LossBelow(1e-8), record=rf.Record(**KEPT, drives=True),
    )  # fmt: skip
    paths = rf.trajectory.SingularPaths.of(run)
    for path, mode in ((0, 1), (1, 0)):  # the stronger target ends first
        expected = mode_trajectory(paths.times, targets[mode], starts[mode], depth)
        np.testing.assert_allclose(paths.values[:, path], expected, rtol=1e-6)
    by_size = run.history["singular_values"]
    assert np.abs(by_size - paths.values).max() > 0.4
    gradients = np.einsum("tmq,tq,tnq->tmn", paths.left, paths.values, paths.right) - np.diag(targets)
    np.testing.assert_allclose(np.sort(paths.drives(gradients)), np.sort(run.history["drives"]), atol=1e-9)


def test_at_depth_one_a_value_may_change_its_sign():
    run = rf.evolve(
        rf.problems.Factorization(np.diag([-2.0, 1.0])),
        rf.Chain(1), rf.models.FromLayers([np.diag([1.0, 0.5])]), rf.Flow(1e-9),
        stop=rf.LossBelow(1e-8), record=rf.Record(**KEPT, times=np.linspace(0.01, 5, 200)),
    )  # fmt: skip
    paths = rf.trajectory.SingularPaths.of(run)
    # positive at the end: the path that ends at 2 began at −1
    np.testing.assert_allclose(paths.values[:, 0], 2 - 3 * np.exp(-paths.times), atol=1e-6)
    np.testing.assert_allclose(paths.values[:, 1], 1 - 0.5 * np.exp(-paths.times), atol=1e-6)
    assert run.history["singular_values"].min() >= 0


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_followed_values_obey_their_law_from_a_start_where_all_are_equal(depth):
    record = rf.Record(**KEPT, every=1, functions={"gradient": lambda p, m, w: p.gradient(m.product(w))})
    run = rf.evolve(
        planted_problem((8, 8)), rf.Chain(depth), rf.Identity(0.1), rf.Descent(rf.Gradient(0.02)),
        stop=rf.TimeReached(20.0), record=record,
    )  # fmt: skip
    paths = rf.trajectory.SingularPaths.of(run)
    assert paths.overlaps.min() > 0.95
    drives = paths.drives(run.history["gradient"])
    report = check_singular_values(paths.times, paths.values, drives, depth, tolerance=5e-3)
    assert report.holds, report


# --- numbers of a spectrum ------------------------------------------------------------------------------------------

MATRICES = np.random.default_rng(3).standard_normal((5, 6, 4))
SPECTRA = np.linalg.svd(MATRICES, compute_uv=False)


@pytest.mark.parametrize(("p", "order"), [(1, "nuc"), (2, "fro"), (np.inf, 2)])
def test_schatten_norms_are_numpys(p, order):
    expected = [np.linalg.norm(matrix, order) for matrix in MATRICES]
    np.testing.assert_allclose(observables.schatten_norm(SPECTRA, p), expected)


@pytest.mark.parametrize("p", [0.3, 0.7, 1.0, 2.5, 7.0])
def test_schatten_norms_are_homogeneous_and_fall_with_p(p):
    norms = observables.schatten_norm(SPECTRA, p)
    np.testing.assert_allclose(observables.schatten_norm(3 * SPECTRA, p), 3 * norms)
    assert (observables.schatten_norm(SPECTRA, p + 0.1) < norms).all()
    assert observables.schatten_norm(np.zeros(3), p) == 0


def test_ranks_of_a_spectrum():
    np.testing.assert_allclose(observables.stable_rank(np.array([2.0, 2.0, 2.0, 0.0])), 3.0)
    np.testing.assert_allclose(observables.stable_rank(np.array([1.0, 1e-3])), 1 + 1e-6)
    assert observables.stable_rank(np.zeros(4)) == 0
    assert (observables.stable_rank(SPECTRA) <= 4).all()


@pytest.mark.parametrize("rank", [0, 1, 3, 4, 9])
def test_the_distance_to_a_rank_is_that_of_the_truncated_svd(rank):
    u, s, v = np.linalg.svd(MATRICES, full_matrices=False)
    nearest = (u[..., :rank] * s[..., None, :rank]) @ v[..., :rank, :]
    expected = np.linalg.norm(MATRICES - nearest, axis=(1, 2))
    np.testing.assert_allclose(observables.distance_to_rank(SPECTRA, rank), expected, atol=ROUNDING)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("start", [rf.Balanced(0.5), rf.Gaussian(1.0)], ids=repr)
def test_values_move_as_predicted_where_the_layers_are_balanced(depth, decay, start):
    problem, step = planted_problem((6, 5)), 1e-5
    model = rf.Chain(depth, decay=decay)
    functions = {
        "velocities": observables.value_velocities,
        "margin": observables.margin_to(problem.truth),
        "rank": observables.of_singular_values(observables.stable_rank),
    }
    record = rf.Record(singular_values=True, functions=functions, drives=True, alignment=True)
    run = rf.evolve(problem, model, start, rf.Descent(rf.Gradient(step)), stop=rf.StepLimit(2), record=record)
    law, measured = np.moveaxis(run.history["velocities"], 1, 0)
    sizes = run.history["singular_values"]
    np.testing.assert_allclose((sizes[2] - sizes[0]) / (2 * step), measured[1], rtol=1e-3, atol=1e-5)
    assert np.allclose(law, measured, atol=1e-9) == (depth == 1 or isinstance(start, rf.Balanced))
    np.testing.assert_allclose(law + decay * depth * sizes, -depth * sizes ** (2 - 2 / depth) * run.history["drives"])
    assert run.history["alignment"].shape == (3, 2)
    np.testing.assert_allclose(run.history["alignment"][:, 0], np.abs(run.history["drives"]).mean(axis=1))
    smallest = np.linalg.svd(problem.truth, compute_uv=False)[-1]
    gap = np.linalg.norm(run.product - problem.truth)
    np.testing.assert_allclose(run.history["margin"][-1], smallest - gap)
    np.testing.assert_allclose(run.history["rank"], observables.stable_rank(sizes))


def test_alignment_tells_the_diagonal_from_the_rest():
    np.testing.assert_allclose(observables.alignment(np.array([[1.0, -0.5], [0.1, -3.0]])), [2.0, 0.3])
    np.testing.assert_allclose(observables.alignment(np.array([[-2.0]])), [2.0, 0.0])


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: observables.schatten_norm(SPECTRA, 0.0), "p must be positive"),
        (lambda: observables.distance_to_rank(SPECTRA, -1), "rank is 0 or more"),
        (
            lambda: rf.trajectory.SingularPaths.of(
                rf.evolve(planted_problem(), rf.Chain(2), rf.Gaussian(), rf.Flow(), stop=rf.StepLimit(2))
            ),
            "need their vectors",
        ),
        (
            lambda: rf.evolve(
                planted_problem(),
                rf.Chain(2),
                rf.Gaussian(),
                rf.Flow(),
                record=rf.Record(functions={"margin": observables.margin_to(np.eye(4))}),
            ),
            r"Φ of shape \(4, 4\) needs W of that shape, got \(12, 9\)",
        ),
    ],
)
def test_bad_input_says_what_to_do(call, words):
    with pytest.raises(rf.InputError, match=words):
        call()

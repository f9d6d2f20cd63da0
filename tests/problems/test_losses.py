"""Losses: what they say of one entry, and that both layouts and every library agree on it."""

import array_api_compat
import numba
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import rankfall as rf
from rankfall.arrays import to_numpy
from rankfall.estimators.robust_scaling import loss_of
from rankfall.kernels.observed import Entries
from rankfall.problems.losses import Loss
from tests.helpers.completions import in_layout, is_one_sentence, random_factors, weighted
from tests.helpers.kernel_cases import random_case, threads
from tests.helpers.planted import planted_problem

LOSSES = [
    rf.problems.Squared(),
    rf.problems.Huber(0.7),
    rf.problems.Absolute(0.3),
    rf.problems.Logistic(),
    rf.problems.Logistic(0.4),
]
RESIDUAL = LOSSES[:3]
ROUNDING = 1e-13


def targets_for(loss: Loss, values: np.ndarray) -> np.ndarray:
    return np.where(values >= 0, 1, -1).astype(values.dtype) if isinstance(loss, rf.problems.Logistic) else values


def problem_for(loss: Loss, problem: rf.Completion) -> rf.Completion:
    values = targets_for(loss, problem.values)
    return rf.Completion.from_triplets(
        problem.rows, problem.cols, values, problem.shape, weights=problem.weights, loss=loss
    )


def problems():
    for loss in LOSSES:
        yield pytest.param(problem_for(loss, planted_problem()), id=f"{loss}")
        yield pytest.param(problem_for(loss, weighted(planted_problem())), id=f"{loss} weighted")


# One entry


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_derivative_is_the_slope_of_the_value(loss):
    z = np.linspace(-4, 4, 161) + 1e-3  # beside Huber's corners, where the third derivative jumps
    b = targets_for(loss, np.random.default_rng(0).standard_normal(z.size))
    h = 1e-5
    slope = (loss.value(z + h, b) - loss.value(z - h, b)) / (2 * h)
    # the central difference is off by h² ρ‴ and by ε/h
    np.testing.assert_allclose(loss.derivative(z, b), slope, atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_losses_are_convex_and_not_negative(loss):
    z = np.linspace(-30, 30, 2001)
    b = np.ones_like(z)
    assert (np.diff(loss.derivative(z, b)) >= -ROUNDING).all()
    assert (loss.value(z, b) >= 0).all()


@pytest.mark.parametrize("loss", RESIDUAL, ids=str)
def test_a_loss_in_other_units_is_the_same_loss(loss):
    residual, zero = np.linspace(-3, 3, 50), np.zeros(50)
    ratio = loss.scaled(7.0).value(7 * residual, zero) / loss.value(residual, zero)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)
    assert isinstance(loss.scaled(7.0), type(loss))


def test_squares_are_not_halved():
    np.testing.assert_array_equal(rf.problems.Squared().value(np.asarray([3.0]), np.asarray([1.0])), [4.0])


def test_huber_is_squares_within_its_threshold_and_bounded_beyond():
    residual, zero = np.linspace(-5, 5, 101), np.zeros(101)
    wide, narrow = rf.problems.Huber(5.0), rf.problems.Huber(0.5)
    np.testing.assert_array_equal(wide.value(residual, zero), rf.problems.Squared().value(residual, zero))
    np.testing.assert_array_equal(wide.derivative(residual, zero), rf.problems.Squared().derivative(residual, zero))
    assert np.abs(narrow.derivative(residual, zero)).max() == 2 * 0.5


@pytest.mark.parametrize("smoothing", [1e-3, 0.1])
def test_smoothing_moves_absolute_values_by_no_more_than_itself(smoothing):
    residual = np.linspace(-5, 5, 1001)
    gap = np.abs(residual) - rf.problems.Absolute(smoothing).value(residual, np.zeros_like(residual))
    assert (gap >= -ROUNDING).all()
    assert (gap <= smoothing).all()


def best_constant(loss: Loss, values: np.ndarray) -> float:
    return minimize_scalar(lambda c: loss.value(np.full(values.shape, c), values).sum(), (-1.0, 1.0), tol=1e-9).x


def test_the_best_constant_is_mean_median_or_log_odds():
    values = np.random.default_rng(1).standard_normal(101) ** 3
    assert best_constant(rf.problems.Squared(), values) == pytest.approx(values.mean(), abs=1e-6)
    assert best_constant(rf.problems.Huber(100.0), values) == pytest.approx(values.mean(), abs=1e-6)
    assert best_constant(rf.problems.Absolute(1e-6), values) == pytest.approx(np.median(values), abs=1e-4)
    signs = np.repeat([1.0, -1.0], [30, 10])
    assert best_constant(rf.problems.Logistic(), signs) == pytest.approx(np.log(3), abs=1e-6)
    assert best_constant(rf.problems.Logistic(offset=2.0), signs) == pytest.approx(np.log(3) - 2, abs=1e-6)


def test_logistic_probabilities_and_means_agree():
    z, loss = np.linspace(-40, 40, 81), rf.problems.Logistic(0.3)
    np.testing.assert_allclose(loss.mean(z), 2 * loss.probability(z) - 1, atol=1e-15)
    np.testing.assert_allclose(np.log(loss.probability(z)), -loss.value(z, np.ones_like(z)), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_confident_mistakes_overflow_nothing(dtype):
    z = np.asarray([-1e4, -800, 0, 800, 1e4], dtype)
    for b in (np.ones_like(z), -np.ones_like(z)):
        value, slope = rf.problems.Logistic().value(z, b), rf.problems.Logistic().derivative(z, b)
        assert value.dtype == slope.dtype == dtype
        np.testing.assert_allclose(value, np.where(z == 0, np.log(2), np.maximum(-b * z, 0)), rtol=1e-6)
        assert (np.abs(slope) <= 1).all()


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_every_library_says_the_same(library, loss):
    module = pytest.importorskip(library)
    xp = array_api_compat.array_namespace(module.zeros(1)) if library == "torch" else module
    problem = problem_for(loss, weighted(planted_problem((9, 7))))
    other = rf.Completion.from_triplets(
        problem.rows, problem.cols, xp.asarray(problem.values), problem.shape, weights=xp.asarray(problem.weights),
        loss=loss,
    )  # fmt: skip
    left, right = random_factors(problem)
    answers = other.loss_and_factor_gradients(xp.asarray(left), xp.asarray(right))
    for one, expected in zip(answers, problem.loss_and_factor_gradients(left, right), strict=True):
        assert type(one) is type(xp.zeros(1))
        np.testing.assert_allclose(to_numpy(one), expected, rtol=1e-12, atol=ROUNDING)
    np.testing.assert_allclose(to_numpy(loss.mean(xp.asarray(left))), loss.mean(left), rtol=1e-12)


# Many entries


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("with_weights", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_compiled_passes_are_the_formula(loss, with_weights, dtype):
    m, n, k = 17, 11, 3
    entries, rows, cols, values, weights, left, right = random_case(m, n, k, 0.4, dtype, with_weights)
    values = targets_for(loss, values)
    total, row_pulls, column_pulls = entries.loss_and_products(values, weights, left, right, *loss.kernel)
    left64, right64, target = left.astype(np.float64), right.astype(np.float64), values.astype(np.float64)
    predicted = (left64 @ right64.T)[rows, cols]
    counted = weights if with_weights else np.ones(values.size)
    pull = np.zeros((m, n))
    pull[rows, cols] = counted * loss.derivative(predicted, target) / 2
    tolerance = n * m * np.finfo(dtype).eps
    np.testing.assert_allclose(total, np.sum(counted * loss.value(predicted, target)), rtol=tolerance)
    np.testing.assert_allclose(row_pulls, pull @ right64, atol=10 * tolerance)
    np.testing.assert_allclose(column_pulls, pull.T @ left64, atol=10 * tolerance)
    assert row_pulls.dtype == column_pulls.dtype == dtype


@pytest.mark.parametrize("loss", LOSSES[1:], ids=str)
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread is all there is")
def test_bits_do_not_depend_on_threads(loss):
    entries, _, _, values, weights, left, right = random_case(300, 200, 50, 0.1, np.float64, True)
    values, answers = targets_for(loss, values), []
    for count in (1, 2):
        with threads(count):
            fresh = Entries(entries.rows, entries.columns, entries.shape)
            total, *pulls = fresh.loss_and_products(values, weights, left, right, *loss.kernel)
            answers.append((total, *(pull.tobytes() for pull in pulls)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_a_residual_that_is_not_a_number_stays_visible(loss):
    entries, rows, _, values, weights, left, right = random_case(6, 5, 2, 0.5, np.float64, False)
    left[rows[0]] = np.nan
    total, row_pulls, _ = entries.loss_and_products(values, weights, left, right, *loss.kernel)
    assert np.isnan(total)
    assert np.isnan(row_pulls[rows[0]]).all()


@pytest.mark.parametrize("problem", problems())
@pytest.mark.parametrize("batch", [(), (3,)])
def test_layouts_agree(problem, batch):
    left, right = random_factors(problem, batch=batch)
    answers = []
    for dense in (True, False):
        fresh = in_layout(problem, dense)
        answers.append(fresh.loss_and_factor_gradients(left, right))
    for one, other in zip(*answers, strict=True):
        np.testing.assert_allclose(one, other, rtol=ROUNDING, atol=ROUNDING)
    np.testing.assert_allclose(problem.factored_loss(left, right), answers[0][0], rtol=ROUNDING)
    np.testing.assert_allclose(problem.loss(left @ np.swapaxes(right, -1, -2)), answers[0][0], rtol=ROUNDING)


@pytest.mark.parametrize("problem", problems())
def test_gradient_is_the_slope_of_the_loss(problem):
    product, direction = np.random.default_rng(1).standard_normal((2, *problem.shape))
    h = 1e-6
    slope = (problem.loss(product + h * direction) - problem.loss(product - h * direction)) / (2 * h)
    np.testing.assert_allclose(np.sum(problem.gradient(product) * direction), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("problem", problems())
def test_a_loss_is_the_weighted_mean_of_its_entries(problem):
    product = np.random.default_rng(2).standard_normal(problem.shape)
    costs = problem.loss_function.value(product[problem.rows, problem.cols], problem.values)
    np.testing.assert_allclose(problem.loss(product), np.average(costs, weights=problem.weights), rtol=1e-13)


def test_squares_given_are_squares_by_default():
    problem = planted_problem()
    given = problem_for(rf.problems.Squared(), problem)
    left, right = random_factors(problem)
    for dense in (True, False):
        pairs = zip(
            in_layout(problem, dense).loss_and_factor_gradients(left, right),
            in_layout(given, dense).loss_and_factor_gradients(left, right),
            strict=True,
        )
        for one, other in pairs:
            np.testing.assert_array_equal(one, other)
    assert problem.loss_function == rf.problems.Squared()


def test_the_loss_travels_with_its_problem():
    loss, problem = rf.problems.Huber(0.2), planted_problem()
    table = np.full(problem.shape, np.nan)
    table[problem.rows, problem.cols] = problem.values
    doors = [
        rf.Completion.from_array(table, loss=loss),
        rf.Completion.from_triplets(problem.rows, problem.cols, problem.values, problem.shape, loss=loss),
        rf.Completion.from_sparse(problem.back_projection(), loss=loss),
    ]
    for door in doors:
        kept = door.hold_out(0.2, seed=0)
        assert kept.held_out is not None
        for each in (door, kept, kept.held_out, door.select(door.rows > 2)):
            assert each.loss_function is loss
    many = rf.Completion.from_triplets(
        problem.rows, problem.cols, np.stack([problem.values, 2 * problem.values]), problem.shape, loss=loss
    )
    assert many.of_runs(1).loss_function is loss
    left, right = random_factors(problem, batch=(2,))
    for dense in (True, False):
        many = in_layout(many, dense)
        both = many.loss_and_factor_gradients(left, right)
        for i in range(2):
            for one, other in zip(many.of_runs(i).loss_and_factor_gradients(left[i], right[i]), both, strict=True):
                np.testing.assert_allclose(one, other[i], rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("problem", problems())
def test_back_projection_points_down_the_loss(problem):
    toward, gradient = problem.back_projection().toarray(), problem.gradient(np.zeros(problem.shape))
    m, n = problem.shape
    np.testing.assert_allclose(toward, -m * n / 2 * gradient, rtol=1e-12, atol=ROUNDING)


@pytest.mark.parametrize("loss", LOSSES[1:], ids=str)
def test_the_flow_lowers_every_loss(loss):
    problem = problem_for(loss, planted_problem())
    run = rf.evolve(problem, rf.Chain(2), rf.Spectral(4, 1e-2), rf.Flow(), stop=rf.TimeReached(200.0))
    assert (np.diff(run.history["loss"]) <= 1e-12).all()
    assert run.history["loss"][-1] < 0.8 * run.history["loss"][0]


# Bad input


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rf.problems.Huber(0.0), "threshold must be positive and finite, got 0.0"),
        (lambda: rf.problems.Huber(float("inf")), "got inf"),
        (lambda: rf.problems.Absolute(-1.0), "smoothing must be positive and finite, got -1.0"),
        (lambda: rf.problems.Logistic(float("nan")), "offset must be finite, got nan"),
        (lambda: rf.Completion.from_array([[0.0, 1.0]], loss=rf.problems.Logistic()), "values of −1 and 1, got 0.0"),
        (lambda: loss_of("hinge"), "loss must be 'absolute', 'huber', 'logistic', 'squared'.* or a Loss"),
        (lambda: loss_of(rf.problems.Huber), "loss must be"),
        (lambda: rf.DeepMatrixFactorization(loss=3).fit(np.eye(4)), "loss must be .* got 3"),
        (lambda: rf.DeepMatrixFactorization(loss="logistic").fit(np.arange(12.0).reshape(3, 4)), "got 0, 1 and 11"),
        (lambda: rf.DeepMatrixFactorization(loss="logistic").fit(np.ones((3, 4))), "two values, got only 1"),
        (
            lambda: rf.DeepMatrixFactorization().fit_problem(problem_for(rf.problems.Huber(0.1), planted_problem())),
            r"the estimator's loss decides, got a problem with Huber\(threshold=0.1\)",
        ),
    ],
)
def test_bad_losses_are_refused_in_a_sentence(make, words):
    with pytest.raises(rf.InputError, match=words) as caught:
        make()
    assert is_one_sentence(str(caught.value))


# The estimator

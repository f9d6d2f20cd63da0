"""Losses: what they say of one entry, that both layouts and every library agree on it, and what they are robust to."""

import array_api_compat
import numba
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.base import clone

import rankfall as rf
from rankfall.arrays import to_numpy
from rankfall.cli.options import FitOptions
from rankfall.estimators.loss_units import loss_of, standardizations
from rankfall.kernels.observed import Entries
from rankfall.problems.losses import Loss
from tests.conftest import planted_problem
from tests.test_completion import in_layout, is_one_sentence, random_factors, weighted
from tests.test_kernels import random_case, threads

LOSSES = [rf.Squared(), rf.Huber(0.7), rf.Absolute(0.3), rf.Logistic(), rf.Logistic(0.4)]
RESIDUAL = LOSSES[:3]
ROUNDING = 1e-13


def targets_for(loss: Loss, values: np.ndarray) -> np.ndarray:
    return np.where(values >= 0, 1, -1).astype(values.dtype) if isinstance(loss, rf.Logistic) else values


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
    np.testing.assert_array_equal(rf.Squared().value(np.asarray([3.0]), np.asarray([1.0])), [4.0])


def test_huber_is_squares_within_its_threshold_and_bounded_beyond():
    residual, zero = np.linspace(-5, 5, 101), np.zeros(101)
    wide, narrow = rf.Huber(5.0), rf.Huber(0.5)
    np.testing.assert_array_equal(wide.value(residual, zero), rf.Squared().value(residual, zero))
    np.testing.assert_array_equal(wide.derivative(residual, zero), rf.Squared().derivative(residual, zero))
    assert np.abs(narrow.derivative(residual, zero)).max() == 2 * 0.5


@pytest.mark.parametrize("smoothing", [1e-3, 0.1])
def test_smoothing_moves_absolute_values_by_no_more_than_itself(smoothing):
    residual = np.linspace(-5, 5, 1001)
    gap = np.abs(residual) - rf.Absolute(smoothing).value(residual, np.zeros_like(residual))
    assert (gap >= -ROUNDING).all()
    assert (gap <= smoothing).all()


def best_constant(loss: Loss, values: np.ndarray) -> float:
    return minimize_scalar(lambda c: loss.value(np.full(values.shape, c), values).sum(), (-1.0, 1.0), tol=1e-9).x


def test_the_best_constant_is_mean_median_or_log_odds():
    values = np.random.default_rng(1).standard_normal(101) ** 3
    assert best_constant(rf.Squared(), values) == pytest.approx(values.mean(), abs=1e-6)
    assert best_constant(rf.Huber(100.0), values) == pytest.approx(values.mean(), abs=1e-6)
    assert best_constant(rf.Absolute(1e-6), values) == pytest.approx(np.median(values), abs=1e-4)
    signs = np.repeat([1.0, -1.0], [30, 10])
    assert best_constant(rf.Logistic(), signs) == pytest.approx(np.log(3), abs=1e-6)
    assert best_constant(rf.Logistic(offset=2.0), signs) == pytest.approx(np.log(3) - 2, abs=1e-6)


def test_logistic_probabilities_and_means_agree():
    z, loss = np.linspace(-40, 40, 81), rf.Logistic(0.3)
    np.testing.assert_allclose(loss.mean(z), 2 * loss.probability(z) - 1, atol=1e-15)
    np.testing.assert_allclose(np.log(loss.probability(z)), -loss.value(z, np.ones_like(z)), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_confident_mistakes_overflow_nothing(dtype):
    z = np.asarray([-1e4, -800, 0, 800, 1e4], dtype)
    for b in (np.ones_like(z), -np.ones_like(z)):
        value, slope = rf.Logistic().value(z, b), rf.Logistic().derivative(z, b)
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
    answers = other.loss_and_pulls(xp.asarray(left), xp.asarray(right))
    for one, expected in zip(answers, problem.loss_and_pulls(left, right), strict=True):
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
    total, row_pulls, column_pulls = entries.pulls(values, weights, left, right, loss.kind, loss.parameter)
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
            total, *pulls = fresh.pulls(values, weights, left, right, loss.kind, loss.parameter)
            answers.append((total, *(pull.tobytes() for pull in pulls)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_a_residual_that_is_not_a_number_stays_visible(loss):
    entries, rows, _, values, weights, left, right = random_case(6, 5, 2, 0.5, np.float64, False)
    left[rows[0]] = np.nan
    total, row_pulls, _ = entries.pulls(values, weights, left, right, loss.kind, loss.parameter)
    assert np.isnan(total)
    assert np.isnan(row_pulls[rows[0]]).all()


@pytest.mark.parametrize("problem", problems())
@pytest.mark.parametrize("batch", [(), (3,)])
def test_layouts_agree(problem, batch):
    left, right = random_factors(problem, batch=batch)
    answers = []
    for dense in (True, False):
        fresh = rf.Completion(
            problem.rows, problem.cols, problem.values, problem.shape, problem.weights,
            loss_function=problem.loss_function,
        )  # fmt: skip
        fresh.__dict__["is_dense"] = dense
        answers.append(fresh.loss_and_pulls(left, right))
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
    given = problem_for(rf.Squared(), problem)
    left, right = random_factors(problem)
    for dense in (True, False):
        pairs = zip(
            in_layout(problem, dense).loss_and_pulls(left, right),
            in_layout(given, dense).loss_and_pulls(left, right),
            strict=True,
        )
        for one, other in pairs:
            np.testing.assert_array_equal(one, other)
    assert problem.loss_function == rf.Squared()


def test_the_loss_travels_with_its_problem():
    loss, problem = rf.Huber(0.2), planted_problem()
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
        many.__dict__["is_dense"] = dense
        both = many.loss_and_pulls(left, right)
        for i in range(2):
            for one, other in zip(many.of_runs(i).loss_and_pulls(left[i], right[i]), both, strict=True):
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
        (lambda: rf.Huber(0.0), "threshold must be positive and finite, got 0.0"),
        (lambda: rf.Huber(float("inf")), "got inf"),
        (lambda: rf.Absolute(-1.0), "smoothing must be positive and finite, got -1.0"),
        (lambda: rf.Logistic(float("nan")), "offset must be finite, got nan"),
        (lambda: rf.Completion.from_array([[0.0, 1.0]], loss=rf.Logistic()), "values of −1 and 1, got 0.0"),
        (lambda: loss_of("hinge"), "loss must be 'squared', 'huber', 'absolute', 'logistic' or a loss"),
        (lambda: loss_of(rf.Huber), "loss must be"),
        (lambda: rf.DeepMatrixFactorization(loss=3).fit(np.eye(4)), "loss must be .* got 3"),
        (lambda: rf.DeepMatrixFactorization(loss="logistic").fit(np.arange(12.0).reshape(3, 4)), "got 0, 1 and 11"),
        (lambda: rf.DeepMatrixFactorization(loss="logistic").fit(np.ones((3, 4))), "two values, got only 1"),
        (
            lambda: rf.DeepMatrixFactorization().fit_problem(problem_for(rf.Huber(0.1), planted_problem())),
            r"the estimator's loss decides, got a problem with Huber\(threshold=0.1\)",
        ),
    ],
)
def test_bad_losses_are_refused_in_a_sentence(make, words):
    with pytest.raises(rf.InputError, match=words) as caught:
        make()
    assert is_one_sentence(str(caught.value))


# The estimator


def outlying(shape=(70, 50), rank=2, share=0.6, gross=0.05, size=10.0, seed=0):
    """A low-rank table of spread 1 with noise 0.1 and holes, and one in twenty of its entries grossly wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1])) / np.sqrt(rank)
    table = truth + 0.1 * rng.standard_normal(shape)
    wrong = rng.random(shape) < gross
    table[wrong] += size * rng.standard_normal(wrong.sum())
    table[rng.random(shape) > share] = np.nan
    return truth, table


def error_on_holes(model, truth, table):
    return float(np.sqrt(np.mean((model.transform(table) - truth)[np.isnan(table)] ** 2)))


@pytest.fixture(scope="module")
def gross():
    """Truth, table, and the error of squares on its holes."""
    truth, table = outlying()
    return truth, table, error_on_holes(rf.DeepMatrixFactorization(depth=2).fit(table), truth, table)


@pytest.mark.parametrize("loss", ["huber", "absolute", rf.Huber(0.3)], ids=str)
def test_gross_outliers_hardly_move_robust_losses(gross, loss):
    truth, table, by_squares = gross
    model = rf.DeepMatrixFactorization(depth=2, loss=loss).fit(table)
    assert error_on_holes(model, truth, table) < 0.25 * by_squares


def test_without_outliers_huber_is_as_good_as_squares():
    truth, table = outlying(gross=0.0)
    squares, huber = (
        error_on_holes(rf.DeepMatrixFactorization(depth=2, loss=loss).fit(table), truth, table)
        for loss in ("squared", "huber")
    )
    assert huber < 1.2 * squares


def test_robust_answers_scale_and_shift_with_the_table():
    _, table = outlying((40, 25))
    filled = rf.DeepMatrixFactorization(depth=2, loss="huber").fit_transform(table)
    moved = rf.DeepMatrixFactorization(depth=2, loss="huber").fit_transform(7 + 3 * table)
    np.testing.assert_allclose(moved, 7 + 3 * filled, atol=1e-5 * np.abs(moved).max())


def test_outliers_set_neither_units_nor_effects():
    """What is read off a table with gross errors is what is read off the same table without them."""
    truth, table = outlying(share=1.0, size=100.0)
    plain = rf.Completion.from_array(truth + 5 * np.arange(50.0) / 50)
    dirty = rf.Completion.from_array(table + 5 * np.arange(50.0) / 50)
    (clean,) = standardizations(plain, [plain], "auto", rf.Squared())
    (robust,) = standardizations(dirty, [dirty], "auto", rf.Huber(0.5))
    assert np.sqrt(robust.noise) * robust.unit[0] == pytest.approx(np.sqrt(clean.noise) * clean.unit[0], rel=0.15)
    assert not robust.mixed
    effects = [shape.origin + shape.unit * (shape.mean + shape.column_effect) for shape in (clean, robust)]
    assert np.abs(effects[0] - effects[1]).max() < 0.5


def test_new_rows_with_outliers_are_folded_in():
    truth, table = outlying((120, 40))
    model = rf.DeepMatrixFactorization(depth=2, loss="huber").fit(table[:100])
    assert error_on_holes(model, truth[100:], table[100:]) < 0.2


def test_tables_too_small_to_hold_out_from_are_completed():
    for loss in ("huber", "absolute"):
        filled = rf.DeepMatrixFactorization(loss=loss).fit_transform(np.where(np.eye(3) > 0, 2.0, np.nan))
        np.testing.assert_allclose(filled, 2.0)
    corners = np.asarray([[1.0, np.nan], [np.nan, -1.0]])
    filled = rf.DeepMatrixFactorization(loss="logistic").fit_transform(corners)
    assert set(filled.ravel()) <= {-1.0, 1.0}


def signs(shape=(80, 50), rank=2, hidden=0.4, seed=0):
    """Signs drawn with log-odds of low rank and strength, and the same with holes."""
    rng = np.random.default_rng(seed)
    odds = 3 * rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    whole = np.where(rng.random(shape) < 1 / (1 + np.exp(-odds)), 1.0, -1.0)
    return whole, np.where(rng.random(shape) < hidden, np.nan, whole)


def by_column_majority(table):
    low, high = np.nanmin(table), np.nanmax(table)
    return np.where(np.nanmean(table, axis=0) >= (low + high) / 2, high, low)


@pytest.fixture(scope="module")
def fitted_signs():
    whole, table = signs()
    return rf.DeepMatrixFactorization(depth=2, loss="logistic").fit(table), whole, table


def test_signs_are_completed_better_than_by_chance_or_majority(fitted_signs):
    model, whole, table = fitted_signs
    hidden = np.isnan(table)
    right = (model.transform(table) == whole)[hidden].mean()
    majority = (by_column_majority(table) == whole)[hidden].mean()
    assert right > 0.75
    assert right > majority + 0.1
    assert model.held_out_error_ < 0.9 * model.column_mean_error_


def test_probabilities_are_those_of_the_signs(fitted_signs):
    model, whole, table = fitted_signs
    rows, cols = np.nonzero(np.isnan(table))
    likely = model.predict_proba(rows, cols)
    truth = whole[rows, cols] == 1
    assert ((likely > 0) & (likely < 1)).all()
    for low, high in ((0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)):
        here = (likely >= low) & (likely < high)
        # some 200 to 500 entries a quarter: a binomial deviation of up to 0.035
        assert truth[here].mean() == pytest.approx(likely[here].mean(), abs=0.1)
    np.testing.assert_array_equal(model.predict(rows, cols), np.where(likely >= 0.5, 1, -1))
    # the held-out error in units of ±1 is twice the root of the Brier score
    brier = np.sqrt(np.mean((likely - truth) ** 2))
    assert model.held_out_error_ / 2 == pytest.approx(brier, rel=0.15)


def test_which_two_values_it_is_does_not_matter(fitted_signs):
    model, _, table = fitted_signs
    other = rf.DeepMatrixFactorization(depth=2, loss="logistic").fit((table + 1) / 2)
    rows, cols = np.nonzero(np.isnan(table))
    np.testing.assert_allclose(other.predict_proba(rows, cols), model.predict_proba(rows, cols), rtol=1e-9)
    np.testing.assert_array_equal(other.transform((table + 1) / 2), (model.transform(table) + 1) / 2)
    assert other.held_out_error_ == pytest.approx(model.held_out_error_ / 2)


def test_new_rows_of_signs_are_folded_in():
    whole, table = signs((140, 50))
    model = rf.DeepMatrixFactorization(depth=2, loss="logistic").fit(table[:110])
    hidden = np.isnan(table[110:])
    right = (model.transform(table[110:]) == whole[110:])[hidden].mean()
    majority = (by_column_majority(table[:110]) == whole[110:])[hidden].mean()
    assert right > majority + 0.1
    assert set(np.unique(model.fold_in(table[110:]))) == {-1.0, 1.0}


def test_recommendations_of_signs_come_with_probabilities(fitted_signs):
    model, _, table = fitted_signs
    best, likely = model.recommend([0, 5], k=4)
    assert (np.diff(likely, axis=1) <= 0).all()
    np.testing.assert_allclose(likely[1], model.predict_proba(np.full(4, 5), best[1]), rtol=1e-9)
    assert np.isnan(table[5, best[1]]).all()


def test_what_signs_cannot_answer_is_refused(fitted_signs):
    model, _, table = fitted_signs
    with pytest.raises(rf.InputError, match="intervals are for tables of numbers"):
        model.predict_interval([0], [0])
    plain = rf.DeepMatrixFactorization(depth=2)
    assert hasattr(model, "predict_proba")
    assert not hasattr(plain, "predict_proba")
    plain.fit(table).set_params(loss="logistic")
    with pytest.raises(rf.InputError, match="call fit again"):
        plain.predict_proba([0], [0])


def test_rows_and_columns_without_entries_get_the_odds_of_the_table():
    _, table = signs((40, 30))
    table = np.where(np.random.default_rng(3).random(table.shape) < 0.5, 1.0, table)
    table[3], table[:, 7] = np.nan, np.nan
    model = rf.DeepMatrixFactorization(depth=2, loss="logistic").fit(table)
    likely = model.predict_proba([3, 0], [0, 7])
    np.testing.assert_allclose(likely, np.mean(table[~np.isnan(table)] == 1), atol=0.01)


@pytest.mark.parametrize("loss", ["logistic", rf.Huber(0.3)], ids=str)
def test_saving_keeps_the_loss(loss, tmp_path):
    _, table = signs((30, 20))
    model = rf.DeepMatrixFactorization(depth=2, loss=loss).fit(table)
    model.save(tmp_path / "fit.npz")
    again = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.transform(table), model.transform(table))
    np.testing.assert_array_equal(again.fold_in(table[:2]), model.fold_in(table[:2]))


def test_a_loss_is_a_parameter_like_others():
    model = rf.DeepMatrixFactorization(loss=rf.Absolute(0.1))
    assert clone(model).loss == rf.Absolute(0.1)
    _, table = outlying((40, 25))
    model = rf.DeepMatrixFactorization(depth=2, loss="absolute").partial_fit(table[:30]).partial_fit(table[30:])
    assert model.fitted_.problem.shape == (40, 25)


def test_votes_of_the_senate_are_told_better_than_by_majority(shared_data):
    votes = np.load(shared_data / "senate109" / "senate109.npz")["vote"].astype(float)
    votes[votes == 0] = np.nan
    table = np.where(np.random.default_rng(0).random(votes.shape) < 0.2, np.nan, votes)
    hidden = np.isnan(table) & ~np.isnan(votes)
    model = rf.DeepMatrixFactorization(depth=2, loss="logistic").fit(table)
    right = (model.transform(table) == votes)[hidden].mean()
    majority = (by_column_majority(table) == votes)[hidden].mean()
    assert right > 0.9
    assert right > majority + 0.15


def test_the_command_line_takes_a_loss():
    assert FitOptions(loss="huber").estimator(progress=None).loss == "huber"
    with pytest.raises(rf.InputError, match="--loss must be one of squared, huber, absolute, logistic, got 'hinge'"):
        FitOptions(loss="hinge")

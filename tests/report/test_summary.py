"""The numbers of a report: those of the fit, computed anew here."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.errors import InputError
from rankfall.report import in_words, summarize


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 8)) * [1, 1, 1, 1, 1, 1, 1, 10]
    whole[:, 6] = rng.standard_normal(40)  # a column that the others tell nothing about
    holes = np.where(rng.random(whole.shape) < 0.3, np.nan, whole)
    holes[3, 1:] = np.nan
    return rf.DeepMatrixFactorization().fit(holes)


def test_columns_are_judged_on_their_own_held_out_entries(fit):
    held, columns = fit.fitted_.selection, summarize(fit).columns
    assert [column.name for column in columns] == [f"column {j}" for j in range(1, 9)]
    assert sum(column.held for column in columns) == held.values.size
    for j, column in enumerate(columns):
        here = held.cols == j
        assert column.error == pytest.approx(np.sqrt(np.mean((held.predicted - held.values)[here] ** 2)))
        known = fit.fitted_.problem.values[fit.fitted_.problem.cols == j]
        assert column.spread == pytest.approx(known.std())
        assert column.explained == pytest.approx(fit.column_quality().explained[j])
    total = sum(column.held * column.error**2 for column in columns) / held.values.size
    assert fit.held_out_error_ == pytest.approx(np.sqrt(total))


def test_a_column_of_noise_and_a_row_of_one_entry_are_doubted(fit):
    summary = summarize(fit)
    assert summary.columns[6].doubt
    assert not summary.columns[7].doubt
    assert summary.doubtful.endswith("are filled mostly by averages: row 4.")
    assert summary.findings[1] == "1 of 8 columns should not be relied on, first column 7."


def test_columns_without_a_measured_error_are_not_called_bad():
    rng = np.random.default_rng(2)
    table = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 6))
    table[rng.random(table.shape) < 0.2] = np.nan
    table[6:, 0] = np.nan
    summary = summarize(rf.DeepMatrixFactorization(depth=2).fit(table), whole=False)
    assert summary.findings[1] == (
        "1 of 6 columns cannot be judged, as too few of their entries were set aside, first column 1."
    )


def test_row_and_column_means_see_no_held_out_entry():
    rng = np.random.default_rng(6)
    table = np.where(rng.random((30, 9)) < 0.3, np.nan, rng.standard_normal((30, 9)))
    fit = rf.DeepMatrixFactorization(depth=2, scaling="global").fit(table)
    problem, held = fit.fitted_.problem, fit.fitted_.selection
    train = np.full(problem.shape, np.nan)
    train[problem.rows, problem.cols] = problem.values
    train[held.rows, held.cols] = np.nan
    guess = np.nanmean(train, axis=1)[held.rows] + np.nanmean(train, axis=0)[held.cols] - np.nanmean(train)
    error = np.sqrt(np.mean((guess - held.values) ** 2))
    methods = summarize(fit).methods
    assert methods["row + column means"] == pytest.approx(error)
    assert methods["rankfall"] == pytest.approx(fit.held_out_error_)
    assert methods["column means"] == pytest.approx(fit.column_mean_error_)


def test_methods_are_compared_in_spreads_where_columns_have_their_own_units():
    rng = np.random.default_rng(8)
    whole = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 6)) * [1, 1, 1, 1000, 1000, 1000]
    fit = rf.DeepMatrixFactorization(depth=2, scaling="columns").fit(
        np.where(rng.random(whole.shape) < 0.3, np.nan, whole)
    )
    summary = summarize(fit)
    assert summary.methods_unit == "in spreads of the columns"
    total = sum(column.held * (column.error / column.spread) ** 2 for column in summary.columns)
    assert summary.methods["rankfall"] == pytest.approx(np.sqrt(total / sum(column.held for column in summary.columns)))


def test_the_filled_cells_are_those_of_the_table(fit):
    cells, problem = summarize(fit).cells, fit.fitted_.problem
    filled = np.zeros(problem.shape, dtype=bool)
    filled[problem.rows, problem.cols] = True
    filled[*cells.places] = True
    assert filled.all()
    assert cells.total == cells.values.size == problem.shape[0] * problem.shape[1] - problem.rows.size
    np.testing.assert_allclose(cells.values, fit.predict(*cells.places))
    low, high = fit.predict_interval(*cells.places, 0.1)
    np.testing.assert_allclose([cells.low, cells.high], [low, high])


def test_the_motion_ends_at_the_product_of_the_run(fit):
    run, motion = fit.trajectory_, summarize(fit).motion
    assert motion.blocks == (1, 1)
    np.testing.assert_allclose(motion.maps[-1], run.product, atol=1e-9 * np.abs(run.product).max())
    assert motion.times[-1] == run.time
    count = motion.singular_values.shape[1]
    for product, values in zip(motion.maps, motion.singular_values, strict=True):
        np.testing.assert_allclose(np.linalg.svd(product, compute_uv=False)[:count], values, atol=1e-8 * values[0])


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_the_held_out_curve_is_lowest_at_the_stop(loss):
    rng = np.random.default_rng(3)
    whole = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 8)) + 0.3 * rng.standard_normal((40, 8))
    fit = rf.DeepMatrixFactorization(loss=loss).fit(np.where(rng.random(whole.shape) < 0.3, np.nan, whole))
    motion = summarize(fit).motion
    observed, held = motion.curves["observed"], motion.curves["held out"]
    assert motion.stop == fit.stopping_time_
    assert observed.values[0] == held.values[0] == 1
    assert observed.times[-1] == fit.trajectory_.time
    share, power = fit.history_["loss"][-1] / fit.history_["loss"][0], 0.5 if fit.loss_ == "squared" else 1.0
    assert observed.values[-1] == pytest.approx(share**power)
    assert motion.measure.startswith("error" if fit.loss_ == "squared" else "loss")
    lowest = held.values.argmin()
    assert held.times[lowest - 1] < motion.stop < held.times[lowest + 1]
    trial = fit.selection_.chosen
    errors = np.asarray(trial.curve)[:, 1]
    assert errors.min() == trial.error
    assert held.values.min() == pytest.approx(trial.error / errors[0])


def test_a_large_matrix_is_shown_as_means_of_blocks():
    rng = np.random.default_rng(1)
    problem = rf.Completion.from_array(np.where(rng.random((90, 50)) < 0.5, rng.standard_normal((90, 50)), np.nan))
    run = rf.evolve(problem, rf.Chain(2), rf.Spectral(3), rf.Flow(1e-2), stop=rf.TimeReached(200.0))
    motion = summarize(run).motion
    assert motion.blocks == (3, 2)
    means = run.product.reshape(30, 3, 25, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(motion.maps[-1], means, atol=1e-9 * np.abs(means).max())


def test_a_run_that_was_saved_with_vectors_still_moves(tmp_path):
    problem = rf.problems.Factorization(np.diag([3.0, 2.0, 1.0]))
    record = rf.Record(singular_values=True, vectors=True)
    run = rf.evolve(problem, rf.Chain(2), rf.Identity(1e-2), rf.Flow(1e-4), record=record)
    assert summarize(run).claims
    run.save(tmp_path / "run")
    summary = summarize(rf.Trajectory.load(tmp_path / "run"))
    assert summary.claims == []
    np.testing.assert_allclose(summary.motion.maps[-1], run.product, atol=1e-12)


def test_a_run_of_one_moment_is_refused():
    problem = rf.problems.Factorization(np.eye(2))
    run = rf.evolve(problem, rf.Chain(2), rf.Identity(1.0), rf.Flow(1e-3))
    with pytest.raises(InputError, match="two recorded moments or more, got 1"):
        summarize(run)


@pytest.mark.parametrize("subject", [rf.DeepMatrixFactorization(), 3])
def test_what_is_not_fitted_is_refused(subject):
    with pytest.raises(InputError, match="a report is of a fitted estimator or a Trajectory, got"):
        summarize(subject)


def test_words_and_simple_fills_do_not_depend_on_the_units_of_columns(fit):
    rng = np.random.default_rng(5)
    table = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((60, 6))
    table[rng.random(table.shape) < 0.2] = np.nan
    units, origins = np.array([1.0, 1e3, 1e-2, 1.0, 10.0, 1.0]), np.array([0.0, 5e4, 3.0, 0.0, -70.0, 1.0])
    one, other = (
        rf.DeepMatrixFactorization(depth=2, scaling="columns").fit(values)
        for values in (table, table * units + origins)
    )
    assert summarize(one).findings[0] == summarize(other).findings[0]
    for before, after, unit in zip(summarize(one).columns, summarize(other).columns, units, strict=True):
        assert after.row_column_mean == pytest.approx(before.row_column_mean * unit, rel=1e-6)
        assert after.explained == pytest.approx(before.explained, rel=1e-2)


@pytest.mark.parametrize(
    ("error", "means", "start"),
    [(0.0, 1.0, "very good: it explains 100 %"), (1e-4, 1.0, "very good: it explains over 99.9 %"),
     (0.1, 1.0, "very good: it explains 99.0 %"), (0.6, 1.0, "good: it explains 64 %"),
     (0.9, 1.0, "modest: it explains 19 %"), (0.99, 1.0, "poor: it explains 2 %"),
     (1.1, 1.0, "no better than column means"), (np.nan, np.nan, "not measured")],
)  # fmt: skip
def test_words_follow_the_numbers(error, means, start):
    assert in_words(error, means).startswith(start)

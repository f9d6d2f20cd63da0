"""The estimator: scikit-learn's contract, what it finds on tables it should complete, and what it refuses."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import rankfall as rf
from rankfall.estimators.candidate_grid import candidates
from rankfall.estimators.effects import ListedSums, damped_effects
from rankfall.estimators.folds import share_held_out
from rankfall.estimators.standardization import standardize
from tests.helpers.holes import table_with_holes
from tests.helpers.planted import planted_problem

PREDICTS_ENTRIES = "predict gives one number an entry of the table; the check expects one a row"
SPLITS_ENTRIES = "entries are held out by a seeded draw, which repeated or removed rows change"
EXPECTED_FAILURES = {
    "check_sample_weights_shape": "weights of the table's shape are weights of its entries, not an error",
    "check_sample_weight_equivalence_on_dense_data": SPLITS_ENTRIES,
    "check_sample_weight_equivalence_on_sparse_data": SPLITS_ENTRIES,
    "check_estimator_sparse_array": PREDICTS_ENTRIES,
    "check_estimator_sparse_matrix": PREDICTS_ENTRIES,
}


# shapes are checked by the other tests of this file
@pytest.mark.trusted
@parametrize_with_checks(
    [rf.DeepMatrixFactorization(depth=2)], expected_failed_checks=lambda estimator: EXPECTED_FAILURES
)
def test_scikit_learn_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.trusted
@pytest.mark.parametrize(
    ("offset", "unit"),
    [(0, 1), (1e6, 1e5), pytest.param(50, 10, marks=pytest.mark.slow), pytest.param(-3, 1e-3, marks=pytest.mark.slow)],
)
def test_low_rank_tables_come_back_in_their_own_units(offset, unit):
    truth, holes = table_with_holes(offset=offset, unit=unit)
    filled = rf.DeepMatrixFactorization().fit_transform(holes)
    hidden = np.isnan(holes)
    assert np.sqrt(np.mean((filled - truth)[hidden] ** 2)) < 0.1 * truth.std()


def test_answers_scale_and_shift_with_the_table():
    _, holes = table_with_holes()
    filled = rf.DeepMatrixFactorization(depth=2).fit_transform(holes)
    shifted = rf.DeepMatrixFactorization(depth=2).fit_transform(7 + 3 * holes)
    np.testing.assert_allclose(shifted, 7 + 3 * filled, atol=1e-6 * np.abs(shifted).max())


def test_observed_entries_come_back_unchanged_unless_asked():
    _, holes = table_with_holes()
    known = ~np.isnan(holes)
    model = rf.DeepMatrixFactorization(depth=2).fit(holes)
    np.testing.assert_array_equal(model.transform(holes)[known], holes[known])
    model.keep_observed = False
    assert not np.array_equal(model.transform(holes)[known], holes[known])


def test_transform_agrees_with_fit_transform_and_row_by_row():
    _, holes = table_with_holes()
    model = rf.DeepMatrixFactorization(depth=2)
    filled = model.fit_transform(holes)
    np.testing.assert_allclose(model.transform(holes), filled)
    np.testing.assert_allclose(model.transform(holes[5:9]), filled[5:9])


def test_new_rows_are_folded_in_on_the_learnt_columns():
    truth, holes = table_with_holes((80, 25))
    model = rf.DeepMatrixFactorization(depth=2).fit(holes[:60])
    hidden = np.isnan(holes[60:])
    filled = model.transform(holes[60:])
    assert np.sqrt(np.mean((filled - truth[60:])[hidden] ** 2)) < 0.2 * truth.std()


def test_held_out_error_is_close_to_the_error_on_the_holes():
    rng = np.random.default_rng(1)
    truth, holes = table_with_holes((120, 80), rank=3)
    noise = 0.3 * rng.standard_normal(truth.shape)
    model = rf.DeepMatrixFactorization().fit(holes + noise)
    hidden = np.isnan(holes)
    error = np.sqrt(np.mean((model.transform(holes + noise) - truth - noise)[hidden] ** 2))
    assert error == pytest.approx(model.held_out_error_, rel=0.1)
    assert model.held_out_error_ < model.column_mean_error_


def test_mixed_units_are_found_and_completed():
    truth, holes = table_with_holes((60, 8), rank=1, hidden=0.2)
    units = np.array([1, 1e3, 1e-3, 10, 1, 1, 100, 5.0])
    origins = np.array([0, 1e4, 5, -3, 2, 2, 0, 9.0])
    model = rf.DeepMatrixFactorization(depth=2).fit(origins + units * holes)
    assert model.fitted_.standardization.mixed
    hidden = np.isnan(holes)
    error = ((model.transform(origins + units * holes) - origins) / units - truth)[hidden]
    assert np.sqrt(np.mean(error**2)) < 0.3 * truth.std()


def test_sparse_and_dense_input_agree():
    _, holes = table_with_holes()
    known = ~np.isnan(holes)
    sparse = scipy.sparse.csr_array(np.where(known, holes, 0))
    dense = rf.DeepMatrixFactorization(depth=2).fit(holes)
    same = rf.DeepMatrixFactorization(depth=2).fit(sparse)
    rows, cols = np.nonzero(~known)
    np.testing.assert_allclose(same.predict(rows, cols), dense.predict(rows, cols), rtol=1e-7)


def test_same_seed_same_answer_and_another_split_for_another_seed():
    _, holes = table_with_holes()
    first, second, other = (rf.DeepMatrixFactorization(depth=2, random_state=s).fit(holes) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.transform(holes), second.transform(holes))
    assert first.held_out_error_ != other.held_out_error_


def test_float32_stays_float32_and_agrees():
    _, holes = table_with_holes()
    exact = rf.DeepMatrixFactorization(depth=2).fit_transform(holes)
    single = rf.DeepMatrixFactorization(depth=2, dtype="float32").fit_transform(holes.astype(np.float32))
    assert single.dtype == np.float32
    assert np.sqrt(np.mean((single - exact) ** 2)) < 0.05 * np.nanstd(holes)


def test_bounds_hold_for_what_is_filled_in():
    _, holes = table_with_holes()
    filled = rf.DeepMatrixFactorization(depth=2, bounds=(-0.5, 0.5)).fit_transform(holes)
    assert np.abs(filled[np.isnan(holes)]).max() <= 0.5


def test_each_column_may_have_bounds_of_its_own():
    _, holes = table_with_holes()
    pairs = [(0, None), None, (-0.1, 0.1)] + [(None, None)] * (holes.shape[1] - 3)
    model = rf.DeepMatrixFactorization(depth=2, bounds=pairs)
    filled, hidden = model.fit_transform(holes), np.isnan(holes)
    assert filled[hidden[:, 0], 0].min() >= 0
    assert np.abs(filled[hidden[:, 2], 2]).max() <= 0.1
    low, high = model.predict_interval(np.arange(5), np.full(5, 2))
    assert low.min() >= -0.1
    assert high.max() <= 0.1


def test_rows_and_columns_without_entries_are_filled_with_averages():
    _, holes = table_with_holes()
    holes[3], holes[:, 7] = np.nan, np.nan
    filled = rf.DeepMatrixFactorization(depth=2).fit_transform(holes)
    assert np.isfinite(filled).all()
    assert np.abs(filled[3] - np.nanmean(holes)).max() < 3 * np.nanstd(holes)


def test_works_in_a_pipeline_and_a_grid_search():
    _, holes = table_with_holes((40, 10))
    pipeline = make_pipeline(rf.DeepMatrixFactorization(depth=2), StandardScaler())
    assert np.isfinite(pipeline.fit_transform(holes)).all()
    search = GridSearchCV(
        rf.DeepMatrixFactorization(),
        {"depth": [1, 2]},
        scoring=lambda model, X, y=None: -model.held_out_error_,
        cv=2,
    )
    assert search.fit(holes).best_params_["depth"] in (1, 2)


def test_frames_in_names_out():
    pandas = pytest.importorskip("pandas")
    _, holes = table_with_holes((30, 3), rank=1)
    frame = pandas.DataFrame(holes, columns=["a", "b", "c"])
    model = rf.DeepMatrixFactorization(depth=2).set_output(transform="pandas")
    filled = model.fit_transform(frame)
    assert list(filled.columns) == ["a", "b", "c"]
    assert not filled.isna().any().any()


def test_interrupting_the_fit_leaves_a_fitted_estimator():
    _, holes = table_with_holes()
    calls = []

    def impatient(stage, fraction):
        calls.append(stage)
        if len(calls) == 30:
            raise KeyboardInterrupt

    with pytest.warns(rf.RunWarning, match="interrupted"):
        model = rf.DeepMatrixFactorization().fit(holes, progress=impatient)
    assert model.status_ == "interrupted"
    assert np.isfinite(model.transform(holes)).all()


@pytest.mark.parametrize(("depth", "share"), [(1, 1e-5), (2, 1e-5), (3, 1e-4)])
def test_the_start_is_a_small_share_of_the_size_of_the_table(depth, share):
    X = np.random.default_rng(0).standard_normal((12, 10))
    model = rf.DeepMatrixFactorization(depth=depth, refine=False).fit(X)
    assert model.scale_ == pytest.approx(share * np.sqrt(X.size))


def test_with_hardly_any_held_out_the_chosen_run_is_the_fit():
    problem = planted_problem((260, 200), rank=2, share=0.8)
    once = rf.DeepMatrixFactorization(depth=2, width=8, holdout=0.015).fit_problem(problem)
    run, chosen = once.trajectory_, once.selection_.chosen
    assert run.evaluations == chosen.evaluations
    assert run.best_time == pytest.approx(chosen.time)
    left, right = run.model.factors(run.best_weights[None, :])
    shape = once.fitted_.standardization
    z = shape.to_units(once.predict(problem.rows, problem.cols), problem.cols)
    product = np.einsum("ek,ek->e", left[0][problem.rows], right[0][problem.cols])
    np.testing.assert_allclose(z - shape.offset(problem.rows, problem.cols), product, atol=1e-6)
    assert len(once.history_["singular_values"]) > 1
    twice = rf.DeepMatrixFactorization(depth=2, width=8, holdout=0.1).fit_problem(problem)
    assert once.selection_.kept is not None
    assert twice.selection_.kept is None


@pytest.mark.parametrize(("entries", "share"), [(100, 0.1), (2_000_000, 0.1), (20_000_000, 0.01)])
def test_a_tenth_is_held_out_and_no_more_than_it_takes(entries, share):
    assert share_held_out("auto", entries) == pytest.approx(share)
    assert share_held_out(0.3, entries) == 0.3


def test_effects_are_posterior_means():
    """With dampings at their fixed point, a_i = Σ (x − μ − b)/(count + damping)."""
    problem = planted_problem((30, 20), rank=1)
    values = 5 + problem.values + np.linspace(-2, 2, 30)[problem.rows]
    ones = np.ones_like(values)
    sums = ListedSums(problem.rows, problem.cols, values, ones, (30, 20))
    mean, rows, cols, row_damping, _, noise = damped_effects(sums)
    rest = values - mean - cols[problem.cols]
    counts = np.bincount(problem.rows, minlength=30)
    np.testing.assert_allclose(rows, np.bincount(problem.rows, rest, 30) / (counts + row_damping), rtol=1e-2, atol=1e-3)
    assert 0 < noise < values.var()


def test_standardization_round_trip():
    problem = planted_problem()
    shape = standardize(problem, "columns").with_popularity(problem.degrees, 0.3)
    z = shape.to_units(problem.values, problem.cols)
    np.testing.assert_allclose(shape.from_units(z, problem.cols), problem.values, atol=1e-12)
    residual = shape.residual_problem(problem, np.float64)
    slow = shape.row_slow[problem.rows] * shape.column_slow[problem.cols]
    offset = shape.offset(problem.rows, problem.cols)
    np.testing.assert_allclose(residual.values * slow + offset, z, atol=1e-12)


def default_settings(problem):
    return rf.DeepMatrixFactorization().settings_for(problem)


def test_popularity_is_tried_only_where_degrees_are_uneven():
    even = planted_problem((20, 20), share=0.9)
    assert {c.popularity for c in candidates(even, default_settings(even))} == {0.0}
    rng = np.random.default_rng(0)
    rows = np.minimum(rng.geometric(0.2, 300) - 1, 29)
    cells = np.unique(np.stack([rows, rng.integers(0, 30, 300)]), axis=1)
    uneven = rf.Completion.from_triplets(cells[0], cells[1], rng.standard_normal(cells.shape[1]), (30, 30))
    assert {c.popularity for c in candidates(uneven, default_settings(uneven))} == {0.0, 0.2}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"depth": 0}, "depth must be 'auto' or at least 1, got 0"),
        ({"width": 0}, "width must be 'auto' or at least 1, got 0"),
        ({"scale": 0.0}, "scale must be 'auto' or positive, got 0.0"),
        ({"rtol": 0.0}, "rtol must lie between 0 and 1, got 0.0"),
        ({"holdout": 1.0}, "holdout must lie between 0 and 1, got 1.0"),
        ({"holdout": "some"}, "holdout must lie between 0 and 1, got 'some'"),
        ({"dtype": "int8"}, "dtype must be"),
        ({"scaling": "rows"}, "scaling must be"),
        ({"bounds": (2, 1)}, "a lower bound must not exceed"),
    ],
)
def test_bad_parameters_are_one_sentence(parameters, words):
    _, holes = table_with_holes()
    with pytest.raises(rf.InputError, match=words):
        rf.DeepMatrixFactorization(**parameters).fit(holes)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((4, 4), np.nan), "at least one entry must be observed"),
        (np.where(np.eye(4) > 0, np.inf, 1.0), "infinity"),
        (np.ones((2, 3, 4)), "dim 3"),
        (np.ones(4), "1D array"),
        (np.ones((4, 4)) * 1j, "Complex"),
        (np.array([["a", "b"], ["c", "d"]]), "could not convert"),
        ("table.csv", "must be numbers in memory, got 'table.csv'; rankfall.tables.read_table reads a file"),
    ],
)
def test_bad_tables_are_refused(array, words):
    with pytest.raises(ValueError, match=words):
        rf.DeepMatrixFactorization().fit(array)


def test_positions_out_of_range_are_refused():
    _, holes = table_with_holes()
    model = rf.DeepMatrixFactorization(depth=2).fit(holes)
    with pytest.raises(rf.InputError, match="column indices must lie in 0 … 24, got 25"):
        model.predict([0], [25])
    average = model.predict([-1], [3])
    assert np.isfinite(average).all()


# What a fitted estimator answers

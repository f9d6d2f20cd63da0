"""Columns of categories: fitted as zeros and ones, held out together, filled by the most probable level."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.estimators.categories import Categories
from rankfall.estimators.folds import splits
from rankfall.problems import Completion

CATEGORIES = [2, 5]


def _table(rows=120, seed=0):
    """Numbers and two categories that follow the same three factors, and where its holes are."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((rows, 3))
    numbers = factors @ rng.standard_normal((3, 4)) + 0.3 * rng.standard_normal((rows, 4))
    three = np.argmax(factors + 0.2 * rng.standard_normal((rows, 3)), axis=1).astype(float)
    two = 2.0 * (factors[:, 0] > 0) + 1
    truth = np.column_stack([numbers[:, :2], three, numbers[:, 2:], two])
    return truth, rng.random(truth.shape) < 0.2


TRUTH, HIDDEN = _table()
HOLES = np.where(HIDDEN, np.nan, TRUTH)


@pytest.fixture(scope="module")
def model():
    return rf.DeepMatrixFactorization(categorical_features=CATEGORIES).fit(HOLES)


def test_levels_are_filled_better_than_by_the_most_frequent_one(model):
    filled = model.transform(HOLES)
    np.testing.assert_array_equal(filled[~HIDDEN], TRUTH[~HIDDEN])
    for col in CATEGORIES:
        hidden = HIDDEN[:, col]
        levels, counts = np.unique(HOLES[~hidden, col], return_counts=True)
        np.testing.assert_array_equal(model.categories_[col], levels)
        assert set(filled[:, col]) <= set(levels)
        wrong = np.mean(filled[hidden, col] != TRUTH[hidden, col])
        assert wrong < 0.7 * np.mean(TRUTH[hidden, col] != levels[counts.argmax()])
    quality = model.column_quality()
    assert (quality.explained[CATEGORIES] > 0.3).all()
    assert (quality.error[CATEGORIES] <= 1).all()


def test_probabilities_sum_to_one_and_their_largest_is_what_is_filled_in(model):
    rows = np.flatnonzero(HIDDEN[:, 2])
    found = model.level_probabilities(rows, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(
        model.categories_[2][found.argmax(axis=1)], model.predict(rows, np.full(rows.size, 2))
    )
    assert np.mean(found[np.arange(rows.size), TRUTH[rows, 2].astype(int)]) > 0.45
    assert model.level_probabilities([-1], 2).shape == (1, 3)


def test_numbers_of_such_a_table_have_intervals(model):
    numbers = [0, 1, 3, 4]
    rows, place = np.nonzero(HIDDEN[:, numbers])
    cols = np.asarray(numbers)[place]
    low, high = model.predict_interval(rows, cols)
    assert np.mean((low <= TRUTH[rows, cols]) & (TRUTH[rows, cols] <= high)) > 0.8
    # narrower than those of column means
    assert np.mean((high - low) / (2 * 1.645 * TRUTH.std(axis=0)[cols])) < 0.8
    with pytest.raises(ValueError, match="intervals are for columns of numbers, got column 3 of categories"):
        model.predict_interval([0], [2])


def test_draws_take_levels_as_often_as_they_are_probable(model):
    draws = model.complete(n_draws=200)
    np.testing.assert_array_equal(draws[:, ~HIDDEN], np.broadcast_to(TRUTH[~HIDDEN], (200, (~HIDDEN).sum())))
    rows = np.flatnonzero(HIDDEN[:, 2])
    shares = np.stack([(draws[:, rows, 2] == level).mean(axis=0) for level in model.categories_[2]], axis=1)
    # five standard deviations of a share of 200
    np.testing.assert_allclose(shares, model.level_probabilities(rows, 2), atol=5 * 0.5 / np.sqrt(200))


def test_what_the_codes_are_makes_no_difference(model):
    other = HOLES.copy()
    other[:, 2] = 10 * HOLES[:, 2] - 7
    filled = rf.DeepMatrixFactorization(categorical_features=CATEGORIES).fit_transform(other)
    expected = model.transform(HOLES)
    expected[:, 2] = 10 * expected[:, 2] - 7
    np.testing.assert_array_equal(filled, expected)


def test_saved_and_loaded_it_fills_alike(model, tmp_path):
    model.save(tmp_path / "fit.npz")
    loaded = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    np.testing.assert_array_equal(loaded.transform(HOLES), model.transform(HOLES))
    np.testing.assert_array_equal(loaded.level_probabilities([3], 5), model.level_probabilities([3], 5))
    assert loaded.held_out_error_ == model.held_out_error_


def test_new_rows_are_folded_in_and_a_new_level_is_refused(model):
    truth, hidden = _table(rows=160)
    new, holes = truth[120:], np.where(hidden, np.nan, truth)[120:]
    filled = model.transform(holes)
    known = ~np.isnan(holes)
    np.testing.assert_array_equal(filled[known], new[known])
    assert set(filled[:, 2]) <= {0.0, 1.0, 2.0}
    holes[0, 2] = 9.0
    with pytest.raises(ValueError, match="one of the levels seen in the fit, column 3 has 9"):
        model.transform(holes)


def test_a_new_level_in_added_rows_is_refused_too():
    model = rf.DeepMatrixFactorization(depth=2, categorical_features=CATEGORIES).fit(HOLES)
    added = HOLES[:5].copy()
    added[0, 2] = 9.0
    with pytest.raises(ValueError, match="one of the levels seen in the fit, column 3 has 9"):
        model.partial_fit(added)


def test_bounds_and_levels_are_for_numbers_alone():
    filled = rf.DeepMatrixFactorization(
        depth=2, categorical_features=CATEGORIES, bounds=(-0.5, 0.5), levels=[-0.5, 0, 0.5]
    ).fit_transform(HOLES)
    assert set(filled[HIDDEN[:, 5], 5]) <= {1.0, 3.0}
    assert set(filled[HIDDEN[:, 0], 0]) <= {-0.5, 0.0, 0.5}


@pytest.mark.parametrize("weights", [None, np.linspace(1, 2, TRUTH.size).reshape(TRUTH.shape)])
def test_an_entry_is_held_out_in_all_of_its_columns(weights):
    problem = Completion.from_array(HOLES, weights=weights)
    categories = Categories.of(problem, CATEGORIES)
    wide = categories.widened(problem)
    for train, held in splits(wide, 0.1, 0, categories):
        assert train.rows.size + held.rows.size == wide.rows.size
        for part in (train, held):
            owner = categories.blocks[part.cols]
            counts = np.bincount(part.rows * 6 + owner, minlength=TRUTH.size).reshape(TRUTH.shape)
            for col in range(6):
                assert set(counts[:, col]) <= {0, max(1, categories.levels[col].size)}


def test_widening_goes_back():
    problem = Completion.from_array(HOLES)
    categories = Categories.of(problem, CATEGORIES)
    back = categories.narrowed_problem(categories.widened(problem))
    for name in ("rows", "cols", "values"):
        np.testing.assert_array_equal(getattr(back, name), getattr(problem, name))
    full = np.nan_to_num(HOLES, nan=1.0)
    np.testing.assert_array_equal(categories.narrowed(categories.widen(full)), full)


def test_columns_are_named_by_place_name_or_mask():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(HOLES, columns=list("abcdef"))
    fits = [
        rf.DeepMatrixFactorization(depth=2, refine=False, categorical_features=chosen).fit_transform(frame)
        for chosen in ([2, 5], ["c", "f"], [False, False, True, False, False, True], [-1, 2])
    ]
    for other in fits[1:]:
        np.testing.assert_array_equal(other, fits[0])


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("c", "must be a list of columns, got 'c'"),
        ([6], "places from 0 to 5, got 6"),
        (["z"], "got 'z'"),
        ([True, False], "a mask of columns must have 6 items, got 2"),
    ],
)
def test_columns_that_there_are_not_are_refused(chosen, words):
    with pytest.raises(ValueError, match=words):
        rf.DeepMatrixFactorization(categorical_features=chosen).fit(HOLES)


def test_a_column_of_too_many_levels_is_refused():
    table = np.random.default_rng(0).standard_normal((150, 3))
    with pytest.raises(ValueError, match="at most 100 levels, got 150 in column 2"):
        rf.DeepMatrixFactorization(categorical_features=[1]).fit(table)

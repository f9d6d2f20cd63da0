"""Frames go straight into the estimator: numbers of any type are read, all else is refused by its column's name."""

from decimal import Decimal

import numpy as np
import pytest

import rankfall as rf
from rankfall.errors import InputError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

RNG = np.random.default_rng(0)
N = 24
BASE = np.outer(RNG.standard_normal(N), [1.0, 2.0, -1.0]) + 0.05 * RNG.standard_normal((N, 3))
BASE[3, 0] = BASE[7, 1] = np.nan
HALVES = [0.5 * (k % 4) if k % 5 else None for k in range(N)]
FLOATS = np.array(HALVES, dtype=float)


def frame(column):
    return pd.DataFrame(BASE, columns=["a", "b", "c"]).assign(d=column)


def fitted(table):
    return rf.DeepMatrixFactorization(depth=2, refine=False).fit(table)


@pytest.mark.parametrize(
    "column",
    [
        pd.array(HALVES, dtype="Float64"),
        pd.array([None if x is None else Decimal(str(x)) for x in HALVES]),
        pd.Series([None if x is None else Decimal(str(x)) for x in HALVES], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
        pd.arrays.SparseArray(FLOATS),
        pd.Categorical(FLOATS),
        [None if x is None else str(x) for x in HALVES],
    ],
    ids=["nullable", "decimal", "arrow decimal", "sparse", "category of numbers", "text of numbers"],
)
def test_numbers_of_every_type_are_numbers(column):
    given = fitted(frame(column))
    np.testing.assert_array_equal(given.complete(), fitted(np.column_stack([BASE, FLOATS])).complete())
    assert given.feature_names_in_.tolist() == ["a", "b", "c", "d"]


def test_a_frame_of_polars_is_one_of_pandas():
    np.testing.assert_array_equal(
        fitted(pl.DataFrame(BASE, schema=["a", "b", "c"])).complete(), fitted(BASE).complete()
    )


@pytest.mark.parametrize(
    "column",
    [
        ["word"] * N,
        pd.Categorical(["u", "v"] * (N // 2)),
        pd.date_range("2020", periods=N),
        pd.Series([pd.NaT] * N, dtype="datetime64[ns]"),
        pd.to_timedelta(np.arange(N), "D"),
    ],
    ids=["words", "categories", "dates", "NaT", "durations"],
)
def test_all_else_is_refused_by_name(column):
    with pytest.raises(InputError, match=r"every column must hold numbers, got others in 'd' .*from_frame"):
        fitted(frame(column))


def test_names_must_differ_and_be_those_of_the_fit():
    twice = frame(HALVES)
    twice.columns = ["a", "b", "c", "a"]
    with pytest.raises(InputError, match="different column names"):
        fitted(twice)
    with pytest.raises(ValueError, match="feature names"):
        fitted(frame(HALVES)).transform(frame(HALVES)[["b", "a", "c", "d"]])


def test_a_column_without_any_number_is_filled_in_silence():
    table = np.column_stack([np.tile(BASE, (2, 1)), np.full(2 * N, np.nan)])
    assert np.isfinite(rf.DeepMatrixFactorization(depth=2).fit_transform(table)).all()

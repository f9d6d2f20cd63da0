"""Lemmas of frames: the kind, the names, the index and every unchanged column of a data frame survive."""

import datetime
import decimal

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from rankfall.errors import InputError
from rankfall.tables import Table, from_frame, read_table, to_frame, write_table

NAN = np.nan
pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")

COLUMNS = {"a": [1.5, None, 3.0], "who": ["x", "y", None], "n": [1, 2, 3], "h": [4, None, 6]}
VALUES = np.array([[1.5, 1, 4], [NAN, 2, NAN], [3, 3, 6]])
KINDS = {
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas nullable": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas arrow": lambda: pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "pyarrow": lambda: pa.table(COLUMNS),
}


@pytest.fixture(params=KINDS)
def frame(request):
    return KINDS[request.param]()


def numbers(frame, name: str) -> np.ndarray:
    return nw.from_native(frame, eager_only=True)[name].cast(nw.Float64).to_numpy()


def test_numbers_are_values_and_words_are_labels(frame):
    table = from_frame(frame)
    np.testing.assert_array_equal(table.values, VALUES)
    assert table.column_names == ("a", "n", "h")
    assert list(table.row_labels or {}) == ["who"]
    assert table.label_positions == (1,)


def test_an_unchanged_frame_is_itself(frame):
    assert to_frame(from_frame(frame)) is frame


def test_filled_columns_change_and_no_others(frame):
    table = from_frame(frame)
    filled = to_frame(table.with_values(np.nan_to_num(table.values, nan=0.25)))
    assert type(filled) is type(frame)
    before, after = nw.from_native(frame, eager_only=True), nw.from_native(filled, eager_only=True)
    assert after.columns == before.columns
    assert after["who"].to_list()[:2] == ["x", "y"]
    assert after.schema["n"] == before.schema["n"]
    assert after.schema["h"] == nw.Float64
    assert numbers(filled, "a").tolist() == [1.5, 0.25, 3]
    assert numbers(filled, "h").tolist() == [4, 0.25, 6]
    # What came in is not touched.
    np.testing.assert_array_equal(from_frame(frame).values, VALUES)


def test_what_stays_unknown_is_null(frame):
    table = from_frame(frame)
    partly = table.values.copy()
    partly[1, 0], partly[0, 2] = 9.0, 5.0
    out = nw.from_native(to_frame(table.with_values(partly)), eager_only=True)
    assert out["h"].is_null().to_list() == [False, True, False]
    assert out["a"].null_count() == 0


def test_a_nullable_column_stays_nullable():
    frame = KINDS["pandas nullable"]()
    table = from_frame(frame)
    filled = to_frame(table.with_values(np.nan_to_num(table.values, nan=0.25)))
    assert isinstance(filled["h"].dtype, pd.Float64Dtype)


def test_pandas_index_and_odd_names_survive():
    frame = pd.DataFrame({0: [1.0, NAN], 2001: [3, 4], ("x", 1): ["a", "b"]}, index=[7, 7])
    table = from_frame(frame)
    assert table.column_names == ("0", "2001")
    filled = to_frame(table.with_values(np.array([[1.0, 2.0], [3.0, 4.0]])))
    assert filled.index.tolist() == [7, 7]
    assert list(filled.columns) == list(frame.columns)
    assert filled[0].tolist() == [1.0, 3.0]
    assert filled[2001].tolist() == [2.0, 4.0]


def test_like_may_be_another_frame_of_the_same_columns():
    table = from_frame(pl.DataFrame(COLUMNS))
    out = to_frame(table.with_values(np.nan_to_num(table.values, nan=0.25)), like=pd.DataFrame(COLUMNS))
    assert isinstance(out, pd.DataFrame)
    assert out["a"].tolist() == [1.5, 0.25, 3.0]


def test_every_numeric_type_is_numbers():
    frame = pl.DataFrame(
        {
            "bool": [True, None],
            "decimal": [decimal.Decimal("1.5"), None],
            "small": pl.Series([1, None], dtype=pl.UInt8),
            "nothing": [None, None],
        }
    )
    np.testing.assert_array_equal(from_frame(frame).values, [[1, 1.5, 1, NAN], [NAN] * 4])
    objects = pd.DataFrame({"o": pd.Series([1, None, decimal.Decimal(2)], dtype=object), "w": ["I", "II", "III"]})
    table = from_frame(objects)
    np.testing.assert_array_equal(table.values, [[1], [NAN], [2]])
    assert list(table.row_labels or {}) == ["w"]


def test_float32_stays_float32():
    frame = pl.DataFrame({"a": pl.Series([0.1, None], dtype=pl.Float32)})
    table = from_frame(frame)
    assert table.values.dtype == np.float32
    filled = to_frame(table.with_values(np.array([[0.1], [0.2]], dtype=np.float32)))
    assert filled["a"].dtype == pl.Float32


def test_dates_and_categories_are_labels():
    frame = pl.DataFrame(
        {"x": [1.0], "when": [datetime.date(2024, 1, 1)], "kind": pl.Series(["a"]).cast(pl.Categorical)}
    )
    assert list(from_frame(frame).row_labels or {}) == ["when", "kind"]
    assert to_frame(from_frame(frame).with_values(np.array([[2.0]]))).schema == frame.schema


def test_label_columns_overrule(frame):
    table = from_frame(frame, ["who", "n"])
    assert table.column_names == ("a", "h")
    filled = to_frame(table.with_values(np.zeros((3, 2))))
    assert numbers(filled, "n").tolist() == [1, 2, 3]
    with pytest.raises(InputError, match="'who' has the type String"):
        from_frame(frame, ["n"])
    with pytest.raises(InputError, match="got 'no'; it has a, who, n, h"):
        from_frame(frame, ["no"])


def test_a_frame_becomes_a_file(frame, tmp_path):
    table = from_frame(frame)
    write_table(table, tmp_path / "t.csv")
    # pandas without nullable types makes floats of integers with holes.
    is_integer = table.layout.integer_columns is not None and table.layout.integer_columns[2]
    four, six = ("4", "6") if is_integer else ("4.0", "6.0")
    assert (tmp_path / "t.csv").read_text() == f"a,who,n,h\n1.5,x,1,{four}\n,y,2,\n3.0,,3,{six}\n"
    write_table(table, tmp_path / "t.parquet")
    again = read_table(tmp_path / "t.parquet")
    assert isinstance(again, Table)
    np.testing.assert_array_equal(again.values, VALUES)


def test_bad_frames():
    with pytest.raises(InputError, match="got dict"):
        from_frame({"a": [1]})
    with pytest.raises(InputError, match="got LazyFrame"):
        from_frame(pl.DataFrame({"a": [1]}).lazy())
    with pytest.raises(InputError, match="different column names"):
        from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="'l' has the type List"):
        from_frame(pl.DataFrame({"a": [1], "l": [[1]]}))
    with pytest.raises(InputError, match="column 'a', row 2: numbers must be finite"):
        from_frame(pl.DataFrame({"a": [1.0, np.inf]}))
    with pytest.raises(InputError, match="rows and a column of numbers"):
        from_frame(pl.DataFrame({"a": ["x"]}))
    with pytest.raises(InputError, match="pass like=frame"):
        to_frame(Table(np.eye(2)))
    with pytest.raises(InputError, match="table's shape"):
        to_frame(Table(np.eye(2)), like=pl.DataFrame({"a": [1.0]}))

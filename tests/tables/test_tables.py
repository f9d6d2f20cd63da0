"""Lemmas of the tables room: what is read is what was written, and what did not change comes back as it was typed."""

import datetime
import gzip
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from rankfall.errors import InputError
from rankfall.tables import (
    TABLE_FORMATS,
    Layout,
    Table,
    read_table,
    write_table,
)

NAN = np.nan
SMALL = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def read(path: Path, **options) -> Table:
    table = read_table(path, **options)
    assert isinstance(table, Table)
    return table


def save(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def known_table(dtype: type = np.float64) -> Table:
    values = np.array([[1.5, NAN, -2.0], [NAN, 1e-7, 3.0]], dtype=dtype)
    return Table(values, ("a", "b", "c"), {"city": ["Bern", "Zug, old"]})


# --- what is written is read back ---


@pytest.mark.parametrize("extension", [one for one in TABLE_FORMATS if "mtx" not in one])
def test_every_format_reads_back_what_it_wrote(tmp_path, extension):
    table = known_table()
    path = tmp_path / f"table{extension}"
    write_table(table, path)
    again = read(path)
    np.testing.assert_array_equal(again.values, table.values)
    assert again.values.dtype == np.float64
    if extension != ".npy":
        assert again.column_names == table.column_names
    if extension not in (".npy", ".npz"):
        assert again.row_labels == table.row_labels
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("extension", [".npy", ".npz", ".parquet"])
def test_float32_stays_float32(tmp_path, extension):
    table = Table(np.array([[0.1, NAN], [2.0, 3.0]], dtype=np.float32), ("a", "b"))
    write_table(table, tmp_path / f"t{extension}")
    again = read(tmp_path / f"t{extension}")
    assert again.values.dtype == np.float32
    np.testing.assert_array_equal(again.values, table.values)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=("Cs",)), max_size=6)
numbers = st.floats(allow_nan=True, allow_infinity=False)
matrices = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=numbers)


@SMALL
@given(values=matrices, data=st.data())
def test_csv_round_trip_is_exact(tmp_path, values, data):
    m, n = values.shape
    names = tuple(data.draw(st.lists(words.filter(bool), min_size=n, max_size=n)))
    labels = data.draw(st.none() | st.lists(words, min_size=m, max_size=m))
    table = Table(values, names, None if labels is None else {"who": labels})
    extension = data.draw(st.sampled_from([".csv", ".tsv", ".csv.gz"]))
    path = tmp_path / f"t{extension}"
    write_table(table, path)
    again = read(path, header=True, label_columns=[] if labels is None else [1])
    np.testing.assert_array_equal(again.values, values)
    known = ~np.isnan(values)
    np.testing.assert_array_equal(np.signbit(again.values[known]), np.signbit(values[known]))
    assert again.column_names == names
    if labels is not None:
        assert (again.row_labels or {})["who"] == labels


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n3,3.50\n,1e5\n",
        "a,b\r\n3,NA\r\n null ,+4\r\n",
        "\ufeffname;x;y\nZoë;1,50;2\nBob;;3,0\n",
        '"a, first",b\n1,2\n3,4\n',
        "1,2\n3,NaN\n",
        "id,x,city,y\n7,1.0,Bern,2\n9,,Zug,3\n",
        ",0,1\n0,5,6\n1,,7\n",
        "date,x\n2024-01-01,1\n2024-01-02,\n",
        'x\n1\n""\n3\n',
    ],
)
def test_an_unchanged_text_comes_back_byte_for_byte(tmp_path, text):
    path = save(tmp_path / "in.csv", text)
    write_table(read(path), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == text.encode()


def test_only_filled_cells_change(tmp_path):
    path = save(tmp_path / "in.csv", "who,a,b\nAnn,3,3.50\nBob,NA,\n")
    table = read(path)
    filled = np.where(np.isnan(table.values), [[0.1, 2.0]], table.values)
    write_table(table.with_values(filled), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "who,a,b\nAnn,3,3.50\nBob,0.1,2.00\n"
    rounded = np.where(np.isnan(table.values), [[4.0, 2.0]], table.values)
    write_table(table.with_values(rounded), tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_text() == "who\ta\tb\nAnn\t3\t3.50\nBob\t4\t2.00\n"


def test_a_decimal_comma_stays_in_its_format_and_becomes_a_point_in_another(tmp_path):
    table = read(save(tmp_path / "in.csv", "a;b\n1,50;2\n;-3,25\n"))
    np.testing.assert_array_equal(table.values, [[1.5, 2], [NAN, -3.25]])
    filled = table.with_values(np.nan_to_num(table.values, nan=0.125))
    write_table(filled, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a;b\n1,50;2\n0,125;-3,25\n"
    write_table(filled, tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_text() == "a\tb\n1.50\t2.00\n0.125\t-3.25\n"


def test_a_missing_label_stays_missing(tmp_path):
    path = save(tmp_path / "in.csv", "who,a\nAnn,1\n,2\n")
    table = read(path)
    assert table.row_labels == {"who": ["Ann", None]}
    write_table(table, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == path.read_bytes()


def test_white_space_stays_white_space(tmp_path):
    path = save(tmp_path / "in.txt", "  1   2\n 3  nan \n")
    table = read(path)
    np.testing.assert_array_equal(table.values, [[1, 2], [3, NAN]])
    write_table(table, tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "1 2\n3 nan\n"


# --- what text does not say about itself ---


@pytest.mark.parametrize(
    ("text", "names", "labels"),
    [
        ("1,2\n3,4\n", None, None),
        ("a,b\n1,2\n", ("a", "b"), None),
        ("2001,2002\n1,2\n", None, None),
        ("id,2001,2002\n5,1,2\n6,3,4\n", ("2001", "2002"), {"id": ["5", "6"]}),
        ("country,code,1990,1991\nPeru,PE,1,2\nChad,TD,3,4\n", ("1990", "1991"), None),
        ("ann,1990,1994\nbob,1985,1999\n", None, None),
        ("ann,1,2,3\nbob,4,5,6\n", None, None),
        ("name,1,2,3\nbob,4,5,6\n", ("1", "2", "3"), None),
        (",0,1\n0,5,6\n1,7,8\n", ("0", "1"), {"": ["0", "1"]}),
        (",2,3\n4,5,6\n", None, None),
        ("a,,c\n1,2,3\n", ("a", "", "c"), None),
        (",\n1,2\n", None, None),
        ("id,x\n1,2\n1,3\n", ("x",), {"id": ["1", "1"]}),
        ("id,x\n1,2\n,3\n", ("x",), {"id": ["1", None]}),
        ("id\n1\n2\n", ("id",), None),
        ("user_id,x\n1,2\n4,3\n", ("x",), {"user_id": ["1", "4"]}),
        ("width,x\n1,2\n4,3\n", ("width", "x"), None),
        ("x,where\n1,N\n2,S\n", ("x",), {"where": ["N", "S"]}),
    ],
)
def test_header_and_labels_are_detected(tmp_path, text, names, labels):
    table = read(save(tmp_path / "t.csv", text))
    assert table.column_names == names
    if labels is not None:
        assert table.row_labels == labels
    write_table(table, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == text


def test_header_and_label_columns_overrule_detection(tmp_path):
    years = save(tmp_path / "years.csv", "2001,2002\n1,2\n")
    assert read(years, header=True).column_names == ("2001", "2002")
    numbered = save(tmp_path / "numbered.csv", "id,x\n1,2\n4,3\n")
    assert read(numbered, label_columns=[]).column_names == ("id", "x")
    assert read(numbered, label_columns=["x"]).row_labels == {"x": ["2", "3"]}
    assert read(numbered, label_columns="2").row_labels == {"x": ["2", "3"]}
    headless = save(tmp_path / "headless.csv", "1,2\n3,4\n")
    assert read(headless, label_columns=[1]).row_labels == {"column_1": ["1", "3"]}


@pytest.mark.parametrize("word", ["", "NA", "NaN", "nan", "N/A", "null", " na ", '""'])
def test_words_for_unknown(tmp_path, word):
    np.testing.assert_array_equal(read(save(tmp_path / "t.csv", f"a,b\n{word},2\n1,3\n")).values, [[NAN, 2], [1, 3]])


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\r\n1,2\r\n3,\r\n\r\n",
        b"a,b\r1,2\r3,\r",
        "\ufeffa,b\n1,2\n3,".encode(),
        "a\tb\n1\t2\n3\t\n".encode("utf-16"),
        b"a;b\n1;2\n3;\n",
        b"a|b\n1|2\n3|\n",
        b'"a","b"\n"1","2"\n"3",""\n',
        b"\n\n\na,b\n1,2\n3,\n\n",
        b"a, b\n1, 2\n3, \n",
    ],
)
def test_text_of_any_make(tmp_path, data):
    table = read(save(tmp_path / "t.csv", data))
    np.testing.assert_array_equal(table.values, [[1, 2], [3, NAN]])
    assert [name.strip() for name in table.column_names or ()] == ["a", "b"]


def test_quotes_hold_separators_lines_and_quotes(tmp_path):
    text = 'what,x\n"a, b",1\n"two\nlines",2\n"say ""hi""",3\n5" pipe,4\n'
    table = read(save(tmp_path / "t.csv", text))
    assert table.row_labels == {"what": ["a, b", "two\nlines", 'say "hi"', '5" pipe']}
    np.testing.assert_array_equal(table.values[:, 0], [1, 2, 3, 4])


# --- types of other makers ---


def test_parquet_keeps_types_and_places(tmp_path):
    frame = pl.DataFrame(
        {
            "id": [10, 20, 30],
            "flag": [True, False, True],
            "small": pl.Series([1, 2, 3], dtype=pl.Int8),
            "when": [datetime.date(2024, 1, day) for day in (1, 2, 3)],
            "holes": [1, None, 3],
            "price": pl.Series(["1.50", "2.25", None]).cast(pl.Decimal(10, 2)),
        }
    )
    frame.write_parquet(tmp_path / "in.parquet")
    table = read(tmp_path / "in.parquet")
    assert table.column_names == ("flag", "small", "holes", "price")
    assert list(table.row_labels or {}) == ["id", "when"]
    assert table.label_positions == (0, 3)
    write_table(table, tmp_path / "same.parquet")
    assert pl.read_parquet(tmp_path / "same.parquet").equals(frame)
    filled = table.with_values(np.nan_to_num(table.values, nan=9.5))
    write_table(filled, tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out.columns == frame.columns
    assert out["small"].dtype == pl.Int8
    assert out["holes"].to_list() == [1.0, 9.5, 3.0]
    assert out["price"].to_list() == [1.5, 2.25, 9.5]
    everything = read(tmp_path / "in.parquet", label_columns=["when"])
    assert everything.column_names == ("id", "flag", "small", "holes", "price")


def test_csv_to_parquet_has_integers_where_they_were(tmp_path):
    table = read(save(tmp_path / "t.csv", "city,n,x\nBern,1,2.5\nZug,2,\n"))
    write_table(table, tmp_path / "t.parquet")
    frame = pl.read_parquet(tmp_path / "t.parquet")
    assert frame.schema == {"city": pl.String, "n": pl.Int64, "x": pl.Float64}
    assert frame["x"].null_count() == 1


def test_real_tables(shared_data):
    gas = read(shared_data / "gas-ethanol" / "data.csv.gz")
    assert gas.column_names is None
    assert gas.shape == (2565, 129)
    assert np.isfinite(gas.values).all()


# --- bad input ---

TEXTS = {
    "word": (
        "price,b\n1,2\nabc,3\n4,5\n",
        "column 'price', row 3: 'abc' is not a number; if it marks an unknown entry",
    ),
    "word without header": ("1,2\n3,4\n5,x\n", "column 2, row 3: 'x' is not a number"),
    "mixed": ("a,b\n1,2\nx,3\ny,4\n", "column 'a', row 3: 'x' is not a number"),
    "infinite": ("a,b\n1,2\n3,-inf\n", "column 'b', row 3: numbers must be finite, got -inf"),
    "overflow": ("a,b\n1,1e999\n", "column 'b', row 2: numbers must be finite"),
    "short row": ("a,b,c\n1,2,3\n4,5\n6,7,8\n", "as many cells as the others, 3, row 3 has 2"),
    "long row": ("a,b\n1,2\n3,4,5\n", "as many cells as the others, 2, row 3 has 3"),
    "empty": ("\n\n", "is empty"),
    "header only": ("a,b\n", "has a header only"),
    "words only": ("a,b\nx,y\nz,w\n", r"has none beside its labels \(its first row is 'x', 'y'\)"),
    "open quote": ('a,b\n1,2\n3,"4\n5,6\n', "row 3 is not .*close its quotes"),
    "open quote in the first row": ('1,"open\n2,3\n', "row 1 is not"),
    "text after a quote": ('a,b\n1,"2"x\n', "row 2 is not"),
    "two decimal signs": ("a;b\n1,5;2.5\n3;4\n", "column 'a', row 2: '1,5' is not a number"),
    "binary": (b"PAR1\x00\x00\x00", "holds binary data"),
    "no encoding": (b"city,x\nZ\xff\x81rich,1\nBern,2\n", "must be UTF-8, .*byte 0xff in line 2"),
}


@pytest.mark.parametrize(("text", "sentence"), TEXTS.values(), ids=TEXTS)
def test_bad_text(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        read_table(save(tmp_path / "t.csv", text))
    assert "\n" not in str(error.value)


def test_commas_in_a_tab_separated_file_are_no_decimals(tmp_path):
    with pytest.raises(InputError, match="row 1: '1,2' is not a number"):
        read_table(save(tmp_path / "t.tsv", "1,2\n3,4\n"), label_columns=[], header=False)


def test_bad_label_columns(tmp_path):
    path = save(tmp_path / "t.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match=r"place from 1 to 2, got 'c'; the columns are a, b"):
        read_table(path, label_columns=["c"])
    with pytest.raises(InputError, match="got 3"):
        read_table(path, label_columns=[3])
    with pytest.raises(InputError, match="different"):
        read_table(path, label_columns=["a", 1])
    with pytest.raises(InputError, match="none beside its labels"):
        read_table(path, label_columns="a,b")


def test_bad_files(tmp_path):
    with pytest.raises(InputError, match=r"'.*nothing.csv' does not; check the spelling"):
        read_table(tmp_path / "nothing.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path / "folder.csv")
    with pytest.raises(InputError, match=r"got '\.doc'.*known are \.csv, \.tsv"):
        read_table(tmp_path / "t.doc")
    with pytest.raises(InputError, match="has none"):
        read_table(tmp_path / "table")
    for extension in (".parquet", ".npy", ".npz"):
        with pytest.raises(InputError, match="cannot be read as one"):
            read_table(save(tmp_path / f"t{extension}", "no such thing"))
    with pytest.raises(InputError, match="gzip"):
        read_table(save(tmp_path / "t.csv.gz", "a,b\n1,2\n"))
    with pytest.raises(InputError, match="gzip"):
        read_table(save(tmp_path / "t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99)[:-12]))


def test_bad_parquet_column(tmp_path):
    pl.DataFrame({"a": [1], "l": [[1, 2]]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"'l' has the type List"):
        read_table(tmp_path / "t.parquet")


def test_bad_tables(tmp_path):
    with pytest.raises(InputError, match="one name a column"):
        Table(np.eye(2), ("a",))
    with pytest.raises(InputError, match="one label a row"):
        Table(np.eye(2), None, {"who": ["a"]})
    with pytest.raises(InputError, match=r"table's shape \(2, 2\), got \(3, 3\)"):
        Table(np.eye(2)).with_values(np.eye(3))
    with pytest.raises(InputError, match="'a' twice"):
        write_table(Table(np.eye(2), ("a", "a")), tmp_path / "t.parquet")


def test_labels_return_to_their_places(tmp_path):
    table = Table(np.array([[1.0, 2.0]]), ("a", "b"), {"who": ["x"]}, Layout(label_positions=(1,)))
    write_table(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a,who,b\n1.0,x,2.0\n"
    assert table.names() == ["a", "who", "b"]

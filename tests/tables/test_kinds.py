"""Tables as people have them: every kind is read to the same numbers, told about, and written back byte for byte."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pytest
import zstandard

from rankfall.errors import InputError
from rankfall.tables import (
    Reading,
    Table,
    from_frame,
    read_pairs,
    read_table,
    read_triplets,
    rounded,
    to_frame,
    write_table,
    write_triplets,
)

NAN = np.nan
VALUES = np.array([[1.5, NAN, 3.25], [4.5, 5.75, NAN], [7.5, 8.25, 9.5]])
PLAIN = "who,a,b,c\nAnn,1.5,,3.25\nBob,4.5,5.75,\nCyd,7.5,8.25,9.5\n"
# Each with the options that it needs, and one word of the note that tells of it.
KINDS = {
    "comma": (PLAIN, {}, "','"),
    "semicolon and decimal comma": (PLAIN.replace(",", ";").replace(".", ","), {}, "decimals"),
    "line that names the separator": ("sep=|\n" + PLAIN.replace(",", "|"), {}, "line 1 says"),
    "comment above": ("# made by hand\n" + PLAIN, {}, "comment"),
    "comment below": (PLAIN + "# the end\n", {}, "comment"),
    "title above": ("Results of May\n\n" + PLAIN, {}, "left out"),
    "units": (PLAIN.replace("\nAnn", "\n,m,m,kg\nAnn"), {}, "row 2 left out"),
    "groups above the names": ("," + "first,,second\n" + PLAIN, {}, "row 2 holds the names"),
    "total": (PLAIN + "Total,13.5,14,12.75\n", {}, "row 5 left out"),
    "comma at the end": (PLAIN.replace("\n", ",\n"), {}, "empty column"),
    "comma at the end of rows": (PLAIN.replace("\n", ",\n").replace("c,\n", "c\n", 1), {}, "empty column"),
    "blank line": (PLAIN.replace("Bob", "\nBob"), {}, "blank"),
    "hyphens": (PLAIN.replace(",,", ",-,").replace(",\n", ",?\n"), {"unknown": ("-", "?")}, "unknown"),
    "errors": (PLAIN.replace(",,", ",#DIV/0!,").replace(",\n", ",#REF!\n"), {}, "#DIV/0!"),
    "code": (PLAIN.replace(",,", ",-999,").replace(",\n", ",-999.0\n"), {"unknown": ("-999",)}, "unknown"),
    "quotes": ('"who","a","b","c"\n"Ann","1.5","","3.25"\n"Bob","4.5","5.75",""\n"Cyd","7.5","8.25","9.5"\n', {}, ""),
    "spaces and line ends": (PLAIN.replace(",", " , ").replace("\n", "\r\n"), {}, ""),
    "row names of R": (PLAIN.replace("who,", "", 1), {}, "name less"),
    "percent": ("who,a,b,c\nAnn,1.5%,,3.25\nBob,4.5%,5.75,\nCyd,7.5%,8.25,9.5\n", {}, "'%'"),
    "currency": ("who,a,b,c\nAnn,€ 1.5,,3.25\nBob,€ 4.5,5.75,\nCyd,€ 7.5,8.25,9.5\n", {}, "'€'"),
    "unit in the cell": ("who,a,b,c\nAnn,1.5 kg,,3.25\nBob,4.5 kg,5.75,\nCyd,7.5 kg,8.25,9.5\n", {}, "'kg'"),
}


def save(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def notes_of(found) -> str:
    return "\n".join(map(str, found.notes if hasattr(found, "notes") else found.layout.notes))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_noted_and_written_back_byte_for_byte(tmp_path, kind):
    text, options, note = KINDS[kind]
    table = read_table(save(tmp_path / "t.csv", text), reading=Reading(**options))
    np.testing.assert_array_equal(table.values, VALUES)
    assert next(iter((table.row_labels or {}).values()))[0].strip() == "Ann"
    assert note in notes_of(table)
    write_table(table, tmp_path / "same.csv")
    assert (tmp_path / "same.csv").read_bytes() == text.encode()
    filled = np.where(np.isnan(VALUES), [[0, 6.5, 0], [0, 0, 2.25], [0, 0, 0]], VALUES)
    write_table(table.with_values(filled), tmp_path / "filled.csv")
    again = read_table(tmp_path / "filled.csv", reading=Reading(**options))
    np.testing.assert_array_equal(again.values, filled)
    before, after = text.splitlines(), (tmp_path / "filled.csv").read_text().splitlines()
    assert len(before) == len(after)
    changed = [line for line, other in zip(before, after, strict=True) if line != other]
    assert len(changed) == 2
    assert all("Ann" in line or "Bob" in line for line in changed)


def test_parentheses_of_accountants_are_read_noted_and_written_back(tmp_path):
    path = save(tmp_path / "t.csv", "a,b\n(1.50),2\n3.25,(4)\n,5\n")
    table = read_table(path)
    np.testing.assert_array_equal(table.values, [[-1.5, 2], [3.25, -4], [NAN, 5]])
    assert "in parentheses where negative" in notes_of(table)
    write_table(table.with_values(np.array([[-1.5, 2], [3.25, -4], [-0.5, 5]])), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a,b\n(1.50),2\n3.25,(4)\n(0.50),5\n"


def test_a_minus_behind_is_read_noted_and_written_back(tmp_path):
    path = save(tmp_path / "t.csv", "a;b\n1,50-;2\n3,25;4-\n;5\n")
    table = read_table(path)
    np.testing.assert_array_equal(table.values, [[-1.5, 2], [3.25, -4], [np.nan, 5]])
    assert "the minus behind" in notes_of(table)
    write_table(table.with_values(np.nan_to_num(table.values, nan=-0.5)), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a;b\n1,50-;2\n3,25;4-\n0,50-;5\n"


@pytest.mark.parametrize("kind", ["comma", "total", "units", "title above", "hyphens", "percent", "currency"])
def test_a_sheet_is_read_like_text_and_keeps_its_other_cells(tmp_path, kind):
    text, options, _ = KINDS[kind]
    book = openpyxl.Workbook()
    page = book.active
    for line in text.splitlines():
        page.append([_typed(cell) for cell in line.split(",")] if line else [None])
    page["A1"].font = openpyxl.styles.Font(bold=True)
    book.create_sheet("notes")["A1"] = "kept"
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx", reading=Reading(**options, sheet="1"))
    np.testing.assert_array_equal(table.values, VALUES)
    write_table(table.with_values(np.nan_to_num(VALUES, nan=2.5)), tmp_path / "filled.xlsx")
    filled = openpyxl.load_workbook(tmp_path / "filled.xlsx")
    assert filled["notes"]["A1"].value == "kept"
    assert filled.active["A1"].font.bold
    again = read_table(tmp_path / "filled.xlsx", reading=Reading(**options, sheet="Sheet"))
    np.testing.assert_array_equal(again.values, np.nan_to_num(VALUES, nan=2.5))


def test_merged_cells_are_split_where_one_of_them_is_filled(tmp_path):
    book = openpyxl.Workbook()
    page = book.active
    for line in (["a", "b", "c"], [1.5, None, 2.5], [3.5, 4.5, 5.5], [6.5, 7.5, 8.5]):
        page.append(line)
    page.merge_cells("A2:B2")
    page.merge_cells("A3:B3")
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert np.isnan(table.values).tolist() == [[False, True, False], [False, True, False], [False, False, False]]
    values = table.values.copy()
    values[0, 1] = 9.25
    write_table(table.with_values(values), tmp_path / "filled.xlsx")
    filled = openpyxl.load_workbook(tmp_path / "filled.xlsx").active
    assert [cell.value for cell in filled[2]] == [1.5, 9.25, 2.5]
    assert [merged.coord for merged in filled.merged_cells.ranges] == ["A3:B3"]


def _typed(cell: str) -> str | float | None:
    try:
        return float(cell)
    except ValueError:
        return cell or None


@pytest.mark.parametrize("kind", ["percent", "currency", "hyphens", "code", "unit in the cell"])
@pytest.mark.parametrize("extension", [".parquet", ".feather", "pandas"])
def test_frames_of_text_are_read_like_text(tmp_path, kind, extension):
    text, options, _ = KINDS[kind]
    frame = pl.read_csv(io.BytesIO(text.encode()), infer_schema=False)
    if extension == "pandas":
        table = from_frame(pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=True), None, Reading(**options))
    else:
        path = tmp_path / f"t{extension}"
        frame.write_parquet(path) if extension == ".parquet" else frame.write_ipc(path)
        table = read_table(path, reading=Reading(**options))
    np.testing.assert_array_equal(table.values, VALUES)
    filled = to_frame(table.with_values(np.nan_to_num(VALUES, nan=2.5)))
    assert list(filled["a"]) == list(frame["a"])
    assert "2.5" in next(iter(filled["b"]))


@pytest.mark.parametrize("pack", ["gz", "bz2", "xz", "zst", "zip"])
def test_packed_text_is_read_and_packed_again(tmp_path, pack):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("t.csv", PLAIN)
    data = {
        "gz": gzip.compress(PLAIN.encode()), "bz2": bz2.compress(PLAIN.encode()), "xz": lzma.compress(PLAIN.encode()),
        "zst": zstandard.ZstdCompressor().compress(PLAIN.encode()), "zip": archive.getvalue(),
    }[pack]  # fmt: skip
    table = read_table(save(tmp_path / f"t.csv.{pack}", data))
    np.testing.assert_array_equal(table.values, VALUES)
    write_table(table, tmp_path / f"u.csv.{pack}")
    np.testing.assert_array_equal(read_table(tmp_path / f"u.csv.{pack}").values, VALUES)
    with pytest.raises(InputError, match=rf"it is compressed; let its name end in \.csv\.{pack}"):
        read_table(save(tmp_path / "w.csv", data))
    with pytest.raises(InputError, match="must hold complete"):
        read_table(save(tmp_path / f"v.csv.{pack}", data[: len(data) // 2]))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_goes_back_in_its_encoding(tmp_path, encoding):
    data = PLAIN.replace("Ann", "Zoë").encode(encoding)
    table = read_table(save(tmp_path / "t.csv", data))
    np.testing.assert_array_equal(table.values, VALUES)
    assert (table.row_labels or {})["who"][0] == "Zoë"
    write_table(table, tmp_path / "u.csv")
    assert (tmp_path / "u.csv").read_bytes() == data


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1,819.5", "880", "2,394"], [1819.5, 880, 2394]),
        (["1.819,5", "880", "2.394"], [1819.5, 880, 2394]),
        (["1\u00a0819,5", "880", "2\u202f394"], [1819.5, 880, 2394]),
        (["1'819.5", "880", "2’394"], [1819.5, 880, 2394]),
        (["1,234,567", "880", "2,394"], [1234567, 880, 2394]),
        (["($1,819.50)", "$880.00", "-$2.25"], [-1819.5, 880, -2.25]),
        (["0,819", "880", "2,394"], [0.819, 880, 2.394]),
        (["12,34,567.5", "880", "2,394"], [1234567.5, 880, 2394]),
        (["%45.5", "%46.0", "%50.25"], [45.5, 46, 50.25]),
        (["15kg", "45kg", "8kg"], [15, 45, 8]),
        (["1.819", "880", "0,5"], [1819, 880, 0.5]),
    ],
)
def test_signs_of_numbers_are_those_that_the_cells_need(tmp_path, cells, numbers):
    lines = ["who;x;y", *(f"r{k};{cell};1" for k, cell in enumerate([*cells, ""]))]
    table = read_table(save(tmp_path / "t.csv", "\n".join(lines)))
    np.testing.assert_array_equal(table.values[:3, 0], numbers)
    write_table(table.with_values(np.nan_to_num(table.values, nan=1234.5)), tmp_path / "u.csv")
    again = read_table(tmp_path / "u.csv")
    np.testing.assert_array_equal(again.values[:, 0], [*numbers, 1234.5])


def test_thousands_that_may_be_decimals_are_refused_with_the_options_that_decide(tmp_path):
    path = save(tmp_path / "t.tsv", "city\ta\tb\nX\t1,819\t\nY\t880\t2,394\n")
    with pytest.raises(InputError, match="--thousands comma reads 1819, --decimal ',' reads 1.819"):
        read_table(path)
    assert read_table(path, reading=Reading(thousands="comma")).values[0, 0] == 1819
    assert read_table(path, reading=Reading(decimal=",")).values[0, 0] == 1.819
    with pytest.raises(InputError, match="--thousands point"):
        read_table(save(tmp_path / "t.csv", "city;a\nX;1.819\nY;880\nZ;2.394\nW;3.012\nV;\n"))


@pytest.mark.parametrize(("below", "number"), [("half", 0.25), ("limit", 0.5), ("unknown", NAN)])
def test_limits_of_detection(tmp_path, below, number):
    path = save(tmp_path / "t.csv", "a,b\n<0.5,1.5\n2.5,\n3.5,4.5\n")
    with pytest.raises(InputError, match="--below half, limit or unknown"):
        read_table(path)
    assert read_table(path, reading=Reading(below=below)).values[0, 0] == pytest.approx(number, nan_ok=True)
    table = read_table(save(tmp_path / "e.csv", "a,b\n< 1.0E-3,1\n2.5,\n3.25,4\n"), reading=Reading(below=below))
    assert (table.layout.decimals or ())[0] == (1, 2)


def test_what_is_no_number_is_refused_with_the_code_that_would_explain_it(tmp_path):
    with pytest.raises(InputError, match="--unknown='-'"):
        read_table(save(tmp_path / "t.csv", PLAIN.replace(",,", ",-,")))
    with pytest.raises(InputError, match="'7' must look like the other cells, .* dressed as '%'; write it as '7%'"):
        read_table(save(tmp_path / "p.csv", "a,b\n5%,1\n6%,2\n7,3\n"))
    with pytest.raises(InputError, match="--triplets says which columns hold the row, the column and the value"):
        read_triplets(save(tmp_path / "l.csv", "user,rating,item\nu1,3,i1\nu2,4,i1\n"))
    for code in ("#NV", "#WERT!", "#¡DIV/0!", "#N/D"):
        table = read_table(save(tmp_path / "e.csv", PLAIN.replace(",,", f",{code},")))
        np.testing.assert_array_equal(table.values, VALUES)


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "Patient ID", "patient_id", "PATIENT ID", "index", "Nr."])
def test_an_index_is_recognized_whatever_the_case(tmp_path, name):
    table = read_table(save(tmp_path / "t.csv", f"{name},a,b\n10,1.5,\n20,,2.5\n30,3.5,4.5\n"))
    assert table.column_names == ("a", "b")


@pytest.mark.parametrize("first", ["2000,2005,2010", "soil,400,410,420", "x,0.5,1.0,1.5"])
def test_years_and_even_steps_are_names(tmp_path, first):
    labels = ["A,", "B,", "C,"] if first.count(",") > 2 else ["", "", ""]
    rows = [f"{label}{row}" for label, row in zip(labels, ["1.5,,2.5", "3.5,4.5,", "0.5,2.25,1.75"], strict=True)]
    table = read_table(save(tmp_path / "t.csv", "\n".join([first, *rows])))
    assert table.column_names == tuple(first.split(",")[-3:])


def test_a_header_of_numbers_is_warned_about(tmp_path):
    table = read_table(save(tmp_path / "t.csv", "0,1,2\n1.5,,2.5\n3.5,4.5,\n"))
    assert (table.column_names, table.shape) == (("0", "1", "2"), (2, 3))
    assert "--no-header" in notes_of(table)


@pytest.mark.parametrize(
    "words",
    [("False", "True"), ("no", "yes"), ("FALSE", "TRUE"), ("F", "T"), ("nein", "ja"), ("Falsch", "Wahr"), ("-", "+")],
)
def test_booleans_come_back_as_booleans(tmp_path, words):
    text = "a,b\n{1},{0}\n,{1}\n{0},\n".format(*words)
    table = read_table(save(tmp_path / "t.csv", text))
    np.testing.assert_array_equal(table.values, [[1, 0], [NAN, 1], [0, NAN]])
    filled = rounded(table, np.where(np.isnan(table.values), [[0, 0], [0.7, 0], [0, 0.2]], table.values))
    write_table(table.with_values(filled), tmp_path / "u.csv")
    assert (tmp_path / "u.csv").read_text() == "a,b\n{1},{0}\n{1},{1}\n{0},{0}\n".format(*words)


def test_filled_cells_are_in_the_steps_of_their_column(tmp_path):
    stars = ["3.5", "4", "2.5", "1", "5", "4.5", "3", "2", "1.5", "0.5"]
    votes = ["-1", "1", "1", "-1", "1", "1", "-1", "-1", "1", "1"]
    wholes = ["3.0", "4.0", "12.0", "1.0", "5.0", "7.0", "3.0", "2.0", "9.0", "4.0"]
    rows = [",".join(cells) for cells in zip(stars, votes, wholes, strict=True)]
    table = read_table(save(tmp_path / "t.csv", "\n".join(["stars,vote,count", *rows, ",,"]) + "\n"))
    filled = np.where(np.isnan(table.values), [3.8, 0.2, 5.7], table.values)
    write_table(table.with_values(rounded(table, filled)), tmp_path / "u.csv")
    assert (tmp_path / "u.csv").read_text().splitlines()[-1] == "4,1,6.0"


def test_filled_cells_have_the_decimals_of_their_column(tmp_path):
    table = read_table(save(tmp_path / "t.csv", "n,x,y\n3,1.50,0.1\n,2.25,\n5,,0.125\n7,3.50,4\n"))
    filled = np.where(np.isnan(table.values), np.pi, table.values)
    write_table(table.with_values(rounded(table, filled)), tmp_path / "u.csv")
    assert (tmp_path / "u.csv").read_text() == "n,x,y\n3,1.50,0.1\n3,2.25,3.142\n5,3.14,0.125\n7,3.50,4\n"
    assert rounded(table, filled, "none")[1, 0] == np.pi
    # A column stays within what was seen, unless it is told not to.
    assert rounded(table, np.full((4, 3), 40.0))[1, 0] == 7
    free = rounded(table, np.full((4, 3), 40.0), within=np.asarray([True, True, False]))
    np.testing.assert_array_equal([free[1, 0], free[2, 1], free[1, 2]], [7, 3.5, 40])
    with pytest.raises(InputError, match="round must be"):
        rounded(table, filled, "many")


def test_lists_read_numbers_and_labels_as_tables_do(tmp_path):
    entries = read_triplets(save(tmp_path / "t.csv", "user;item;rating\n196.0;1.0;19,45\n197.0;2.0;21,76\n"))
    np.testing.assert_array_equal(entries.values, [19.45, 21.76])
    assert entries.row_labels.tolist() == [196, 197]
    pairs = read_pairs(save(tmp_path / "p.csv", "user,item\n196,2\n"), entries)
    assert (pairs.rows.tolist(), pairs.cols.tolist()) == ([0], [1])
    words = read_triplets(save(tmp_path / "w.csv", "user,item,rating\nu1,i1,3\nu2,i2,4\n"))
    for text in ("item,user\ni2,u1\n", "who,what\nu1,i2\nu1,i2\n", ",user,item\n0,u1,i2\n"):
        pairs = read_pairs(save(tmp_path / "p.csv", text), words)
        assert (pairs.rows[0], pairs.cols[0]) == (0, 1)
    assert read_pairs(save(tmp_path / "p.csv", "u9,i9\nu1,i2\n"), words).rows.tolist() == [-1, 0]
    coded = save(tmp_path / "c.csv", "# list\nuser,item,rating\na,x,$5\na,y,-1\nb,x,$3\n".replace("-1", "?"))
    assert read_triplets(coded, reading=Reading(unknown=("?",))).values.tolist() == [5, 3]
    write_triplets(tmp_path / "x.xlsx", ["a"], ["b"], np.array([1 / 3]))
    assert read_triplets(tmp_path / "x.xlsx").values.tolist() == [1 / 3]


def test_the_index_of_pandas_comes_back(tmp_path):
    frame = pd.DataFrame({"a": [1.5, NAN], "b": [2.5, 3.5]}, index=pd.RangeIndex(7, 9, name="user"))
    for index in (frame.index, pd.Index([30, 10], name="user"), pd.Index(["x", "y"])):
        frame.set_axis(index).to_parquet(tmp_path / "t.parquet")
        table = read_table(tmp_path / "t.parquet")
        assert isinstance(table, Table)
        write_table(table.with_values(np.nan_to_num(table.values, nan=4.0)), tmp_path / "u.parquet")
        again = pd.read_parquet(tmp_path / "u.parquet")
        pd.testing.assert_frame_equal(again, frame.set_axis(index).fillna(4.0))


def test_numbers_among_words_of_an_object_column_are_read_as_typed():
    frame = pd.DataFrame({"a": [15, "?", 25, 7], "b": [1.5, 2, NAN, 1], "c": [True, None, False, True]}, dtype=object)
    frame["b"] = frame["b"].astype(float)
    with pytest.raises(InputError, match=r"'\?' is not a number"):
        from_frame(frame)
    table = from_frame(frame, None, Reading(unknown=("?",)))
    filled = to_frame(table.with_values(rounded(table, np.nan_to_num(table.values, nan=0.75))))
    assert filled["a"].tolist() == [15, 7, 25, 7]
    assert filled["c"].tolist() == [True, True, False, True]


def test_pandas_types_are_numbers_or_labels():
    frame = pd.DataFrame(
        {
            "object": pd.Series([1, pd.NA, 3], dtype=object), "nullable": pd.array([1, None, 3], dtype="Int64"),
            "sparse": pd.arrays.SparseArray([0.0, NAN, 2.0]), "boolean": pd.array([True, None, False], dtype="boolean"),
            "kind": pd.Categorical(["u", "v", None]), "day": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
        }
    )  # fmt: skip
    table = from_frame(frame)
    assert table.column_names == ("object", "nullable", "sparse", "boolean")
    np.testing.assert_array_equal(np.isnan(table.values), [[False] * 4, [True] * 4, [False] * 4])
    filled = to_frame(table.with_values(np.nan_to_num(table.values, nan=1.0)))
    assert (str(filled["nullable"].dtype), str(filled["boolean"].dtype)) == ("Int64", "boolean")
    assert filled["day"].isna().tolist() == [False, True, False]
    with pytest.raises(InputError, match="'day' has the type"):
        from_frame(frame, ["kind"])


def test_times_are_said_to_be_written_as_seconds(tmp_path):
    times = save(tmp_path / "t.csv", "who,lap\na,0:12:30\nb,0:11:05\nc,\nd,0:14:59.5\n")
    with pytest.raises(InputError, match="write times and durations as numbers, of seconds for instance"):
        read_table(times)
    table = read_table(save(tmp_path / "u.csv", "who,lap,w\na,12:30,1\nb,11:05,2\nc,,3\nd,14:59,\n"))
    assert "'lap' is carried along unfilled, with 1 empty or unknown cell; written as numbers" in notes_of(table)

"""Marks beside numbers: footnotes, references, errors, signs for about. Numbers are read past them, and they stay."""

import numpy as np
import polars as pl
import pytest

from rankfall.errors import InputError
from rankfall.tables import Reading, read_table, write_table
from rankfall.tables.marks import without_marks


def save(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("cell", "bare"),
    [
        ("18.10*", "18.10"), ("18.1 **", "18.1"), ("7†", "7"), ("1,234[5]", "1,234"), ("12.5[a][note 2]", "12.5"),
        ("21.3 ± 0.3", "21.3"), ("21.3±0.3 mg", "21.3 mg"), ("-2.5+/-0.5", "-2.5"), ("~19.5", "19.5"),
        ("ca. 20", "20"), ("45%*", "45%"), ("$5[1]", "$5"), ("52.70 (1.48)", "52.70"), ("12 (34%)", "12"),
        ("12 a", None), ("12b", None), ("x*", None), ("[1]", None), ("*", None), ("3*4", None), ("note [2]", None),
        ("(12)", None), ("3 (of 9)", None),
        ("±3", None), ("~", None), ("5", None),
    ],
)  # fmt: skip
def test_what_is_a_mark(cell, bare):
    found, marked = without_marks(pl.Series([cell, None]))
    assert found.to_list() == [bare or cell, None]
    assert (marked is None) == (bare is None)


@pytest.mark.parametrize("mark", ["*", " †", "[3]", " ± 0.1"])
def test_marks_stay_in_the_file(tmp_path, mark):
    rows = [f"r{k};{k}.25{mark if k % 3 else ''};{2 * k}.5" for k in range(9)]
    path = save(tmp_path / "t.csv", "\n".join(["who;x;y", "r;;1.5", *rows]) + "\n")
    table = read_table(path)
    np.testing.assert_array_equal(table.values[:, 0], [np.nan, *(k + 0.25 for k in range(9))])
    assert f"6 numbers have marks beside them, as '1.25{mark}'" in str(table.layout.notes)
    write_table(table.with_values(np.nan_to_num(table.values, nan=4.75)), tmp_path / "u.csv")
    assert (tmp_path / "u.csv").read_text() == path.read_text().replace("r;;", "r;4.75;")


def test_letters_behind_numbers_are_no_marks(tmp_path):
    path = save(tmp_path / "t.csv", "a,b\n11,1\n12 b,2\n13e,3\n14,\n")
    with pytest.raises(InputError, match="'12 b' is a number with 'b' beside it; --marks='b,e' reads past it"):
        read_table(path)
    table = read_table(path, reading=Reading(marks=("b", "e")))
    assert table.values[:, 0].tolist() == [11, 12, 13, 14]
    write_table(table.with_values(np.nan_to_num(table.values, nan=7)), tmp_path / "u.csv")
    assert (tmp_path / "u.csv").read_text() == path.read_text().replace("14,", "14,7")


@pytest.mark.parametrize("marks", [("2",), ("",), ("e", "km2")])
def test_a_mark_is_a_word_or_a_sign(marks):
    with pytest.raises(InputError, match="a mark must not end in a digit"):
        Reading(marks=marks)


@pytest.mark.parametrize("cell", ["51-56", "51 to 56", "0:12:30", "5×10^4", "3 1/2"])
def test_two_numbers_in_one_cell(tmp_path, cell):
    with pytest.raises(InputError, match="must be one number, it holds two; write one"):
        read_table(save(tmp_path / "t.csv", f"a,b\n11,1\n{cell},2\n13,3\n14,\n12,6\n"))


def test_eurostat(tmp_path):
    rows = [
        f"A,PC,L{k}\t{k}.5 {'e' if k % 2 else ''}\t{2 * k}.5 bp\t{': c' if k == 3 else ': ' if k == 4 else f'{k}.0 '}"
        for k in range(9)
    ]
    path = save(tmp_path / "t.tsv", "\n".join(["freq,unit,geo\\TIME_PERIOD\t2015 \t2016 \t2017 ", *rows]) + "\n")
    table = read_table(path)
    assert table.column_names == ("2015 ", "2016 ", "2017 ")
    np.testing.assert_array_equal(table.values[:, 1], 2 * np.arange(9) + 0.5)
    assert np.flatnonzero(np.isnan(table.values[:, 2])).tolist() == [3, 4]
    write_table(table.with_values(np.nan_to_num(table.values, nan=2.5)), tmp_path / "u.tsv")
    assert (tmp_path / "u.tsv").read_text() == path.read_text().replace("\t: c", "\t2.5").replace("\t: ", "\t2.5")


def test_marks_and_limits(tmp_path):
    path = save(tmp_path / "t.csv", "a,b\n<0.5*,1\n2.5*,2\n3.5,\n")
    np.testing.assert_array_equal(read_table(path, reading=Reading(below="limit")).values[:, 0], [0.5, 2.5, 3.5])

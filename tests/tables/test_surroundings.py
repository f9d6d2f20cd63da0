"""What stands around the numbers of a table is told from them, and written back where it was."""

import numpy as np
import openpyxl
import pytest

from rankfall.errors import InputError
from rankfall.tables import Reading, read_table, write_table

NAN = np.nan
VALUES = np.array([[1.5, NAN, 3.25], [4.5, 5.75, NAN], [7.5, 8.25, 9.5], [2.5, NAN, 4.75]])
ROWS = "Ann,1.5,,3.25\nBob,4.5,5.75,\nCyd,7.5,8.25,9.5\nDan,2.5,,4.75\n"
PLAIN = "who,a,b,c\n" + ROWS
# What was added, and one word of the note that tells of it.
AROUND = {
    "units in brackets": (PLAIN.replace("\nAnn", "\n,[m],[m],[-]\nAnn"), "row 2 left out"),
    "units of which most are dashes": (PLAIN.replace("\nAnn", "\n,m,-,-\nAnn"), "row 2 left out"),
    "the unit of what has none": (PLAIN.replace("\nAnn", "\nunit,m,1,kg\nAnn"), "row 2 left out"),
    "years above the names": (",2019,,2020\n" + PLAIN, "row 1 above the names left out"),
    "repeated years above the names": ("year,2019,2019,2020\n" + PLAIN, "row 1 above the names left out"),
    "names of two levels": (",x,y,y\n" + PLAIN, "row 2 holds the names"),
    "names of two levels, and of the index": (",x,y,y\n,a,b,c\nwho,,,\n" + ROWS, "row 2 holds the names"),
    "statistics": (PLAIN + "Mean,4,7,6\nSD,1,2,1\nN,4,2,3\n", "row 6, 7, 8 left out"),
    "a total in Russian": (PLAIN + "Итого,16,14,17.5\n", "row 6 left out"),
    "sums without a name": (PLAIN + ",16,14,17.5\n", "row 6 left out"),
    "remarks below": (PLAIN + ",,,\nall by hand,,,\n* provisional,,,\n", "row 7, 8 below the table left out"),
    "a remark below statistics": (
        PLAIN + "Mean,4,7,6\nSD,1,2,1\nSource: my lab,,,\n",
        "row 8 below the table left out",
    ),
    "blank cells": (PLAIN.replace("Cyd", ",,,\nCyd"), "row 4 left out: all cells are empty"),
    "a block of facts": ("Site,12,,\nHeight,45.2,,\n,,,\n" + PLAIN, "row 1, 2, 3 above the table left out"),
    "facts in short lines": ("Site,12\n\nHeight,45.2\n" + PLAIN, "2 lines (1, 3) are left out"),
    "facts in quotes": ('"Data Source","my lab",\n"Updated, at last","May",\n' + PLAIN, "2 lines (1, 2) are left out"),
    "comments of another sign": ("; by me; in May\n; and June;\n" + PLAIN, "2 lines (1, 2) are left out"),
}


def read(tmp_path, text: str, **options):
    path = tmp_path / "t.csv"
    path.write_text(text)
    return read_table(path, reading=Reading(**options))


def notes_of(table) -> str:
    return "\n".join(map(str, table.layout.notes))


@pytest.mark.parametrize("kind", AROUND)
def test_what_is_around_a_table_is_no_part_of_it(tmp_path, kind):
    text, note = AROUND[kind]
    table = read(tmp_path, text)
    np.testing.assert_array_equal(table.values, VALUES)
    assert (table.column_names, list(table.row_labels or {})) == (("a", "b", "c"), ["who"])
    assert note in notes_of(table)
    write_table(table.with_values(np.nan_to_num(VALUES, nan=6.25)), tmp_path / "u.csv")
    before, after = text.splitlines(), (tmp_path / "u.csv").read_text().splitlines()
    assert [line for line in before if line not in after] == ["Ann,1.5,,3.25", "Bob,4.5,5.75,", "Dan,2.5,,4.75"]


@pytest.mark.parametrize("words", ["n.d.,n.d.,n.d.", "nd,,nd", "?,?,?", "$12,$15,$9"])
def test_a_first_row_of_unknown_entries_is_data(tmp_path, words):
    with pytest.raises(InputError, match="row 2: .* is not a number"):
        read(tmp_path, PLAIN.replace("Ann,1.5,,3.25", f"Ann,{words}"))


@pytest.mark.parametrize(
    ("row", "rows"), [("Max,1,2,3", 5), ("Media,7,9,8", 5), ("Max,7.5,8.25,9.5", 4), ("Total,1,,1", 4)]
)
def test_a_word_that_is_a_name_too_is_judged_by_its_numbers(tmp_path, row, rows):
    assert read(tmp_path, PLAIN + row + "\n").shape == (rows, 3)


def test_rows_left_out_by_hand_are_left_out_beside_those_detected(tmp_path):
    text = "Site, near the river\n" + PLAIN.replace("\nAnn", "\n,m,m,kg\nAnn") + "Total,16,14,17.5\n"
    np.testing.assert_array_equal(read(tmp_path, text, leave_out=(1,)).values, VALUES)
    assert read(tmp_path, PLAIN + "Total,16,14,17.5\n", leave_out=()).shape == (5, 3)


def test_a_last_row_without_numbers_is_one_of_data(tmp_path):
    assert read(tmp_path, PLAIN + "Eve,,,\n").shape == (5, 3)


def test_gaps_between_columns_stay_empty(tmp_path):
    lines = [line.split(",", 1) for line in PLAIN.splitlines()]
    text = "".join(f",{label},,{cells}\n" for label, cells in lines)
    table = read(tmp_path, text)
    np.testing.assert_array_equal(table.values, VALUES)
    assert table.column_names == ("a", "b", "c")
    write_table(table.with_values(np.nan_to_num(VALUES, nan=6.25)), tmp_path / "u.csv")
    assert (tmp_path / "u.csv").read_text().splitlines()[1] == ",Ann,,1.5,6.25,3.25"


@pytest.mark.parametrize("name", ["y", "n", "no", "t"])
def test_a_name_is_no_word_of_a_boolean(tmp_path, name):
    assert read(tmp_path, f"a,{name}\n1.5,$3\n,$4\n2.5,\n3,$5\n").column_names == ("a", name)


def test_the_row_to_leave_out_is_named_for_all_rows_of_another_length(tmp_path):
    uneven = PLAIN.replace("Ann", "Site,12\nAnn").replace("Bob", "Height,45.2\nBob")
    with pytest.raises(InputError, match="complete the row, or leave it out by --leave-out 2,4$"):
        read(tmp_path, uneven)
    np.testing.assert_array_equal(read(tmp_path, uneven, leave_out=(2, 4)).values, VALUES)
    with pytest.raises(InputError, match="quote cells below that hold ','"):
        read(tmp_path, "k,a,b\nA,1,5,2,5\nB,3,5,1,5\nC,2,5,1,5\n")
    with pytest.raises(InputError, match="remove the ',' at its end"):
        read(tmp_path, PLAIN.replace("9.5\n", "9.5,\n"))


def test_formulas_without_results_are_refused(tmp_path):
    book = openpyxl.Workbook()
    page = book.active
    for line in (["who", "a", "sum"], ["Ann", 1.5, "=B2*2"], ["Bob", None, "=B3*2"], ["Cyd", 2.5, "=B4*2"]):
        page.append(line)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="column 'sum', row 2: the formula must have a result"):
        read_table(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx", label_columns="who,sum")
    write_table(table.with_values(np.array([[1.5], [2.0], [2.5]])), tmp_path / "u.xlsx")
    assert openpyxl.load_workbook(tmp_path / "u.xlsx").active["C3"].value == "=B3*2"
    with pytest.raises(InputError, match=r"^a sheet must be one of Sheet, got 'data'"):
        read_table(tmp_path / "t.xlsx", reading=Reading(sheet="data"))


@pytest.mark.parametrize("text", ["a,,,b\nc,d\n,,e,\n", "a,,,\nb\n,c,,\n1,,,\n"])
def test_a_table_of_nearly_empty_rows_is_no_block_of_facts(tmp_path, text):
    with pytest.raises(InputError, match="row 2 has [12]; complete the row, or leave it out by --leave-out 2$"):
        read(tmp_path, text)

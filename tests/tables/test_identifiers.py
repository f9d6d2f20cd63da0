"""Numbers that only name things are carried along: they are neither completed from nor filled like a measurement."""

import numpy as np
import pandas as pd
import pytest

from rankfall.tables import read_table

DATA = ["1.5,,3.25", "4.5,5.75,", "7.5,8.25,9.5", "2.5,,4.75"]


def labels_of(tmp_path, name: str, cells: list, place: int = 0) -> list[str]:
    lines = [["a", "b", "c"], *(row.split(",") for row in DATA)]
    for line, cell in zip(lines, [name, *cells], strict=True):
        line.insert(place, str(cell))
    (tmp_path / "t.csv").write_text("\n".join(map(",".join, lines)) + "\n")
    return list(read_table(tmp_path / "t.csv").row_labels or {})


@pytest.mark.parametrize("place", [0, 2, 3])
@pytest.mark.parametrize("name", ["Patient ID", "patient_id", "userid", "SampleId", "uuid", "Kundennummer", "ID"])
@pytest.mark.parametrize("cells", [[11, 12, 13, 14], [1, 1, 2, 2], [1, "", 3, 4], ["1.1", "1.2", "1.3", "2.1"]])
def test_an_id_is_no_number_wherever_it_stands(tmp_path, name, cells, place):
    assert labels_of(tmp_path, name, cells, place) == [name]


@pytest.mark.parametrize("name", ["acid", "humid", "solid content", "width", "grid"])
def test_other_names_are_no_ids(tmp_path, name):
    assert labels_of(tmp_path, name, [3, 3, 4, 6]) == []


@pytest.mark.parametrize("place", [0, 3])
def test_codes_with_leading_zeros_keep_them(tmp_path, place):
    assert labels_of(tmp_path, "town", ["01067", "", "04103", "20095"], place) == ["town"]
    assert labels_of(tmp_path, "x", ["0.5", "", "0.25", "1.5"], place) == []


@pytest.mark.parametrize(
    ("name", "cells", "place"),
    [
        ("day", [20200101, 20200102, 20200103, 20200104], 0),
        ("x", [20200101, 20200102, 20200103, 20200104], 0),
        ("visit_date", [20200101, "", 20200103, 20200104], 3),
        ("date", ["1.1", "2.1", "3.1", "4.1"], 0),
        ("time (s)", ["0.0", "0.5", "1.0", "1.5"], 0),
        ("timestamp", ["1577836800.5", "1577836801.5", "1577836802.5", "1577836803.5"], 0),
    ],
)
def test_a_date_is_no_number(tmp_path, name, cells, place):
    assert labels_of(tmp_path, name, cells, place) == [name]
    assert labels_of(tmp_path, "reaction time", ["0.7", "0.5", "1.0", "1.5"]) == []


@pytest.mark.parametrize("cells", [["2020-01-01", "2020-01-02", "2020-02-03", "2020-02-04"], ["1a", "2a", "3b", "4b"],
                                   ["2020-Q1", "2020-Q2", "2020-Q3", "2020-Q4"]])  # fmt: skip
def test_dates_and_codes_are_not_called_numbers_that_stay_unfilled(tmp_path, cells):
    labels_of(tmp_path, "when", cells)
    assert not any(note.is_warning for note in read_table(tmp_path / "t.csv").layout.notes)
    labels_of(tmp_path, "mixed", ["5 kg", "7.5 l", "$3", "12%"])
    assert "4 cells like numbers" in "\n".join(map(str, read_table(tmp_path / "t.csv").layout.notes))


def test_ids_of_a_table_that_has_nothing_else_are_numbers(tmp_path):
    (tmp_path / "t.csv").write_text("user_id,item_id\n1,2\n1,\n5,6\n")
    assert read_table(tmp_path / "t.csv").shape == (3, 2)


def test_the_index_of_pandas_and_ids_are_labels_in_parquet(tmp_path):
    frame = pd.DataFrame({"a": [1.5, np.nan, 2.5], "plot_id": [3, 3, 4], "site": [7, 8, 7]}).set_index("site")
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert (table.column_names, sorted(table.row_labels or {})) == (("a",), ["plot_id", "site"])

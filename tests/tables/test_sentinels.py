"""Numbers that may stand for unknown entries, recognized by where they lie."""

import numpy as np
import pytest

from rankfall.tables import Reading, read_table


def notes_of(table):
    return "\n".join(map(str, table.layout.notes))


def test_numbers_that_look_like_codes_are_warned_about(tmp_path):
    values = np.array([[1.5, -999], [2.5, -999], [3.5, 4.0], [1.0, 5.0], [2.0, 3.0]])
    np.save(tmp_path / "t.npy", values)
    assert "-999 occurs 2 times" in notes_of(read_table(tmp_path / "t.npy"))
    assert np.isnan(read_table(tmp_path / "t.npy", reading=Reading(unknown=("-999",))).values[:2, 1]).all()
    np.save(tmp_path / "u.npy", np.array([[1.0, 5], [1, 5], [5, 1], [2, 3]]))
    assert "occurs" not in notes_of(read_table(tmp_path / "u.npy"))


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        ("-999,1.5,2.5 3.5,-999,1.2 1.1,2.2,-999 ,1.2,3.1 2.1,,1.1", ["-999"]),
        ("9999,1.5,2.5 3.5,2.4,1.2 1.1,2.2,1.4 ,1.2,3.1 2.1,,1.1", ["9999"]),
        ("-9,3 1,4 -9,5 2,1 -9,2 3,4 4,1 5,3", ["-9"]),
        ("-1,3 1,-1 -1,5 2,1 3,2 3,4 4,1 5,3", ["-1"]),
        ("9,3 1,9 9,5 2,1 9,2 3,4 4,1 5,3", ["9"]),
        ("8,3 1,8 8,5 2,1 8,2 3,4 4,1 5,3", ["8"]),
        ("8,3 1,8 8,5 2,9 8,2 3,4 4,1 5,3", []),
        ("99,3 98,4 99,5 98,1 1,2 3,4 4,1 5,3", ["99", "98,99"]),
        ("9,1 9,2 ,5 8,9 10,9 0,3", []),
        ("1,0 -1,1 0,-1 -1,1 1,1 0,0 1,-1", []),
        ("20.5,1 20.5,2 18.5,3 19,4 18,5", []),
    ],
)
def test_codes_are_warned_about_that_are_few_or_several(tmp_path, cells, codes):
    rows = cells.split()
    (tmp_path / "t.csv").write_text("\n".join([("a,b,c" if rows[0].count(",") == 2 else "a,b"), *rows]))
    found = [str(note) for note in read_table(tmp_path / "t.csv").layout.notes if note.is_warning]
    assert [note.split("--unknown=")[1].strip('"') for note in found] == codes

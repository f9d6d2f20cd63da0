"""Long lists of entries, read a stretch at a time: the columns of a reading of the whole file, or none."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from rankfall.errors import InputError
from rankfall.tables import Reading, read_triplets
from rankfall.tables.entry_columns import EntryColumn
from rankfall.tables.plain_lists import LONG, PlainList

LABELS = st.one_of(
    st.integers(-20, 99).map(str), st.sampled_from(["07", "+7", "-0", "0", "7.0", "a", " 8", "b c", "1e2"])
)
VALUES = st.one_of(
    st.floats(-9, 9).map(lambda x: f"{x:.2f}"),
    st.sampled_from(
        ["1", "+2.5", "1e3", ".5", "5.", "1.234", "12.345.678", "1,5", "", "NA", "nan", "inf", "<3", "x", "5 "]
    ),
)
OTHERS = st.sampled_from(["9", "", '"q"', None, "1,2"])
ENDS = st.sampled_from(["\n", "\r\n"])


def columns_of(path, size=2**20):
    """The three columns below a line of names, read by stretches of so many bytes, or None."""
    found = PlainList.of(path, Reading(), least=0)
    return None if found is None or found.head.cells.width < 3 else found.columns([0, 1, 2], 1, size)


def labels_of(cells):
    return EntryColumn(cells, "labels", range(1, len(cells) + 1)).labels().cast(str).to_list()


def compare(path, columns):
    """The columns beside a reading of the whole file, of each pair the last."""
    try:
        whole = read_triplets(path, "u,i,r", header=True, duplicates="last")
    except InputError:
        with pytest.raises(InputError):
            list(map(labels_of, columns[:2]))
        return
    pairs = zip(*map(labels_of, columns[:2]), strict=True)
    rows, cols = (map(str, labels[codes]) for labels, codes in (
        (whole.row_labels, whole.rows), (whole.col_labels, whole.cols),
    ))  # fmt: skip
    known = dict(zip(zip(rows, cols, strict=True), whole.values.tolist(), strict=True))
    assert dict(zip(pairs, columns[2].to_list(), strict=True)) == known


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(LABELS, LABELS, VALUES, OTHERS), min_size=2, max_size=12),
    end=ENDS, size=st.integers(8, 64),
)  # fmt: skip
def test_what_is_read_by_stretches_is_what_the_whole_file_says(tmp_path_factory, rows, end, size):
    path = tmp_path_factory.mktemp("lists") / "r.csv"
    plain = [("1", "2", "3.5", "9"), ("4", "2", "1", "9")]
    lines = ["u,i,r,t", *(",".join(part for part in row if part is not None) for row in plain + rows)]
    path.write_bytes((end.join(lines) + end).encode())
    columns = columns_of(path, size)
    if columns is not None:
        compare(path, columns)


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
@pytest.mark.parametrize("label", ["{}", "user {}"])
def test_plain_files_of_any_separator_are_read_by_stretches(tmp_path, separator, label):
    path = tmp_path / "r.dat"
    rng = np.random.default_rng(0)
    lines = [["u", "i", "r"], *([label.format(u), str(i), str(r / 2)] for u, i, r in rng.integers(1, 40, (200, 3)))]
    path.write_text("\n".join(separator.join(line) for line in lines))
    columns = columns_of(path, size=50)
    assert columns is not None
    assert len(columns[0]) == 200
    compare(path, columns)


@pytest.mark.parametrize(
    "line",
    [
        "1,2",
        "1,2,3,4",
        '1,"2",3',
        "",
        "# of note",
        "1,2,",
        "1,2,NA",
        "1,2,1.234",
        "1,2,inf",
        "1,2,3\0",
        "1,2,é",
    ],
)
def test_a_line_that_is_not_plain_stops_it(tmp_path, line):
    path = tmp_path / "r.csv"
    path.write_text("u,i,r\n" + "1,2,3\n" * 30 + line + "\n" + "1,2,3\n" * 30)
    assert columns_of(path, size=40) is None


@pytest.mark.parametrize(
    "text", ["", "u,i,r\n", "u;i;r\n1;2;3,5\n", "\ufeffu,i,r\n1,2,3\n", "sep=;\nu;i;r\n1;2;3\n", "u i r\n1 2 3\n"]
)
def test_a_head_that_is_not_plain_stops_it(tmp_path, text):
    path = tmp_path / "r.csv"
    path.write_text(text)
    assert columns_of(path) is None


def test_a_long_file_is_read_as_a_short_one(tmp_path):
    rng = np.random.default_rng(0)
    keys = rng.permutation(1_600_000)
    users, items, values = keys // 2000 + 10**12, keys % 2000 + 1, rng.integers(1, 11, keys.size) / 2
    path = tmp_path / "r.csv"
    pl.DataFrame({"user": users, "item": items, "rating": values}).write_csv(path)
    assert path.stat().st_size > LONG
    found = read_triplets(path, "user,item,rating")
    assert found.shape == (800, 2000)
    order = np.argsort(keys)
    assert np.array_equal(found.rows * np.int64(2000) + found.cols, keys[order])
    assert np.array_equal(found.values, values[order])
    assert [str(note) for note in found.notes] == [
        "cells separated by ',' (--separator decides)",
        "row 1 holds the names of the columns (--no-header decides)",
        "row, column and value are 'user', 'item', 'rating' (--triplets decides)",
    ]

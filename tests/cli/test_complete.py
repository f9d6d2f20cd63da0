"""The command line: what it writes and what it says of it."""

from pathlib import Path

import numpy as np
import pytest

from rankfall.cli.options import FitOptions
from rankfall.tables import Table, Triplets, read_table
from tests.helpers.shell import HOLES, KNOWN, complete, entries, low_rank, write


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("t.csv", "t-completed.csv"),
        ("semicolon.csv", "semicolon-completed.csv"),
        ("t.tsv", "t-completed.tsv"),
        ("2024.01.csv.gz", "2024.01-completed.csv.gz"),
        ("t.parquet", "t-completed.parquet"),
        ("t.npy", "t-completed.npy"),
        ("t.npz", "t-completed.npz"),
        ("t.mtx", "t-completed.mtx"),
    ],
)
def test_a_table_comes_back_in_its_format_with_its_holes_filled(name, written):
    ended = complete(write(name), "--depth", "2")
    assert (ended.code, ended.stderr) == (0, "")
    assert f"written         {written}" in ended.stdout
    before, after = read_table(name), read_table(written)
    assert not isinstance(after, Triplets)
    np.testing.assert_array_equal(after.values[KNOWN], HOLES[KNOWN])
    assert np.isfinite(after.values).all()
    if not isinstance(before, Triplets):
        assert (after.column_names, after.row_labels) == (before.column_names, before.row_labels)
        assert (after.layout.separator, after.layout.numerals.decimal) == (
            before.layout.separator,
            before.layout.numerals.decimal,
        )


def test_the_format_of_the_output_is_that_of_its_name():
    assert complete(write("t.csv"), "--depth", "2", "-o", "filled.npy").code == 0
    np.testing.assert_array_equal(np.load("filled.npy")[KNOWN], HOLES[KNOWN])


def test_a_low_rank_table_is_completed_and_its_error_is_told():
    truth, holes = low_rank()
    np.save("t.npy", holes)
    ended = complete("t.npy")
    error = np.sqrt(np.mean((np.load("t-completed.npy") - truth)[np.isnan(holes)] ** 2))
    assert error < 0.2 * truth.std()
    assert list(ended.rows) == [
        "size", "observed", "depth", "stopping time", "effective rank", "held-out error", "in words",
        "seconds", "written",
    ]  # fmt: skip
    assert "24 × 12" in ended.rows["size"]
    assert "column means" in ended.rows["held-out error"]


def test_options_reach_the_estimator():
    options = FitOptions(3, 4, 1e-3, 1e-4, 0.2, 7, -1.0, 1.0, True)
    parameters = options.estimator().get_params()
    expected = {
        "depth": 3, "width": 4, "scale": 1e-3, "rtol": 1e-4, "holdout": 0.2, "random_state": 7, "bounds": (-1.0, 1.0),
        "dtype": "float32",
    }  # fmt: skip
    assert {name: parameters[name] for name in expected} == expected


def test_bounds_hold_and_quiet_prints_nothing():
    ended = complete(
        write("t.csv"), "--depth", 2, "--width", 2, "--scale", 1e-3, "--rtol", 1e-3, "--holdout", 0.2, "--seed", 7,
        "--float32", "--min", 3, "--max", 4, "--quiet", "--plot", "t.png",
    )  # fmt: skip
    assert ended == (0, "", "")
    filled = read_table("t-completed.csv").values[~KNOWN]
    assert ((filled >= 3) & (filled <= 4)).all()
    assert Path("t.png").read_bytes().startswith(b"\x89PNG")


def test_a_device_can_be_named():
    pytest.importorskip("torch")
    words = ("--depth", 2, "--width", 2, "--rtol", 1e-3, "--no-refine", "--no-features", "--round", "none")
    write("t.csv")
    assert complete("t.csv", *words, "-o", "here.csv").code == 0
    assert complete("t.csv", *words, "--device", "cpu", "-o", "there.csv").code == 0
    here, there = (read_table(name).values for name in ("here.csv", "there.csv"))
    np.testing.assert_allclose(there, here, rtol=0, atol=0.02 * here.std())


def test_label_columns_and_header_can_be_said():
    Path("t.csv").write_text("7,1,2\n8,2,\n9,3,6\n")
    assert complete("t.csv", "--labels", "1", "--no-header", "--depth", 2).code == 0
    assert read_table("t-completed.csv", label_columns="1", header=False).row_labels == {"column_1": ["7", "8", "9"]}


def test_pairs_are_filled_in_their_order_and_judged_where_their_values_are_given():
    truth, holes = low_rank()
    rows, cols = (index[::-1] for index in np.nonzero(np.isnan(holes)))
    lines = [f"u{i},i{j},{truth[i, j]}" for i, j in zip(rows, cols, strict=True)]
    Path("pairs.csv").write_text("\n".join([*lines, "u99,i0,"]))
    ended = complete(entries(holes), "--triplets", "user,item,rating", "--predict", "pairs.csv", "--depth", 2)
    assert ended.code == 0
    assert (
        ended.stderr
        == f"warning: 1 of {len(lines) + 1} pairs have a label without observed entries; averages fill them\n"
    )
    header, *predicted = Path("pairs-predicted.csv").read_text().splitlines()
    assert header == "user,item,rating"
    assert [line.rpartition(",")[0] for line in predicted] == [*(line.rpartition(",")[0] for line in lines), "u99,i0"]
    values = np.array([float(line.rpartition(",")[2]) for line in predicted[:-1]])
    error = np.sqrt(np.mean((values - truth[rows, cols]) ** 2))
    assert error < 0.3 * truth.std()
    assert f"{error:.4f} (root mean square, {len(lines)} given values)" in ended.stdout


def test_without_pairs_a_list_of_entries_becomes_the_whole_matrix():
    ended = complete(entries(HOLES), "--triplets", "1,2,3", "-o", "all.csv", "--depth", 2, "--plot", "all.png")
    assert ended.code == 0
    table = read_table("all.csv")
    assert isinstance(table, Table)
    assert table.column_names == ("i0", "i1", "i2")
    assert table.row_labels == {"user": ["u0", "u1", "u2", "u3"]}
    np.testing.assert_array_equal(table.values[KNOWN], HOLES[KNOWN])
    assert Path("all.png").exists()


def test_coordinates_name_their_entries_themselves():
    Path("pairs.csv").write_text("1,3\n4,1\n")
    assert complete(write("t.mtx"), "--predict", "pairs.csv", "--depth", 2).code == 0
    assert [line.split(",")[:2] for line in Path("pairs-predicted.csv").read_text().splitlines()[1:]] == [
        ["1", "3"],
        ["4", "1"],
    ]


def test_duplicates_are_merged_when_asked():
    source = entries(HOLES, repeat=["u0,i0,3"])
    assert complete(source, "--triplets", "1,2,3", "-o", "all.csv", "--duplicates", "mean", "--depth", 2).code == 0
    assert read_table("all.csv").values[0, 0] == 2
    Path("twice.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1\n2 1 3\n1 1 5\n")
    assert complete("twice.mtx", "-o", "twice.csv", "--duplicates", "last", "--depth", 2).code == 0
    assert read_table("twice.csv").values[0, 0] == 5


def test_rows_and_columns_without_entries_are_filled_and_warned_about():
    values = np.vstack([HOLES, np.full((2, 3), np.nan)])
    values[:, 1] = np.nan
    ended = complete(write("t.csv", values), "--depth", 2)
    assert ended.code == 0
    assert ended.stderr.splitlines() == [
        "warning: 2 rows have no observed entry, first row 'O'; averages fill them",
        "warning: column 'b' has no observed entry; averages fill it",
    ]
    assert np.isfinite(read_table("t-completed.csv").values).all()


def test_the_example_completes_a_photograph(monkeypatch):
    from rankfall.datasets import samples

    photograph = samples.photograph
    monkeypatch.setattr(samples, "photograph", lambda name: photograph(name, height=60))
    ended = complete("--depth", 2)
    assert (ended.code, ended.stderr) == (0, "")
    assert Path("rankfall-example.png").read_bytes().startswith(b"\x89PNG")
    errors = [float(line.split()[-3]) for line in ended.stdout.splitlines() if line.startswith("error on hidden")]
    assert errors == sorted(errors)
    assert len(errors) == 3


@pytest.mark.slow
def test_the_example_as_it_is():
    from matplotlib.image import imread

    ended = complete("-o", "china.png")
    assert ended.code == 0
    assert imread("china.png").shape[:2] == (475, 1968)
    errors = [float(line.split()[-3]) for line in ended.stdout.splitlines() if line.startswith("error on hidden")]
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.slow
def test_ratings_are_predicted_as_well_as_promised(shared_data):
    ratings = shared_data / "ml-100k"
    ended = complete(
        ratings / "u1.base.gz", "--triplets", "user,item,rating", "--predict", ratings / "u1.test.gz", "-o", "u1.csv"
    )
    assert ended.code == 0
    assert float(ended.rows["error on the pairs"].split()[4]) < 0.945
    assert len(Path("u1.csv").read_text().splitlines()) == 20_001


def test_levels_are_what_is_filled_in():
    rng = np.random.default_rng(0)
    answers = np.clip(np.round(3 + rng.standard_normal((40, 1)) + 0.7 * rng.standard_normal((40, 6))), 1, 5)
    np.save("t.npy", np.where(rng.random(answers.shape) < 0.2, np.nan, answers))
    complete("t.npy", "--levels", "1,2.5,5", "--no-refine", "--round", "none")
    filled = np.load("t-completed.npy")[np.isnan(np.load("t.npy"))]
    assert set(filled) <= {1, 2.5, 5}
    for wrong in ("1", "low,high", "1,inf"):
        assert "--levels must be at least 2 numbers" in complete("t.npy", "--levels", wrong).stderr

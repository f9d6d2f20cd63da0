"""`rankfall recover`: determined cells are filled, the others stay empty and are named."""

from pathlib import Path

import numpy as np
import pytest

from rankfall.tables import read_table
from tests.helpers.shell import shell, write


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def planted(name="t.npy"):
    rng = np.random.default_rng(5)
    truth = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 24))
    holes = np.where(rng.random(truth.shape) < 0.5, truth, np.nan)
    holes[4] = np.nan
    np.save(name, holes)
    return truth, holes


def test_what_is_determined_is_filled_and_what_is_not_stays_empty():
    truth, holes = planted()
    ended = shell("recover", "t.npy", "--measure", 2)
    assert (ended.code, ended.stderr) == (0, "")
    filled = np.load("t-recovered.npy")
    assert np.isnan(filled[4]).all()
    rest = np.delete(np.arange(30), 4)
    np.testing.assert_allclose(filled[rest], truth[rest], atol=1e-8)
    known = ~np.isnan(holes)
    np.testing.assert_array_equal(filled[known], holes[known])
    assert "rank 2 fits all entries exactly" in ended.rows["found"]
    assert "1 rows: row 5" in ended.rows["not determined"]
    assert ended.stdout.count("row 5, column") == 2


def test_without_input_a_planted_table_with_two_undetermined_rows_is_shown():
    ended = shell("recover")
    assert ended.code == 0
    assert "2 rows: row 'r8', row 'r12'" in ended.rows["not determined"]
    assert "measure next" in ended.rows
    table = read_table("rankfall-recovered.csv")
    empty = np.isnan(table.values).any(axis=1)
    assert np.flatnonzero(empty).tolist() == [7, 11]


def test_lists_of_entries_are_read_by_their_columns():
    truth, holes = planted()
    places = np.argwhere(~np.isnan(holes)).tolist()
    lines = ["user,item,rating", *(f"u{i:02},i{j:02},{float(holes[i, j])!r}" for i, j in places)]
    Path("list.csv").write_text("\n".join(lines))
    ended = shell("recover", "list.csv", "--triplets", "user,item,rating", "-o", "out.npy", "-q")
    assert ended == (0, "", "")
    np.testing.assert_allclose(np.load("out.npy"), np.delete(truth, 4, axis=0), atol=1e-8)


def test_files_are_read_as_complete_reads_them():
    truth, holes = planted()
    cells = [";".join("-" if np.isnan(v) else repr(float(v)).replace(".", ",") for v in row) for row in holes]
    Path("t.csv").write_text("\n".join(["measured in 2026", *cells]))
    words = ["--leave-out", "1", "--no-header", "--unknown", "-", "--separator", ";", "--decimal", ","]
    assert shell("recover", "t.csv", *words, "-o", "out.npy", "-q").code == 0
    rest = np.delete(np.arange(30), 4)
    np.testing.assert_allclose(np.load("out.npy")[rest], truth[rest], atol=1e-8)


def test_too_few_entries_end_with_a_code_and_the_observed_cells():
    np.save("t.npy", np.where(np.eye(4) > 0, 2.0, np.nan))
    ended = shell("recover", "t.npy")
    assert ended.code == 1
    assert "too few" in ended.rows["found"]
    np.testing.assert_array_equal(np.load("t-recovered.npy"), np.load("t.npy"))


def test_wrong_cells_are_named_and_replaced_only_where_outliers_are_looked_for():
    truth, holes = planted()
    observed = np.argwhere(~np.isnan(holes))
    wrong = observed[np.random.default_rng(0).choice(len(observed), 4, replace=False)]
    holes[wrong[:, 0], wrong[:, 1]] += 30.0
    np.save("t.npy", holes)
    ended = shell("recover", "t.npy", "--outliers", 0.03)
    assert (ended.code, ended.stderr) == (0, "")
    assert "4 cells: row " in ended.rows["left out"]
    assert f"row {wrong[0, 0] + 1}, column {wrong[0, 1] + 1}" in ended.rows["left out"]
    filled = np.load("t-recovered.npy")
    np.testing.assert_allclose(filled[wrong[:, 0], wrong[:, 1]], truth[wrong[:, 0], wrong[:, 1]], atol=1e-8)
    trusted = shell("recover", "t.npy", "-o", "trusted.npy")
    assert "left out" not in trusted.rows
    kept = np.load("trusted.npy")[wrong[:, 0], wrong[:, 1]]
    np.testing.assert_array_equal(kept, holes[wrong[:, 0], wrong[:, 1]])


def distances(share=0.5):
    """Squared distances of 24 points in the plane, one triangle of some of them, and the names of the points."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((24, 2))
    truth = ((points[:, None] - points[None]) ** 2).sum(-1)
    seen = np.triu(rng.random(truth.shape) < share, 1)
    return truth, np.where(seen, truth, np.nan), [f"p{i}" for i in range(24)]


def write_named(holes, rows, columns):
    cells = [["" if np.isnan(v) else repr(float(v)) for v in row] for row in holes]
    lines = [",".join(["point", *columns]), *(",".join([name, *row]) for name, row in zip(rows, cells, strict=True))]
    Path("d.csv").write_text("\n".join(lines))


def test_one_triangle_of_a_symmetric_table_is_enough_where_it_is_said_to_be_symmetric():
    truth, holes, names = distances()
    write_named(holes, names, names)
    ended = shell("recover", "d.csv", "--symmetric", "-o", "out.csv")
    assert ended.code == 0
    assert "taken to be symmetric" in ended.rows["found"]
    np.testing.assert_allclose(read_table("out.csv").values, truth, atol=1e-8)
    assert "symmetric" not in shell("recover", "d.csv", "-o", "any.csv").rows["found"]


def test_both_triangles_are_taken_to_be_symmetric_unless_told_otherwise_and_kernels_to_be_semidefinite():
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((24, 2))
    seen = np.triu(rng.random((24, 24)) < 0.5)
    np.save("k.npy", np.where(seen | seen.T, factor @ factor.T, np.nan))
    assert "taken to be symmetric" in shell("recover", "k.npy").rows["found"]
    assert "symmetric" not in shell("recover", "k.npy", "--no-symmetric").rows["found"]
    assert "positive semidefinite" in shell("recover", "k.npy", "--semidefinite").rows["found"]
    np.testing.assert_allclose(np.load("k-recovered.npy"), factor @ factor.T, atol=1e-8)


def test_tables_that_cannot_be_symmetric_are_refused_in_a_sentence():
    truth, holes, names = distances()
    np.save("t.npy", holes[:20])
    ended = shell("recover", "t.npy", "--symmetric")
    assert (ended.code, ended.stdout) == (2, "")
    assert "must be square, got 20 rows and 24 columns" in ended.stderr
    write_named(holes, names, [names[1], names[0], *names[2:]])
    ended = shell("recover", "d.csv", "--semidefinite")
    assert (ended.code, ended.stdout) == (2, "")
    assert "in the same order, got row 'p0' beside column 'p1'" in ended.stderr
    holes[3, 7], holes[7, 3] = truth[3, 7], truth[3, 7] + 1
    write_named(holes, names, names)
    ended = shell("recover", "d.csv", "--symmetric")
    assert ended.code == 2
    assert f"got {truth[3, 7]:.6g} at row 'p3', column 'p7' and" in ended.stderr
    assert "at row 'p7', column 'p3'" in ended.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["d.csv", "t.npy"]


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--semidefinite", "--no-symmetric"], "--semidefinite means a symmetric table"),
        (["--outliers", "0.3"], "--outliers must be a share from 0 to below 0.25"),
        (["--outliers", "-0.1"], "--outliers must be a share"),
        (["--depth", "1"], "--depth must be a whole number"),
        (["--tolerance", "2"], "--tolerance must lie between 0 and 1"),
        (["--measure", "-1"], "--measure must not be negative"),
        (["--seed", "-1"], "--seed must lie"),
        (["--triplets", "a,b,c", "--labels", "d"], "is for tables"),
        (["--leave-out", "x"], "--leave-out must be rows"),
        (["-o", "no/where.csv"], "no"),
    ],
)
def test_bad_options_are_refused_in_a_sentence_and_nothing_is_written(words, match):
    write("t.csv")
    ended = shell("recover", "t.csv", *words)
    assert ended.code == 2
    assert match in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


def test_a_table_without_holes_or_with_infinities_is_refused():
    np.save("full.npy", np.ones((3, 3)))
    assert "must have unknown entries" in shell("recover", "full.npy").stderr
    np.save("inf.npy", np.asarray([[1.0, np.inf], [np.nan, 2.0]]))
    ended = shell("recover", "inf.npy")
    assert ended.code == 2
    assert "finite" in ended.stderr

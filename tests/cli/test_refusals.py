"""What the command line refuses: one sentence, exit code 2, and nothing written, not even for a while."""

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.shell import HOLES, KNOWN, complete, entries, text, write


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(*words) -> str:
    there = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    ended = complete(*words)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("rankfall: ")
    assert ended.stderr.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == there
    return ended.stderr


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((3, 2), np.nan), "at least one entry must be observed, got none"),
        (np.ones((3, 2)), "must have unknown entries, 't.npy' has none"),
        (np.where(KNOWN, HOLES, -np.inf), "column 3, row 1: numbers must be finite, got -inf"),
        (HOLES + 1j, "must hold real numbers, got the type complex128"),
        (HOLES[0], r"must be two-dimensional with rows and columns, got the shape (3,)"),
        (np.ones((2, 2, 2)), "a tensor to complete must have unknown entries"),
        (np.zeros((0, 3)), "must be two-dimensional with rows and columns, got the shape (0, 3)"),
        (np.array([["a", "b"]]), "must hold real numbers, got the type <U1"),
    ],
)
def test_arrays_that_are_no_table_to_complete(array, words):
    np.save("t.npy", array)
    assert words in refused("t.npy")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", text().replace("7.5", "oops"), "column 'b', row 4: 'oops' is not a number"),
        ("t.csv", text().replace("7.5", "inf"), "column 'b', row 4: numbers must be finite, got inf"),
        ("t.csv", "a,b\n,\n,NA\n", "at least one entry must be observed"),
        ("t.csv", "a,b\n", "must have rows, 't.csv' has a header only"),
        ("t.csv", "", "must hold a table, 't.csv' is empty"),
        ("t.csv", "a,b\n1,2\n3\n", "row 3 has 1"),
        ("t.csv.gz", "no gzip", "must hold complete gzip data"),
        ("t.xlsx", "PK\x03\x04", "must be a spreadsheet"),
        ("table", "a,b\n", "the extension must name a known format, 'table' has none"),
        ("t.parquet", "no parquet", "must be a parquet file"),
        ("t.npy", "no array", "must be a NumPy file"),
        ("t.npz", "no archive", "must be a NumPy file"),
        ("t.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 2.0\n", "Row index out of bounds"),
        ("t.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 2.0\n1 1 3.0\n", "--duplicates mean"),
    ],
)
def test_files_that_cannot_be_read(name, content, words):
    Path(name).write_text(content)
    assert words in refused(name)


def test_missing_files_and_folders():
    table = write("t.csv")
    assert "the input file must exist, 'no.csv' does not" in refused("no.csv")
    Path("inner").mkdir()
    assert refused("inner").startswith("rankfall: the input must be a file, 'inner' is a folder")
    assert "the input must be one file, got the pattern 'part-*.csv'; --dask reads" in refused("part-*.csv")
    assert "the output's folder must exist, 'no' does not" in refused(table, "-o", "no/t.csv")
    assert "the output's folder must exist, 'no' does not" in refused(table, "--plot", "no/t.png")
    assert "a picture is drawn as a PNG, got 't.jpg'" in refused(table, "--plot", "t.jpg")
    assert "a picture is drawn as a PNG, got 't.jpg'" in refused("-o", "t.jpg")
    assert "the extension must name a known format, got '.doc'" in refused(table, "-o", "t.doc")


def test_entries_that_contradict_or_are_out_of_range():
    twice = entries(HOLES, repeat=["u1,i0,3", "u0,i0,3"])
    options = ("--triplets", "user,item,rating", "-o", "all.csv")
    assert "got user 'u1' with item 'i0' in row 4 and again in row 11" in refused(twice, *options)
    np.savez("t.npz", rows=[0, 5], cols=[0, 1], values=[1.0, 2.0], shape=[3, 3])
    assert "rows in 't.npz' must lie between 0 and 2, got 0 to 5" in refused("t.npz")
    assert "lists all" in refused(entries(np.ones((2, 2))), *options)
    Path("wide.csv").write_text("".join(f"{i},{i},1\n" for i in range(20_000)))
    assert "at most 1e+08 entries, got 20000 × 20000" in refused("wide.csv", "--triplets", "1,2,3", "-o", "all.csv")


def test_pairs_that_do_not_fit():
    source = entries(HOLES)
    Path("pairs.csv").write_text("a,b\nb,c\n")
    options = ("--triplets", "1,2,3", "--predict", "pairs.csv")
    assert "pairs must have labels of observed entries, none of 'pairs.csv' has one" in refused(source, *options)
    assert "the extension must name a known format, got '.npy'" in refused(source, *options, "-o", "p.npy")
    assert "the input file must exist, 'no.csv'" in refused(source, "--triplets", "1,2,3", "--predict", "no.csv")
    assert "got 'rank'" in refused(source, "--triplets", "user,item,rank", "-o", "all.csv")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--depth", "0"), "--depth must be at least 1, got 0"),
        (("--depth", "deep"), "--depth must be 'auto' or a whole number, got 'deep'"),
        (("--width", "-1"), "--width must be at least 1, got -1"),
        (("--width", "1.5"), "--width must be 'auto' or a whole number, got '1.5'"),
        (("--scale", "0"), "--scale must be positive, got 0.0"),
        (("--scale", "nan"), "--scale must be positive, got nan"),
        (("--scale", "small"), "--scale must be 'auto' or a number, got 'small'"),
        (("--device", "cuad"), "a device is one that PyTorch knows, got 'cuad'"),
        (("--device", "cuda:99"), "the device must be on this machine, got 'cuda:99'"),
        (("--rtol", "0"), "--rtol must lie between 0 and 1, got 0.0"),
        (("--rtol", "-1e-3"), "--rtol must lie between 0 and 1, got -0.001"),
        (("--holdout", "1"), "--holdout must lie between 0 and 1, got 1.0"),
        (("--seed", "-1"), "--seed must lie between 0 and 4294967295, got -1"),
        (("--min", "nan"), "--min must be a finite number, got nan"),
        (("--min", "2", "--max", "1"), "--min must not exceed --max, got 2.0 and 1.0"),
        (("--duplicates", "first"), "duplicates must be one of error, mean, last, got 'first'"),
        (("--predict", "pairs.csv"), "--predict needs --triplets, got only 'pairs.csv'"),
        (("--triplets", "1,2,3"), "needs --predict PAIRS or an output, got neither"),
        (("--triplets", "1,2,3", "--labels", "a"), "--labels is for tables"),
    ],
)
def test_options_are_checked_before_anything_is_read(options, words):
    assert words in refused("missing.csv", *options)


@pytest.mark.parametrize("option", ["--triplets", "--predict", "--labels"])
def test_options_about_a_table_need_one(option):
    assert f"{option} needs an INPUT, got none" in refused(option, "1,2,3")


def test_the_example_draws_one_picture():
    assert "got 'a.png' and 'b.png'" in refused("-o", "a.png", "--plot", "b.png")


@pytest.mark.parametrize("words", [("--sideways",), ("--seed", "x"), ("a.csv", "b.csv"), ("--depth",)])
def test_words_that_are_no_options_exit_2(words):
    assert complete(*words).code == 2
    assert not list(Path().iterdir())


@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_numbers_that_cannot_be_squared(unit):
    np.save("t.npy", unit * HOLES)
    assert "choose another unit" in refused("t.npy")


def test_memory_that_does_not_suffice_is_a_sentence(monkeypatch):
    def fail(*arguments, **options):
        raise MemoryError("Unable to allocate 3 PiB")

    monkeypatch.setattr("rankfall.cli.table.read_table", fail)
    assert "must fit in memory, it does not (Unable to allocate 3 PiB)" in refused(write("t.csv"))

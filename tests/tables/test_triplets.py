"""Lemmas of triplets: codes decode to the labels of the file, each pair once, whatever the order of its rows."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings, strategies as st

from rankfall.errors import InputError
from rankfall.tables import TRIPLET_FORMATS, Triplets, read_pairs, read_triplets, write_triplets

NAN = np.nan
SMALL = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def save(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def entries(triplets: Triplets) -> list[tuple]:
    rows, cols = triplets.row_labels[triplets.rows], triplets.col_labels[triplets.cols]
    return list(zip(rows.tolist(), cols.tolist(), triplets.values.tolist(), strict=True))


# --- what is read ---

RATINGS = [(7, "Alien", 4.0), (9, "Heat", 3.5), (9, "Ran", 5.0)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.csv", "user,film,stars\n9,Ran,5\n7,Alien,4\n9,Heat,3.5\n"),
        ("r.csv", "7,Alien,4\n9,Heat,3.5\n9,Ran,5\n"),
        ("r.tsv", "7\tAlien\t4\t881250949\n9\tHeat\t3.5\t1\n9\tRan\t5\t2\n"),
        ("r.data", "7\tAlien\t4\t881250949\n9\tHeat\t3.5\t1\n9\tRan\t5\t2\n"),
        ("ratings.dat", "7::Alien::4::97\n9::Heat::3.5::98\n9::Ran::5::99\n"),
        ("r.txt", "7 Alien   4\n9 Heat  3.5\n9 Ran 5\n"),
        ("r.csv", '"7";"Alien";"4"\r\n"9";"Heat";"3.5"\r\n"9";"Ran";"5"\r\n'),
        ("r.csv", "user, film, stars\n7, Alien , 4\n9, Heat, 3.5\n9, Ran, 5\n"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_text_of_any_make(tmp_path, name, text, packed):
    path = tmp_path / (f"{name}.gz" if packed else name)
    save(path, gzip.compress(text.encode()) if packed else text)
    triplets = read_triplets(path)
    assert entries(triplets) == RATINGS
    assert triplets.shape == (2, 3)
    assert triplets.row_labels.dtype == np.int64
    assert len(triplets) == 3


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ("user,film,stars", ("user", "film", "stars")),
        (["user", "film", "stars"], ("user", "film", "stars")),
        ("2, 3, 1", ("user", "film", "stars")),
        ([2, 3, 1], ("user", "film", "stars")),
        ("user,3,1", ("user", "film", "stars")),
    ],
)
def test_columns_by_name_and_by_place(tmp_path, columns, names):
    path = save(tmp_path / "r.csv", "stars,user,film,when\n4,7,Alien,x\n3.5,9,Heat,y\n5,9,Ran,z\n")
    triplets = read_triplets(path, columns)
    assert entries(triplets) == RATINGS
    assert triplets.names == names
    frame = pl.read_csv(path)
    frame.write_parquet(tmp_path / "r.parquet")
    assert entries(read_triplets(tmp_path / "r.parquet", columns)) == RATINGS


def test_names_for_a_file_without_header_are_those_of_its_first_columns(tmp_path):
    path = save(tmp_path / "u.data", "7\t1\t4\t881250949\n9\t2\t3\t1\n")
    triplets = read_triplets(path, "user,film,stars")
    assert entries(triplets) == [(7, 1, 4.0), (9, 2, 3.0)]
    assert triplets.names == ("user", "film", "stars")
    assert entries(read_triplets(path, "2,1,3")) == [(1, 7, 4.0), (2, 9, 3.0)]


def test_labels_are_integers_only_where_all_are_written_so(tmp_path):
    triplets = read_triplets(save(tmp_path / "r.csv", "07,1,5\n7,-2,4\n"))
    assert triplets.row_labels.tolist() == ["07", "7"]
    assert triplets.col_labels.tolist() == [-2, 1]
    assert triplets.shape == (2, 2)
    triplets = read_triplets(save(tmp_path / "r.csv", "NA,1,5\nnull,x,4\n"))
    assert triplets.row_labels.tolist() == ["NA", "null"]


def test_unknown_values_are_no_entries_but_their_labels_count(tmp_path):
    triplets = read_triplets(save(tmp_path / "r.csv", "a,x,5\nb,y,NA\nc,x,\n"))
    assert entries(triplets) == [("a", "x", 5.0)]
    assert triplets.shape == (3, 2)


def test_parquet_of_any_types(tmp_path):
    frame = pl.DataFrame({"u": [1.0, 2.0], "i": pl.Series(["a", "b"], dtype=pl.Categorical), "v": [True, None]})
    frame.write_parquet(tmp_path / "r.parquet")
    triplets = read_triplets(tmp_path / "r.parquet")
    assert entries(triplets) == [(1, "a", 1.0)]
    assert triplets.shape == (2, 2)


def test_npz_by_names(tmp_path):
    np.savez(tmp_path / "r.npz", user=np.array([9, 7]), film=np.array(["b", "a"]), stars=np.array([1, 2]))
    assert entries(read_triplets(tmp_path / "r.npz", "user,film,stars")) == [(7, "a", 2.0), (9, "b", 1.0)]


labels = st.integers(0, 4).map(str) | st.text("abé ", min_size=1, max_size=2).filter(str.strip)


@SMALL
@given(data=st.dictionaries(st.tuples(labels, labels), st.floats(-1e6, 1e6), min_size=1), seed=st.randoms())
def test_the_order_of_rows_means_nothing(tmp_path, data, seed):
    pairs = list(data.items())
    read = []
    for _ in range(2):
        seed.shuffle(pairs)
        lines = "".join(f'"{row}","{col}",{value!r}\n' for (row, col), value in pairs)
        stripped = {(row.strip(), col.strip()) for (row, col), _ in pairs}
        if len(stripped) < len(pairs):
            return
        read.append(read_triplets(save(tmp_path / "r.csv", lines)))
    for name in ("rows", "cols", "values", "row_labels", "col_labels"):
        np.testing.assert_array_equal(getattr(read[0], name), getattr(read[1], name))
    assert {(str(r), str(c)): v for r, c, v in entries(read[0])} == {
        (row.strip(), col.strip()): value for (row, col), value in pairs
    }
    positions = read[0].rows * read[0].shape[1] + read[0].cols
    assert (np.diff(positions) > 0).all()


def test_duplicates(tmp_path):
    path = save(tmp_path / "r.csv", "user,item,rating\n1,x,1\n2,x,9\n1,y,8\n1,x,3\n2,x,7\n1,x,5\n")
    with pytest.raises(InputError, match=r"user '1' with item 'x' in row 2 and again in row 5; .*--duplicates mean"):
        read_triplets(path)
    assert entries(read_triplets(path, duplicates="mean")) == [(1, "x", 3.0), (1, "y", 8.0), (2, "x", 8.0)]
    assert entries(read_triplets(path, duplicates="last")) == [(1, "x", 5.0), (1, "y", 8.0), (2, "x", 7.0)]
    matrix = scipy.sparse.coo_array(([1.0, 3.0], ([0, 0], [1, 1])), shape=(2, 2))
    scipy.sparse.save_npz(tmp_path / "s.npz", matrix)
    assert entries(read_triplets(tmp_path / "s.npz", duplicates="mean")) == [(0, 1, 2.0)]
    save(tmp_path / "s.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 2 1\n1 2 3\n")
    assert entries(read_triplets(tmp_path / "s.mtx", duplicates="last")) == [(1, 2, 3.0)]


def test_movielens(shared_data):
    folder = shared_data / "ml-100k"
    triplets = read_triplets(folder / "u.data.gz", "user,item,rating")
    assert triplets.shape == (943, 1682)
    assert len(triplets) == 100_000
    assert abs(triplets.values.mean() - 3.52986) < 1e-12
    pairs = read_pairs(folder / "u1.test.gz", triplets)
    assert len(pairs) == 20_000
    assert (pairs.rows >= 0).all()
    assert (pairs.cols >= 0).all()
    million = read_triplets(shared_data / "ml-1m" / "ratings.npz", "user,movie,rating")
    assert million.shape == (6040, 3706)


def test_reading_is_lean(tmp_path):
    rng = np.random.default_rng(0)
    count = 50_000
    keys = rng.permutation(10**6)[:count]
    frame = pl.DataFrame({"u": keys // 1000, "i": keys % 1000, "r": rng.integers(1, 6, count), "t": keys * 1000})
    frame.write_csv(tmp_path / "r.csv")
    read_triplets(tmp_path / "r.csv")
    tracemalloc.start()
    triplets = read_triplets(tmp_path / "r.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The three arrays, as many of intermediate codes and their order, and the text itself: never objects a row.
    result = triplets.rows.nbytes + triplets.cols.nbytes + triplets.values.nbytes
    assert peak < 4 * result + 2 * (tmp_path / "r.csv").stat().st_size


# --- pairs ---


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("user,item\n1,x\n3,x\n2,z\n", None),
        ("item,user\nx,1\nx,3\nz,2\n", "user,item"),
        ("item,user\nx,1\nx,3\nz,2\n", "user,item,rating"),
        ("item,user\nx,1\nx,3\nz,2\n", "2,1"),
        ("1,x\n3,x\n2,z\n", None),
        ("1,x\n3,x\n2,z\n", "user,item,rating"),
        ("1,x\n3,x\n2,z\n", "1,2,3"),
        ("User;Item\n1;x\n3;x\n2;z\n", None),
    ],
)
def test_pairs_are_coded_as_in_training(tmp_path, text, columns):
    triplets = read_triplets(save(tmp_path / "r.csv", "user,item,rating\n1,x,1\n2,y,9\n"))
    pairs = read_pairs(save(tmp_path / "p.csv", text), triplets, columns)
    assert pairs.rows.tolist() == [0, -1, 1]
    assert pairs.cols.tolist() == [0, 0, -1]
    assert [str(label) for label in pairs.row_labels] == ["1", "3", "2"]
    assert pairs.col_labels.tolist() == ["x", "x", "z"]
    assert pairs.values is None


def test_pairs_may_carry_values(tmp_path):
    triplets = read_triplets(save(tmp_path / "r.csv", "1,5,1\n2,6,9\n"))
    for text in ("1,6,4\n2,5,\n", "u,i,r,t\n1,6,4,9\n2,5,NA,9\n"):
        pairs = read_pairs(save(tmp_path / "p.csv", text), triplets)
        assert pairs.rows.tolist() == [0, 1]
        assert pairs.cols.tolist() == [1, 0]
        np.testing.assert_array_equal(pairs.values, [4, NAN])
    pairs = read_pairs(save(tmp_path / "p.csv", "who,what\n1,6\n2,x\n"), triplets)
    assert pairs.cols.tolist() == [1, -1]


def test_pairs_from_parquet(tmp_path):
    triplets = read_triplets(save(tmp_path / "r.csv", "1,a,1\n2,b,9\n"))
    pl.DataFrame({"u": [2, 1], "i": ["a", "q"]}).write_parquet(tmp_path / "p.parquet")
    pairs = read_pairs(tmp_path / "p.parquet", triplets)
    assert (pairs.rows.tolist(), pairs.cols.tolist()) == ([1, 0], [0, -1])
    pl.DataFrame({"u": ["2", "01"], "i": ["a", "b"]}).write_parquet(tmp_path / "p.parquet")
    assert read_pairs(tmp_path / "p.parquet", triplets).rows.tolist() == [1, -1]


def test_codes_of_labels():
    triplets = Triplets(
        np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1), (2, 2), np.array([3, 5]), np.array(["a", "b"], object)
    )
    assert triplets.encode_rows([5, 4, 3, 9]).tolist() == [1, -1, 0, -1]
    assert triplets.encode_rows(["5", "05"]).tolist() == [1, -1]
    assert triplets.encode_cols(np.array(["b", "c", "a"])).tolist() == [1, -1, 0]


def test_the_whole_matrix_as_a_table(tmp_path):
    triplets = read_triplets(save(tmp_path / "r.csv", "user,film,stars\n7,Alien,4\n9,Ran,5\n"))
    table = triplets.table(np.arange(4.0).reshape(2, 2))
    assert table.column_names == ("Alien", "Ran")
    assert table.row_labels == {"user": [7, 9]}
    with pytest.raises(InputError, match="shape of the triplets"):
        triplets.table(np.eye(3))


# --- writing ---


@pytest.mark.parametrize("extension", TRIPLET_FORMATS)
def test_every_format_reads_back_what_it_wrote(tmp_path, extension):
    path = tmp_path / f"p{extension}"
    rows, cols, values = np.array([7, 9, 7]), ["a, b", "c", "c"], np.array([0.1, 1 / 3, -2.0])
    write_triplets(path, rows, cols, values, ("user", "film", "stars"))
    triplets = read_triplets(path, "user,film,stars")
    assert sorted(entries(triplets)) == sorted(zip(rows.tolist(), cols, values.tolist(), strict=True))
    assert triplets.names == ("user", "film", "stars")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_predictions_go_back_with_the_pairs_labels(tmp_path):
    triplets = read_triplets(save(tmp_path / "r.csv", "user,film,stars\n7,Alien,4\n9,Ran,5\n"))
    pairs = read_pairs(save(tmp_path / "p.csv", "9,Alien\n8,Ran\n"), triplets)
    write_triplets(tmp_path / "out.csv", pairs.row_labels, pairs.col_labels, np.array([2.5, NAN]), triplets.names)
    assert (tmp_path / "out.csv").read_text() == "user,film,stars\n9,Alien,2.5\n8,Ran,\n"


# --- bad input ---

FILES = {
    "word": ("user,item,rating\n1,2,3\n1,3,abc\n", None, "column 'rating', row 3: 'abc' is not a number"),
    "infinite": ("1,2,3\n1,3,inf\n", None, "column 'value', row 2: numbers must be finite"),
    "no label": ("user,item,rating\n1,2,3\n1, ,4\n", None, "column 'item', row 3 is empty"),
    "missing name": ("user,item,rating\n1,2,3\n", "user,item,stars", "got 'stars'; the columns are user, item, rating"),
    "no name": ("who,what,stars\n1,2,3\n", "user,item,rating", "got 'user'; the columns are who, what, stars"),
    "far place": ("1,2,3\n", "1,2,4", "place from 1 to 3, got 4"),
    "narrow": ("1,2\n3,4\n", None, "at least 3 columns, got 2"),
    "header only": ("user,item,rating\n", None, "has a header only"),
    "no value": ("1,2,\n3,4,NA\n", None, "at least one known value"),
    "empty": ("", None, "is empty"),
    "short row": ("1,2,3\n4,5\n", None, "row 2 has 2"),
}


@pytest.mark.parametrize(("text", "columns", "sentence"), FILES.values(), ids=FILES)
def test_bad_files(tmp_path, text, columns, sentence):
    with pytest.raises(InputError, match=sentence):
        read_triplets(save(tmp_path / "r.csv", text), columns)


@pytest.mark.parametrize("columns", ["user,item", "user,item,user", "a,,b", [1, 1, 2], "1,2,3,4"])
def test_bad_columns(tmp_path, columns):
    with pytest.raises(InputError, match="must be 3 different names or places"):
        read_triplets(save(tmp_path / "r.csv", "1,2,3\n"), columns)


def test_bad_duplicates_and_formats(tmp_path):
    path = save(tmp_path / "r.csv", "1,2,3\n")
    with pytest.raises(InputError, match="one of error, mean, last, got 'sum'"):
        read_triplets(path, duplicates="sum")
    with pytest.raises(InputError, match="must exist"):
        read_triplets(tmp_path / "nothing.data")
    np.savez(tmp_path / "d.npz", X=np.eye(2))
    with pytest.raises(InputError, match="dense matrix"):
        read_triplets(tmp_path / "d.npz")
    with pytest.raises(InputError, match="'user' is missing; it holds X"):
        read_triplets(tmp_path / "d.npz", "user,item,rating")
    np.savez(tmp_path / "d.npz", a=np.array([1.5]), b=np.array([1]), c=np.array([1]))
    with pytest.raises(InputError, match="integers or strings, got the types float64"):
        read_triplets(tmp_path / "d.npz", "a,b,c")
    pl.DataFrame({"u": [1.5], "i": [2], "v": ["x"]}).write_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match="'u' has the type Float64"):
        read_triplets(tmp_path / "r.parquet")
    with pytest.raises(InputError, match="'u' has the type Float64"):
        read_triplets(tmp_path / "r.parquet", "i,u,v")
    pl.DataFrame({"u": [1], "i": [2], "v": ["x"]}).write_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match="column 'v', row 1: 'x' is not a number"):
        read_triplets(tmp_path / "r.parquet")
    pl.DataFrame({"u": [1], "i": [2], "v": [[3]]}).write_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match="values must be numbers, column 'v' has the type List"):
        read_triplets(tmp_path / "r.parquet")
    triplets = read_triplets(path)
    with pytest.raises(InputError, match="text or parquet"):
        read_pairs(tmp_path / "d.npz", triplets)
    with pytest.raises(InputError, match="two labels"):
        write_triplets(tmp_path / "o.csv", [1], [2, 3], np.ones(2))
    with pytest.raises(InputError, match="three different words"):
        write_triplets(tmp_path / "o.csv", [1], [2], np.ones(1), ("a", "a", "b"))
    with pytest.raises(InputError, match="known are"):
        write_triplets(tmp_path / "o.npy", [1], [2], np.ones(1))

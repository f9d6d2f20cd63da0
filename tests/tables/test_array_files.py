"""Lemmas of array files: .npy, .npz and .mtx hold numbers alone, and exactly the stored entries are observed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from rankfall.errors import InputError
from rankfall.tables import Table, Triplets, read_table, write_table

NAN = np.nan


def read(path: Path) -> Table:
    table = read_table(path)
    assert isinstance(table, Table)
    return table


@pytest.mark.parametrize("extension", [".mtx", ".mtx.gz"])
def test_matrix_market_holds_the_known_entries(tmp_path, extension):
    table = Table(np.array([[1.5, NAN, -2.0], [NAN, 1e-7, 3.0]]), ("a", "b", "c"))
    path = tmp_path / f"table{extension}"
    write_table(table, path)
    triplets = read_table(path)
    assert isinstance(triplets, Triplets)
    dense = np.full(triplets.shape, NAN)
    dense[triplets.rows, triplets.cols] = triplets.values
    np.testing.assert_array_equal(dense, table.values)
    np.testing.assert_array_equal(triplets.row_labels, [1, 2])
    full = table.with_values(np.arange(6.0).reshape(2, 3) / 7)
    write_table(full, path)
    np.testing.assert_array_equal(read(path).values, full.values)


def test_npy_of_integers_and_booleans(tmp_path):
    for array in (np.arange(6).reshape(2, 3), np.eye(2, dtype=bool), np.ones((2, 2), dtype=np.float16)):
        np.save(tmp_path / "a.npy", array)
        table = read(tmp_path / "a.npy")
        np.testing.assert_array_equal(table.values, array.astype(float))
        assert table.values.dtype == (np.float32 if array.dtype == np.float16 else np.float64)
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    write_table(read(tmp_path / "a.npy"), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "0,1,2\n3,4,5\n"


@pytest.mark.parametrize("keys", [["anything"], ["values", "other"], ["X", "y"]])
def test_npz_picks_its_matrix(tmp_path, keys):
    first = np.array([[1.0, NAN]])
    arrays: dict[str, Any] = {key: first if key == keys[0] else np.zeros(3) for key in keys}
    np.savez(tmp_path / "a.npz", **arrays)
    np.testing.assert_array_equal(read(tmp_path / "a.npz").values, first)


def test_sparse_npz_keeps_stored_zeros(tmp_path):
    matrix = scipy.sparse.csr_array((np.array([0.0, 2.0, 3.0]), np.array([2, 0, 1]), np.array([0, 1, 3])), shape=(2, 4))
    scipy.sparse.save_npz(tmp_path / "s.npz", matrix)
    triplets = read_table(tmp_path / "s.npz")
    assert isinstance(triplets, Triplets)
    assert triplets.shape == (2, 4)
    assert list(zip(triplets.rows, triplets.cols, triplets.values, strict=True)) == [(0, 2, 0), (1, 0, 2), (1, 1, 3)]


def test_npz_of_triplets(tmp_path):
    arrays: dict[str, Any] = {"rows": np.array([1, 0]), "cols": np.array([2, 0]), "values": np.array([5, 4])}
    np.savez(tmp_path / "t.npz", **arrays)
    triplets = read_table(tmp_path / "t.npz")
    assert isinstance(triplets, Triplets)
    assert triplets.shape == (2, 3)
    np.testing.assert_array_equal(triplets.values, [4, 5])
    np.savez(tmp_path / "t.npz", **arrays, shape=np.array([4, 6]))
    assert read_table(tmp_path / "t.npz").shape == (4, 6)


def test_dense_matrix_market_is_a_table(tmp_path):
    scipy.io.mmwrite(tmp_path / "d.mtx", np.array([[1.0, 2.0], [3.0, 4.5]]))
    np.testing.assert_array_equal(read(tmp_path / "d.mtx").values, [[1, 2], [3, 4.5]])


ARRAYS = {
    "vector": (np.zeros(3), r"two-dimensional .* got the shape \(3,\)"),
    "cube": (np.zeros((2, 3, 4)), r"got the shape \(2, 3, 4\)"),
    "complex": (np.zeros((2, 2), dtype=complex), "real numbers, got the type complex128"),
    "strings": (np.array([["a"]]), "real numbers, got the type <U1"),
    "empty": (np.zeros((0, 3)), r"got the shape \(0, 3\)"),
    "infinite": (np.array([[1.0, 2.0], [np.inf, 3.0]]), "column 1, row 2: numbers must be finite"),
}


@pytest.mark.parametrize(("array", "sentence"), ARRAYS.values(), ids=ARRAYS)
def test_bad_arrays(tmp_path, array, sentence):
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", array=array)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(InputError, match=sentence):
            read_table(tmp_path / name)


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[None, 1]], dtype=object))
    np.savez(tmp_path / "a.npz", X=np.array([[None, 1]], dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(InputError, match="never loaded"):
            read_table(tmp_path / name)


def test_bad_npz(tmp_path):
    np.savez(tmp_path / "a.npz", one=np.eye(2), two=np.eye(2))
    with pytest.raises(InputError, match="holds one, two"):
        read_table(tmp_path / "a.npz")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"rows": np.array([0.5]), "cols": np.array([0]), "values": np.ones(1)}, "integers from zero"),
        ({"rows": np.array([0, 1]), "cols": np.array([0]), "values": np.ones(1)}, "three arrays of one length"),
        ({"rows": np.array([-1]), "cols": np.array([0]), "values": np.ones(1)}, "between 0 and"),
        ({"rows": np.array([3]), "cols": np.array([0]), "values": np.ones(1), "shape": np.array([2, 2])}, "got 3 to 3"),
        ({"rows": np.array([0]), "cols": np.array([0]), "values": np.array([np.inf])}, "finite"),
        ({"rows": np.array([0]), "cols": np.array([0]), "values": np.array([1j])}, "real numbers"),
        ({"rows": np.array([0]), "cols": np.array([0]), "values": np.array([NAN])}, "at least one known"),
        ({"rows": np.zeros(2, int), "cols": np.zeros(2, int), "values": np.ones(2)}, "must occur once"),
        (
            {"rows": np.zeros(1, int), "cols": np.zeros(1, int), "values": np.ones(1), "shape": np.ones(3)},
            "two numbers",
        ),
    ]
    for wrong, sentence in cases:
        np.savez(tmp_path / "t.npz", **wrong)
        with pytest.raises(InputError, match=sentence):
            read_table(tmp_path / "t.npz")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense\n", "must be a Matrix Market file"),
        ("%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 5\n", "must be a Matrix Market file"),
        ("%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 1\n", "must have values"),
        ("%%MatrixMarket matrix coordinate complex general\n2 2 1\n1 1 1 1\n", "real numbers"),
    ],
)
def test_bad_matrix_market(tmp_path, text, sentence):
    (tmp_path / "m.mtx").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_table(tmp_path / "m.mtx")

"""Damaged files: whatever is wrong with them, one sentence says so, and no memory is taken for what is not there."""

import gzip
import io
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.io
import scipy.sparse

import rankfall
from rankfall.errors import InputError
from rankfall.tables import read_table
from rankfall.tables.tensors import holds_tensor, read_tensor

MATRIX = np.array([[1.0, 0, 2], [0, 3, 0], [4, 0, 5]])
HOLES = np.where(MATRIX == 0, np.nan, MATRIX)


def written(folder: Path, name: str) -> Path:
    path = folder / name
    if name.endswith("sparse.npz"):
        scipy.sparse.save_npz(path, scipy.sparse.csr_array(MATRIX))
    elif name.endswith(".npz"):
        np.savez_compressed(path, values=HOLES)
    elif name.endswith(".npy"):
        np.save(path, HOLES)
    elif name.endswith(".mtx.gz"):
        plain = io.BytesIO()
        scipy.io.mmwrite(plain, scipy.sparse.coo_array(MATRIX))
        path.write_bytes(gzip.compress(plain.getvalue()))
    else:
        frame = pl.DataFrame(HOLES, schema=["a", "b", "c"])
        writers = {"parquet": frame.write_parquet, "feather": frame.write_ipc}
        writers[path.suffix[1:]](path)
    return path


@pytest.mark.parametrize("name", ["t.npz", "sparse.npz", "t.npy", "t.mtx.gz", "t.parquet", "t.feather"])
def test_flipped_and_missing_bytes_are_a_sentence_or_other_numbers(tmp_path, name):
    path = written(tmp_path, name)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(60):
        data = bytearray(whole)
        if trial % 3 == 0:
            data = data[: rng.integers(len(data))]
        else:
            for place in rng.integers(len(data), size=trial % 5 + 1):
                data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        with suppress(InputError):
            read_table(path)
        # a command first asks whether the file is a tensor's
        assert holds_tensor(path) in (True, False)
        with suppress(InputError):
            read_tensor(path)


@pytest.mark.parametrize("indptr", [[0, 2, 3, 50], [0, 3, 2, 5], [1, 2, 3, 5], [0, 2, 3], [-4, 2, 3, 5]])
def test_row_pointers_that_lead_astray_are_refused(tmp_path, indptr):
    with np.load(written(tmp_path, "sparse.npz")) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(tmp_path / "t.npz", **{**arrays, "indptr": np.array(indptr, dtype=np.int32)})
    with pytest.raises(InputError, match="must fit one another"):
        read_table(tmp_path / "t.npz")


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from rankfall.errors import InputError
from rankfall.tables import read_table
from rankfall.tables.tensors import holds_tensor, read_tensor
for name in sys.argv[1:]:
    try: read_table(name)
    except InputError as error: print("refused")
"""


def test_absurd_shapes_are_refused_before_memory_is_taken(tmp_path):
    head = "%%MatrixMarket matrix {} real general\n1000000000 1000000000{}\n1 1 1.0\n"
    (tmp_path / "a.mtx").write_text(head.format("coordinate", " 1"))
    (tmp_path / "b.mtx").write_text(head.format("array", ""))
    (tmp_path / "c.mtx").write_text(head.format("coordinate", " 1000000000000"))
    np.save(tmp_path / "d.npy", HOLES)
    data = (tmp_path / "d.npy").read_bytes()
    (tmp_path / "d.npy").write_bytes(data.replace(b"(3, 3), }        ", b"(3000000, 3000)}"[:17].ljust(17)))
    np.savez(tmp_path / "e.npz", rows=[0], cols=[0], values=[1.0], shape=[10**12, 10**12])
    names = [str(tmp_path / name) for name in ("a.mtx", "b.mtx", "c.mtx", "d.npy", "e.npz")]
    source = str(Path(rankfall.__file__).parents[1])
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, *names], env={"PYTHONPATH": source, "POLARS_MAX_THREADS": "1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ended.stdout.split(), ended.stderr) == (["refused"] * 5, "")


def test_an_npy_named_npz_and_a_path_that_is_too_long(tmp_path):
    np.save(tmp_path / "t.npy", HOLES)
    (tmp_path / "t.npy").rename(tmp_path / "t.npz")
    with pytest.raises(InputError, match=r"name it \.npy"):
        read_table(tmp_path / "t.npz")
    with pytest.raises(InputError, match="must be readable"):
        read_table(tmp_path / ("x" * 5000 + ".csv"))


@pytest.mark.parametrize("name", ["t.mtx", "t.mtx.gz"])
def test_a_matrix_market_file_that_ends_in_nul_bytes_is_refused_before_it_is_parsed(tmp_path, name):
    text = b"%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 0.5\n1 2 1.5\n" + bytes(1000)
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    with pytest.raises(InputError, match="NUL bytes"):
        read_table(tmp_path / name)

"""Random files: a table in some format, then damaged, so that readers meet what no careful program writes."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import scipy.io
import scipy.sparse
import zstandard

from tests.fuzz.tables import some

PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}
FORMATS = (
    ".csv", ".csv", ".tsv", ".txt", ".csv.gz", ".csv.bz2", ".csv.xz", ".tsv.zst", ".csv.zip", ".parquet", ".feather",
    ".arrow", ".npy", ".npz", ".mtx", ".mtx.gz", ".xlsx", "sparse.npz", "coded.npz",
)  # fmt: skip
WORDS = (
    "", "NA", "nan", "inf", "-inf", "1e400", "1e308", "-1e-320", "oops", "1,5", "1.234,5", "< 0.1", "12 %", "$3",
    "TRUE", "2024-01-05", "\x1b[31mred", "\u202e7", "'", '"', '"a,b"', "a\nb", "\x00", "9" * 400, "1_000", "０", "½",
    "#REF!", "=1/0",
)  # fmt: skip


def write(rng: np.random.Generator, folder: Path, values: np.ndarray) -> Path:
    """The table in a file of some format in the folder."""
    kind = some(rng, *FORMATS)
    path = folder / (kind if kind[0] != "." else f"t{kind}")
    path.write_bytes(_bytes(rng, kind, values))
    return path


def _bytes(rng: np.random.Generator, kind: str, values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    if kind == ".npy":
        # numbers that the type cannot hold become infinite
        with np.errstate(over="ignore"):
            np.save(buffer, values.astype(some(rng, np.float64, np.float32, np.float16, ">f8")))
    elif kind == ".npz":
        np.savez_compressed(buffer, values=values)
    elif kind == "coded.npz":
        rows, cols = np.nonzero(~np.isnan(values))
        np.savez(buffer, rows=rows, cols=cols, values=values[rows, cols], shape=values.shape)
    elif kind == "sparse.npz":
        scipy.sparse.save_npz(buffer, _sparse(rng, values))
    elif kind in (".mtx", ".mtx.gz"):
        scipy.io.mmwrite(buffer, scipy.sparse.coo_array(_sparse(rng, values)))
    elif kind in (".parquet", ".feather", ".arrow", ".xlsx"):
        frame = _frame(rng, values)
        if kind == ".xlsx":
            _workbook(frame).save(buffer)
        elif kind == ".parquet":
            frame.write_parquet(buffer)
        else:
            frame.write_ipc(buffer)
    else:
        buffer.write(_text(rng, values, "\t" if ".tsv" in kind or ".txt" in kind else ",").encode())
    data = buffer.getvalue()
    ending = kind[kind.rfind(".") :]
    if ending in PACKED:
        return PACKED[ending](data)
    if ending == ".zip":
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            archive.writestr("t.csv", data)
        return whole.getvalue()
    return data


def _sparse(rng: np.random.Generator, values: np.ndarray):
    rows, cols = np.nonzero(~np.isnan(values))
    entries = scipy.sparse.coo_array((values[rows, cols], (rows, cols)), shape=values.shape)
    return entries.asformat(some(rng, "csr", "csc", "coo"))


def _frame(rng: np.random.Generator, values: np.ndarray) -> pl.DataFrame:
    numbers = {f"c{j}": pl.Series(column, nan_to_null=bool(rng.random() < 0.8)) for j, column in enumerate(values.T)}
    if rng.random() < 0.5:
        return pl.DataFrame({"name": [f"r{i}" for i in range(len(values))], **numbers})
    return pl.DataFrame(numbers)


def _workbook(frame: pl.DataFrame):
    import openpyxl

    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(frame.columns)
    for row in frame.iter_rows():
        book.active.append([None if isinstance(cell, float) and not np.isfinite(cell) else cell for cell in row])
    return book


def _text(rng: np.random.Generator, values: np.ndarray, separator: str) -> str:
    unknown = some(rng, "", "", "NA", "NaN")
    digits = some(rng, "{:.3g}", "{!r}", "{:.2f}")
    lines = [[unknown if np.isnan(cell) else digits.format(float(cell)) for cell in row] for row in values]
    if rng.random() < 0.5:
        lines = [[f"r{i}", *line] for i, line in enumerate(lines)]
    if rng.random() < 0.7:
        lines = [[f"c{j}" for j in range(len(lines[0]))], *lines]
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.4 else 0):
        line = lines[int(rng.integers(len(lines)))]
        line[int(rng.integers(len(line)))] = some(rng, *WORDS)
    newline = some(rng, "\n", "\n", "\r\n", "\r")
    return newline.join(separator.join(line) for line in lines) + some(rng, newline, "", newline * 3)


def damage(rng: np.random.Generator, path: Path) -> Path:
    """The file with something wrong about it: bytes, length, name, or what lies there."""
    data = bytearray(path.read_bytes())
    kind = some(rng, "flip", "flip", "cut", "insert", "empty", "double", "rename", "zeros", "folder", "text", "sealed")
    if kind == "flip":
        for place in rng.integers(len(data), size=int(rng.integers(1, 6))) if data else []:
            data[place] ^= int(rng.integers(1, 256))
    elif kind == "cut":
        del data[int(rng.integers(len(data) + 1)) :]
    elif kind == "insert":
        place = int(rng.integers(len(data) + 1))
        data[place:place] = rng.integers(256, size=int(rng.integers(1, 20))).astype(np.uint8).tobytes()
    elif kind == "empty":
        data.clear()
    elif kind == "double":
        data.extend(bytes(data))
    elif kind == "zeros":
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    elif kind == "text":
        data[:] = some(rng, b"hello", b"PK\x03\x04", b"\xff\xfe", b"\x1f\x8b", b"PAR1", b"%%MatrixMarket", b"\x93NUMPY")
    path.write_bytes(data)
    if kind == "rename":
        path = path.rename(path.with_name("other" + some(rng, *FORMATS).lstrip("sparecod")))
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "sealed":
        path.chmod(0)
    return path

"""The command line inside the test's own process, or Python in another one, and small files to run it on."""

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import scipy.io
import scipy.sparse
from typer.testing import CliRunner

import rankfall
from rankfall.cli import app

HOLES = np.array([[1.0, 2.5, np.nan], [2.0, np.nan, 6.0], [3.0, 7.5, 9.0], [np.nan, 10.0, 12.0]])
KNOWN = ~np.isnan(HOLES)


class Ended(NamedTuple):
    """How a command ended, what it printed, and what it left in the folder."""

    code: int
    stdout: str
    stderr: str

    @property
    def rows(self) -> dict[str, str]:
        """The summary."""
        return {line[:20].split("  ")[0].strip(): line for line in self.stdout.splitlines()}


def shell(*words) -> Ended:
    result = CliRunner().invoke(app, [str(word) for word in words], prog_name="rankfall")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def complete(*words) -> Ended:
    """`rankfall complete`, without the lines that tell how the input was read."""
    ended = shell("complete", *words)
    lines = ended.stderr.splitlines(keepends=True)
    return ended._replace(stderr="".join(line for line in lines if not line.startswith("read: ")))


def text(separator=",", decimal=".", values=HOLES, unknown="") -> str:
    lines = [separator.join(["city", "a", "b", "c"])]
    for name, row in zip("KLMNOPQR", values, strict=False):
        cells = [unknown if np.isnan(x) else f"{x:g}".replace(".", decimal) for x in row]
        lines.append(separator.join([name, *cells]))
    return "\n".join(lines) + "\n"


def low_rank(shape=(24, 12), hidden=0.35, seed=3):
    rng = np.random.default_rng(seed)
    truth = 5 + np.outer(rng.standard_normal(shape[0]), rng.standard_normal(shape[1]))
    return truth, np.where(rng.random(shape) < hidden, np.nan, truth)


TEXTS = {"t.tsv": ("\t", ".", "NA"), "semicolon.csv": (";", ",", "")}


def write(name: str, values=HOLES) -> Path:
    path = Path(name)
    if name.endswith(".csv.gz"):
        path.write_bytes(gzip.compress(text(values=values).encode()))
    elif path.suffix == ".parquet":
        numbers = {name: pl.Series(column, nan_to_null=True) for name, column in zip("abc", values.T, strict=True)}
        pl.DataFrame({"city": list("KLMN"), **numbers}).write_parquet(path)
    elif path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, values=values)
    elif path.suffix == ".mtx":
        rows, cols = np.nonzero(~np.isnan(values))
        scipy.io.mmwrite(path, scipy.sparse.coo_array((values[rows, cols], (rows, cols)), shape=values.shape))
    else:
        separator, decimal, unknown = TEXTS.get(name, (",", ".", ""))
        path.write_text(text(separator, decimal, values, unknown))
    return path


def entries(values, repeat=()) -> Path:
    places = np.argwhere(~np.isnan(values)).tolist()
    lines = ["user,item,rating", *(f"u{i},i{j},{float(values[i, j])!r}" for i, j in places), *repeat]
    Path("entries.csv").write_text("\n".join(lines))
    return Path("entries.csv")


def python(code: str, *words, **options) -> subprocess.CompletedProcess:
    """How a process of its own ended, that ran this code with these words."""
    source = str(Path(rankfall.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "COVERAGE_PROCESS_START": "", "NUMBA_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], env=environment, capture_output=True, text=True, timeout=300,
        check=False, **options,
    )  # fmt: skip

"""Faults while a result is written: signals, full disks, errors at renames. The old result is there, or the new one."""

import errno
import os
import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from rankfall.tables import read_table, write_table
from rankfall.tables.table import Table
from rankfall.trajectory import Trajectory
from tests.helpers.shell import HOLES, low_rank, shell

# Where the disk is full, openpyxl leaves a generator open that complains when it is collected, perhaps in a later test.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FEW = ("t.csv", "t.npz")
FORMATS = (
    *FEW, "t.tsv", "t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.csv.zst", "t.csv.zip", "t.parquet", "t.feather", "t.npy",
    "t.mtx", "t.mtx.gz", "t.xlsx",
)  # fmt: skip
FLOW = ("flow", "--rows", 6, "--cols", 5, "--rank", 1, "--observed", 25, "--loss", "0.5", "--no-report")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def raising(monkeypatch, moment, fault):
    """Let the fault happen at each call of one of the system's functions that every writing ends with."""
    real = getattr(os, moment)

    def faulty(*arguments, **options):
        fault()
        return real(*arguments, **options)

    monkeypatch.setattr(os, moment, faulty)


def no_space():
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def input_table() -> Path:
    np.save("in.npy", low_rank((9, 5))[1])
    return Path("in.npy")


def check_formats(name, fault, moment, monkeypatch):
    source = input_table()
    write_table(Table(HOLES), name)
    older = Path(name).read_bytes()
    with monkeypatch.context() as inside:
        raising(inside, moment, fault)
        ended = shell("complete", source, "-o", name, "--depth", "2")
    assert sorted(os.listdir()) == sorted(["in.npy", name])
    if fault is no_space:
        assert ended.code == 2
        assert "No space left on device" in ended.stderr
        assert ended.stderr.splitlines()[-1].startswith("rankfall: the output must be writable")
        assert Path(name).read_bytes() == older
    else:
        assert ended.code == 130
        assert f"interrupted, the best found so far is written to '{name}'" in ended.stderr
        assert np.isfinite(read_table(name).values).all()
        assert Path(name).read_bytes() != older


FAULTS = {
    "Ctrl-C": lambda: signal.raise_signal(signal.SIGINT),
    "SIGTERM": lambda: signal.raise_signal(signal.SIGTERM),
    "full": no_space,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", FEW)
def test_faults_in_two_formats(name, fault, monkeypatch):
    check_formats(name, FAULTS[fault], "replace", monkeypatch)


@pytest.mark.fuzz
@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", FORMATS)
def test_faults_in_every_format(name, fault, moment, monkeypatch):
    check_formats(name, FAULTS[fault], moment, monkeypatch)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_at_the_renames_of_a_run(fault, monkeypatch):
    assert shell(*FLOW, "-o", "h.zarr", "--seed", 1).code == 0
    older = Trajectory.load("h.zarr").weights
    with monkeypatch.context() as inside:
        raising(inside, "rename", FAULTS[fault])
        ended = shell(*FLOW, "-o", "h.zarr", "--seed", 2)
    assert os.listdir() == ["h.zarr"]
    found = Trajectory.load("h.zarr").weights
    assert ended.code == (2 if fault == "full" else 130)
    assert np.array_equal(found, older) is (fault == "full")


@pytest.fixture
def small_disk():
    """No file may be longer than 64 bytes, as on a disk that is full by then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", FORMATS)
def test_a_disk_that_is_full_halfway(name, small_disk):
    Path(name).write_bytes(b"an older result")
    table = Table(np.random.default_rng(0).standard_normal((40, 5)))
    small_disk()
    with pytest.raises(ValueError, match=r"must be writable.*(too large|space)") as raised:
        write_table(table, name)
    assert "\n" not in str(raised.value)
    assert Path(name).read_bytes() == b"an older result"
    assert os.listdir() == [name]


def test_a_disk_that_is_full_halfway_through_a_run_a_picture_or_a_page(small_disk):
    source = input_table()
    assert shell(*FLOW, "-o", "h.zarr", "--seed", 1).code == 0
    older = Trajectory.load("h.zarr").weights
    small_disk()
    for words in ((*FLOW, "-o", "h.zarr", "--seed", 2), ("complete", source, "--depth", 2, "--report", "p.html")):
        ended = shell(*words)
        assert ended.code == 2
        assert ended.stderr.splitlines()[-1].startswith("rankfall: the output must be writable")
    np.testing.assert_array_equal(Trajectory.load("h.zarr").weights, older)
    assert sorted(os.listdir()) == ["h.zarr", "in.npy"]

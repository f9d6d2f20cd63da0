"""What is printed never ends a run: closed pipes, full disks behind stdout and narrow encodings lose no result."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rankfall.cli.streams import Forgiving, forgiving_streams
from rankfall.trajectory import Trajectory
from tests.helpers.processes import command, start, surroundings

SMALL = ("--rows", 8, "--cols", 8, "--rank", 1, "--observed", 45, "--loss", "1e-3")
SECONDS = 180


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_pipe_that_nobody_reads_loses_no_run():
    with start("flow", *SMALL, "-o", "h.zarr") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        stderr = process.stderr.read()
    assert (process.returncode, stderr) == (0, b"")
    assert Trajectory.load("h.zarr").status == "converged"


def test_signs_that_an_encoding_lacks_are_replaced():
    process = start("flow", *SMALL, "-o", "h.zarr", PYTHONIOENCODING="ascii")
    stdout, stderr = process.communicate(timeout=SECONDS)
    assert (process.returncode, stderr) == (0, b"")
    assert b"s_r by now" in stdout
    assert stdout.isascii()
    assert Path("h.zarr").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1"])
@pytest.mark.parametrize(
    "words",
    [
        ("flow", *SMALL, "-o", "h.zarr"),
        ("reproduce", "--list"),
        ("--help",),
        ("--version",),
        ("recover", "-o", "r.csv"),
    ],
    ids=lambda words: words[0].strip("-"),
)
def test_streams_that_are_closed_or_full(words, closed):
    ended = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command(*words)], env=surroundings(), capture_output=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, b"") if "2>" not in closed else ended.returncode == 0
    if "-o" in words:
        assert Path(str(words[-1])).exists()


@pytest.mark.slow
def test_a_closed_stdout_does_not_give_its_number_to_a_result():
    ended = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", sys.executable, "-c", "from rankfall.cli.streams import *; import os; "
         "occupy_closed_descriptors(); raise SystemExit(os.open('r', os.O_CREAT) < 3)"],
        env=surroundings(), timeout=SECONDS, check=False,
    )  # fmt: skip
    assert ended.returncode == 0


class Broken(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


@pytest.mark.parametrize("inside", [None, Broken(), io.TextIOWrapper(io.BytesIO(), encoding="cp1252")])
def test_a_forgiving_stream_takes_everything(inside):
    stream = Forgiving(inside)
    for text in ("σ ≤ 3\n", "\udcff", "plain"):
        assert stream.write(text) == len(text)
    with pytest.raises(TypeError):
        stream.write(b"")
    stream.flush()
    assert stream.isatty() is False


def test_forgiving_streams_are_there_inside_only(monkeypatch):
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", narrow)
    with forgiving_streams():
        print("∇ℓ × 2 ± ½ 漢")
    assert sys.stdout is narrow
    assert narrow.buffer.getvalue() == b"grad l \xd7 2 \xb1 \xbd \\u6f22" + os.linesep.encode()

"""How commands begin and end: start-up, progress, Ctrl-C, and runs that diverge."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

import rankfall
from rankfall.cli.console import Console, time_left
from rankfall.trajectory import step_hook
from tests.helpers.shell import complete, low_rank, python, write


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pressing_at(steps):
    """A hook that presses Ctrl-C before these steps of all runs of a command, counted from 1."""
    count = 0

    def press(state):
        nonlocal count
        count += 1
        if count in steps:
            signal.raise_signal(signal.SIGINT)

    return press


@pytest.mark.parametrize("steps", [{3}, {40}, {40, 60}])
def test_ctrl_c_writes_the_best_so_far_and_says_so(steps):
    _, holes = low_rank()
    np.save("t.npy", holes)
    with step_hook(pressing_at(steps)):
        ended = complete("t.npy", "--quiet")
    assert (ended.code, ended.stdout) == (130, "")
    assert ended.stderr == "warning: interrupted, the best found so far is written to 't-completed.npy'\n"
    filled = np.load("t-completed.npy")
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~np.isnan(holes)], holes[~np.isnan(holes)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_a_result_writes_nothing(monkeypatch):
    def read(*arguments, **options):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("rankfall.cli.table.read_table", read)
    ended = complete(write("t.csv"))
    assert ended == (130, "", "rankfall: interrupted before there was a result to keep\n")
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


def test_a_run_that_diverges_keeps_its_best_state_and_exits_1(monkeypatch):
    from rankfall.estimators.fitting import run_to_time
    from rankfall.integrators import Descent, Gradient

    def diverging(residuals, model, trial, settings, progress):
        settings = replace(settings, integrator=Descent(Gradient(rate=300.0)))
        return run_to_time(residuals, model, trial, settings, progress)

    monkeypatch.setattr("rankfall.estimators.fitting.run_to_time", diverging)
    truth, holes = low_rank()
    np.save("t.npy", holes)
    ended = complete("t.npy", "--depth", 2)
    assert ended.code == 1
    assert ended.stderr.startswith("warning: the fit ended as diverged")
    assert "try a smaller rtol or scale" in ended.stderr
    assert "diverged, before the stopping time" in ended.rows["ended"]
    filled = np.load("t-completed.npy")
    assert np.abs(filled - holes.mean(where=~np.isnan(holes))).max() < 10 * truth.std()


def test_time_left_is_that_of_the_rest_at_the_pace_so_far():
    assert time_left(30.0, 0.25) == "1:30"
    assert time_left(0.0, 0.0) == "-:--"
    assert time_left(12.0, 1.0) == "0:00"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_shows_on_a_terminal_unless_quiet(quiet, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with Console(quiet).fitting() as progress:
        if progress is not None:
            progress("choosing: depth 2", 0.5)
    shown = terminal.getvalue()
    assert ("choosing: depth 2" in shown and "50 %, time left 0:00" in shown) is not quiet
    assert quiet is (shown == "")


HELP = """
import sys
from rankfall.cli import main
try: main()
except SystemExit: pass
print({name.split(".")[0] for name in sys.modules} & {"numpy", "scipy", "sklearn", "numba", "polars", "matplotlib"})
"""


def test_help_and_version_import_nothing_heavy():
    for words in (("--help",), ("complete", "--help"), ("--version",), ("complete", "t.csv", "--depth", "0")):
        ended = python(HELP, *words)
        assert ended.stdout.splitlines()[-1] == "set()", ended.stderr


EXAMPLE = """
import sys
from rankfall.datasets import samples
whole = samples.photograph
samples.photograph = lambda name: whole(name, height=40)
from rankfall.cli import main
try: main()
except SystemExit as end: assert not end.code
print({name.split(".")[0] for name in sys.modules} & {"polars", "xarray", "zarr", "plotly", "torch", "pooch"})
"""


@pytest.mark.slow
def test_the_example_imports_only_what_it_needs():
    ended = python(EXAMPLE, "complete", "--depth", "2")
    assert ended.stdout.splitlines()[-1] == "set()", ended.stderr


MAIN = "from rankfall.cli import main; main()"


@pytest.mark.slow
def test_ctrl_c_before_anything_is_fitted_leaves_nothing():
    np.save("t.npy", low_rank((1500, 1200))[1])
    source = str(Path(rankfall.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "complete", "t.npy"],
        env={**os.environ, "PYTHONPATH": source}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(0.6)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=240)
    assert (process.returncode, stderr) == (130, "rankfall: interrupted before there was a result to keep\n")
    assert [path.name for path in Path().iterdir()] == ["t.npy"]

"""SIGTERM in a process of its own: during a fit the best so far is written; what is being written is finished."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rankfall.trajectory import Trajectory
from tests.helpers.processes import start, surroundings
from tests.helpers.shell import low_rank

SECONDS = 240
# Sends the process a signal at each call of a function of the system that ends a writing.
AT = """
import os, signal, sys
moment, number = sys.argv[1], int(sys.argv[2])
real = getattr(os, moment)
def signaled(*given, **options):
    os.kill(os.getpid(), number)
    return real(*given, **options)
setattr(os, moment, signaled)
sys.argv[1:] = sys.argv[3:]
from rankfall.cli import main
main()
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def signaled(moment: str, number: int, *words) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", AT, moment, str(int(number)), *map(str, words)], env=surroundings(),
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip


DURING = """
import os, signal, sys
from rankfall.trajectory import step_hook
from rankfall.cli import main
numbers = [int(sys.argv.pop(1))]
def ask(state):
    if state.step == 20 and numbers:
        os.kill(os.getpid(), numbers.pop())
with step_hook(ask):
    main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_a_fit_writes_the_best_so_far(number):
    np.save("t.npy", low_rank((40, 30))[1])
    ended = subprocess.run(
        [sys.executable, "-c", DURING, str(int(number)), "complete", "t.npy", "--rtol", "1e-4"],
        env=surroundings(), capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (
        130, "warning: interrupted, the best found so far is written to 't-completed.npy'\n",
    )  # fmt: skip
    assert np.isfinite(np.load("t-completed.npy")).all()


RECOVERING = """
import os, signal, sys
import rankfall.recovery.frozen_path as path
from rankfall.cli import main
number, step = int(sys.argv.pop(1)), int(sys.argv.pop(1))
real, seen = path.fit_tangent, []
def ask(*given, **options):
    seen.append(1)
    if len(seen) == step:
        os.kill(os.getpid(), number)
    return real(*given, **options)
path.fit_tangent = ask
main()
"""


def interrupted_recovery(number: int, step: int) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", RECOVERING, str(int(number)), str(step), "recover", "t.npy"], env=surroundings(),
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_a_recovery_writes_what_is_determined_by_then(number):
    observed = low_rank((40, 30))[1]
    np.save("t.npy", observed)
    ended = interrupted_recovery(number, 5)
    assert (ended.returncode, ended.stderr) == (
        130, "warning: interrupted, the best found so far is written to 't-recovered.npy'\n",
    )  # fmt: skip
    assert "interrupted on path 1, at rank" in ended.stdout
    np.testing.assert_array_equal(np.load("t-recovered.npy"), observed)


def test_a_signal_before_the_first_step_of_a_recovery_writes_nothing():
    np.save("t.npy", low_rank((40, 30))[1])
    ended = interrupted_recovery(signal.SIGINT, 1)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "rankfall: interrupted before there was a result to keep\n"
    assert [path.name for path in Path().iterdir()] == ["t.npy"]


def test_sigterm_while_a_table_is_written_finishes_it():
    np.save("t.npy", low_rank((12, 6))[1])
    ended = signaled("fsync", signal.SIGTERM, "complete", "t.npy", "--depth", 2, "-q")
    assert ended.returncode == 130
    assert ended.stderr == "warning: interrupted, the best found so far is written to 't-completed.npy'\n"
    assert np.isfinite(np.load("t-completed.npy")).all()
    assert sorted(path.name for path in Path().iterdir()) == ["t-completed.npy", "t.npy"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_each_rename_of_a_run_finishes_it(number):
    words = ("flow", "--rows", 6, "--cols", 5, "--rank", 1, "--observed", 25, "--loss", "0.5", "-o", "h.zarr", "-q")
    for seed in (1, 2):
        ended = signaled("rename", number, *words, "--seed", seed)
        assert (ended.returncode, ended.stdout) == (130, "")
        assert ended.stderr == "warning: interrupted, the best found so far is saved to 'h.zarr'\n"
        assert Trajectory.load("h.zarr").seed == seed
    assert [path.name for path in Path().iterdir()] == ["h.zarr"]


@pytest.mark.slow
def test_a_killed_process_leaves_the_old_run_and_the_next_one_clears_up():
    words = ("flow", "--rows", 6, "--cols", 5, "--rank", 1, "--observed", 25, "--loss", "0.5", "-o", "h.zarr", "-q")
    with start(*words, "--seed", 1) as process:
        process.communicate(timeout=SECONDS)
    assert signaled("rename", signal.SIGKILL, *words, "--seed", 2).returncode == -signal.SIGKILL
    assert Trajectory.load("h.zarr").seed == 1
    with start(*words, "--seed", 3) as process:
        process.communicate(timeout=SECONDS)
    assert Trajectory.load("h.zarr").seed == 3
    assert [path.name for path in Path().iterdir()] == ["h.zarr"]

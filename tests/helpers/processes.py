"""The command line in a process of its own, as a shell starts it."""

import os
import subprocess
import sys
from pathlib import Path

import rankfall


def command(*words) -> list[str]:
    """The words that start `rankfall` with the words given."""
    return [sys.executable, "-m", "rankfall", *map(str, words)]


def surroundings(**more: str) -> dict[str, str]:
    """The environment of such a process: this source, one thread."""
    source = str(Path(rankfall.__file__).parents[1])
    given = {"PYTHONPATH": source, "COVERAGE_PROCESS_START": "", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return {**os.environ, **given, **more}


def start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more: str) -> subprocess.Popen:
    """The process, begun; `more` are variables of its environment."""
    return subprocess.Popen(command(*words), env=surroundings(**more), stdout=stdout, stderr=stderr)

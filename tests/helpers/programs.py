"""A Python program, run as a reader would."""

import os
import subprocess
import sys
from pathlib import Path

import rankfall as rf


def run(program: Path, folder: Path, *arguments: str) -> str:
    """What the program prints; whatever it writes, it writes in `folder`.

    In a Python of its own: without the shape checks of the tests, which would multiply the time of a fit, and with
    warnings for users as errors.
    """
    command = [sys.executable, "-W", "error::UserWarning", str(program), *arguments]
    # the package under test, and one thread: these tables are too small to share
    environment = os.environ | {"PYTHONPATH": str(Path(rf.__file__).parents[1]), "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout

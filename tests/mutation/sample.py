"""Mutation tests on a sample: mutants of the theory and of what it rests on, each against the tests nearest to it.

    nox -s mutate                       150 mutants
    nox -s mutate -- 30 theory          30 mutants of one room

Cosmic Ray makes the mutants, in a copy of the repository. A mutant is killed where a test fails, and survives where all
of the tests pass that know most names of its module; what takes far longer than they took before is an endless loop,
and killed too. Operators on types (int | None) are left out: they fail at the import, which says nothing about the
tests.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome

from tests.mutation.nearest import nearest_tests

# Per room: its share of the sample, and whether its compiled loops run as plain Python.
ROOMS = {"theory": (0.32, False), "integrators": (0.24, False), "estimators": (0.24, False), "kernels": (0.20, True)}
# What generates machine code is not run as plain Python.
EXCLUDED = ["src/rankfall/kernels/lanes.py"]
CONFIG = """
[cosmic-ray]
module-path = "src/rankfall/{room}"
timeout = 1.0
excluded-modules = {excluded}
test-command = ""

[cosmic-ray.distributor]
name = "local"
"""
MARKS = "not slow and not fuzz and not dask and not browser"


def main(count: int, rooms: list[str]) -> None:
    """Test `count` mutants of the rooms and print who survived."""
    root = Path(__file__).parents[2]
    total, whole = Counter(), sum(ROOMS[room][0] for room in rooms)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "rankfall"
        names = shutil.ignore_patterns(".git", "__pycache__", "_build", ".nox", ".venv")
        shutil.copytree(root, copy, ignore=names)
        os.chdir(copy)
        os.environ |= {"PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        for room in rooms:
            for outcome, line in tested(room, round(count * ROOMS[room][0] / whole)):
                total[room, outcome] += 1
                print(f"{outcome:9}{line}", flush=True)
    for room in rooms:
        killed, lived = total[room, "killed"], total[room, "survived"]
        print(f"{room}: {killed} of {killed + lived} killed")


def tested(room: str, count: int) -> Iterator[tuple[str, str]]:
    """The sampled mutants of a room: killed or survived, and the changed line."""
    is_plain = ROOMS[room][1]
    os.environ["NUMBA_DISABLE_JIT"] = str(int(is_plain))
    options = "-p tests.mutation.plain_lanes" if is_plain else ""
    for item in sampled(room, count):
        mutation = item.mutations[0]
        tests = " ".join(nearest_tests(mutation.module_path))
        if not tests:
            yield "survived", f"{mutation.module_path}:{mutation.start_pos[0]} no test names what it defines"
            continue
        result = mutate_and_test(item.mutations, command(options, tests), 60 + 4 * usual_seconds(options, tests))
        changed = [line for line in (result.diff or "").splitlines() if line[:1] in "+-"][2:]
        line = f"{mutation.module_path}:{mutation.start_pos[0]} {' '.join(changed)}"
        yield "survived" if result.test_outcome is TestOutcome.SURVIVED else "killed", line


def sampled(room: str, count: int) -> list:
    """So many of a room's mutants, the same ones every time."""
    config, session = Path(f"{room}.toml"), Path(f"{room}.sqlite")
    config.write_text(CONFIG.format(room=room, excluded=EXCLUDED))
    subprocess.run([sys.executable, "-m", "cosmic_ray.cli", "init", config, session], check=True)
    with use_db(str(session), WorkDB.Mode.open) as work:
        items = [item for item in work.work_items if "BitOr" not in item.mutations[0].operator_name]
    return random.Random(0).sample(items, min(count, len(items)))


def command(options: str, tests: str) -> str:
    """Pytest on these files, in this order, until one fails."""
    return f"{sys.executable} -m pytest -x -q -p no:cacheprovider {options} -o addopts=--import-mode=importlib " + (
        f"-m '{MARKS}' {tests}"
    )


@cache
def usual_seconds(options: str, tests: str) -> float:
    """How long the tests take where nothing is changed; they must pass."""
    begun = time.perf_counter()
    subprocess.run(command(options, tests), shell=True, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    words = sys.argv[1:]
    main(int(words[0]) if words else 150, words[1:] or list(ROOMS))

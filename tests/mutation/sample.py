"""Mutation tests on a sample: mutants of the theory and of what it rests on, each against the tests of its room.

    nox -s mutate                       150 mutants
    nox -s mutate -- 30 theory          30 mutants of one room

Cosmic Ray makes the mutants and runs the tests on each, in a copy of the repository. A mutant survives where the tests
pass. Operators on types (int | None) are left out: they fail at the import, which says nothing about the tests.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome

# Per room: its share of the sample, its tests, and whether its compiled loops run as plain Python.
ROOMS = {
    "theory": (0.32, "tests/theory", False),
    "integrators": (0.24, "tests/integrators tests/contracts/test_method.py tests/contracts/test_update.py", False),
    "estimators": (0.24, "tests/estimators", False),
    "kernels": (0.20, "tests/kernels tests/problems tests/recovery tests/contracts tests/models tests/baselines", True),
}
CONFIG = """
[cosmic-ray]
module-path = "src/rankfall/{room}"
timeout = 150.0
excluded-modules = {excluded}
test-command = "{python} -m pytest -x -q {options} -o addopts=--import-mode=importlib -m 'not slow' {tests}"

[cosmic-ray.distributor]
name = "local"
"""


def main(count: int, rooms: list[str]) -> None:
    """Test `count` mutants of the rooms and print who survived."""
    root = Path(__file__).parents[2]
    survivors, total = [], Counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "rankfall"
        names = shutil.ignore_patterns(".git", "__pycache__", "_build", ".nox", ".venv")
        shutil.copytree(root, copy, ignore=names)
        whole = sum(ROOMS[room][0] for room in rooms)
        for room in rooms:
            for outcome, line in tested(copy, room, round(count * ROOMS[room][0] / whole)):
                total[room, outcome] += 1
                if outcome == "survived":
                    survivors.append(line)
    for room in rooms:
        killed, lived = total[room, "killed"], total[room, "survived"]
        print(f"{room}: {killed} of {killed + lived} killed")
    print("\n".join(survivors))


def tested(copy: Path, room: str, count: int) -> Iterator[tuple[str, str]]:
    """The sampled mutants of a room: killed or survived, and the changed line."""
    _, tests, is_plain = ROOMS[room]
    config, session = copy / f"{room}.toml", copy / f"{room}.sqlite"
    # what generates machine code is not run as plain Python
    excluded, plugin = (["src/rankfall/kernels/lanes.py"], " -p tests.mutation.plain_lanes") if is_plain else ([], "")
    options = "-p no:cacheprovider" + plugin
    config.write_text(CONFIG.format(room=room, python=sys.executable, tests=tests, excluded=excluded, options=options))
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")} | ({"NUMBA_DISABLE_JIT": "1"} if is_plain else {})
    ray = [sys.executable, "-m", "cosmic_ray.cli"]
    subprocess.run([*ray, "init", config.name, session.name], cwd=copy, check=True)
    with use_db(str(session), WorkDB.Mode.open) as work:
        items = [item for item in work.work_items if "BitOr" not in item.mutations[0].operator_name]
        work.clear()
        work.add_work_items(random.Random(0).sample(items, min(count, len(items))))
    subprocess.run([*ray, "exec", config.name, session.name], cwd=copy, env=environment, check=True)
    with use_db(str(session), WorkDB.Mode.open) as work:
        for item, result in work.completed_work_items:
            mutation = item.mutations[0]
            changed = [line for line in (result.diff or "").splitlines() if line[:1] in "+-"][2:]
            line = f"{mutation.module_path}:{mutation.start_pos[0]} {' '.join(changed)}"
            yield "survived" if result.test_outcome is TestOutcome.SURVIVED else "killed", line


if __name__ == "__main__":
    words = sys.argv[1:]
    main(int(words[0]) if words else 150, words[1:] or list(ROOMS))

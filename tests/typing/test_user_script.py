"""Type checkers know the public names: a user's script, read by pyright and by mypy."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import rankfall

SCRIPT = Path(__file__).with_name("user_script.py")
SOURCE = Path(rankfall.__file__).parents[1]
TYPES = ["Trajectory", "Trajectories", "Trajectories", "dict[str, ndarray", "-> ", "Escape", "Chain"]


def revealed(output: str) -> list[str]:
    return re.findall(r'(?:Type of ".+" is|Revealed type is) "(.+)"$', output.replace("numpy.ndarray", "ndarray"), re.M)


def check_types(command: list[str], folder: Path) -> None:
    (folder / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{SOURCE.as_posix()}"], "strict": ["*.py"]}}')
    (folder / "mypy.ini").write_text(
        f"[mypy]\nmypy_path = {SOURCE.as_posix()}\nfollow_imports = silent\nstrict = True\n"
    )
    (folder / SCRIPT.name).write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", *command, SCRIPT.name], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = revealed(done.stdout)
    assert len(found) == len(TYPES), done.stdout
    for wanted, actual in zip(TYPES, found, strict=True):
        assert wanted in actual, done.stdout
        assert actual != "Any"


def test_pyright_knows_the_types(tmp_path: Path) -> None:
    check_types(["pyright", "--pythonpath", sys.executable], tmp_path)


@pytest.mark.slow
def test_mypy_knows_the_types(tmp_path: Path) -> None:
    check_types(["mypy"], tmp_path)


def test_user_script_runs() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True)
    assert "Trajectory" in done.stderr

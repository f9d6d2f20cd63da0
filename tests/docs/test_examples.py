"""What the documentation shows must run: the examples, and the Python of the pages that a reader copies from.

Each runs in a Python of its own, as it would for a reader: without the shape checks of the tests, which would multiply
the time of a fit, and with warnings for users as errors.
"""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rankfall as rf
from tests.helpers.pages import ROOT, python_blocks

EXAMPLES = sorted(ROOT.glob("examples/*.py"))
PAGES = [
    page
    for page in ("docs/quick-start.md", "docs/tensors.md", "docs/concepts.md", "docs/devices.md", "README.md")
    if (ROOT / page).exists()
]


def run(program: Path, folder: Path, *arguments: str) -> str:
    """What the program prints; whatever it writes, it writes in `folder`."""
    command = [sys.executable, "-W", "error::UserWarning", str(program), *arguments]
    # the package under test, and one thread: these tables are too small to share
    environment = os.environ | {"PYTHONPATH": str(Path(rf.__file__).parents[1]), "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_blocks_are_found_and_keep_their_lines() -> None:
    page = "words\n```python\nx = 1\n```\n```shell\nls\n```\n```{code-block} python\nno\n```\n```python\ny = 2\n```\n"
    assert python_blocks(page).split("\n") == ["", "", "x = 1", *[""] * 8, "y = 2", ""]


@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.stem != "singular_values"], ids=lambda p: p.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    assert run(example, tmp_path)


def test_singular_values_obey_their_law_and_are_drawn(tmp_path: Path) -> None:
    assert "holds" in run(ROOT / "examples" / "singular_values.py", tmp_path, "escapes.png")
    assert (tmp_path / "escapes.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(page: str, tmp_path: Path) -> None:
    program = tmp_path / "page.py"
    program.write_text(python_blocks((ROOT / page).read_text(encoding="utf-8")), encoding="utf-8")
    assert program.read_text(encoding="utf-8").strip()
    run(program, tmp_path)


def test_reference_has_every_room() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rooms = {f"rankfall.{name}" for name in rf.__all__ if inspect.ismodule(getattr(rf, name))}
    assert rooms <= set(re.findall(r"automodule:: (rankfall\.\w+)$", page, re.M))


def test_every_source_key_has_its_reference() -> None:
    known = set(re.findall(r"^\((\w+)\)=$", (ROOT / "docs" / "references.md").read_text(encoding="utf-8"), re.M))
    used = set()
    for path in [*ROOT.glob("src/**/*.py"), *ROOT.glob("benchmarks/*.py"), *ROOT.glob("examples/*.py")]:
        used |= set(re.findall(r"\[([a-z]+\d{4}[a-z]*)", path.read_text(encoding="utf-8")))
    assert used <= known

"""The Python of the pages that a reader copies from runs, and the reference is complete."""

import inspect
import re
from pathlib import Path

import pytest

import rankfall as rf
from tests.helpers.pages import ROOT, python_blocks
from tests.helpers.programs import run

PAGES = [
    page
    for page in ("docs/quick-start.md", "docs/tensors.md", "docs/concepts.md", "docs/devices.md", "README.md")
    if (ROOT / page).exists()
]


def test_blocks_are_found_and_keep_their_lines() -> None:
    page = "words\n```python\nx = 1\n```\n```shell\nls\n```\n```{code-block} python\nno\n```\n```python\ny = 2\n```\n"
    assert python_blocks(page).split("\n") == ["", "", "x = 1", *[""] * 8, "y = 2", ""]


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

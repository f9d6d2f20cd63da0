"""Every theorem has a page, every page a check that runs and prints what it says it prints, and a picture."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tests.helpers.pages import ROOT, python_blocks

PAGES = sorted(path for path in (ROOT / "docs" / "theory").glob("*.md") if "```python" in path.read_text("utf-8"))
NO_THEOREM_OF_A_PATH = {"gradient-flow", "integrators", "limits", "spectral-start"}


def promised(program: str) -> list[str]:
    """What the comments after `print(…)` say."""
    return re.findall(r"^ *print\(.*\)  # (.+)$", program, re.M)


@pytest.mark.parametrize("page", [ROOT / "docs" / "theory.md", *PAGES], ids=lambda path: path.stem)
def test_the_check_of_a_page_prints_what_it_says(page: Path) -> None:
    program = python_blocks(page.read_text(encoding="utf-8"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, str(page), "exec"), {"__name__": page.stem})
    assert promised(program)
    assert printed.getvalue().splitlines() == promised(program)


def test_every_page_is_listed_and_every_theorem_has_a_check_and_a_picture() -> None:
    listed = set(re.findall(r"^theory/([\w-]+)$", (ROOT / "docs" / "theory.md").read_text(encoding="utf-8"), re.M))
    pages = {path.stem for path in (ROOT / "docs" / "theory").glob("*.md")}
    assert listed == pages
    assert pages - {path.stem for path in PAGES} == NO_THEOREM_OF_A_PATH
    drawn = set(re.findall(r'^    "?(.+)"?,$', (ROOT / "docs" / "pictures" / "__init__.py").read_text("utf-8"), re.M))
    names = set(re.findall(r"\w+", " ".join(drawn)))
    for page in PAGES:
        asked = re.findall(r"^```\{picture\} (\w+)$", page.read_text(encoding="utf-8"), re.M)
        assert asked == [page.stem.replace("-", "_")]
        assert set(asked) <= names

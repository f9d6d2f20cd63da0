"""The examples run."""

from pathlib import Path

import pytest

from tests.helpers.pages import ROOT
from tests.helpers.programs import run

EXAMPLES = sorted(ROOT.glob("examples/*.py"))


@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.stem != "singular_values"], ids=lambda p: p.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    assert run(example, tmp_path)


def test_singular_values_obey_their_law_and_are_drawn(tmp_path: Path) -> None:
    assert "holds" in run(ROOT / "examples" / "singular_values.py", tmp_path, "escapes.png")
    assert (tmp_path / "escapes.png").read_bytes().startswith(b"\x89PNG")

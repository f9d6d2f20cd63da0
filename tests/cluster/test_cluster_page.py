"""The Python of the tutorial runs as a reader would run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rankfall as rf
from tests.helpers.pages import ROOT, python_blocks

pytestmark = pytest.mark.dask
PAGE = ROOT / "docs" / "tutorials" / "cluster.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not at hand")
def test_the_tutorial_runs(tmp_path):
    program = tmp_path / "page.py"
    program.write_text(python_blocks(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(rf.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "held-out error" in done.stdout
    assert (tmp_path / "best" / "part-00000.parquet").exists()

"""`rankfall report`: a saved run or a saved model, as a page."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankfall.cli.edge import say
from rankfall.errors import InputError

if TYPE_CHECKING:
    from rankfall.estimators import DeepMatrixFactorization
    from rankfall.trajectory import Trajectory

EXIT_CODES = "Exit codes: 0 done; 2 bad input, nothing written."


def report(
    source: Annotated[
        Path, typer.Argument(metavar="RUN_OR_MODEL", help="A run (Zarr folder) or a fitted model (.npz), as saved.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace a page that exists.")] = False,
) -> None:
    """Write the report of a saved run or model: one HTML file that needs no network.

    It describes the result, its errors and how the fit came about.
    """
    from rankfall.report import write_report
    from rankfall.report.page import check_report_path

    check_report_path(output, force)
    written = write_report(load_subject(source), output, force=force)
    say(f"written  {written}", sys.stdout)


def load_subject(path: Path) -> "Trajectory | DeepMatrixFactorization":
    """The run or the model that was saved at a path. Raises InputError where there is neither."""
    from rankfall.estimators import DeepMatrixFactorization
    from rankfall.trajectory import Trajectory

    if not path.exists():
        raise InputError(f"a report needs a saved run or model, {str(path)!r} does not exist; check the name")
    return Trajectory.load(path) if path.is_dir() else DeepMatrixFactorization.load(path)

"""The bundled example: a photograph, most of its pixels hidden, completed and drawn beside the truth."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from rankfall.cli.console import Console
from rankfall.cli.options import FitOptions
from rankfall.cli.report_output import ReportOutput
from rankfall.cli.steps import check_picture, draw, fit
from rankfall.errors import InputError

_HIDDEN = 0.7
_WHITE = 255.0


def complete_example(
    output: Path | None, plot: Path | None, options: FitOptions, console: Console, page: ReportOutput
) -> None:
    """Hide pixels, complete, draw masked, completed and true side by side, and tell the error against the truth."""
    from rankfall.datasets.samples import hide, photograph
    from rankfall.problems.completion import Completion

    if output is not None and plot is not None:
        raise InputError(f"the example draws one picture, got {str(output)!r} and {str(plot)!r}; name one of them")
    path = output or plot or Path("rankfall-example.png")
    check_picture(path)
    truth = photograph("china")
    holes = hide(truth, _HIDDEN, seed=options.seed)
    low, high = options.min_value, options.max_value
    options = replace(
        options, float32=True, min_value=0.0 if low is None else low, max_value=_WHITE if high is None else high
    )
    done = fit(Completion.from_array(holes), options, console)
    filled = done.estimator.transform(holes)
    console.writing(lambda: draw(path, holes, filled, truth))
    rows = [("photograph", f"china.jpg, {100 * _HIDDEN:.0f} % of the pixels hidden"), *done.rows()]
    for name, fill in {"rankfall": filled, **simple_fills(holes)}.items():
        error = float(np.sqrt(np.mean((fill - truth)[np.isnan(holes)] ** 2)))
        rows.append((f"error on hidden, {name}", f"{error:.2f} of {_WHITE:.0f}"))
    rows += console.writing(lambda: page.write(done.estimator))
    console.summary(rows, "drawn", path)


def simple_fills(holes: np.ndarray) -> dict[str, np.ndarray]:
    """What to compare with: the sum of row and column means, and column means alone; pixels stay in their range."""
    columns, rows, all_known = np.nanmean(holes, axis=0), np.nanmean(holes, axis=1), np.nanmean(holes)
    return {
        "row + column means": np.clip(rows[:, None] + columns - all_known, 0, _WHITE),
        "column means": np.broadcast_to(columns, holes.shape),
    }

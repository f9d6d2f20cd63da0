"""What the report of a fitted estimator says."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators import DeepMatrixFactorization
from rankfall.estimators.fitted import FittedTable
from rankfall.report.cells import filled_cells
from rankfall.report.contents import Summary, listed, parameters_of, versions
from rankfall.report.motion import Curve, motion_of
from rankfall.report.quality import errors_in_spreads, method_errors, qualities, reliance, sparse_rows
from rankfall.report.words import in_digits, in_words
from rankfall.trajectory import Trajectory

# How far beyond the stop, in stopping times, a held-out curve is shown.
_BEYOND = 3


def summary_of_fit(
    model: DeepMatrixFactorization,
    row_names: Iterable[object] | None,
    column_names: Iterable[object] | None,
    category_names: dict[int, list[str]],
    whole: bool,
) -> Summary:
    """The contents of the report of a fitted estimator; see `summarize`."""
    fitted = model.fitted_
    (m, n), count = fitted.problem.shape, fitted.problem.rows.size
    own = vars(model).get("feature_names_in_")
    columns = _names(own if column_names is None else column_names, n, "column")
    rows = _names(row_names, m, "row")
    spread = float(np.asarray(fitted.problem.values, dtype=np.float64).std())
    measured = qualities(fitted, columns)
    methods, unit = method_errors(fitted)
    sparse = sparse_rows(fitted)
    verdict = in_words(*errors_in_spreads(fitted))
    chosen = fitted.selection.chosen.candidate
    return Summary(
        title=f"Completion of a table of {m} × {n}",
        asked=[
            ("table", f"{m} rows × {n} columns"),
            ("observed", f"{count} of {m * n} entries ({100 * count / (m * n):.3g} %)"),
            ("filled", f"{m * n - count} entries"),
            *([] if fitted.standardization.mixed or fitted.is_category.any()
              else [("spread of the observed", f"{in_digits(spread)} (standard deviation)")]),
        ],
        findings=[f"The completion is {verdict}.", reliance(measured, "column")],
        settings=[
            ("depth", str(chosen.depth)), ("width", str(chosen.width)), ("scale of the start", in_digits(chosen.scale)),
            ("stopping time", in_digits(model.stopping_time_)),
            ("effective rank", in_digits(fitted.effective_rank)),
            ("parameters", parameters_of(model)),
            *versions(),
        ],
        methods=methods,
        methods_unit=unit,
        columns=measured,
        doubtful=_doubtful([rows[i] for i in sparse]),
        axes=[("row", rows), ("column", columns)],
        cells=filled_cells(model) if whole else None,
        category_names=category_names,
        candidates=[
            {
                "depth": trial.candidate.depth, "width": trial.candidate.width, "scale": trial.candidate.scale,
                "reading": trial.candidate.scaling, "features": "yes" if trial.candidate.features else "no",
                "popularity": trial.candidate.popularity, "best time": trial.time, "held-out error": trial.error,
                "outcome": "chosen" if trial is fitted.selection.chosen else "given up early" * trial.is_given_up,
            }
            for trial in fitted.selection.trials
        ],
        members=dict(sorted(model.shares_.items(), key=lambda member: -member[1])),
        **(_moved(model.retrace(), fitted) if whole else {}),
    )  # fmt: skip


def _doubtful(rows: list[str]) -> str:
    """A sentence on rows with few observed entries."""
    if not rows:
        return ""
    return f"Rows with fewer than three observed entries are filled mostly by averages: {listed(rows)}."


def _moved(run: Trajectory | None, fitted: FittedTable) -> dict[str, Any]:
    """The motion of a fit's run with the held-out curve that chose its stop, or why there is none."""
    if run is None:
        return {
            "without_motion": "The run of this model cannot be made again, as the fit was interrupted or is a moment "
            "of the run that chose it; make the report where the model is fitted."
        }
    if run.history["time"].size < 2:
        return {"without_motion": "The run has a single recorded moment."}
    trial, loss = fitted.selection.chosen, fitted.standardization.loss
    root = np.sqrt if loss.is_quadratic else np.asarray
    curves = {"observed": Curve(run.history["time"], root(run.history["loss"])).thinned()}
    if trial.curve:
        times, errors = np.asarray(trial.curve).T
        shown = times <= _BEYOND * trial.time
        curves["held out"] = Curve(times[shown], errors[shown])
    return {
        "motion": replace(
            motion_of(run),
            curves={title: Curve(curve.times, curve.values / curve.values[0]) for title, curve in curves.items()},
            measure=f"{'error' if loss.is_quadratic else 'loss'} as a share of what row and column effects leave",
            stop=trial.time,
        )
    }


def _names(given: Iterable[object] | None, count: int, word: str) -> list[str]:
    if given is None:
        return [f"{word} {place}" for place in range(1, count + 1)]
    names = [str(name) for name in given]
    if len(names) != count:
        raise InputError(f"a report needs one name a {word}, got {len(names)} for {count}; name each, or none")
    return names

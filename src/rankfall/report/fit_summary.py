"""What the report of a fitted estimator says."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators import DeepMatrixFactorization
from rankfall.estimators.fitted import FittedTable
from rankfall.report.cells import filled_cells
from rankfall.report.contents import Summary, versions
from rankfall.report.motion import Curve, motion_of
from rankfall.report.quality import ColumnQuality, errors_in_spreads, method_errors, qualities, sparse_rows
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
    (m, n), values = fitted.problem.shape, np.asarray(fitted.problem.values, dtype=np.float64)
    own = vars(model).get("feature_names_in_")
    columns = _names(own if column_names is None else column_names, n, "column")
    rows = _names(row_names, m, "row")
    spread = float(values.std())
    measured = qualities(fitted, columns)
    methods, unit = method_errors(fitted)
    sparse = sparse_rows(fitted)
    verdict = in_words(*errors_in_spreads(fitted))
    chosen = fitted.selection.chosen.candidate
    return Summary(
        title=f"Completion of a table of {m} × {n}",
        asked=[
            ("table", f"{m} rows × {n} columns"),
            ("observed", f"{values.size} of {m * n} entries ({100 * values.size / (m * n):.3g} %)"),
            ("filled", f"{m * n - values.size} entries"),
            *([] if fitted.standardization.mixed or fitted.is_category.any()
              else [("spread of the observed", f"{in_digits(spread)} (standard deviation)")]),
        ],
        findings=[f"The completion is {verdict}.", _reliance(measured)],
        settings=[
            ("depth", str(chosen.depth)), ("width", str(chosen.width)), ("scale of the start", in_digits(chosen.scale)),
            ("stopping time", in_digits(model.stopping_time_)),
            ("effective rank", in_digits(fitted.effective_rank)),
            ("parameters", _parameters(model)),
            *versions(),
        ],
        methods=methods,
        methods_unit=unit,
        columns=measured,
        doubtful_rows=[rows[i] for i in sparse[:200]],
        row_names=rows,
        cells=filled_cells(model) if whole else None,
        category_names=category_names,
        candidates=[
            {
                "depth": trial.candidate.depth, "width": trial.candidate.width, "scale": trial.candidate.scale,
                "scaling": trial.candidate.scaling, "features": trial.candidate.features > 0,
                "popularity": trial.candidate.popularity, "time": trial.time, "error": trial.error,
                "is_chosen": trial is fitted.selection.chosen, "is_given_up": trial.is_given_up,
            }
            for trial in fitted.selection.trials
        ],
        members=dict(sorted(model.shares_.items(), key=lambda member: -member[1])),
        **(_moved(model.retrace(), fitted) if whole else {}),
    )  # fmt: skip


def _parameters(model: DeepMatrixFactorization) -> str:
    """The parameters that differ from their defaults."""
    defaults = DeepMatrixFactorization().get_params()
    changed = [f"{name}={value!r}" for name, value in model.get_params().items() if repr(value) != repr(defaults[name])]
    return ", ".join([*changed, "all others at their defaults"] if changed else ["all at their defaults"])


def _reliance(columns: list[ColumnQuality]) -> str:
    """How many columns are doubtful, and how many cannot be judged."""
    bad = [column.name for column in columns if column.is_judged and column.doubt]
    unknown = [column.name for column in columns if not column.is_judged]
    found = []
    if bad:
        found.append(f"{len(bad)} of {len(columns)} columns should not be relied on, first {bad[0]}")
    if unknown:
        found.append(
            f"{len(unknown)} of {len(columns)} columns cannot be judged, as too few of their entries were set aside, "
            f"first {unknown[0]}"
        )
    return "; ".join(found or ["No column is doubtful"]) + "."


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

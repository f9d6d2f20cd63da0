"""What the report of a fitted `DeepTensorCompletion` says."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.estimators import DeepTensorCompletion
from rankfall.problems import TensorCompletion
from rankfall.report.cells import filled_entries
from rankfall.report.contents import Summary, listed, parameters_of, versions
from rankfall.report.motion import motion_of
from rankfall.report.quality import FEW, ColumnQuality, reliance
from rankfall.report.words import in_digits, in_words
from rankfall.trajectory import Trajectory

_EFFECTS = "sum of axis means"


def summary_of_tensor(
    model: DeepTensorCompletion,
    axis_names: Iterable[object] | None,
    labels: Mapping[int, Sequence[object]],
    whole: bool,
) -> Summary:
    """The contents of the report of a fitted estimator of tensors; see `summarize`."""
    problem, held, shape = model.problem_, model.held_out_, model.shape_
    axes = _axes(shape, axis_names, labels)
    train = _without(problem, held.indices)
    guesses = {
        "rankfall": held.predicted,
        "mean": np.full(held.values.size, np.average(train.values, weights=train.weights)),
        _EFFECTS: _sums_of_means(train, held.indices),
    }
    errors = {name: _error(guess, held.values) for name, guess in guesses.items()}
    # the slices of the shortest axis have the most held-out entries each
    axis = int(np.argmin(shape))
    slices = _qualities(problem, axis, held.indices[axis], held.values, guesses, axes[axis][1])
    spread, total = float(np.std(problem.values)), math.prod(shape)
    sides = " × ".join(map(str, shape))
    known = spread > 0 and held.values.size > 0
    verdict = in_words(*((errors[name] / spread if known else math.nan) for name in ("rankfall", "mean")),
                       means="the mean of all entries", parts="slices")  # fmt: skip
    part = f"slice of {axes[axis][0]}"
    best = min(model.trials_, key=lambda trial: trial.error)
    return Summary(
        title=f"Completion of a tensor of {sides}",
        asked=[
            ("tensor", " × ".join(f"{name} {side}" for (name, _), side in zip(axes, shape, strict=True))),
            ("observed", f"{problem.count} of {total} entries ({100 * problem.count / total:.3g} %)"),
            ("filled", f"{total - problem.count} entries"),
            ("spread of the observed", f"{in_digits(spread)} (standard deviation)"),
        ],
        findings=[f"The completion is {verdict}.", reliance(slices, part)],
        settings=[
            ("family", model.family_), ("width", str(model.width_)), ("ridge", in_digits(model.ridge_)),
            ("seconds", f"{model.seconds_:.3g}"), ("parameters", parameters_of(model)), *versions(),
        ],
        methods=errors,
        methods_unit="in the unit of the tensor",
        columns=slices,
        part=part,
        effects=_EFFECTS,
        doubtful=_doubtful(problem, axes),
        axes=axes,
        cells=filled_entries(model) if whole else None,
        candidates=[
            {
                "family": trial.candidate.family, "width": trial.candidate.width, "ridge": trial.candidate.ridge,
                "held-out error, as a share of the values": trial.error,
                "outcome": "chosen" * (trial is best),
            }
            for trial in model.trials_
        ],
        members=dict(sorted(model.shares_.items(), key=lambda member: -member[1])),
        **(_moved(model.trajectory_) if whole else {}),
    )  # fmt: skip


def _axes(
    shape: tuple[int, ...], names: Iterable[object] | None, labels: Mapping[int, Sequence[object]]
) -> list[tuple[str, list[str]]]:
    titles = [f"axis {axis}" for axis in range(len(shape))] if names is None else [str(name) for name in names]
    if len(titles) != len(shape):
        raise InputError(f"a report needs one name for each axis, got {len(titles)} for {len(shape)}; name each")
    found = []
    for axis, (title, side) in enumerate(zip(titles, shape, strict=True)):
        places = [str(label) for label in labels.get(axis, range(side))]
        if len(places) != side:
            raise InputError(f"a report needs one label for each index of {title}, got {len(places)} for {side}")
        found.append((title, places))
    return found


def _without(problem: TensorCompletion, held: np.ndarray) -> TensorCompletion:
    """The problem without the entries held out of it."""
    places, aside = (np.ravel_multi_index(tuple(indices), problem.shape) for indices in (problem.indices, held))
    return problem.select(~np.isin(places, aside))


def _sums_of_means(train: TensorCompletion, indices: np.ndarray) -> Float[np.ndarray, " held"]:
    """Σ_a mean of the slice of axis a − (order − 1) mean of all; a slice without entries has the mean of all."""
    values = np.asarray(train.values, dtype=np.float64)
    found = np.full(indices.shape[1], values.mean())
    for axis, side in enumerate(train.shape):
        counts = np.bincount(train.indices[axis], minlength=side)
        sums = np.bincount(train.indices[axis], values - values.mean(), side)
        found += (sums / np.maximum(counts, 1))[indices[axis]]
    return found


def _qualities(
    problem: TensorCompletion, axis: int, at: np.ndarray, values: np.ndarray, guesses: dict[str, np.ndarray],
    names: list[str],
) -> list[ColumnQuality]:  # fmt: skip
    """The quality of every slice of an axis."""
    found, all_values = [], np.asarray(problem.values)
    for k, name in enumerate(names):
        here, own = at == k, all_values[problem.indices[axis] == k]
        error, mean, sums = (_error(guess[here], values[here]) for guess in guesses.values())
        found.append(
            ColumnQuality(
                name, own.size, int(here.sum()), float(own.std()) if own.size else math.nan, error, mean, sums,
                1 - (error / mean) ** 2 if mean > 0 else math.nan,
            )
        )  # fmt: skip
    return found


def _error(guess: np.ndarray, values: np.ndarray) -> float:
    return float(np.sqrt(np.mean((guess - values) ** 2))) if values.size else math.nan


def _doubtful(problem: TensorCompletion, axes: list[tuple[str, list[str]]]) -> str:
    """A sentence on slices with few observed entries."""
    few = []
    for axis, (title, names) in enumerate(axes):
        counts = np.bincount(problem.indices[axis], minlength=len(names))
        few += [f"{title} {names[k]}" for k in np.flatnonzero(counts < FEW)]
    return f"Slices with fewer than three observed entries are little more than guesses: {listed(few)}." if few else ""


def _moved(run: Trajectory | None) -> dict[str, Any]:
    """The motion of the flow that the fit started from, or why there is none."""
    if run is None or run.history["time"].size < 2:
        return {"without_motion": "The fit began with alternating least squares, and has no flow to show."}
    return {
        "motion": replace(motion_of(run), measure="mean squared error, in units of the fit"),
        "course": "The fit begins with gradient flow from a small start, shown here, and goes on with alternating "
        "least squares, which is not shown.",
    }

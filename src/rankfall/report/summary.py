"""What a report says, as plain data: `summarize` reads a fitted estimator or a run, the page only draws it."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import rankfall
from rankfall.errors import InputError
from rankfall.estimators import DeepMatrixFactorization
from rankfall.report.cells import FilledCells, filled_cells
from rankfall.report.motion import Motion, motion_of
from rankfall.report.quality import ColumnQuality, errors_in_spreads, method_errors, qualities, sparse_rows
from rankfall.report.words import in_words
from rankfall.theory import Claim
from rankfall.trajectory import Trajectory

CITATION = (
    "Arora, Cohen, Hu, Luo: Implicit Regularization in Deep Matrix Factorization. NeurIPS 2019 (arXiv 1905.13655)."
)


@dataclass(frozen=True, eq=False)
class Summary:
    """The contents of a report; what does not apply is empty or None.

    Parameters
    ----------
    asked, settings : list[tuple[str, str]]
        What was asked, and how it was computed, as pairs of words.
    findings : list[str]
        Two plain sentences.
    methods : dict[str, float]
        Name → root mean squared error on the held-out entries, `methods_unit`.
    columns : list[ColumnQuality]
        Quality of each.
    doubtful_rows : list[str]
        Names of rows with too few entries.
    cells : FilledCells, optional
        What was filled in.
    category_names : dict[int, list[str]]
        Place of a column of categories → the words of the codes 0, 1, ….
    candidates : list[dict[str, Any]]
        What was tried.
    motion : Motion, optional
        The run, or None with the reason in `without_motion`.
    claims : list[Claim]
        Theorems checked, of runs that can be.
    """

    title: str
    asked: list[tuple[str, str]]
    findings: list[str]
    settings: list[tuple[str, str]]
    methods: dict[str, float] = field(default_factory=dict)
    methods_unit: str = ""
    columns: list[ColumnQuality] = field(default_factory=list)
    doubtful_rows: list[str] = field(default_factory=list)
    row_names: list[str] = field(default_factory=list)
    cells: FilledCells | None = None
    category_names: dict[int, list[str]] = field(default_factory=dict)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    motion: Motion | None = None
    without_motion: str = ""
    claims: list[Claim] = field(default_factory=list)


def summarize(
    subject: object,
    *,
    row_names: Iterable[object] | None = None,
    column_names: Iterable[object] | None = None,
    category_names: Mapping[int, Sequence[object]] | None = None,
    whole: bool = True,
) -> Summary:
    """The contents of the report of a fitted estimator or of a `Trajectory`.

    Parameters
    ----------
    subject : DeepMatrixFactorization or Trajectory
        A fitted estimator, or a run.
    row_names, column_names : iterable, optional
        What the user calls the m rows and n columns of a fit; by default the columns have the estimator's own names, or
        numbers from 1, and the rows numbers from 1.
    category_names : mapping, optional
        For a fit: place of a column of categories, from 0 → the words that its codes 0, 1, … stand for.
    whole : bool
        False leaves out what takes time, the motion and the filled cells of a fit; default True.

    Raises
    ------
    InputError
        For anything else, for a run with fewer than two recorded moments, and for more or fewer names than rows or
        columns.
    """
    if isinstance(subject, Trajectory):
        return _of_run(subject)
    if not isinstance(subject, DeepMatrixFactorization) or not hasattr(subject, "fitted_"):
        raise InputError(
            f"a report is of a fitted estimator or a Trajectory, got {type(subject).__name__}; fit it first"
        )
    words = {place: [str(word) for word in of] for place, of in (category_names or {}).items() if len(of)}
    return _of_fit(subject, row_names, column_names, words, whole)


def _of_fit(
    model: DeepMatrixFactorization,
    row_names: Iterable[object] | None,
    column_names: Iterable[object] | None,
    category_names: dict[int, list[str]],
    whole: bool,
) -> Summary:
    fitted = model.fitted_
    (m, n), values = fitted.problem.shape, np.asarray(fitted.problem.values, dtype=np.float64)
    own = vars(model).get("feature_names_in_")
    columns = _names(own if column_names is None else column_names, n, "column")
    rows = _names(row_names, m, "row")
    spread = float(values.std())
    measured = qualities(fitted, columns)
    methods, unit = method_errors(fitted)
    sparse = sparse_rows(fitted)
    run = fitted.trajectory
    verdict = in_words(*errors_in_spreads(fitted))
    chosen = fitted.selection.chosen.candidate
    parameters = {name: value for name, value in model.get_params().items() if name != "progress"}
    return Summary(
        title=f"Completion of a table of {m} × {n}",
        asked=[
            ("table", f"{m} rows × {n} columns"),
            ("observed", f"{values.size} of {m * n} entries ({100 * values.size / (m * n):.3g} %)"),
            ("filled", f"{m * n - values.size} entries"),
            *([] if fitted.standardization.mixed or fitted.is_category.any()
              else [("spread of the observed", f"{spread:.4g} (standard deviation)")]),
        ],
        findings=[f"The completion is {verdict}.", _reliance(measured)],
        settings=[
            ("depth", str(chosen.depth)), ("width", str(chosen.width)), ("scale of the start", f"{chosen.scale:.4g}"),
            ("stopping time", f"{model.stopping_time_:.4g}"),
            ("effective rank", f"{fitted.effective_rank:.4g}"),
            ("parameters", ", ".join(f"{name}={value!r}" for name, value in parameters.items())),
            *_versions(),
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
                "features": trial.candidate.features > 0, "time": trial.time, "error": trial.error,
                "is_chosen": trial is fitted.selection.chosen, "is_given_up": trial.is_given_up,
            }
            for trial in fitted.selection.trials
        ],
        **(_moved(run) if whole else {}),
    )  # fmt: skip


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


def _moved(run: Trajectory | None) -> dict[str, Any]:
    """The motion of a fit's run, or why there is none."""
    if run is None:
        return {"without_motion": "A saved model does not hold its run; make the report where the model is fitted."}
    if run.history["time"].size < 2:
        return {"without_motion": "The run has a single recorded moment."}
    return {"motion": motion_of(run)}


def _of_run(run: Trajectory) -> Summary:
    motion = motion_of(run)
    m, n = motion.shape
    values = run.singular_values
    escapes = [event.time for event in run.events if event.name == "escape"]
    test = run.history.get("test_error")
    moved = f"The run ended as {run.status} ({run.reason}) with loss {run.loss:.3g} after flow time {run.time:.4g}."
    many = "s" * (len(escapes) > 1)
    ends = f"{len(escapes)} singular value{many} rose, at time{many} {_listed(escapes)}; " if escapes else ""
    ends += f"W has effective rank {run.effective_rank:.3g} of {min(m, n)} and nuclear norm {run.nuclear_norm:.4g}"
    if test is not None:
        ends += f"; its mean squared error against the truth is {test[-1]:.3g}"
    return Summary(
        title=f"A run of {type(run.model).__name__}, W of {m} × {n}",
        asked=[("model", run.settings.get("model", repr(run.model))), ("start", run.settings.get("start", "")),
               ("integrator", run.settings.get("integrator", "")), ("stop", run.settings.get("stop", ""))],
        findings=[moved, ends + "."],
        settings=[
            ("seed", str(run.seed)), ("steps", str(run.steps)), ("gradients", str(run.evaluations)),
            ("seconds", f"{run.seconds:.3g}"), ("escapes found", str(len(escapes))),
            ("largest singular values", ", ".join(f"{value:.4g}" for value in values[:8])), *_versions(),
        ],
        motion=motion,
        claims=_claims(run),
    )  # fmt: skip


def _claims(run: Trajectory) -> list[Claim]:
    """The theorems checked on the run, of a loaded one those kept with it; none outside the scope of every theorem."""
    from rankfall.theory import check, kept_claims

    if run.problem is None:
        return kept_claims(run)
    try:
        return list(check(run).judged)
    except InputError:
        return []


def _listed(times: list[float]) -> str:
    """The first eight times, and how many more there are."""
    more = f" and {len(times) - 8} more" if len(times) > 8 else ""
    return ", ".join(f"{time:.4g}" for time in times[:8]) + more


def _names(given: Iterable[object] | None, count: int, word: str) -> list[str]:
    if given is None:
        return [f"{word} {place}" for place in range(1, count + 1)]
    names = [str(name) for name in given]
    if len(names) != count:
        raise InputError(f"a report needs one name a {word}, got {len(names)} for {count}; name each, or none")
    return names


def _versions() -> list[tuple[str, str]]:
    return [
        ("rankfall", rankfall.__version__), ("NumPy", np.__version__), ("Python", platform.python_version()),
        ("cite", CITATION),
    ]  # fmt: skip

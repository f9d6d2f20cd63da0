"""The steps that every job has: outputs checked before any work, a fit watched by the console, pictures drawn."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankfall.cli.console import Console
from rankfall.cli.options import FitOptions
from rankfall.errors import InputError
from rankfall.tables import Triplets, check_writable
from rankfall.tables.files import extension

if TYPE_CHECKING:
    from rankfall.estimators import DeepMatrixFactorization
    from rankfall.problems.completion import Completion

# The largest matrix that is written or drawn whole from a list of entries.
LARGEST_TABLE = 10**8
# Share of a column's variance explained from which on predictions beyond the observed range are believed.
_PREDICTED_WELL = 0.9


@dataclass(frozen=True)
class Fit:
    """A fitted estimator of a table, and how long fitting took."""

    estimator: "DeepMatrixFactorization"
    share: float
    seconds: float

    def is_within_range(self) -> np.ndarray:
        """Columns (n,) whose filled cells stay in the observed range: all but those that are predicted well."""
        return ~(self.estimator.column_quality().explained > _PREDICTED_WELL)

    def rows(self) -> list[tuple[str, str]]:
        """The lines of a summary that every fit has."""
        from rankfall.report import errors_in_spreads, in_words

        model = self.estimator
        found = model.held_out_error_
        error = f"{found:.4g} (column means {model.column_mean_error_:.4g})"
        own, of_means = errors_in_spreads(model.fitted_)
        # where columns have units of their own, the largest unit must not decide
        if of_means > 0 and model.shares_:
            error = f"{own / of_means:.3g} of that of column means, each column in its own unit"
        elif of_means > 0 and model.fitted_.standardization.mixed:
            error += f"; column by column {own / of_means:.3g} of that of column means"
        # the held-out error is that of the stopping time chosen, and owed by a run that did not get there
        ended = [] if model.status_ == "converged" else [("ended", f"{model.status_}, before the stopping time")]
        robust = [] if model.loss != "auto" or model.loss_ == "squared" else [
            ("loss", f"{model.loss_}: some entries lie far from all others, and count less")
        ]  # fmt: skip
        return [
            ("size", " × ".join(map(str, model.fitted_.problem.shape))),
            ("observed", f"{100 * self.share:.3g} %"),
            ("depth", f"{model.depth_}"),
            *robust,
            ("stopping time", f"{model.stopping_time_:.4g}"),
            ("effective rank", f"{model.effective_rank_:.3g}"),
            ("held-out error", "unknown: too few entries" if isnan(found) else error),
            ("in words", in_words(own, of_means)),
            *ended,
            ("seconds", f"{self.seconds:.2f}"),
        ]


def fit(
    problem: "Completion", options: FitOptions, console: Console, categories: Sequence[int] = (),
    order: np.ndarray | str | None = None,
) -> Fit:  # fmt: skip
    """Fit with progress; how it ended is noted in the console.

    categories: columns that hold codes of categories. order: as for the estimator.
    """
    estimator = options.estimator().set_params(categorical_features=list(categories) or None, order=order)
    begun = time.perf_counter()
    with console.fitting() as progress:
        estimator.fit_problem(problem, progress=progress)
    console.diverged = estimator.status_ == "diverged"
    return Fit(estimator, problem.share, time.perf_counter() - begun)


def check_outputs(output: Path, formats: tuple[str, ...], plot: Path | None) -> None:
    """Refuse outputs that could not be written, before any work."""
    check_writable(output, formats)
    if plot is not None:
        check_picture(plot)


def check_picture(path: Path) -> None:
    """Refuse a picture that is no PNG or could not be written."""
    if path.suffix.lower() != ".png":
        raise InputError(f"a picture is drawn as a PNG, got {str(path)!r}; let the name end in .png")
    check_writable(path)


def beside(path: Path, word: str, ending: str | None = None) -> Path:
    """The path with `-word` before its extension, which is another one if given."""
    found = path.name[len(path.name) - len(extension(path)) :]
    return path.with_name(f"{path.name.removesuffix(found)}-{word}{found if ending is None else ending}")


def draw(path: Path, holes: np.ndarray, filled: np.ndarray, truth: np.ndarray | None = None) -> None:
    """The table before and after, as a PNG."""
    from rankfall.pictures import CompletionPicture

    CompletionPicture(holes, filled, truth).save(path)


def check_size(shape: tuple[int, int]) -> None:
    """Refuse to form a matrix that would hardly fit in memory."""
    if shape[0] * shape[1] > LARGEST_TABLE:
        raise InputError(
            f"a matrix written or drawn whole has at most {LARGEST_TABLE:.0e} entries, got {shape[0]} × {shape[1]}; "
            "name the pairs you need with --predict"
        )


def dense(entries: Triplets) -> np.ndarray:
    """The matrix of the entries, NaN elsewhere."""
    check_size(entries.shape)
    holes = np.full(entries.shape, np.nan)
    holes[entries.rows, entries.cols] = entries.values
    return holes


def warn_empty(
    problem: "Completion", row_title: Callable[[int], str], column_title: Callable[[int], str], console: Console
) -> None:
    """Say which rows and columns have no observed entry, and what fills them."""
    for what, index, size, title in (
        ("rows", problem.rows, problem.shape[0], row_title),
        ("columns", problem.cols, problem.shape[1], column_title),
    ):
        empty = np.flatnonzero(np.bincount(index, minlength=size) == 0)
        if empty.size == 1:
            console.warn(f"{title(int(empty[0]))} has no observed entry; averages fill it")
        elif empty.size:
            console.warn(
                f"{empty.size} {what} have no observed entry, first {title(int(empty[0]))}; averages fill them"
            )

"""What a report says, as plain data: `summarize` reads a fitted estimator or a run, the page only draws it."""

from collections.abc import Iterable, Mapping, Sequence

from rankfall.errors import InputError
from rankfall.estimators import DeepMatrixFactorization, DeepTensorCompletion
from rankfall.report.contents import Summary
from rankfall.report.fit_summary import summary_of_fit
from rankfall.report.run_summary import summary_of_run
from rankfall.report.tensor_summary import summary_of_tensor
from rankfall.trajectory import Trajectory


def summarize(
    subject: object,
    *,
    row_names: Iterable[object] | None = None,
    column_names: Iterable[object] | None = None,
    category_names: Mapping[int, Sequence[object]] | None = None,
    axis_names: Iterable[object] | None = None,
    labels: Mapping[int, Sequence[object]] | None = None,
    whole: bool = True,
) -> Summary:
    """The contents of the report of a fitted estimator or of a `Trajectory`.

    Parameters
    ----------
    subject : DeepMatrixFactorization, DeepTensorCompletion or Trajectory
        A fitted estimator, or a run.
    row_names, column_names : iterable, optional
        What the user calls the m rows and n columns of a fit; by default the columns have the estimator's own names, or
        numbers from 1, and the rows numbers from 1.
    category_names : mapping, optional
        For a fit: place of a column of categories, from 0 → the words that its codes 0, 1, … stand for.
    axis_names : iterable, optional
        For a fit of a tensor: what its axes are called; numbers from 0 by default.
    labels : mapping, optional
        For a fit of a tensor: axis → what the indices along it are called; numbers from 0 by default.
    whole : bool
        False leaves out what takes time, the motion and the filled cells of a fit; default True.

    Raises
    ------
    InputError
        For anything else, for a run with fewer than two recorded moments, and for more or fewer names than rows,
        columns, axes or indices.
    """
    if isinstance(subject, Trajectory):
        return summary_of_run(subject)
    if isinstance(subject, DeepTensorCompletion) and hasattr(subject, "held_out_"):
        return summary_of_tensor(subject, axis_names, labels or {}, whole)
    if not isinstance(subject, DeepMatrixFactorization) or not hasattr(subject, "fitted_"):
        raise InputError(
            f"a report is of a fitted estimator or a Trajectory, got {type(subject).__name__}; fit it first"
        )
    words = {place: [str(word) for word in of] for place, of in (category_names or {}).items() if len(of)}
    return summary_of_fit(subject, row_names, column_names, words, whole)

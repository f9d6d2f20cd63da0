"""What a person should know of a filled table: the quality of each column, and one sentence that sums it up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rankfall.estimators import DeepMatrixFactorization
    from rankfall.estimators.quality import ColumnQuality

# Columns are listed one by one up to so many; shares of variance explained from which one is filled well, or fairly.
_MOST_LISTED, _WELL, _FAIRLY = 40, 0.5, 0.05


def column_rows(model: "DeepMatrixFactorization", names: Sequence[str]) -> list[tuple[str, str]]:
    """A sentence, each column's error beside its mean's, and what contributes; nothing where columns have no names."""
    quality = model.column_quality()
    judged = np.flatnonzero(quality.held > 0)
    if not judged.size or not 0 < len(names) <= _MOST_LISTED:
        return []
    rows = [("columns", sentence(names, quality.explained))]
    is_category = model.fitted_.is_category
    for place in judged.tolist():
        tell = _of_category if is_category[place] else _of_numbers
        rows.append((f"  {names[place]}", tell(quality, place)))
    if model.shares_:
        parts = sorted(model.shares_.items(), key=lambda part: -part[1])
        told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in parts if share >= 0.05)
        rows.append(("weights", f"{told} (small table: several methods, weighed by held-out entries)"))
    return rows


def _of_numbers(quality: "ColumnQuality", place: int) -> str:
    return (
        f"error {quality.error[place]:.3g} (mean {quality.mean_error[place]:.3g}{_simple(quality, place)}), "
        f"{100 * max(0.0, quality.explained[place]):.0f} % of its variance explained"
    )


def _of_category(quality: "ColumnQuality", place: int) -> str:
    wrong, most_frequent, simple = (
        100 * error[place] ** 2 for error in (quality.error, quality.mean_error, quality.simple_error)
    )
    beside = "" if quality.simple == "column mean" else f", {quality.simple} {simple:.0f} %"
    return f"wrong in {wrong:.0f} % (most frequent level {most_frequent:.0f} %{beside})"


def _simple(quality: "ColumnQuality", place: int) -> str:
    return "" if quality.simple == "column mean" else f", {quality.simple} {quality.simple_error[place]:.3g}"


def sentence(names: Sequence[str], explained: np.ndarray) -> str:
    """Which columns are filled well, fairly, and no better than by their mean."""
    groups = (
        ("filled well", explained >= _WELL),
        ("filled fairly", (explained >= _FAIRLY) & (explained < _WELL)),
        ("no better than the mean", explained < _FAIRLY),
    )
    parts = [f"{_listed(names, chosen)}: {words}" for words, chosen in groups if chosen.any()]
    return "; ".join(parts) or "no column could be judged"


def _listed(names: Sequence[str], chosen: np.ndarray) -> str:
    listed = [str(names[int(place)]) for place in np.flatnonzero(chosen)]
    return ", ".join(listed) if len(listed) <= 6 else f"{', '.join(listed[:5])} and {len(listed) - 5} more"

"""How well each column is filled: the error of its held-out entries, beside those of simple methods."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from rankfall.estimators.categories import Categories
from rankfall.estimators.selection import Selection


@dataclass(frozen=True, eq=False)
class ColumnQuality:
    """Held-out errors by column, input units; NaN where no entry of a column was held out.

    For a column of categories an error is the root of the share of entries that are filled with a wrong level, and the
    mean stands for the most frequent level.

    Parameters
    ----------
    error, mean_error : (n,) ndarray
        Root mean squared error, and that of predicting the column's mean.
    held : (n,) ndarray of int
        How many entries the errors rest on.
    simple_error : (n,) ndarray
        Of the best simple method, over all columns, that was affordable; else of the mean.
    simple : str
        Its name.
    """

    error: Float[np.ndarray, " n"]
    mean_error: Float[np.ndarray, " n"]
    held: Int[np.ndarray, " n"]
    simple_error: Float[np.ndarray, " n"]
    simple: str

    @classmethod
    def of(
        cls, selection: Selection, columns: int, simple: Mapping[str, Float[np.ndarray, " held"]] | None = None
    ) -> "ColumnQuality":
        """From the cross-fitted predictions of a selection, and those of simple methods by name."""
        held = np.bincount(selection.cols, minlength=columns)

        def root(predicted: np.ndarray) -> np.ndarray:
            squares = np.bincount(selection.cols, (predicted - selection.values) ** 2, columns)
            return np.where(held > 0, np.sqrt(squares / np.maximum(held, 1)), np.nan)

        mean_error = root(selection.column_means)
        errors = {"column mean": mean_error} | {name: root(predicted) for name, predicted in (simple or {}).items()}
        best = min(errors, key=lambda name: _overall(errors[name], mean_error, held))
        return cls(root(selection.predicted), mean_error, held, errors[best], best)

    @property
    def explained(self) -> Float[np.ndarray, " n"]:
        """Share of the column's variance that the predictions explain, 1 − error²/mean_error²; 0 is as its mean."""
        with np.errstate(all="ignore"):
            return np.where(self.mean_error > 0, 1 - (self.error / self.mean_error) ** 2, np.nan)

    @property
    def overall(self) -> float:
        """Root mean square over held-out entries of the error as a share of that of the column's mean."""
        return _overall(self.error, self.mean_error, self.held)


def judged(
    selection: Selection, simple: Mapping[str, Float[np.ndarray, " held"]], categories: Categories | None
) -> tuple[Selection, dict[str, Float[np.ndarray, " judged"]]]:
    """The held-out entries of the table, and what simple methods predict for them.

    Those of categories have the value 0; a prediction of the right level is 0, of a wrong one 1.
    """
    if categories is None:
        return selection, dict(simple)
    predictions = {"": selection.predicted, "means": selection.column_means} | dict(simple)
    owner = categories.blocks[selection.cols]
    kept = np.flatnonzero(~categories.is_category[owner])
    places, values = [kept], [selection.values[kept]]
    found = {name: [one[kept]] for name, one in predictions.items()}
    for col in categories.places:
        levels = categories.levels[col].size
        here = np.flatnonzero(owner == col).reshape(-1, levels)
        truth = selection.values[here].argmax(axis=1)
        places.append(here[:, 0])
        values.append(np.zeros(len(here)))
        for name, one in predictions.items():
            found[name].append((one[here].argmax(axis=1) != truth).astype(float))
    place = np.concatenate(places)
    order = np.argsort(place)
    sorted_ = {name: np.concatenate(parts)[order] for name, parts in found.items()}
    entries = replace(
        selection, rows=selection.rows[place[order]], cols=owner[place[order]], values=np.concatenate(values)[order],
        predicted=sorted_.pop(""), column_means=sorted_.pop("means"),
    )  # fmt: skip
    return entries, sorted_


def _overall(error: np.ndarray, mean_error: np.ndarray, held: np.ndarray) -> float:
    judged = (held > 0) & (mean_error > 0)
    if not judged.any():
        return float("nan")
    return float(np.sqrt(np.average((error[judged] / mean_error[judged]) ** 2, weights=held[judged])))

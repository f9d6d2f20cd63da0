"""Columns of categories, each as one column of zeros and ones for every level: what a factorization can fit.

Predictions for the columns of one category, brought into [0, 1] and divided by their sum, are the probabilities of its
levels; the most probable level is what is filled in. An entry is known, hidden or held out in all of its columns at
once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.errors import InputError
from rankfall.problems.completion import Completion
from rankfall.tables.categories import MOST_LEVELS


@dataclass(frozen=True, eq=False)
class Categories:
    """The levels of each column of categories, and where the columns of a table lie among the columns fitted.

    Parameters
    ----------
    levels : tuple of n ndarrays
        The values of each column of a table in ascending order; empty for a column of numbers.
    """

    levels: tuple[Float[np.ndarray, " _"], ...]

    @classmethod
    def of(cls, problem: Completion, chosen: Sequence[int]) -> "Categories":
        """Read off the observed entries of the columns `chosen`. Raises InputError for more than 100 levels."""
        levels = [np.zeros(0)] * problem.shape[1]
        for col in chosen:
            found = np.unique(np.asarray(problem.values, dtype=np.float64)[problem.cols == col])
            if found.size > MOST_LEVELS:
                raise InputError(
                    f"a column of categories has at most {MOST_LEVELS} levels, got {found.size} in column {col + 1}; "
                    "complete it as numbers, or carry it along as labels"
                )
            levels[col] = found
        return cls(tuple(levels))

    @cached_property
    def is_category(self) -> Bool[np.ndarray, " n"]:
        """Which columns of the table are categories; one without an observed entry counts as numbers."""
        return np.asarray([one.size > 0 for one in self.levels])

    @cached_property
    def places(self) -> list[int]:
        """The columns of the table that are categories."""
        return [int(col) for col in np.flatnonzero(self.is_category)]

    @cached_property
    def blocks(self) -> Int[np.ndarray, " wide"]:
        """The column of the table that each column fitted belongs to."""
        return np.repeat(np.arange(len(self.levels)), self._widths)

    @cached_property
    def first(self) -> Int[np.ndarray, " n"]:
        """The first of the columns fitted that belong to each column of the table."""
        return np.cumsum(self._widths) - self._widths

    @cached_property
    def _widths(self) -> Int[np.ndarray, " n"]:
        return np.asarray([max(1, one.size) for one in self.levels])

    @cached_property
    def _of_columns(self) -> Float[np.ndarray, " wide"]:
        """The level that each column fitted stands for; 0 for numbers."""
        return np.concatenate([one if one.size else np.zeros(1) for one in self.levels])

    def block(self, col: int) -> slice:
        """The columns fitted that belong to a column of the table."""
        return slice(int(self.first[col]), int(self.first[col] + self._widths[col]))

    def widen(self, rows: Float[np.ndarray, "r n"]) -> Float[np.ndarray, "r wide"]:
        """Rows of the table as rows of what is fitted, NaN where unknown. Raises InputError for a level never seen."""
        wide = np.asarray(rows)[:, self.blocks].astype(np.float64)
        for col in self.places:
            values, levels = rows[:, col], self.levels[col]
            known = ~np.isnan(values)
            self._refuse_new(values[known], col)
            wide[:, self.block(col)] = np.where(known[:, None], values[:, None] == levels, np.nan)
        return wide

    def _refuse_new(self, values: np.ndarray, col: int) -> None:
        new = ~np.isin(values, self.levels[col])
        if new.any():
            raise InputError(
                f"a category must be one of the levels seen in the fit, column {col + 1} has {values[new][0]:g}; fit "
                "again with it, or leave the cell empty"
            )

    def widened(self, problem: Completion) -> Completion:
        """The problem over the columns fitted. Raises InputError for a level that is none of these."""
        for col in self.places:
            self._refuse_new(problem.values[problem.cols == col], col)
        counts = self._widths[problem.cols]
        entry = np.repeat(np.arange(problem.rows.size), counts)
        within = np.arange(entry.size) - np.repeat(np.cumsum(counts) - counts, counts)
        values = np.asarray(problem.values, dtype=np.float64)[entry]
        cols = self.first[problem.cols][entry] + within
        is_category = self.is_category[problem.cols][entry]
        values = np.where(is_category, values == self._of_columns[cols], values).astype(problem.values.dtype)
        return replace(
            problem, rows=problem.rows[entry], cols=cols, values=values, shape=(problem.shape[0], self.blocks.size),
            weights=None if problem.weights is None else problem.weights[entry], truth=None,
        )  # fmt: skip

    def narrowed_problem(self, problem: Completion) -> Completion:
        """The problem of the table that was widened to this one."""
        owner = self.blocks[problem.cols]
        is_category = self.is_category[owner]
        kept = ~is_category | (problem.values == 1)
        values = np.where(is_category, self._of_columns[problem.cols], problem.values)[kept]
        return replace(
            problem.select(kept), cols=owner[kept], values=values, shape=(problem.shape[0], len(self.levels))
        )

    def cells(self, problem: Completion) -> Int[np.ndarray, " entries"]:
        """Which entry of the table each entry of the widened problem belongs to, counted from zero."""
        place = problem.rows.astype(np.int64) * len(self.levels) + self.blocks[problem.cols]
        return np.concatenate([[0], np.cumsum(np.diff(place) != 0)])

    def narrowed(self, wide: Float[np.ndarray, "*r wide"]) -> Float[np.ndarray, "*r n"]:
        """Predictions over the columns fitted as rows of the table: the most probable level of each category."""
        values = wide[..., self.first]
        for col in self.places:
            values[..., col] = self.levels[col][np.argmax(wide[..., self.block(col)], axis=-1)]
        return values

    def drawn(
        self, wide: Float[np.ndarray, "draws r wide"], center: Float[np.ndarray, "r wide"], rng: np.random.Generator
    ) -> Float[np.ndarray, "draws r n"]:
        """Draws as rows of the table, the levels of categories drawn by their probabilities in `center`."""
        values = wide[..., self.first]
        for col in self.places:
            mass = np.cumsum(probabilities_of(center[:, self.block(col)]), axis=-1)
            place = (rng.random((*values.shape[:-1], 1)) > mass).sum(axis=-1)
            values[..., col] = self.levels[col][np.minimum(place, self.levels[col].size - 1)]
        return values


def probabilities_of(predictions: Float[np.ndarray, "r levels"]) -> Float[np.ndarray, "r levels"]:
    """Of the levels of a category, from what is predicted for the column of each."""
    share = np.clip(predictions, 1e-6, 1.0)
    return share / share.sum(axis=-1, keepdims=True)


def columns_of(given: object, columns: int, names: Sequence[str] | np.ndarray | None) -> list[int]:
    """Places of the columns that a user named, by place, by name or as a mask; none for None.

    Raises InputError for a name or a place that there is not, or a mask of another length.
    """
    if given is None:
        return []
    if isinstance(given, str) or not np.iterable(given):
        raise InputError(f"categorical_features must be a list of columns, got {given!r}; give places or names")
    items: list[object] = list(given)
    if items and all(isinstance(one, (bool, np.bool_)) for one in items):
        if len(items) != columns:
            raise InputError(f"a mask of columns must have {columns} items, got {len(items)}; give one for each column")
        return [place for place, is_chosen in enumerate(items) if is_chosen]
    known = [] if names is None else list(names)
    places = set()
    for one in items:
        place = known.index(one) if isinstance(one, str) and one in known else one
        if not isinstance(place, (int, np.integer)) or isinstance(place, bool) or not -columns <= place < columns:
            raise InputError(
                f"categorical_features must be names of columns or places from 0 to {columns - 1}, got {one!r}; names "
                "need a table that has them"
            )
        places.add(int(place) % columns)
    return sorted(places)

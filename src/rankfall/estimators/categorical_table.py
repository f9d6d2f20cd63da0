"""A completed table some of whose columns are categories, above the table of zeros and ones that was fitted for it."""

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.estimators.categories import Categories, probabilities_of
from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.quality import judged
from rankfall.estimators.selection import Selection


@dataclass(frozen=True, eq=False)
class CategoricalTable(FittedTable):
    """What a fit says of the table that its owner has: a category is predicted by its most probable level.

    `problem` and `selection` are those of the owner's table; a held-out category counts 1 where it is predicted wrong.

    Parameters
    ----------
    wide : FittedTable
        The fit, of a table with a column for each level of a category.
    levels : Categories
        The levels, and where their columns lie.
    judged_simple : dict of (held,) ndarrays
        What simple methods predict for held-out entries, by name.
    """

    wide: FittedTable = field(kw_only=True)
    levels: Categories = field(kw_only=True)
    judged_simple: dict[str, Float[np.ndarray, " held"]] = field(kw_only=True)

    @classmethod
    def of(cls, wide: FittedTable, categories: Categories) -> "CategoricalTable":
        """From a fit of the widened problem."""
        selection, simple = judged(wide.selection, wide.simple, categories)
        own = {one.name: getattr(wide, one.name) for one in fields(FittedTable)}
        own |= {"problem": categories.narrowed_problem(wide.problem), "selection": selection}
        return cls(**own, wide=wide, levels=categories, judged_simple=simple)

    def predict(self, rows: np.ndarray, cols: np.ndarray) -> Float[np.ndarray, " entries"]:
        """x̂ at the positions; an index of −1 is an average row or column."""
        rows, cols = np.asarray(rows), np.asarray(cols)
        values = self.wide.predict(rows, np.append(self.levels.first, -1)[cols])
        for col in np.unique(cols[np.append(self.levels.is_category, False)[cols]]).tolist():
            here = np.flatnonzero(cols == col)
            values[here] = self.levels.levels[col][self._of_levels(rows[here], col).argmax(axis=1)]
        return values

    def probabilities(self, rows: np.ndarray, col: int) -> Float[np.ndarray, "r levels"]:
        """Of the levels of a category in some of the rows (a row of −1 is an average one)."""
        if not self.is_category[col]:
            return super().probabilities(rows, col)
        return probabilities_of(self._of_levels(rows, col))

    def _of_levels(self, rows: np.ndarray, col: int) -> Float[np.ndarray, "r levels"]:
        block = np.arange(self.levels.blocks.size)[self.levels.block(col)]
        return self.wide.predict(np.repeat(rows, block.size), np.tile(block, rows.size)).reshape(rows.size, block.size)

    def trained_rows(self, chosen: slice | np.ndarray) -> Float[np.ndarray, "r n"]:
        """x̂ of some of the rows of the training table."""
        return self.levels.narrowed(self.wide.trained_rows(chosen))

    def fold_in(self, values: Float[np.ndarray, "r n"]) -> Float[np.ndarray, "r n"]:
        """x̂ of new rows given as an array with NaN for what is unknown."""
        return self.levels.narrowed(self.wide.fold_in(self.levels.widen(values)))

    @property
    def categories(self) -> Categories:
        """The levels of the columns of categories."""
        return self.levels

    @property
    def simple(self) -> dict[str, Float[np.ndarray, " held"]]:
        """What simple methods predict for held-out entries, by name."""
        return self.judged_simple

    @property
    def source(self) -> FittedTable:
        """The fit of zeros and ones."""
        return self.wide

    def of_draws(self, drawn: Float[np.ndarray, "draws m wide"], rng: np.random.Generator) -> np.ndarray:
        """Draws of this table, (draws, m, n): numbers as drawn, levels by their probabilities."""
        return self.levels.drawn(drawn, self.wide.trained_rows(slice(None)), rng)

    @property
    def is_category(self) -> np.ndarray:
        """Which columns are categories."""
        return self.levels.is_category

    @cached_property
    def error_units(self) -> Float[np.ndarray, " n"]:
        """As of the fit; of a category, that of its first level."""
        return self.wide.error_units[self.levels.first]

    @property
    def numeric_selection(self) -> Selection:
        """The selection with held-out entries of numbers alone."""
        return self.selection.taken(~self.is_category[self.selection.cols])

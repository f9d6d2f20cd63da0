"""A member of the stack: one way to complete tables in column units."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, eq=False)
class Split:
    """The tables that a member completes: one for each fold, then the whole one.

    Parameters
    ----------
    tables : (parts, m, n) ndarray
        In units of each table's columns (mean 0, standard deviation 1), NaN where unknown.
    held : (folds, m, n) ndarray of bool
        Which entries of the whole table each fold hides.
    is_ordered : bool
        Whether neighboring rows are neighbors in time.
    seed : int
        Of whatever a member draws.
    blocks : (n,) ndarray of int
        Equal for columns that are known or unknown together.
    """

    tables: Float[np.ndarray, "parts m n"]
    held: Bool[np.ndarray, "folds m n"]
    is_ordered: bool
    seed: int
    blocks: Int[np.ndarray, " n"]


class Member(ABC):
    """A way to complete tables; what it predicts for entries that it was shown is not used.

    Attributes
    ----------
    is_simple : bool
        Whether it is what people would use without this package, to compare with.
    """

    name: str
    is_simple: ClassVar[bool] = False

    @abstractmethod
    def complete(self, split: Split) -> Float[np.ndarray, "parts m n"]:
        """Predictions of every entry of every table, in the same units."""


@dataclass(frozen=True)
class Effects(Member):
    """Row and column effects, damped by as much as the entries themselves suggest."""

    name: str = "effects"
    is_simple: ClassVar[bool] = True

    def complete(self, split: Split) -> Float[np.ndarray, "parts m n"]:
        """μ + a_i + b_j."""
        from rankfall.estimators.effects import ListedSums, damped_effects

        filled = np.empty_like(split.tables)
        for part, table in enumerate(split.tables):
            rows, cols = np.nonzero(~np.isnan(table))
            effects = damped_effects(ListedSums(rows, cols, table[rows, cols], None, table.shape))
            filled[part] = effects.mean + effects.rows[:, None] + effects.cols
        return filled


@dataclass(frozen=True)
class Neighbors(Member):
    """scikit-learn's nearest neighbors, weighted by distance."""

    count: int = 5
    is_simple: ClassVar[bool] = True

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """With the number of neighbors."""
        return f"{self.count} neighbors"

    def complete(self, split: Split) -> Float[np.ndarray, "parts m n"]:
        """What the nearest rows have that know the column."""
        from sklearn.impute import KNNImputer

        imputer = KNNImputer(n_neighbors=self.count, weights="distance", keep_empty_features=True)
        return np.stack([imputer.fit_transform(table) for table in split.tables])

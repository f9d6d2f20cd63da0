"""A learner of the stack: each column, or block of columns, from the others, once those are completed."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float

from rankfall.estimators.refinement.interpolation import interpolated
from rankfall.estimators.refinement.member import Split

# Fewer known entries than this teach nothing about a column.
_FEWEST = 5


class Learner(ABC):
    """One round of regressions, column by column, over tables that the members completed."""

    name: str
    # Whether the neighbors in time are regressors too where rows are ordered.
    uses_order: bool = False

    @abstractmethod
    def regress(
        self,
        known: Float[np.ndarray, "have k"],
        targets: Float[np.ndarray, "have t"],
        unknown: Float[np.ndarray, "lack k"],
        seed: int,
        is_final: bool,
    ) -> Float[np.ndarray, "lack t"]:
        """Targets of the unknown rows; is_final: for the whole table rather than for a fold."""

    def complete(self, split: Split, completed: Float[np.ndarray, "parts m n"]) -> Float[np.ndarray, "parts m n"]:
        """`completed` with every unknown entry that is judged or needed predicted anew."""
        filled = completed.copy()
        folds = len(split.held)
        for part, table in enumerate(split.tables):
            known = ~np.isnan(table)
            others = np.where(known, table, completed[part])
            extra = np.zeros((len(table), 0))
            if split.is_ordered and self.uses_order:
                extra = np.concatenate([interpolated(table), np.arange(len(table))[:, None]], axis=1)
            for block in np.unique(split.blocks):
                mine = np.flatnonzero(split.blocks == block)
                have = known[:, mine[0]]
                lack = split.held[part][:, mine[0]] if part < folds else ~have
                if not lack.any() or have.sum() < _FEWEST:
                    continue
                regressors = np.concatenate([others[:, split.blocks != block], extra], axis=1)
                filled[part][np.ix_(lack, mine)] = self.regress(
                    regressors[have], table[np.ix_(have, mine)], regressors[lack], split.seed + int(mine[0]),
                    part == folds,
                )  # fmt: skip
        return filled

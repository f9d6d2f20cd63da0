"""Trees: each column from the completed others, by scikit-learn's extremely randomized trees."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.estimators.refinement.interpolation import interpolated
from rankfall.estimators.refinement.member import Split


@dataclass(frozen=True)
class Trees:
    """One round of trees over tables that others completed."""

    trees: int = 72
    trees_of_folds: int = 24
    leaf: int = 2
    name: str = "trees"

    def complete(self, split: Split, completed: Float[np.ndarray, "parts m n"]) -> Float[np.ndarray, "parts m n"]:
        """Predictions of what is unknown; zeros elsewhere."""
        from sklearn.ensemble import ExtraTreesRegressor

        filled = np.zeros_like(split.tables)
        for part, table in enumerate(split.tables):
            known = ~np.isnan(table)
            others = np.where(known, table, completed[part])
            extra = np.zeros((len(table), 0))
            if split.is_ordered:
                extra = np.concatenate([interpolated(table), np.arange(len(table))[:, None]], axis=1)
            for col in range(table.shape[1]):
                have = known[:, col]
                lack = split.held[part][:, col] if part < len(split.held) else ~have
                if have.all() or not lack.any() or have.sum() < 5:
                    continue
                features = np.concatenate([np.delete(others, col, axis=1), extra], axis=1).astype(np.float32)
                count = self.trees_of_folds if part < len(split.held) else self.trees
                forest = ExtraTreesRegressor(count, min_samples_leaf=self.leaf, random_state=split.seed + col, n_jobs=1)
                filled[part][lack, col] = forest.fit(features[have], table[have, col]).predict(features[lack])
        return filled

"""Trees: each column from the completed others, by scikit-learn's extremely randomized trees.   [geurts2006]"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.estimators.refinement.learner import Learner


@dataclass(frozen=True)
class Trees(Learner):
    """`trees` for the whole table, `trees_of_folds` for each fold, with at least `leaf` rows in a leaf."""

    trees: int = 72
    trees_of_folds: int = 24
    leaf: int = 2
    name: str = "trees"
    uses_order: bool = True

    def regress(
        self,
        known: Float[np.ndarray, "have k"],
        targets: Float[np.ndarray, "have t"],
        unknown: Float[np.ndarray, "lack k"],
        seed: int,
        is_final: bool,
    ) -> Float[np.ndarray, "lack t"]:
        """The mean over trees."""
        from sklearn.ensemble import ExtraTreesRegressor

        count = self.trees if is_final else self.trees_of_folds
        forest = ExtraTreesRegressor(count, min_samples_leaf=self.leaf, random_state=seed, n_jobs=1)
        forest.fit(known.astype(np.float32), targets[:, 0] if targets.shape[1] == 1 else targets)
        return forest.predict(unknown.astype(np.float32)).reshape(len(unknown), -1)

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
        from sklearn import config_context
        from sklearn.tree import ExtraTreeRegressor

        x, y = known.astype(np.float32), np.ascontiguousarray(targets)
        asked = unknown.astype(np.float32)
        draws = np.random.RandomState(seed)
        total = np.zeros((len(unknown), targets.shape[1]))
        count = self.trees if is_final else self.trees_of_folds
        # a forest clones and validates every tree, which takes longer than growing a small one
        with config_context(skip_parameter_validation=True, assume_finite=True):
            for _ in range(count):
                # all draw from one stream: to seed another takes as long as to grow a tree
                tree = ExtraTreeRegressor(min_samples_leaf=self.leaf, random_state=draws)
                tree.fit(x, y, check_input=False)
                total += tree.predict(asked, check_input=False).reshape(total.shape)
        return total / count

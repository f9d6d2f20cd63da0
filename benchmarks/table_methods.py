"""Ways to fill a table with holes: each takes the table, with NaN for what is hidden, and gives it back filled.

Methods that are not free of units get columns of mean 0 and standard deviation 1, as their users would give them.
"""

import importlib.util
import warnings
from collections.abc import Callable

import numpy as np

import rankfall as rf
from rankfall.baselines import SoftImpute

Filler = Callable[[np.ndarray, bool], np.ndarray]


def rankfall(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """`DeepMatrixFactorization` at its defaults, told where rows are in order."""
    return rf.DeepMatrixFactorization(order="rows" if is_ordered else None).fit_transform(holes)


def column_means(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """Each column's mean."""
    return np.where(np.isnan(holes), np.nanmean(holes, axis=0), holes)


def nearest_neighbors(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """scikit-learn's KNNImputer, five neighbors weighted by distance."""
    from sklearn.impute import KNNImputer

    return _in_units(holes, lambda z: KNNImputer(weights="distance").fit_transform(z))


def iterative(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """scikit-learn's IterativeImputer: Bayesian ridge regressions in turn."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    return _in_units(holes, lambda z: np.asarray(IterativeImputer(random_state=0).fit_transform(z)))


def miss_forest(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """MissForest as scikit-learn users build it: IterativeImputer over 100 extremely randomized trees, ten rounds."""
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    trees = ExtraTreesRegressor(n_estimators=100, random_state=0)
    return _in_units(holes, lambda z: np.asarray(IterativeImputer(trees, max_iter=10, random_state=0).fit_transform(z)))


def soft_impute(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """Soft-Impute in column units, its λ chosen on held-out entries."""

    def fill(z: np.ndarray) -> np.ndarray:
        solution = SoftImpute(rank=min(z.shape), holdout=0.1, seed=0).solve(rf.Completion.from_array(z))
        rows, cols = np.nonzero(np.isnan(z))
        filled = z.copy()
        filled[rows, cols] = solution.predict(rows, cols)
        return filled

    return _in_units(holes, fill)


def interpolation(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """Between the observed neighbors in the same column, in the order of rows; the last value beyond them."""
    filled = holes.copy()
    places = np.arange(holes.shape[0])
    for column in filled.T:
        known = ~np.isnan(column)
        column[~known] = np.interp(places[~known], places[known], column[known])
    return filled


def hyper_impute(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """HyperImpute at its defaults."""
    import pandas
    from hyperimpute.plugins.imputers import Imputers  # pyright: ignore[reportMissingImports]

    return np.asarray(Imputers().get("hyperimpute").fit_transform(pandas.DataFrame(holes)))


def mice_forest(holes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """miceforest: five iterations of gradient-boosted trees, one data set."""
    import miceforest  # pyright: ignore[reportMissingImports]
    import pandas

    frame = pandas.DataFrame(holes, columns=[f"c{place}" for place in range(holes.shape[1])])
    kernel = miceforest.ImputationKernel(frame, num_datasets=1, random_state=0)
    kernel.mice(5)
    return np.asarray(kernel.complete_data(0))


METHODS: dict[str, Filler] = {
    "means": column_means, "knn": nearest_neighbors, "iterative": iterative, "missforest": miss_forest,
    "soft-impute": soft_impute, "interpolation": interpolation, "rankfall": rankfall,
}  # fmt: skip
METHODS |= {
    library: fill
    for library, fill in (("hyperimpute", hyper_impute), ("miceforest", mice_forest))
    if importlib.util.find_spec(library)
}


def _in_units(holes: np.ndarray, fill: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    origin, unit = np.nanmean(holes, axis=0), np.nanstd(holes, axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return origin + unit * fill((holes - origin) / unit)

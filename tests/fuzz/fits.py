"""Random fits: tables of every type with random parameters, and every question a fitted estimator can be asked."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse

import rankfall as rf
from tests.fuzz.tables import random_table, some

INF, NAN = np.inf, np.nan
PARAMETERS: dict[str, tuple] = {
    "depth": (1, 2, 3, 5, 0, -1, 2.5, "2", None, True, np.int64(2), NAN),
    "width": (1, 2, 50, 0, "wide", np.int32(3), INF, 10**12),
    "scale": (1e-3, 1.0, 0, -1, INF, NAN, "small", np.float32(0.1), 1e-320, 1e300),
    "features": (True, False, 1, "yes", np.True_, [True]),
    "scaling": ("global", "columns", "rows", 3, ["auto"]),
    "loss": ("huber", "absolute", "logistic", "cubed", rf.problems.Huber(1.0), None, rf.problems.Huber),
    "holdout": (0.2, 0.9, 0, 1, 1.5, NAN, "tenth", 1e-9),
    "rtol": (1e-2, 1e-6, 0.9, 0, 1, -1, NAN, "fine"),
    "bounds": ((0, 1), (None, 2.5), (2, 1), (-INF, INF), (NAN, 1), [(0, 1)], [None, (0, 1)], "ab", 3, ((0, 1), 2), ()),
    "levels": ([1, 2, 3], np.arange(5), {0.5, 1}, [1], [], "ab", [1, INF], [[1, 2]], (1.0, NAN), 3),
    "order": ("rows", "columns", 1),
    "refine": (False, True, "maybe", 0),
    "decimals": ("auto", 2, "none"),
    "keep_observed": (False, True),
    "dtype": ("float32", "float64", "float16", np.float32),
    "random_state": (0, 7, None, np.random.RandomState(0), -1, "seed", np.int64(3), 2**40),
}


def fit_case(seed: int) -> tuple[dict[str, Any], Any, Any]:
    """Parameters, a table and weights, or None for these."""
    rng = np.random.default_rng(seed)
    parameters: dict[str, Any] = {"depth": 2} if rng.random() < 0.95 else {}
    for name, values in PARAMETERS.items():
        if rng.random() < 0.06:
            parameters[name] = some(rng, *[values[int(rng.integers(len(values)))]])
    values = random_table(rng)
    weights = None
    if rng.random() < 0.15:
        weights = some(
            rng, np.ones(len(values)), rng.random(values.shape), np.zeros(values.shape), -np.ones(values.shape),
            np.ones(3), np.full(values.shape, 1e200), np.full(values.shape, NAN),
            10.0 ** rng.integers(-9, 9, values.shape),
        )  # fmt: skip
    return parameters, _as_type(rng, values), weights


def _as_type(rng: np.random.Generator, values: np.ndarray) -> Any:
    kind = some(rng, *["array"] * 8, "float32", "list", "masked", "frame", "csr", "coo", "object", "fortran", "strings")
    if kind == "float32":
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    if kind == "list":
        return values.tolist()
    if kind == "masked":
        return np.ma.masked_invalid(values)
    if kind == "frame":
        return pd.DataFrame(values, columns=[f"c{j}" for j in range(values.shape[1])])
    if kind in ("csr", "coo"):
        rows, cols = np.nonzero(~np.isnan(values))
        return scipy.sparse.coo_array((values[rows, cols], (rows, cols)), shape=values.shape).asformat(kind)
    if kind == "object":
        return values.astype(object)
    if kind == "strings":
        return values.astype(str)
    return np.asfortranarray(values) if kind == "fortran" else values


def judge_fit(seed: int, folder: Any) -> str:
    """Fit the case and ask everything; what is wrong with the answers, or nothing."""
    parameters, table, weights = fit_case(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", rf.errors.RunWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        try:
            model = rf.DeepMatrixFactorization(**parameters).fit(table, sample_weight=weights)
        except (ValueError, TypeError) as error:
            said = str(error)
            if isinstance(error, rf.InputError):
                return f"more than a line: {said!r}" if "\n" in said else ""
            # scikit-learn's own words about shapes and types
            return "" if _is_of_validation(error) else f"{type(error).__name__}: {said!r}"
        answers = _answers(model, table)
        model.save(folder / "fit.npz")
        again = _answers(rf.DeepMatrixFactorization.load(folder / "fit.npz"), table)
    wrong = [name for name, values in answers.items() if not np.isfinite(values).all()]
    wrong += [f"{name} differs when loaded" for name in answers if not np.array_equal(answers[name], again[name])]
    return ", ".join(wrong)


def _is_of_validation(error: BaseException) -> bool:
    trace, files = error.__traceback__, []
    while trace is not None:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return any("sklearn/utils" in file.replace("\\", "/") for file in files)


def _answers(model: rf.DeepMatrixFactorization, table: Any) -> dict[str, np.ndarray]:
    m, n = model.fitted_.problem.shape
    rows, cols = np.arange(-1, m), np.resize(np.arange(-1, n), m + 1)
    found = {"filled": model.transform(table), "pairs": model.predict(rows, cols)}
    fresh = np.full((2, n), NAN)
    fresh[0, : (n + 1) // 2] = model.fitted_.problem.values.flat[0]
    found["new rows"] = model.fold_in(fresh)
    best, scores = model.recommend(np.arange(m), k=min(3, n))
    found["recommended"] = np.where(best < 0, 0, scores)
    if model.fitted_.signs is not None:
        found["probabilities"] = model.predict_proba(rows, cols)
    elif model.fitted_.selection.values.size:
        low, high = model.predict_interval(rows, cols, alpha=0.3)
        # an interval of too few held-out entries is the whole line
        found["intervals"] = np.where(np.isinf(low) | np.isinf(high), 0, high - low)
    return found

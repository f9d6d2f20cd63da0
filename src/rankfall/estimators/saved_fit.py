"""What a saved fit must hold: every array with its kind, shape and range, and the words beside them.

A file may be damaged, or made by somebody else. Compiled code follows indices without looking, so all is checked
before any of it is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import TypeAlias, TypedDict, TypeGuard, cast

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators.scalings import SCALINGS
from rankfall.tables.files import FilePath

# of an array of no axes, NumPy makes a number
Verdict: TypeAlias = np.ndarray | np.bool_

_KINDS = {"f": "f", "i": "iu", "b": "b"}


class Notes(TypedDict):
    """What the estimator keeps beside its fit: names of the columns, and the levels of those that are categories."""

    effective_rank: float
    status: str
    names: list[str] | None
    categories: list[list[float]] | None


class TrialWords(TypedDict):
    """A `Trial` in words."""

    candidate: dict[str, object]
    time: float
    error: float
    seconds: float
    evaluations: int
    is_given_up: bool
    curve: list[list[float]]


class Header(TypedDict):
    """The words of a saved fit; of `refinement`: shares and seconds of the members, and names of simple methods."""

    format: int
    shape: list[int]
    loss: dict[str, object]
    parameters: dict[str, object]
    notes: Notes
    trials: list[TrialWords]
    refinement: list | None
    chosen: int


@dataclass(frozen=True)
class Rule:
    """The kind of an array's numbers ("f", "i", "b"), its axes by name, and what every one of them satisfies."""

    kind: str
    axes: str = ""
    each: Callable[[np.ndarray], Verdict] = np.isfinite


def _positive(values: np.ndarray) -> Verdict:
    return np.isfinite(values) & (values > 0)


def _no_less_than_zero(values: np.ndarray) -> Verdict:
    return np.isfinite(values) & (values >= 0)


def _damping(values: np.ndarray) -> Verdict:
    # effects that are not worth their variance have infinite damping
    return values > 0


def _number_or_nan(values: np.ndarray) -> Verdict:
    return ~np.isinf(values)


def _below(size: int) -> Callable[[np.ndarray], Verdict]:
    return lambda index: (index >= 0) & (index < size)


def check_fit(arrays: dict[str, np.ndarray], header: dict[str, object], path: FilePath) -> Header:
    """The header, whose words are then known.

    Raises InputError, with a sentence that names what is wrong, for what `save_fitted` could not have written.
    """
    wrong = _first_wrong(arrays, header)
    if wrong:
        raise InputError(
            f"the arrays of a saved fit must fit one another, those in {str(path)!r} do not ({wrong}); save it again"
        )
    return cast(Header, header)


def _first_wrong(arrays: dict[str, np.ndarray], header: dict[str, object]) -> str:
    shape = header.get("shape")
    sides = [size for size in shape if _is_whole(size) and 0 < size < 2**31] if _is_list(shape, 2) else []
    if len(sides) != 2:
        return "shape"
    m, n = sides
    sizes: dict[str, int] = {"m": m, "n": n}
    for name, rule in _rules(m, n, arrays, header).items():
        if name not in arrays:
            return f"{name} is missing"
        array = arrays[name]
        if array.dtype.kind not in _KINDS[rule.kind]:
            return f"{name} is of the type {array.dtype}"
        if array.ndim != len(rule.axes):
            return f"{name} has {array.ndim} axes"
        for axis, size in zip(rule.axes, array.shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                return f"{name} has the shape {array.shape}"
        if not np.all(rule.each(array)):
            return f"a number in {name} is out of range"
    if not arrays["values"].size or not _is_row_major(arrays["rows"], arrays["cols"], n):
        return "the entries are not in row-major order"
    if "weights" in arrays and not arrays["weights"].sum() > 0:
        return "all weights are zero"
    return _wrong_words(header, n)


def _rules(m: int, n: int, arrays: dict[str, np.ndarray], header: dict[str, object]) -> dict[str, Rule]:
    row, column = _below(m), _below(n)
    rules = {
        "rows": Rule("i", "e", row), "cols": Rule("i", "e", column), "values": Rule("f", "e"),
        "left": Rule("f", "mk"), "right": Rule("f", "nk"),
        "held_rows": Rule("i", "h", row), "held_cols": Rule("i", "h", column), "held_values": Rule("f", "h"),
        "held_predicted": Rule("f", "h"), "held_column_means": Rule("f", "h"),
        "standardization_origin": Rule("f", "n"), "standardization_unit": Rule("f", "n", _positive),
        "standardization_mean": Rule("f"), "standardization_noise": Rule("f", "", _positive),
        "standardization_row_effect": Rule("f", "m"), "standardization_column_effect": Rule("f", "n"),
        "standardization_row_slow": Rule("f", "m", _positive),
        "standardization_column_slow": Rule("f", "n", _positive),
        "standardization_row_damping": Rule("f", "", _damping),
        "standardization_column_damping": Rule("f", "", _damping), "standardization_mixed": Rule("b"),
        "standardization_logs": Rule("b", "n"), "standardization_highest": Rule("f", "n", _damping),
    }  # fmt: skip
    if "weights" in arrays:
        rules["weights"] = Rule("f", "e", _no_less_than_zero)
    if any(name.startswith("shift_") for name in arrays):
        rules |= {"shift_factors": Rule("f", "nk"), "shift_own": Rule("f", "kk"), "shift_exponent": Rule("f")}
        rules["shift_norm"] = Rule("f", "", _positive)
    if header.get("refinement") is not None:
        rules["refined_table"] = Rule("f", "mn", _number_or_nan)
        rules |= {"rows_origin": Rule("f", "n"), "rows_unit": Rule("f", "n", _positive), "rows_mean": Rule("f", "n")}
        rules["rows_covariance"] = Rule("f", "nn")
        stack = header["refinement"]
        names = stack[2] if _is_list(stack, 3) else None
        rules |= {f"simple_{k}": Rule("f", "h") for k in range(len(names) if isinstance(names, list) else 0)}
    return rules


def _is_row_major(rows: np.ndarray, cols: np.ndarray, columns: int) -> bool:
    places = rows.astype(np.int64) * columns + cols
    return bool((places[1:] > places[:-1]).all())


def _wrong_words(header: dict[str, object], columns: int) -> str:
    """What is wrong with the trials, the choice, the notes or the shares; empty where nothing is."""
    trials, chosen, notes = header.get("trials"), header.get("chosen"), header.get("notes")
    if not isinstance(trials, list) or not all(_is_trial(trial) for trial in trials):
        return "trials"
    if not isinstance(chosen, int) or not _is_whole(chosen) or not 0 <= chosen < len(trials):
        return "the trial that was chosen"
    if not isinstance(header.get("parameters"), dict) or not isinstance(header.get("loss"), dict):
        return "parameters"
    if not isinstance(notes, dict) or not _is_number(notes.get("effective_rank")):
        return "effective rank"
    names, categories = notes.get("names"), notes.get("categories")
    if categories is not None:
        if not (isinstance(categories, list) and all(map(_are_levels, categories))):
            return "levels of the categories"
        if sum(max(1, len(levels)) for levels in categories) != columns:
            return "levels of the categories"
        columns = len(categories)
    if not isinstance(notes.get("status"), str) or (names is not None and not _are_names(names, columns)):
        return "names of the columns"
    refinement = header.get("refinement")
    if refinement is None:
        return ""
    if not (_is_list(refinement, 3) and all(map(_are_numbers, refinement[:2]))):
        return "shares of the stack"
    simple = refinement[2]
    return "" if isinstance(simple, list) and _are_names(simple, len(simple)) else "names of the simple methods"


def _is_trial(trial: object) -> bool:
    if not isinstance(trial, dict) or not isinstance(trial.get("candidate"), dict):
        return False
    candidate = trial["candidate"]
    is_limit = candidate.get("depth") == inf
    counts = [*([] if is_limit else [candidate.get("depth")]), candidate.get("width")]
    if not all(_is_whole(count) and count >= 1 for count in counts):
        return False
    if is_limit and trial.get("time") != inf:
        return False
    positive = [candidate.get("scale"), *([] if is_limit else [trial.get("time")])]
    others = [candidate.get("popularity"), candidate.get("features", 0.0), trial.get("seconds")]
    curve = trial.get("curve")
    if not isinstance(curve, list) or not all(_is_list(pair, 2) and all(map(_is_number, pair)) for pair in curve):
        return False
    # the error of a fit that held nothing out is not a number
    is_error = isinstance(trial.get("error"), float) and candidate.get("scaling") in SCALINGS
    return is_error and all(_is_number(value) and value > 0 for value in positive) and all(map(_is_number, others))


def _is_list(value: object, length: int) -> TypeGuard[list[object]]:
    return isinstance(value, list) and len(value) == length


def _are_names(value: object, count: int) -> bool:
    return _is_list(value, count) and all(isinstance(name, str) for name in value)


def _are_levels(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_number, value)) and sorted(set(value)) == value


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _are_numbers(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))

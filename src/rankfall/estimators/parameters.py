"""What the parameters of the estimator may be: each rule, with its sentence."""

from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators.bounds import Bounds
from rankfall.estimators.robust_scaling import loss_of
from rankfall.estimators.scalings import SCALINGS


def check_parameters(model: Any) -> None:
    """Raise InputError for a parameter of a `DeepMatrixFactorization` that is out of range."""
    for name, value in (("depth", model.depth), ("width", model.width)):
        if value != "auto" and not (isinstance(value, (int, np.integer)) and value >= 1):
            raise InputError(f"{name} must be 'auto' or at least 1, got {value!r}; 'auto' chooses by held-out entries")
    if model.scale != "auto" and not (isinstance(model.scale, (int, float)) and model.scale > 0):
        raise InputError(f"scale must be 'auto' or positive, got {model.scale!r}; smaller starts favor lower rank")
    loss_of(model.loss)
    if model.holdout != "auto" and not (isinstance(model.holdout, (int, float)) and 0 < model.holdout < 1):
        raise InputError(f"holdout must lie between 0 and 1, got {model.holdout}; 'auto' is a tenth, or less of many")
    if model.rtol != "auto" and not (isinstance(model.rtol, (int, float)) and 0 < model.rtol < 1):
        raise InputError(f"rtol must lie between 0 and 1, got {model.rtol}; 'auto' is close enough to complete a table")
    if model.features not in (True, False, "auto"):
        raise InputError(f"features must be True, False or 'auto', got {model.features!r}; 'auto' tries them")
    if model.features is True and model.depth == 1:
        raise InputError("features need a depth of at least 2, got 1; use depth='auto' or features=False")
    if model.scaling not in SCALINGS:
        raise InputError(f"scaling must be one of {', '.join(SCALINGS)}, got {model.scaling!r}; 'auto' tries them")
    if model.dtype not in ("auto", "float32", "float64"):
        raise InputError(
            f"dtype must be 'auto', 'float32' or 'float64', got {model.dtype!r}; float32 halves the memory"
        )
    Bounds.of(model.bounds)
    if model.order not in (None, "rows"):
        raise InputError(f"order must be None or 'rows', got {model.order!r}; 'rows' is for rows in the order of time")
    if model.refine not in (True, False, "auto"):
        raise InputError(f"refine must be True, False or 'auto', got {model.refine!r}; 'auto' refines small tables")
    if model.decimals not in (None, "auto"):
        raise InputError(f"decimals must be None or 'auto', got {model.decimals!r}; 'auto' rounds as the columns do")
    if model.levels is not None and len(set(model.levels)) < 2:
        raise InputError(f"levels must hold at least 2 values, got {list(model.levels)}; leave it None for any number")

"""What the parameters of the estimator may be: each rule, with its sentence."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from math import isfinite
from numbers import Integral, Real
from typing import TYPE_CHECKING, TypeGuard, TypeVar, cast, no_type_check

import numpy as np
from sklearn.utils import check_random_state

from rankfall.devices import find_device
from rankfall.errors import InputError
from rankfall.estimators.bounds import Bounds
from rankfall.estimators.robust_scaling import loss_of
from rankfall.estimators.scalings import SCALINGS

if TYPE_CHECKING:
    from rankfall.estimators.estimator import DeepMatrixFactorization

Value = TypeVar("Value")
Init = TypeVar("Init", bound=Callable[..., None])


def judged_in_fit(init: Init) -> Init:
    """A constructor that takes any values, as scikit-learn has it: `fit` judges them, no type is checked before."""
    return no_type_check(init)


def check_parameters(model: "DeepMatrixFactorization") -> None:
    """Raise InputError for a parameter of a `DeepMatrixFactorization` that is out of range."""
    for name, value in (("depth", model.depth), ("width", model.width)):
        if not (_is_auto(value) or (_is_whole(value) and value >= 1)):
            raise InputError(f"{name} must be 'auto' or at least 1, got {value!r}; 'auto' chooses by held-out entries")
    if not (_is_auto(model.scale) or (_is_number(model.scale) and 0 < model.scale < np.inf)):
        raise InputError(f"scale must be 'auto' or positive, got {model.scale!r}; smaller starts favor lower rank")
    loss_of(model.loss)
    if not (_is_auto(model.holdout) or (_is_number(model.holdout) and 0 < model.holdout < 1)):
        raise InputError(f"holdout must lie between 0 and 1, got {model.holdout!r}; 'auto' is a tenth, or less of many")
    if not (_is_auto(model.rtol) or (_is_number(model.rtol) and 0 < model.rtol < 1)):
        raise InputError(
            f"rtol must lie between 0 and 1, got {model.rtol!r}; 'auto' is close enough to complete a table"
        )
    if not _is_flag(model.features):
        raise InputError(f"features must be True, False or 'auto', got {model.features!r}; 'auto' tries them")
    if not _is_auto(model.features) and model.features and model.depth == 1:
        raise InputError("features need a depth of at least 2, got 1; use depth='auto' or features=False")
    if not _is_word(model.scaling, *SCALINGS):
        raise InputError(f"scaling must be one of {', '.join(SCALINGS)}, got {model.scaling!r}; 'auto' tries them")
    Bounds.of(model.bounds)
    if not _is_word(model.dtype, "auto", "float32", "float64"):
        raise InputError(
            f"dtype must be 'auto', 'float32' or 'float64', got {model.dtype!r}; float32 halves the memory"
        )
    if model.device is not None:
        find_device(model.device)
    if isinstance(model.order, str) and model.order != "rows":
        raise InputError(
            f"order must be None, 'rows' or the time of each row, got {model.order!r}; 'rows' is for rows in the order "
            "of time"
        )
    if not _is_flag(model.refine):
        raise InputError(f"refine must be True, False or 'auto', got {model.refine!r}; 'auto' refines small tables")
    if not (model.decimals is None or _is_auto(model.decimals)):
        raise InputError(f"decimals must be None or 'auto', got {model.decimals!r}; 'auto' rounds as the columns do")
    if model.levels is not None:
        _check_levels(model.levels)


def plain(value: Value) -> Value:
    """A number of NumPy as one of Python; anything else as it is."""
    return cast(Value, value.item()) if isinstance(value, np.generic) else value


def seed_of(random_state: object) -> int:
    """The seed that a `random_state` says: the number itself, or one drawn from it.

    Raises InputError for anything but a whole number from 0, a RandomState or None.
    """
    if _is_whole(random_state) and random_state >= 0:
        return int(random_state)
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31 - 1))
    raise InputError(
        f"random_state must be a whole number from 0, a RandomState or None, got {random_state!r}; 0 gives the same "
        "result each time"
    )


def positions(order: object, rows: int) -> np.ndarray | None:
    """The rows of a table in the order of time, as the estimator's `order` tells it; None where there is none.

    Raises InputError for times of another number than the rows, or such that are unknown.
    """
    if order is None:
        return None
    if isinstance(order, str):
        return np.arange(rows)
    times = np.asarray(order)
    if times.shape != (rows,):
        raise InputError(f"order must have one time for each of the {rows} rows, got the shape {times.shape}")
    if times.dtype.kind not in "iufM" or np.isnan(times).any():
        raise InputError(
            f"times of rows must be numbers or dates without a hole, got the type {times.dtype}; convert strings "
            "first, as by pandas.to_datetime"
        )
    return np.argsort(times, kind="stable")


def _check_levels(levels: object) -> None:
    values = None
    if isinstance(levels, Iterable):
        with suppress(TypeError, ValueError):
            values = np.asarray(list(levels), dtype=np.float64)
    if values is None or values.ndim != 1:
        raise InputError(
            f"levels must be numbers, got {levels!r}; give the values that can occur, as in [1, 2, 3, 4, 5]"
        )
    if not np.isfinite(values).all():
        raise InputError(f"levels must be finite, got {levels!r}; leave it None for any number")
    if np.unique(values).size < 2:
        raise InputError(f"levels must hold at least 2 values, got {levels!r}; leave it None for any number")


def _is_word(value: object, *words: str) -> TypeGuard[str]:
    return isinstance(value, str) and value in words


def _is_auto(value: object) -> TypeGuard[str]:
    return _is_word(value, "auto")


def _is_flag(value: object) -> bool:
    return _is_auto(value) or isinstance(value, (bool, np.bool_))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) and isfinite(value)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and _is_number(value)

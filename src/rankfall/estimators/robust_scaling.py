"""Which loss an estimator fits by, and the units it is meant in.

A threshold is no use in the units of a table nobody has looked at. Here it counts in σ, the spread that row and column
effects leave, and σ and the effects are read so that the outliers a loss is to withstand do not set them: residuals
are pulled in to ±3 σ, and effects and σ read again, until σ stands still (Huber's pseudo-values).   [huber1964]

A table of two values is read as −1 and 1 with the log-odds of the whole table as offset; means are not taken out of
signs, and rows and columns get their effects from the product.
"""

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass, replace

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators.scaling_choice import standardize_as
from rankfall.estimators.standardization import Standardization
from rankfall.problems.completion import Completion
from rankfall.problems.loss import Loss
from rankfall.problems.losses import Logistic, Squared

_PULLED_IN, _ROUNDS, _SETTLED = 3.0, 10, 1e-2
# The median of |r| in deviations of a Gaussian r.
NORMAL_MEDIAN = 0.6745
_LEAST = 1e-3


def loss_of(given: object) -> Loss:
    """The loss that a parameter of the estimator names, or is: any registered name, any `Loss`; squares for "auto".

    A name means default parameters in σ. The product explains most of what effects leave, so that noise is well below
    σ: `Huber(0.5)` is about 1.345 deviations of noise that is 14 % of the variance.
    """
    if isinstance(given, str) and given == "auto":
        return Squared()
    if isinstance(given, str) and given in Loss.registered:
        return Loss.registered[given].in_spreads()
    if isinstance(given, Loss):
        return given
    raise InputError(
        f"loss must be {', '.join(map(repr, Loss.registered))} or a Loss such as Huber(0.5), got {given!r}; "
        "'huber' withstands outliers, 'logistic' is for tables of two values"
    )


def standardizations(
    problem: Completion, parts: Sequence[Completion], scaling: str, loss: Loss
) -> list[Standardization]:
    """How each part of a problem is read for a loss given in σ; one loss, sized by the first part, for all.

    Two values are looked up in the whole problem: which ones they are, and how often. Raises InputError for a
    logistic loss on a table that does not hold two values.
    """
    if loss.is_binary:
        return [_signs(problem)] * len(parts)
    if loss.is_quadratic:
        return [standardize_as(part, scaling) for part in parts]
    shapes = [_withstanding(part, scaling) for part in parts]
    sized = loss.scaled(max(float(np.sqrt(shapes[0].noise)), _LEAST))
    return [replace(shape, loss=sized) for shape in shapes]


def _withstanding(problem: Completion, scaling: str) -> Standardization:
    """The standardization of the table with its outliers pulled in."""
    shape = standardize_as(problem, scaling)
    values, spread = np.asarray(problem.values, dtype=np.float64), np.inf
    for _ in range(_ROUNDS):
        offset = shape.offset(problem.rows, problem.cols)
        residual = shape.to_units(values, problem.cols) - offset
        before, spread = spread, float(np.median(np.abs(residual))) / NORMAL_MEDIAN
        bound = _PULLED_IN * spread
        if spread == 0 or (np.abs(residual) <= bound).all():
            break
        pulled = shape.from_units(offset + np.clip(residual, -bound, bound), problem.cols)
        unit = shape.unit
        shape = standardize_as(replace(problem, values=pulled), scaling)
        if abs(spread - before) < _SETTLED * spread and np.allclose(unit, shape.unit, rtol=_SETTLED):
            break
    return shape


def _signs(problem: Completion) -> Standardization:
    """Two values as −1 and 1, and the offset at which W = 0 means how often they come."""
    values = np.asarray(problem.values, dtype=np.float64)
    low, high = values.min(), values.max()
    is_high = values == high
    other = values[(values != low) & ~is_high]
    if low == high or other.size:
        found = f"{low:g}, {other[0]:g} and {high:g}" if other.size else f"only {low:g}"
        raise InputError(
            f"loss='logistic' needs a table of exactly two values, got {found}; use 'squared' or 'huber' for numbers"
        )
    weights = np.ones_like(values) if problem.weights is None else np.asarray(problem.weights, dtype=np.float64)
    # half an entry more of each value keeps the odds finite
    odds = (weights[is_high].sum() + 0.5) / (weights[~is_high].sum() + 0.5)
    m, n = problem.shape
    return Standardization(
        origin=np.full(n, (low + high) / 2), unit=np.full(n, (high - low) / 2), mean=0.0,
        row_effect=np.zeros(m), column_effect=np.zeros(n), row_slow=np.ones(m), column_slow=np.ones(n),
        row_damping=np.inf, column_damping=np.inf, noise=1.0, mixed=False, logs=np.zeros(n, dtype=bool),
        highest=np.full(n, np.inf),        loss=Logistic(float(np.log(odds))),
    )  # fmt: skip


def spelled(loss: Loss) -> dict[str, object]:
    """A loss as plain numbers and words.

    Raises InputError for a loss without a name, which could not be read back.
    """
    if Loss.registered.get(loss.name) is not type(loss):
        raise InputError(
            f"a model is saved with the name of its loss, got {loss!r} without one; give its class a name, as in "
            "name: ClassVar[str] = 'my-loss'"
        )
    return {"name": loss.name, **(asdict(loss) if is_dataclass(loss) else vars(loss))}


def read_loss(words: dict[str, object]) -> Loss:
    """The loss that `spelled` wrote.

    Raises InputError for a name that no imported class has.
    """
    known = words.get("name")
    if not isinstance(known, str) or known not in Loss.registered:
        raise InputError(f"the loss of a saved model must be known, got {known!r}; import the module that defines it")
    try:
        return Loss.registered[known](**{name: value for name, value in words.items() if name != "name"})
    except TypeError as error:
        raise InputError(f"a saved loss must have its own parameters, got {words} ({error}); save it again") from None

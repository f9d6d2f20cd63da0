"""Options that say how to fit, from strings to numbers, each checked before anything is read or imported.

A wrong option costs a tenth of a second: sentences name it as it was typed, and the libraries that fitting needs are
loaded when there is something to fit.
"""

from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING

from rankfall.errors import InputError

if TYPE_CHECKING:
    from rankfall.estimators import DeepMatrixFactorization

_SCALINGS = ("auto", "global", "columns", "log", "raw")
_LOSSES = ("auto", "squared", "huber", "absolute", "logistic")


@dataclass(frozen=True)
class FitOptions:
    """How to fit: `depth`, `width`, `scale`, `rtol` and `holdout` are numbers or "auto", `features` is None for that.

    The rest is as for the estimator.

    Raises InputError, naming the option, where one is out of range.
    """

    depth: int | str = "auto"
    width: int | str = "auto"
    scale: float | str = "auto"
    rtol: float | str = "auto"
    holdout: float | str = "auto"
    seed: int = 0
    min_value: float | None = None
    max_value: float | None = None
    float32: bool = False
    loss: str = "auto"
    features: bool | None = None
    scaling: str = "auto"
    order: str | None = None
    refine: bool | None = None
    levels: tuple[float, ...] | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        for name, given in (("depth", self.depth), ("width", self.width)):
            if isinstance(given, int) and given < 1:
                raise InputError(f"--{name} must be at least 1, got {given}; 'auto' chooses for you")
        if not isinstance(self.scale, str) and not 0 < self.scale < inf:
            raise InputError(
                f"--scale must be positive, got {self.scale}; smaller starts favor lower rank, 'auto' chooses"
            )
        if self.features and self.depth == 1:
            raise InputError("--features need a --depth of at least 2, got 1; leave one of them out")
        if self.loss not in _LOSSES:
            raise InputError(
                f"--loss must be one of {', '.join(_LOSSES)}, got {self.loss!r}; huber withstands outliers, logistic "
                "is for tables of two values"
            )
        if self.scaling not in _SCALINGS:
            raise InputError(f"--scaling must be one of {', '.join(_SCALINGS)}, got {self.scaling!r}")
        if not isinstance(self.rtol, str) and not 0 < self.rtol < 1:
            raise InputError(f"--rtol must lie between 0 and 1, got {self.rtol}; 1e-2 is enough to complete a table")
        if not isinstance(self.holdout, str) and not 0 < self.holdout < 1:
            raise InputError(
                f"--holdout must lie between 0 and 1, got {self.holdout}; 'auto' is a tenth, or less of many"
            )
        if not 0 <= self.seed < 2**32:
            raise InputError(f"--seed must lie between 0 and {2**32 - 1}, got {self.seed}; 0 is as good as any")
        for name, bound in (("min", self.min_value), ("max", self.max_value)):
            if bound is not None and not isfinite(bound):
                raise InputError(f"--{name} must be a finite number, got {bound}; leave it out for no bound")
        if self.device is not None:
            from rankfall.devices import find_device

            find_device(self.device)
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise InputError(f"--min must not exceed --max, got {self.min_value} and {self.max_value}; swap them")

    def estimator(self) -> "DeepMatrixFactorization":
        """The `DeepMatrixFactorization` that fits so."""
        from rankfall.estimators import DeepMatrixFactorization

        free = self.min_value is None and self.max_value is None
        return DeepMatrixFactorization(
            scaling=self.scaling, refine="auto" if self.refine is None else self.refine,
            depth=self.depth, width=self.width, scale=self.scale, rtol=self.rtol, holdout=self.holdout,
            random_state=self.seed, bounds=None if free else (self.min_value, self.max_value),
            dtype="float32" if self.float32 else "auto", loss=self.loss,
            features="auto" if self.features is None else self.features,
            levels=None if self.levels is None else list(self.levels), device=self.device,
        )  # fmt: skip


def whole_or_auto(name: str, given: str) -> int | str:
    """The whole number that was typed, or "auto"."""
    if given == "auto":
        return given
    try:
        return int(given)
    except ValueError:
        raise InputError(f"--{name} must be 'auto' or a whole number, got {given!r}; 'auto' chooses for you") from None


def number_or_auto(name: str, given: str) -> float | str:
    """The number that was typed, or "auto"."""
    if given == "auto":
        return given
    try:
        return float(given)
    except ValueError:
        raise InputError(f"--{name} must be 'auto' or a number, got {given!r}; 'auto' chooses for you") from None


def levels_of(given: str | None) -> tuple[float, ...] | None:
    """The values that can occur, as 1,2,3,4,5; None where any can."""
    if given is None:
        return None
    try:
        levels = tuple(sorted({float(one) for one in given.split(",")}))
    except ValueError:
        levels = ()
    if len(levels) < 2 or not all(isfinite(one) for one in levels):
        raise InputError(f"--levels must be at least 2 numbers, as in 1,2,3,4,5, got {given!r}; leave it out for any")
    return levels

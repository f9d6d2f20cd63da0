"""How to fit a tensor, as one resolved value: what the estimator's parameters mean for the entries at hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators.tensors.trial import FAMILIES
from rankfall.problems.tensor_completion import TensorCompletion

# Share of the observed entries that is held out, and how many at most.
_HELD = 0.1, 100_000


@dataclass(frozen=True)
class TensorSettings:
    """The parameters of a fit, resolved for a problem.

    Parameters
    ----------
    families : sequence of str
        Those tried.
    width : int, optional
        None lets it grow.
    share : float
        Of the observed entries, held out.
    axes : tuple of int
        Those whose slices have units of their own.
    is_open : bool
        Whether neither family nor width is given, so that flattenings may take part.
    """

    families: Sequence[str]
    width: int | None
    share: float
    axes: tuple[int, ...]
    is_open: bool

    @classmethod
    def resolve(
        cls,
        problem: TensorCompletion,
        family: str,
        width: int | str,
        holdout: float | int | str,
        units: tuple[int, ...],
    ) -> "TensorSettings":
        """The settings that the estimator's parameters spell. Raises InputError where one of them cannot be."""
        order = len(problem.shape)
        if family != "auto" and family not in FAMILIES:
            raise InputError(f"family must be 'auto' or one of {', '.join(FAMILIES)}, got {family!r}")
        if width != "auto" and not (isinstance(width, (int, np.integer)) and width >= 1):
            raise InputError(f"width must be 'auto' or at least 1, got {width!r}; 'auto' grows it")
        if holdout != "auto" and not (isinstance(holdout, (int, float)) and 0 < holdout < 1):
            raise InputError(f"holdout must be 'auto' or lie between 0 and 1, got {holdout!r}")
        if any(not -order <= axis < order for axis in units):
            raise InputError(f"units must be axes of the tensor, 0 … {order - 1}, got {tuple(units)}")
        families = ["cp", *(["train"] if order > 2 else []), *(["tree"] if order > 3 else [])]
        share = min(_HELD[0], _HELD[1] / problem.count) if holdout == "auto" else holdout
        return cls(
            families if family == "auto" else [family],
            None if width == "auto" else int(width),
            float(share),
            tuple(axis % order for axis in units),
            family == "auto" and width == "auto",
        )

"""How to fit, as one resolved value: what the estimator's parameters mean for the table at hand."""

from dataclasses import dataclass

import numpy as np

from rankfall.devices import Device
from rankfall.estimators.categories import Categories
from rankfall.estimators.folds import is_refitted, share_held_out
from rankfall.integrators import Chebyshev2, Flow, Integrator
from rankfall.problems.losses import Loss

# Observed entries from which on float32 is enough and a coarser flow tolerance loses nothing; the two tolerances.
_MANY = 100_000
_RTOL_OF_MANY, _RTOL = 3e-2, 1e-2


@dataclass(frozen=True)
class FitSettings:
    """The parameters of a fit, resolved for a number of observed entries.

    Parameters
    ----------
    depth, width, scale, features : int, float, bool or "auto"
        A value or "auto", as for the estimator.
    scaling : str
        Of `rankfall.estimators.scalings`.
    loss : Loss
        Thresholds in spreads of the table.
    holdout : float
        Share of the observed entries held out.
    integrator, dtype : Integrator, type
        How a run is followed, and its precision.
    seed : int
        Of the held-out splits.
    refine : bool or str
        Whether a small table is completed by the stack; "auto" where nothing about the chain is fixed.
    order : (m,) ndarray of int, optional
        The rows in the order of time; None where they have none.
    tries_huber : bool
        Whether Huber's loss is tried where the squares of outliers might decide.
    device : str, optional
        Where runs are followed, as PyTorch names it; None for NumPy and compiled loops.
    tries_limit : bool
        Whether the limit of depth and time may be a candidate.
    categories : Categories, optional
        Which columns belong to one category; None where all are numbers.
    """

    depth: int | str
    width: int | str
    scale: float | str
    features: bool | str
    scaling: str
    loss: Loss
    holdout: float
    integrator: Integrator
    dtype: type
    seed: int
    refine: bool | str = False
    order: np.ndarray | None = None
    tries_huber: bool = False
    categories: Categories | None = None
    device: str | Device | None = None
    tries_limit: bool = True

    @property
    def is_limit_open(self) -> bool:
        """Whether nothing that is asked for excludes the limit of depth and time."""
        is_open = all(part == "auto" for part in (self.depth, self.width, self.scale)) and self.features is not True
        is_plain = self.loss.is_quadratic and self.categories is None and self.scaling in ("auto", "raw")
        return self.tries_limit and is_open and is_plain

    @property
    def is_stack_wanted(self) -> bool:
        """Whether a table that is small enough is completed by the stack."""
        is_open = all(part == "auto" for part in (self.depth, self.width, self.scale, self.features, self.scaling))
        return self.loss.is_quadratic and (self.refine is True or (self.refine == "auto" and is_open))

    @classmethod
    def resolve(
        cls,
        entries: int,
        *,
        depth: int | str,
        width: int | str,
        scale: float | str,
        features: bool | str,
        scaling: str,
        loss: Loss,
        holdout: float | str,
        rtol: float | str,
        dtype: str,
        seed: int,
        refine: bool | str = False,
        order: np.ndarray | None = None,
        tries_huber: bool = False,
        categories: Categories | None = None,
        device: str | Device | None = None,
    ) -> "FitSettings":
        """The settings for `entries` observed entries, where holdout, rtol and dtype may be "auto"."""
        is_large = entries >= _MANY
        if dtype == "auto":
            dtype = "float32" if is_large else "float64"
        if isinstance(rtol, str):
            # a chosen run that becomes the fit is read at one of its steps, so its steps must be close together
            rtol = _RTOL_OF_MANY if is_large and is_refitted(holdout, entries) else _RTOL
        return cls(
            depth, width, scale, features, scaling, loss, share_held_out(holdout, entries), _flow(rtol, is_large),
            np.dtype(dtype).type, seed, refine, order, tries_huber,
            categories, device,
        )  # fmt: skip


def _flow(rtol: float, is_large: bool) -> Flow:
    """At a coarse tolerance steps of order 8 save no gradients, and of a long list their stages take memory."""
    return Flow(rtol, (Chebyshev2(),)) if is_large and rtol >= _RTOL else Flow(rtol)

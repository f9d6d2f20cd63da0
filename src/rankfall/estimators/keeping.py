"""Where a long fit is kept along the way, so that another process can go on with it.

A candidate's run is kept as its weights and time, with what its fold has noted of the held-out entries. A run that
goes on starts from those weights; one that had ended ends again at its first step.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

import numpy as np

from rankfall.estimators.candidate import Candidate
from rankfall.estimators.fold import Fold

_NOTED = ("best", "lowest", "mark", "lowest_time", "loss", "steps_waited", "steps_behind", "lead")


@dataclass(frozen=True, eq=False)
class KeptRun:
    """A run on its way.

    Parameters
    ----------
    weights : ndarray
        Flat weights.
    time : float
        Flow time so far.
    first_loss : float
        Training loss at the start.
    noted : dict
        Of the fold: name and value, arrays and numbers.
    """

    weights: np.ndarray
    time: float
    first_loss: float
    noted: dict[str, np.ndarray]

    @classmethod
    def of(cls, fold: Fold, weights: np.ndarray, time: float, first_loss: float) -> "KeptRun":
        """The run of a fold at a moment."""
        noted = {name: np.asarray(getattr(fold, name)) for name in _NOTED}
        noted |= {"curve": np.asarray(fold.curve), "crossed": fold.crossed}
        if fold.weights is not None:
            noted["weights"] = fold.weights
        return cls(weights, time, first_loss, noted)

    def restore(self, fold: Fold) -> None:
        """Put back what the fold had noted."""
        kinds = {each.name: type(getattr(fold, each.name)) for each in fields(fold)}
        for name in _NOTED:
            value = self.noted[name]
            setattr(fold, name, value.tolist() if value.ndim else kinds[name](value))
        fold.curve = [(time, loss, share) for time, loss, share in self.noted["curve"].tolist()]
        fold.crossed, fold.weights = self.noted["crossed"].copy(), self.noted.get("weights")


class Keeper(ABC):
    """Keeps the runs of candidates, and knows those kept before."""

    @abstractmethod
    def kept(self, candidate: Candidate) -> KeptRun | None:
        """The run of a candidate to go on with; None for one that starts."""

    @abstractmethod
    def is_due(self) -> bool:
        """Whether the run should be kept now."""

    @abstractmethod
    def keep(self, candidate: Candidate, run: KeptRun) -> None:
        """Keep a run as it is now."""

"""A component of a tensor factorization leaves its plateau near zero."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.problems.problem import Problem
from rankfall.trajectory.event import Event
from rankfall.trajectory.events import leading_values, require_thresholds
from rankfall.trajectory.snapshot import Snapshot


@dataclass(frozen=True)
class ComponentEscape(Event):
    """The norm σ_r of a component rises through a threshold.   [razin2021, figures]

    The components of `CP`, or the local components of one inner node of a `Tree`. The index of an occurrence is r, the
    number of the component in the layers. A component that starts above its threshold does not escape.

    Parameters
    ----------
    threshold : float or sequence, optional
        The norm to pass, one for all components or one for each. Default: `share` times s^{K/L}, where s is the leading
        singular value of the back-projected data, K the number of axes of the component and L the number of layers.
        This is the norm of a balanced component of which a W of norm s would consist.
    share : float
        That share, default 0.1.
    node : int
        Which inner node of a tree, children before parents, from 0. A sum of components has one group of them, 0.
    name : str
        The name of the event, default "component escape".

    Raises
    ------
    InputError
        For numbers that are not positive; in a run, for a model without components or without that node.
    """

    threshold: float | int | Sequence[float | int] | np.ndarray | None = None
    share: float | int = 0.1
    node: int = 0
    name: str = "component escape"

    def __post_init__(self) -> None:
        require_thresholds(self.share if self.threshold is None else self.threshold)

    def init(self, problem: Problem, runs: int) -> Float[np.ndarray, "runs _"]:
        """The thresholds of each run, or s."""
        if self.threshold is not None:
            return np.tile(np.atleast_1d(np.asarray(self.threshold, dtype=np.float64)), (runs, 1))
        return leading_values(problem, runs)

    def gap(self, now: Snapshot, level: Float[np.ndarray, "batch _"]) -> Float[np.ndarray, "batch k"]:
        """σ minus the thresholds."""
        groups = now.model.component_groups(now.weights)
        if not 0 <= self.node < len(groups):
            raise InputError(
                f"node {self.node} must be one of the {len(groups)} groups of components that the model has, got "
                f"{type(now.model).__name__}; CP has one group, a Tree one for each inner node"
            )
        order, norms = groups[self.node]
        thresholds = level if self.threshold is not None else self.share * level ** (order / now.model.depth)
        return to_numpy(norms).astype(np.float64) - thresholds

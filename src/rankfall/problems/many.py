"""Many problems that are measured alike, as one: the values have a leading axis, a row for each run of a batch."""

from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np

from rankfall.arrays import Array, pick
from rankfall.problems.problem import Problem

P = TypeVar("P", bound="ManyProblems")


class ManyProblems(Problem):
    """A problem whose values, and its weights where it has any, may have a leading axis. Members are dataclasses."""

    @property
    def batch_size(self) -> int | None:
        """How many problems are measured alike, None for one; the values have a leading axis then, a run for each."""
        return int(self.values.shape[0]) if self.values.ndim > 1 else None

    def of_runs(self: P, chosen: int | np.integer | np.ndarray) -> P:
        """Of many problems, those chosen by an integer array, or one by its number; one problem is the same for all."""
        if self.batch_size is None:
            return self
        changes: dict[str, Array | Problem] = {"values": pick(self.values, chosen)}
        if self.weights is not None and self.weights.ndim > 1:
            changes["weights"] = pick(self.weights, chosen)
        if self.held_out is not None:
            changes["held_out"] = self.held_out.of_runs(chosen)
        return replace(cast(Any, self), **changes)

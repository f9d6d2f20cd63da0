"""Which observed entries are held out: single ones, or whole fibers where whole fibers are missing.

Entries held out one by one have neighbors in their fiber. They say nothing about fibers that are missing altogether,
and choose models that are too wide for those.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.problems.observations import drawn_entries
from rankfall.problems.tensor_completion import TensorCompletion


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Entries that were held out, with their values and predictions in units of the input."""

    indices: Int[np.ndarray, "order held"]
    values: Float[np.ndarray, " held"]
    predicted: Float[np.ndarray, " held"]

    @property
    def error(self) -> float:
        """Root mean squared."""
        return float(np.sqrt(np.mean((self.predicted - self.values) ** 2)))


def split(problem: TensorCompletion, share: float, seed: int) -> TensorCompletion:
    """The problem with a share of its observed entries held out, by whole fibers where those are missing."""
    fibers = whole_fibers(problem)
    if fibers is None:
        return problem.hold_out(share, seed)
    aside = drawn_entries(int(fibers.max()) + 1, None, share, seed)[fibers]
    return replace(problem.select(~aside), truth=problem.truth, held_out=problem.select(aside))


def whole_fibers(problem: TensorCompletion) -> Int[np.ndarray, " entries"] | None:
    """The number of each entry's fiber, where every fiber along some axes is observed as a whole or not at all.

    None where no axis is such, or where what is missing is whole slices, about which no other slice says anything.
    """
    along = [axis for axis in range(len(problem.shape)) if _is_whole(problem, axis).all()]
    across = [axis for axis in range(len(problem.shape)) if axis not in along]
    if not along or len(across) < 2:
        return None
    return _fibers(problem, across)


def _is_whole(problem: TensorCompletion, axis: int) -> Bool[np.ndarray, " fibers"]:
    fibers = _fibers(problem, [a for a in range(len(problem.shape)) if a != axis])
    return np.bincount(fibers) == problem.shape[axis]


def _fibers(problem: TensorCompletion, across: list[int]) -> Int[np.ndarray, " entries"]:
    flat = np.zeros(problem.count, dtype=np.int64)
    for axis in across:
        flat = flat * problem.shape[axis] + problem.indices[axis]
    return np.unique(flat, return_inverse=True)[1].reshape(-1)

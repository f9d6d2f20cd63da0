"""The runs of a batch: how many the seeds, scales and problems make, and which seed and start each has."""

from collections.abc import Sequence
from dataclasses import is_dataclass, replace
from typing import Any, cast

import numpy as np

from rankfall.errors import InputError
from rankfall.models.start import Start


def count_runs(
    seed: int | np.integer | Sequence[int] | np.ndarray, scale: float | Sequence[float] | np.ndarray, batch: int | None
) -> int | None:
    """How many runs the seeds, scales and problems make; None for a single one."""
    shapes = np.shape(seed), np.shape(scale), () if batch is None else (batch,)
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise InputError(
            f"a batch needs as many seeds as scales, got {np.size(seed)} and {np.size(scale)}"
            + ("" if batch is None else f" for {batch} problems")
            + "; give one of them alone, or pairs"
        ) from None
    return shape[0] if shape else None


def members_of(
    seed: int | np.integer | Sequence[int] | np.ndarray, scale: float | Sequence[float] | np.ndarray, batch: int | None
) -> tuple[list[int], list[float]]:
    """Seed and scale of each run."""
    seeds, scales = np.asarray(seed), np.asarray(scale, dtype=np.float64)
    if not np.issubdtype(seeds.dtype, np.integer) or seeds.size == 0 or (seeds < 0).any():
        raise InputError(f"a seed must be a whole number, not negative, or a list of those, got {seed!r}; 0 is usual")
    count = count_runs(seed, scale, batch) or 1
    members = np.broadcast_to(seeds, (count,)), np.broadcast_to(scales, (count,))
    return [int(s) for s in members[0]], [float(s) for s in members[1]]


def alone(start: Start, scale: float) -> Start:
    """The start of one run of a batch. A user's start that is no dataclass keeps its list of scales."""
    if np.ndim(start.scale) == 0 or not is_dataclass(start):
        return start
    return replace(cast(Any, start), scale=scale)

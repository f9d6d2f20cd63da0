"""Large batches in groups: runs in lockstep share their overhead, but a group should fit in the cache.

Runs of one group take the same number of stages a step, that of the stiffest, and go through memory together. Both
cost more the more runs there are, while the overhead that lockstep saves is spread over few of them already. So a
batch of formed tables is walked in groups of about a cache's size. Groups depend on sizes alone, never on the machine:
the same batch gives the same answer anywhere.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from rankfall.integrators.flow import Flow
from rankfall.trajectory.status import Status

# How many vectors of all weights are in use.
_VECTORS = 9


def groups_of(problem: Any, model: Any, integrator: Any, count: int) -> list[np.ndarray]:
    """The numbers of the runs of each group: one group, unless formed tables follow the flow."""
    if not isinstance(integrator, Flow) or problem.cache_bytes is None:
        return [np.arange(count)]
    m, n = problem.shape
    number = np.dtype(str(problem.dtype).rsplit(".", 1)[-1]).itemsize
    bytes_of_run = number * (problem.formed_arrays * m * n + _VECTORS * model.size)
    fitting = max(1, problem.cache_bytes // bytes_of_run)
    return np.array_split(np.arange(count), -(-count // fitting))


def run_groups(
    groups: list[np.ndarray], walk: Callable[[np.ndarray, Callable[[], bool]], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """What `walk(group, is_interrupted)` returns of all groups, one after another.

    Ctrl-C ends the group that moves; the groups after it see `is_interrupted()` and end where they begin.
    """
    ends: list[dict[str, Any]] = []
    for group in groups:
        ends.extend(walk(group, lambda: any(end["status"] is Status.INTERRUPTED for end in ends)))
    return ends

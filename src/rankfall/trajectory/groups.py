"""Large batches in groups: runs in lockstep share their overhead, but a group should fit in the cache.

All runs of a group take the number of stages that the stiffest needs, and go through memory together. Both cost more
with more runs, while a few runs already share most of the overhead. So a batch of dense problems is integrated in
groups of about a cache's size. Groups depend on sizes alone, not on the machine, and so does the result.
"""

from collections.abc import Callable

import numpy as np

from rankfall.integrators.integrator import Integrator
from rankfall.models.model import Model
from rankfall.problems.problem import Problem
from rankfall.trajectory.loop_state import End
from rankfall.trajectory.status import Status

# How many vectors of all weights are in use.
_VECTORS = 9


def groups_of(problem: Problem, model: Model, integrator: Integrator, count: int) -> list[np.ndarray]:
    """The numbers of the runs of each group: one group, unless dense problems share the stages of a step."""
    if not integrator.shares_stages or problem.cache_bytes is None:
        return [np.arange(count)]
    m, n = problem.shape
    number = np.dtype(str(problem.dtype).rsplit(".", 1)[-1]).itemsize
    bytes_of_run = number * (problem.formed_arrays * m * n + _VECTORS * model.size)
    fitting = max(1, problem.cache_bytes // bytes_of_run)
    return np.array_split(np.arange(count), -(-count // fitting))


def run_groups(groups: list[np.ndarray], walk: Callable[[np.ndarray, Callable[[], bool]], list[End]]) -> list[End]:
    """What `walk(group, is_interrupted)` returns for all groups, one after another.

    Ctrl-C ends the group that runs; the groups after it see `is_interrupted()` and end at their start.
    """
    ends: list[End] = []
    for group in groups:
        ends.extend(walk(group, lambda: any(end.status is Status.INTERRUPTED for end in ends)))
    return ends

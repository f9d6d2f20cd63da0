"""Large batches in groups: runs in lockstep share their overhead, but a group should fit in the cache.

Runs of one group take the same number of stages a step, that of the stiffest, and go through memory together. Both
cost more the more runs there are, while the overhead that lockstep saves is spread over few of them already. So a
batch of formed tables is walked in groups of about a cache's size, and where the tables are too small for BLAS to use
several threads, groups run side by side in threads of their own. Groups depend on sizes alone, never on the machine:
the same batch gives the same answer anywhere.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from rankfall.integrators.flow import Flow

# Bytes of a group's tables and weights, about a core's second-level cache, and how many arrays of each are in use.
_CACHE, _MATRICES, _VECTORS = 2**20, 4, 9
# Entries of a table from which on BLAS takes the threads itself.
_LARGE = 2**16


def groups_of(problem: Any, model: Any, integrator: Any, count: int) -> list[np.ndarray]:
    """The numbers of the runs of each group: one group, unless formed tables follow the flow."""
    if not (isinstance(integrator, Flow) and getattr(problem, "is_dense", False)):
        return [np.arange(count)]
    m, n = problem.shape
    number = np.dtype(str(problem.dtype).rsplit(".", 1)[-1]).itemsize
    fitting = max(1, _CACHE // (number * (_MATRICES * m * n + _VECTORS * model.size)))
    return np.array_split(np.arange(count), -(-count // fitting))


def run_groups(
    groups: list[np.ndarray], entries: int, walk: Callable[[np.ndarray, Callable[[], bool]], list[Any]]
) -> list[Any]:
    """What `walk(group, is_interrupted)` returns of all groups, one after another; `entries` m·n of a table.

    Ctrl-C reaches groups in other threads as `is_interrupted()`, and those that wait end where they begin.
    """
    interrupted = threading.Event()
    workers = min(len(groups), os.cpu_count() or 1) if entries <= _LARGE else 1
    if workers == 1:
        return [end for group in groups for end in walk(group, interrupted.is_set)]
    with ThreadPoolExecutor(workers) as pool:
        pending: list[Future] = [pool.submit(walk, group, interrupted.is_set) for group in groups]
        while True:
            try:
                return [end for one in pending for end in one.result()]
            except KeyboardInterrupt:
                interrupted.set()

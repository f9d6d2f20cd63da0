"""Compiled loops shared out to threads, piece by piece.

A loop is compiled once, for one thread, and lets go of Python's lock. The pieces are cut without regard to the number
of threads, and no two of them write to one place, so that the bits do not depend on it. (Numba's own parallel loops
compile everything that they call again, and only one thread of a program at a time may enter them.)
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache

import numpy as np
from numba import config, get_num_threads

_PIECES_PER_THREAD = 8
_local = threading.local()


def share_out(loop: Callable[..., object], bounds: Sequence[int] | np.ndarray, *call: object, alone: bool) -> None:
    """loop(begin, end, *call) over all pieces, each between two of the ascending `bounds`.

    A thread takes as many pieces as another, in one call; `alone`: one thread takes all.
    """
    pieces = len(bounds) - 1
    threads = 1 if alone or _is_worker() else max(1, min(get_num_threads(), pieces))
    ends = [int(bounds[thread * pieces // threads]) for thread in range(threads)] + [int(bounds[-1])]
    others = [_pool(os.getpid(), threads - 1).submit(loop, *ends[k : k + 2], *call) for k in range(1, threads)]
    loop(*ends[:2], *call)
    for other in others:
        other.result()


def count_pieces() -> int:
    """Into how many pieces a list is cut, so that any number of threads has about equal parts."""
    return _PIECES_PER_THREAD * config.NUMBA_NUM_THREADS  # pyright: ignore[reportAttributeAccessIssue]


@lru_cache(256)
def piece_bounds(count: int) -> tuple[int, ...]:
    """Bounds of pieces of `count` jobs that take about as long as one another."""
    pieces = min(max(count, 1), count_pieces())
    return tuple(piece * count // pieces for piece in range(pieces + 1))


def _is_worker() -> bool:
    """Whether this is one of the threads below, which must not wait for one another."""
    return getattr(_local, "is_worker", False)


def _begin() -> None:
    _local.is_worker = True


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process; those of another one do not come along when it is forked."""
    return ThreadPoolExecutor(threads, thread_name_prefix="rankfall", initializer=_begin)

"""Compiled loops and BLAS taking turns.

Both keep a thread for every core, and idle threads spin for a while before they sleep. Where a run goes back and forth
between the two many times a second, each waits for the other's threads to let go of the cores, which costs up to ten
times the work. While small products alternate with compiled loops, BLAS therefore keeps to one thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# Multiplications of a product of layers that one thread does in about ten milliseconds.
SMALL_PRODUCT = 2**27


@contextmanager
def one_blas_thread(wanted: bool = True) -> Iterator[None]:
    """Inside, BLAS runs on one thread; what was set before is set again at the end. Not `wanted`, nothing changes."""
    if not wanted:
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> Any:
    # NumPy and SciPy bring a BLAS each, and only what is loaded is found
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

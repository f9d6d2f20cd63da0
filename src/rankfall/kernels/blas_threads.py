"""When BLAS keeps to one thread.

Its threads wait for one another by spinning. On a machine with another program on one of its cores, every small product
waits for the thread that has no core: a run on 100 × 100 matrices takes ten times as long, where a second thread would
save a tenth at best. Small problems therefore keep to one thread, whose answers do not depend on how many there are.

They spin for a while after a product too. Where a run goes back and forth between BLAS and compiled loops many times a
second, the loops' own threads wait for them to let go of the cores: beside loops, products are small up to a larger
size.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# Multiplications of a product: about 256³, and what one thread does in about ten milliseconds.
SMALL, SMALL_BESIDE_LOOPS = 2**24, 2**27


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

"""Workers whose memory is full: noticed where Dask leaves them waiting, and told with the size that would fit.

From 80 % of its memory on, a worker begins no task; it is *paused*. Where its own blocks fill it, it stays so, and a
call would wait for ever.
"""

import time
from typing import Any

from dask.utils import format_bytes
from distributed import CancelledError, wait

from rankfall.errors import InputError

# Seconds that workers may be paused while no other works, and between two looks.
PATIENCE, _LOOK = 60.0, 5.0
# Measured: a worker with rankfall, pandas and pyarrow loaded, and bytes for an entry that is kept (100 at 3 million, 50
# at 50 million), and of one that is read or dealt out just now; Dask pauses at 0.8 of the limit, and memory of the past
# is returned late.
_LOADED, _KEPT, _READ, _USABLE = 250e6, 100, 150, 0.7
# A block of fewer entries costs more than it computes.
_SMALLEST = 10_000


def wait_for(client: Any, futures: Any, entries: int | None = None) -> None:
    """Wait for tasks to end, well or not; what was lost is told by whoever gathers them.

    Raises
    ------
    InputError
        Where workers have been paused for `PATIENCE` seconds and nobody else works.
    """
    moved = time.monotonic()
    while True:
        try:
            wait(futures, timeout=_LOOK)
            return
        except CancelledError:
            return
        except TimeoutError:
            if not is_stuck(client):
                moved = time.monotonic()
            elif time.monotonic() - moved > PATIENCE:
                raise InputError(out_of_memory(client, entries)) from None


def is_stuck(client: Any) -> bool:
    """Whether some workers are paused, and no other has anything to do."""
    workers = client.scheduler_info()["workers"]
    paused = {address for address, worker in workers.items() if worker["status"] == "paused"}
    busy = {address for address, tasks in client.processing().items() if tasks}
    return bool(paused) and busy <= paused


def out_of_memory(client: Any, entries: int | None = None) -> str:
    """The sentence about workers whose memory does not suffice, for so many entries, or a number not yet known."""
    limits = [worker["memory_limit"] for worker in client.scheduler_info()["workers"].values()]
    rule = "the blocks of a worker must fit into its memory"
    if not limits or not min(limits):
        return f"{rule}, workers were ended again and again; give them more memory, or add workers"
    smallest, count = min(limits), len(limits)
    kept = _LOADED + _KEPT * (entries or 0) / count
    fitting = (_USABLE * smallest - kept) / _READ
    whose = "1 worker" if count == 1 else f"{count} workers"
    found = f"{rule}, got {whose} of {format_bytes(smallest)} whose memory is full"
    if fitting >= _SMALLEST:
        size = _rounded_down(fitting)
        return f"{found}; files and blocks of {size} entries fit (block_entries={size}), or give them more memory"
    need = (kept + _READ * _SMALLEST) / _USABLE
    return f"{found}; give each at least {format_bytes(int(need))}, or add workers"


def _rounded_down(count: float) -> int:
    """To two digits."""
    step = 10 ** (len(str(int(count))) - 2)
    return int(count) // step * step

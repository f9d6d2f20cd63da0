"""A Dask cluster: the one at an address, or one of processes on this machine."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rankfall.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
PATIENCE = "10s"


def require_dask() -> None:
    """Raise InputError where Dask is not installed."""
    try:
        import dask.dataframe  # noqa: F401
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"a cluster needs Dask, {error.name or 'one of its parts'!r} is not installed; "
            'pip install "rankfall[dask]" installs it'
        ) from None


def _is_news(record: logging.LogRecord) -> bool:
    """Whether asyncio's message is about more than a call that Ctrl-C ended."""
    from distributed.client import AllExit

    return record.exc_info is None or record.exc_info[0] is not AllExit


@contextmanager
def connected(address: str = LOCAL) -> Iterator["Client"]:
    """A client of the scheduler at an address such as tcp://10.0.0.1:8786, or of a local cluster, a process a core.

    A local cluster ends with the context.

    Raises
    ------
    InputError
        Where Dask is not installed, or nobody answers at the address.
    """
    require_dask()
    import dask
    from distributed import Client, LocalCluster

    logging.getLogger("asyncio").addFilter(_is_news)
    if address == LOCAL:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # blocks stay where they are: moving one costs more than any wait
        with (
            dask.config.set(
                {"distributed.scheduler.work-stealing": False, "distributed.worker.profile.enabled": False}
            ),
            LocalCluster(
                n_workers=cores,
                threads_per_worker=1,
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
                preload="rankfall.cluster.deaf",
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise InputError(
            f"a Dask scheduler must answer at the address, {address!r} gave no answer in {PATIENCE} "
            f"({type(error).__name__}); start one by 'dask scheduler', or leave the address out for a local cluster"
        ) from None
    with client:
        yield client

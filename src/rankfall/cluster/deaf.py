"""Loaded by the workers of a local cluster: Ctrl-C reaches all processes of a terminal, and is for the caller alone."""

import signal

from distributed import Worker


def dask_setup(worker: Worker) -> None:
    """Ignore Ctrl-C; the caller ends the worker when its fit has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

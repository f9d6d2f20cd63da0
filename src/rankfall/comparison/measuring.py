"""Measuring one method: predictions at positions whose values it never sees, with seconds and peak memory.

In a process of its own (the default) a method's peak memory is its own, and a method that is killed takes nothing
with it. The process first completes a tiny problem, so that importing and compiling are not timed.
"""

import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.comparison.contender import Contender, Job
from rankfall.errors import InputError


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method answered: predictions (or None, and the reason), seconds, and peak megabytes where known."""

    predictions: np.ndarray | None
    seconds: float = float("nan")
    peak_megabytes: float = float("nan")
    reason: str | None = None


def measure(method: Contender, *job: Any) -> Answer:
    """Fit and predict in this process; an exception becomes the reason, and so do predictions that are not finite.

    Parameters
    ----------
    method : Contender
        What completes the table or tensor.
    *job
        The entries that the method may see; the positions to predict, from 0, rows (k,) and columns (k,) of a
        table or indices (order, k) of a tensor; and the seed of the method.

    Returns
    -------
    Answer
        The predictions (k,) and the seconds that fit and prediction took; its peak memory is NaN.
    """
    begun = time.perf_counter()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            predictions = np.asarray(method.predictions_for(job), dtype=np.float64)
    except Exception as error:
        return Answer(None, reason=_sentence(error))
    seconds = time.perf_counter() - begun
    shape = job[1].shape[-1:]
    if predictions.shape != shape:
        return Answer(None, reason=f"predictions must have the positions' shape {shape}, got {predictions.shape}")
    lost = int((~np.isfinite(predictions)).sum())
    if lost:
        return Answer(None, reason=f"predictions must be finite, {lost} of {predictions.size} are not")
    return Answer(predictions, seconds)


class Inside:
    """Measures a method in this process; its peak memory is not known, and what it imports first is timed."""

    def __init__(self, method: Contender) -> None:
        self.method = method

    def __call__(self, job: Job) -> Answer:
        return measure(self.method, *job)


class Apart:
    """Measures a method in a process of its own, one job after another."""

    def __init__(self, method: Contender, process: BaseProcess, line: Connection) -> None:
        self.method, self.process, self.line = method, process, line

    def __call__(self, job: Job) -> Answer:
        try:
            self.line.send(job)
            return self.line.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            return Answer(None, reason=_ending(self.process.exitcode))


@contextmanager
def measuring(method: Contender, in_process: bool) -> Iterator[Inside | Apart]:
    """Measure jobs of one method, here or in a process that ends with the block."""
    if in_process:
        yield Inside(method)
        return
    context = multiprocessing.get_context("spawn")
    line, far_end = context.Pipe()
    process = context.Process(target=_serve, args=(method, far_end), daemon=True)
    process.start()
    far_end.close()
    try:
        yield Apart(method, process, line)
    finally:
        line.close()
        process.kill()
        process.join()


def _serve(method: Contender, line: Connection) -> None:
    """Answer jobs until the line is closed; Ctrl-C is the parent's business, and stdout belongs to its table."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    warm_up(method)
    while True:
        try:
            job = line.recv()
        except EOFError:
            return
        answer = measure(method, *job)
        line.send(Answer(answer.predictions, answer.seconds, peak_megabytes(), answer.reason))


def warm_up(method: Contender) -> None:
    """Let a method complete a tiny problem, so that importing and compiling are behind it."""
    measure(method, *method.tiny_job())


def peak_megabytes() -> float:
    """Largest resident memory of this process so far, in units of 10⁶ bytes; NaN where the system does not tell.

    On Linux a spawned process inherits its parent's figure in `getrusage`, so the kernel's own mark is read there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:
        return float("nan")
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 1e6 if sys.platform == "darwin" else size * 1024 / 1e6


def _sentence(error: Exception) -> str:
    """The first line of an exception, with its kind unless it is one of ours."""
    told = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, InputError):
        return told
    return f"{type(error).__name__}: {told}" if told else type(error).__name__


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"its process was ended by {name}" + (", memory probably ran out" if name == "SIGKILL" else "")
    return f"its process ended with exit code {code}; a script calls compare under if __name__ == '__main__'"

"""Running an experiment: what is missing is computed, what is there is read, and the claims are judged.

Parts run in as many processes as asked, each with one thread of its own: parts are many and small, and two processes
on two cores do more than one with two threads. What a part returned is on disk before the next begins.
"""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rankfall.errors import InputError
from rankfall.experiments.experiment import Arrays, Experiment, Part, S
from rankfall.experiments.panel import Panel
from rankfall.experiments.store import Store
from rankfall.tables import replacing
from rankfall.theory.claim import Report

if TYPE_CHECKING:
    import xarray

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an experiment found: labelled data, claims with their verdicts, the seconds it took, and where it lies."""

    experiment: Experiment
    data: "xarray.Dataset"
    claims: Report
    seconds: float
    folder: Path

    @property
    def holds(self) -> bool:
        """Whether no claim fails; findings aside, all hold."""
        return self.claims.holds

    @property
    def panels(self) -> Sequence[Panel]:
        """What its figure shows."""
        return self.experiment.panels(self.data)


def reproduce(
    experiment: Experiment,
    out: Path | str,
    *,
    quick: bool = False,
    data: Path | str | None = None,
    jobs: int = 1,
    dask: str | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Compute, gather and judge one experiment in the folder `out`/name: claims.json, data.zarr, and parts/.

    quick: the smaller setup. data: folder of real data sets, each in a folder of its own name; None for the cache, or
    a download. jobs: processes. dask: in their place, the address of a Dask cluster, or "local" for one of this
    machine, with one task a part; `data` must lie where its workers can read. progress: called with the experiment's
    name and the share done.

    Raises InputError for fewer than one job, an output folder that cannot be, and data that cannot be had.
    """
    if jobs < 1:
        raise InputError(f"jobs must be at least 1, got {jobs}; as many as the machine has cores is a good number")
    folder = Path(out) / experiment.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the output folder must be one, {str(folder)!r} is not ({error.strerror}); name another"
        ) from None
    begun = time.perf_counter()
    setup = experiment.quick if quick else experiment.full
    results = _results(experiment, setup, Store(folder / "parts"), data, jobs, dask, progress)
    gathered = experiment.gather(setup, results)
    claims = Report(experiment.claims(gathered))
    outcome = Outcome(experiment, gathered, claims, time.perf_counter() - begun, folder)
    _write(outcome, setup, quick)
    return outcome


def _results(
    experiment: Experiment[S], setup: S, store: Store, data: Path | str | None, jobs: int, dask: str | None,
    progress: Progress | None,
) -> list[Arrays]:  # fmt: skip
    parts = list(experiment.parts(setup))
    found: dict[int, Arrays] = {}
    for place, part in enumerate(parts):
        kept = store.get(part)
        if kept is not None:
            found[place] = kept
    missing = [place for place in range(len(parts)) if place not in found]

    def keep(place: int, arrays: Arrays) -> None:
        store.put(parts[place], arrays)
        found[place] = arrays
        if progress is not None:
            progress(experiment.name, len(found) / len(parts))

    if dask is not None and missing:
        from rankfall.cluster import connected

        with connected(dask) as client:
            _compute_apart(client.get_executor(pure=False), compute_alone, parts, missing, data, keep)
    elif jobs == 1 or len(missing) < 2:
        for place in missing:
            keep(place, compute(parts[place], data))
    else:
        pool = ProcessPoolExecutor(min(jobs, len(missing)), mp_context=get_context("spawn"), initializer=_alone)
        _compute_apart(pool, compute, parts, missing, data, keep)
    return [found[place] for place in range(len(parts))]


def compute(part: Part, data: Path | str | None = None) -> Arrays:
    """The result of a part. Raises KeyboardInterrupt if Ctrl-C ended a run early: its best state is not a result."""
    given = {"data": data} if part.needs_data else {}
    with _noting_interrupts() as noted:
        arrays = part.function(**part.parameters, **given)
    if noted:
        raise KeyboardInterrupt
    return arrays


@contextmanager
def _noting_interrupts() -> Iterator[list[int]]:
    """Ctrl-C means what it meant, and leaves its number in the list."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def compute_alone(part: Part, data: Path | str | None = None) -> Arrays:
    """The result of a part by one thread, for a worker beside others."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return compute(part, data)


def _compute_apart(
    pool: Executor, function: Callable[[Part, Path | str | None], Arrays], parts: list[Part], missing: list[int],
    data: Path | str | None, keep: Callable[[int, Arrays], None],
) -> None:  # fmt: skip
    pending: dict[Future[Arrays], int] = {}
    try:
        pending |= {pool.submit(function, parts[place], data): place for place in missing}
        for done in as_completed(pending):
            keep(pending[done], done.result())
    finally:
        for future in pending:
            future.cancel()
        pool.shutdown(wait=True)


def _alone() -> None:
    """One thread for a worker's BLAS and kernels, as the other cores have workers of their own; deaf between parts."""
    from numba import set_num_threads
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_num_threads(1)
    threadpool_limits(1)


def _write(outcome: Outcome, setup: object, quick: bool) -> None:
    from rankfall import __version__
    from rankfall.trajectory.storage import write_zarr

    written = {
        "experiment": outcome.experiment.name, "title": outcome.experiment.title, "source": outcome.experiment.source,
        "rankfall": __version__, "quick": quick, "setup": repr(setup), "seconds": round(outcome.seconds, 3),
        "holds": outcome.holds, "claims": [claim.record() for claim in outcome.claims],
    }  # fmt: skip
    with replacing(outcome.folder / "claims.json") as temporary:
        temporary.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write_zarr(outcome.data, outcome.folder / "data.zarr")

"""The records and events of a batch of runs: one list for each run."""

from collections.abc import Mapping

import numpy as np

from rankfall.trajectory.occurrence import Occurrence
from rankfall.trajectory.record import Record
from rankfall.trajectory.snapshot import Snapshot


class Recorder:
    """Measures the snapshots it receives, and keeps the quantities that `record` selects.

    Parameters
    ----------
    record : Record
        What to keep.
    runs : int
        How many runs the batch has.
    """

    def __init__(self, record: Record, runs: int) -> None:
        self._record = record
        self._records: list[list[dict[str, np.ndarray]]] = [[] for _ in range(runs)]
        self._events: list[list[Occurrence]] = [[] for _ in range(runs)]

    def write(self, now: Snapshot, due: np.ndarray) -> None:
        """Keep a record of the rows marked by `due`."""
        if not due.any():
            return
        part = now if due.all() else now.take(np.flatnonzero(due))
        measured = self._record.measure(part)
        for place, run in enumerate(part.runs):
            self._records[run].append({name: values[place] for name, values in measured.items()})

    def write_events(self, happened: Mapping[int, tuple[Occurrence, ...]]) -> None:
        """Keep what happened, run → occurrences."""
        for run, found in happened.items():
            self._events[run].extend(found)

    def last_times(self, runs: np.ndarray) -> np.ndarray:
        """The time of the last record of each of the runs."""
        return np.asarray([self._records[run][-1]["time"] for run in runs])

    def history(self, run: int) -> dict[str, np.ndarray]:
        """The records of one run: name → array with one row for each record."""
        records = self._records[run]
        return {name: np.stack([record[name] for record in records]) for name in records[0]}

    def events(self, run: int) -> tuple[Occurrence, ...]:
        """What happened to one run, in the order of time."""
        return tuple(self._events[run])

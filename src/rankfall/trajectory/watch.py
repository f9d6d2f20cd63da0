"""The events of a batch of runs: the sign of each after every step, and the time at which it changed."""

from collections.abc import Mapping, Sequence

import numpy as np

from rankfall.integrators.field import Field
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.state import State
from rankfall.trajectory.event import Event
from rankfall.trajectory.occurrence import Occurrence
from rankfall.trajectory.snapshot import Snapshot

# The accuracy of an event's time, relative to itself.
_RELATIVE = 1e-10

# For each event the levels and the last gaps, rows of the runs that move.
Watched = tuple[tuple[np.ndarray, np.ndarray], ...]


def watched_at(events: Sequence[Event], now: Snapshot) -> Watched:
    """Levels and gaps at the start."""
    levels = [event.init(now.problem, now.runs.size) for event in events]
    return tuple((level, event.gap(now, level)) for event, level in zip(events, levels, strict=True))


def occurrences(
    events: Sequence[Event], watched: Watched, now: Snapshot, state: State, field: Field, integrator: Integrator
) -> tuple[Watched, Mapping[int, tuple[Occurrence, ...]]]:
    """What happened in the step just taken, run → occurrences in the order of time, and the gaps after it."""
    found: dict[int, list[Occurrence]] = {}
    after = []
    for event, (levels, gaps) in zip(events, watched, strict=True):
        gap = event.gap(now, levels)
        after.append((levels, gap))
        for row, index in np.argwhere((gaps < 0) & (gap >= 0) & state.moved[:, None]).tolist():
            time = _passage(event, levels[row : row + 1], index, now, row, state, field, integrator)
            found.setdefault(int(now.runs[row]), []).append(Occurrence(event.name, index, time))
    ordered = {run: tuple(sorted(happened, key=lambda occurrence: occurrence.time)) for run, happened in found.items()}
    return tuple(after), ordered


def _passage(
    event: Event, level: np.ndarray, index: int, now: Snapshot, row: int, state: State, field: Field,
    integrator: Integrator,
) -> float:  # fmt: skip
    """The time inside the last step of one run at which a component passes through zero."""
    from scipy.optimize import brentq

    alone = field.of_runs(row)
    assert state.before is not None
    begin, end = float(state.before.time[row]), float(state.time[row])

    def gap(time: float) -> float:
        times = np.asarray([time])
        weights = integrator.interpolate(alone, state, row, times)
        moment = Snapshot(alone.problem, alone.model, times, weights, np.full(1, np.nan), now.runs[row : row + 1])
        return float(event.gap(moment, level)[0, index])

    # the interpolant meets the ends of the step up to rounding, which may change a sign
    if gap(begin) >= 0:
        return begin
    if gap(end) <= 0:
        return end
    return float(np.asarray(brentq(gap, begin, end, xtol=_RELATIVE * end, rtol=4 * np.finfo(float).eps)))

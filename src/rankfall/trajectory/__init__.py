"""Trajectories: the one loop, what it records, when it stops, what it returns."""

from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectories, Trajectory
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stops import HeldOutRise, LossBelow, StepLimit, TimeReached

__all__ = [
    "HeldOutRise",
    "LossBelow",
    "Record",
    "Snapshot",
    "Status",
    "StepLimit",
    "TimeReached",
    "Trajectories",
    "Trajectory",
    "evolve",
]

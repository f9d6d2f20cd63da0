"""Trajectories: the one loop, what it records, when it stops, what it returns."""

from rankfall.trajectory.events import Crossing, Escape, Occurrence
from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.greedy import GreedyPath, greedy
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectories, Trajectory
from rankfall.trajectory.singular_paths import SingularPaths
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stops import GradientBelow, HeldOutRise, LossBelow, StepLimit, TimeReached

__all__ = [
    "Crossing",
    "Escape",
    "GradientBelow",
    "GreedyPath",
    "HeldOutRise",
    "LossBelow",
    "Occurrence",
    "Record",
    "SingularPaths",
    "Snapshot",
    "Status",
    "StepLimit",
    "TimeReached",
    "Trajectories",
    "Trajectory",
    "evolve",
    "greedy",
]

"""Trajectories: the one loop, what it records, when it stops, what it returns."""

from rankfall.trajectory.component_escape import ComponentEscape
from rankfall.trajectory.event import Event
from rankfall.trajectory.events import Crossing, Escape
from rankfall.trajectory.evolve import evolve, evolve_batch
from rankfall.trajectory.greedy import GreedyPath, greedy
from rankfall.trajectory.loop import Loop, step_hook
from rankfall.trajectory.loop_state import End, LoopState
from rankfall.trajectory.occurrence import Occurrence
from rankfall.trajectory.record import Record
from rankfall.trajectory.recorder import Recorder
from rankfall.trajectory.run import Trajectories, Trajectory
from rankfall.trajectory.singular_paths import SingularPaths
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stop import Either, Stop
from rankfall.trajectory.stops import GradientBelow, HeldOutRise, LossBelow, StepLimit, TimeReached

__all__ = [
    "ComponentEscape",
    "Crossing",
    "Either",
    "End",
    "Escape",
    "Event",
    "GradientBelow",
    "GreedyPath",
    "HeldOutRise",
    "Loop",
    "LoopState",
    "LossBelow",
    "Occurrence",
    "Record",
    "Recorder",
    "SingularPaths",
    "Snapshot",
    "Status",
    "StepLimit",
    "Stop",
    "TimeReached",
    "Trajectories",
    "Trajectory",
    "evolve",
    "evolve_batch",
    "greedy",
    "step_hook",
]

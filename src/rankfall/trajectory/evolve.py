"""The one loop: a problem, a model, a start and an integrator make a run.

The runs of a batch move in lockstep, each with its own time and step; large batches go group by group (`groups`).
What happens in one step is in `loop`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, like, take
from rankfall.devices import Device
from rankfall.errors import InputError
from rankfall.integrators.field import Field
from rankfall.integrators.integrator import Integrator
from rankfall.kernels.blas_threads import SMALL, SMALL_BESIDE_LOOPS, one_blas_thread
from rankfall.models.model import Model
from rankfall.models.start import Start
from rankfall.problems.problem import Problem
from rankfall.trajectory.batch_members import alone, count_runs, members_of
from rankfall.trajectory.groups import groups_of, run_groups
from rankfall.trajectory.loop import Loop
from rankfall.trajectory.loop_state import End
from rankfall.trajectory.nouns import require_nouns
from rankfall.trajectory.record import Record
from rankfall.trajectory.recorder import Recorder
from rankfall.trajectory.run import Trajectories, Trajectory
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.stop import Stop
from rankfall.trajectory.stops import LossBelow, StepLimit

_STEP_LIMIT = 1_000_000

Callback = Callable[[Snapshot], object]
Progress = Callable[[float, Snapshot], None]


@overload
def evolve(
    problem: Problem, model: Model, start: Start, integrator: Integrator, *, stop: Stop | None = None,
    record: Record | None = None, seed: int | np.integer = 0, callback: Callback | None = None,
    progress: Progress | None = None, device: str | Device | None = None,
) -> Trajectory: ...  # fmt: skip


@overload
def evolve(
    problem: Problem, model: Model, start: Start, integrator: Integrator, *, stop: Stop | None = None,
    record: Record | None = None, seed: Sequence[int] | np.ndarray, callback: Callback | None = None,
    progress: Progress | None = None, device: str | Device | None = None,
) -> Trajectories: ...  # fmt: skip


def evolve(
    problem: Problem,
    model: Model,
    start: Start,
    integrator: Integrator,
    *,
    stop: Stop | None = None,
    record: Record | None = None,
    seed: int | np.integer | Sequence[int] | np.ndarray = 0,
    callback: Callback | None = None,
    progress: Progress | None = None,
    device: str | Device | None = None,
) -> Trajectory | Trajectories:
    """Follow a model's motion on a problem from a start.

    Parameters
    ----------
    problem : Problem
        What is measured, e.g. a `Completion`; a batch of problems makes one run for each and takes as many seeds.
    model : Model
        How W is written, e.g. `Chain(3)`.
    start : Start
        Where the layers begin; a sequence of scales makes one run for each and takes as many seeds.
    integrator : Integrator
        How the motion is followed, e.g. `Flow()`.
    stop : Stop, optional
        When to end, default `LossBelow(1e-6)`; combine with `|`. A limit of a million steps always holds.
    record : Record, optional
        What to keep, default time and loss (and test and held-out errors) at every step; and which events to look
        for, whose times are `run.events`.
    seed : int or sequence of int, optional
        Of the start, default 0. A sequence makes one run for each.
    callback : callable, optional
        Called with a `Snapshot` after every step that moved a run; a true answer ends the runs as `interrupted`.
    progress : callable, optional
        Called with a guess from 0 to 1 of how far the runs are, and the snapshot.
    device : str, optional
        Where to compute, as PyTorch names it: "cuda", "cuda:1", "mps", "cpu" …; the weights of the runs stay there.
        Default: where the problem's values lie, which for NumPy arrays is the processor, with compiled loops.

    Returns
    -------
    Trajectory
        The run, where the seed is one number; Ctrl-C ends it as `interrupted` and returns it as it is.
    Trajectories
        The runs of a batch, where the seed is a sequence.

    Raises
    ------
    InputError
        For an argument of another kind, a batch of scales or of problems with one seed (`evolve_batch` takes it), where
        the start's layers do not fit or the seeds and scales do not pair up, where the loss is not finite at the start,
        and for a device that is not there, or that the problem cannot move to.
    """
    settings = _settings(problem, model, start, integrator, stop, record, callback, progress)
    count = count_runs(seed, start.scale, problem.batch_size)
    if np.ndim(seed) == 0 and count is not None:
        raise InputError(
            f"a batch of {count} runs takes a sequence of seeds, got {seed!r}; use evolve_batch, which repeats one seed"
        )
    problem = problem if device is None else problem.on_device(device)
    runs = _follow(problem, model, start, integrator, settings, seed)
    return runs[0] if count is None else runs


def evolve_batch(
    problem: Problem,
    model: Model,
    start: Start,
    integrator: Integrator,
    *,
    stop: Stop | None = None,
    record: Record | None = None,
    seed: int | np.integer | Sequence[int] | np.ndarray = 0,
    callback: Callback | None = None,
    progress: Progress | None = None,
    device: str | Device | None = None,
) -> Trajectories:
    """Follow the runs of a batch in lockstep: many seeds, many scales of the start, or many problems.

    One run is a batch of one.

    Parameters
    ----------
    problem : Problem
        What is measured; a batch of problems makes one run for each.
    model, integrator, stop, record, callback, progress, device
        As in `evolve`.
    start : Start
        Where the layers begin; a sequence of scales makes one run for each.
    seed : int or sequence of int, optional
        Of the start, default 0. One seed serves all runs; a sequence makes one run for each.

    Returns
    -------
    Trajectories
        The runs, in the order of their seeds and scales.

    Raises
    ------
    InputError
        As `evolve`.
    """
    settings = _settings(problem, model, start, integrator, stop, record, callback, progress)
    problem = problem if device is None else problem.on_device(device)
    return _follow(problem, model, start, integrator, settings, seed)


@dataclass(frozen=True)
class _Settings:
    """The optional arguments of a run."""

    stop: Stop
    record: Record
    callback: Callback | None
    progress: Progress | None


def _settings(
    problem: Problem, model: Model, start: Start, integrator: Integrator, stop: Stop | None, record: Record | None,
    callback: Callback | None, progress: Progress | None,
) -> _Settings:  # fmt: skip
    """The optional arguments, with defaults; all that is given must be of its kind."""
    stop, record = LossBelow() if stop is None else stop, Record() if record is None else record
    require_nouns(problem=problem, model=model, start=start, integrator=integrator, stop=stop, record=record)
    return _Settings(stop | StepLimit(_STEP_LIMIT), record, callback, progress)


@dataclass(frozen=True, eq=False)
class _Walk:
    """The runs of a batch, group by group."""

    problem: Problem
    model: Model
    integrator: Integrator
    settings: _Settings
    weights: Float[Array, "batch p"]
    is_alone: bool

    def __call__(self, group: np.ndarray, is_interrupted: Callable[[], bool] = lambda: False) -> list[End]:
        """How the runs of a group end."""
        record, stop = self.settings.record, self.settings.stop
        is_whole = group.size == self.weights.shape[0]
        field = Field(self.problem if is_whole else self.problem.of_runs(group), self.model)
        weights = self.weights if is_whole else take(self.weights, group, 0)
        recorder = Recorder(record, group.size)
        loop = Loop(self.integrator, stop, record, recorder, self.settings.callback, self.settings.progress)
        with one_blas_thread(self.is_alone):
            return loop.run(field, weights, is_interrupted)


def _follow(
    problem: Problem, model: Model, start: Start, integrator: Integrator, settings: _Settings,
    seed: int | np.integer | Sequence[int] | np.ndarray,
) -> Trajectories:  # fmt: skip
    model.require_shape(problem.shape)
    sized = model.sized(problem.shape, start.width)
    seeds, scales = members_of(seed, start.scale, problem.batch_size)
    is_looped = problem.is_looped or sized.motion(problem) is not None
    work = sized.size if is_looped else max(sized.size, math.prod(problem.shape))
    is_alone = work * sized.rank <= (SMALL_BESIDE_LOOPS if is_looped else SMALL)
    with one_blas_thread(is_alone):
        weights = like(sized.draw(problem, start, scales, seeds), problem.values)
    walk = _Walk(problem, sized, integrator, settings, weights, is_alone)
    # a callback sees the whole batch
    watched = settings.callback is not None or settings.progress is not None
    groups = [np.arange(len(seeds))] if watched else groups_of(problem, sized, integrator, len(seeds))
    ends = walk(groups[0]) if len(groups) == 1 else run_groups(groups, walk)
    made = {"model": repr(sized), "start": repr(start), "integrator": repr(integrator), "stop": repr(settings.stop)}
    runs = [
        Trajectory(
            model=sized,
            seed=seeds[i],
            settings=made,
            problem=problem.of_runs(i),
            start=alone(start, scales[i]),
            integrator=integrator,
            **vars(end),
        )
        for i, end in enumerate(ends)
    ]
    return Trajectories(runs)

"""How W came about: the same moments of a run as heat map, spectrum and error curve.

A run keeps no W along the way. Where it can be repeated (its problem, start and integrator are known), it is followed
once more and looked at in a few moments. Where it recorded block means of W (`block_record`), or singular vectors, W is
put together from them.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.models import Model
from rankfall.trajectory import Trajectory
from rankfall.trajectory.blocks import BLOCK_MEANS, block_means, block_sizes, means_of_rows

MOMENTS, VALUES, POINTS = 36, 12, 400


class Curve(NamedTuple):
    """An error over time, at moments of its own."""

    times: Float[np.ndarray, " p"]
    values: Float[np.ndarray, " p"]

    def thinned(self) -> "Curve":
        """At most `POINTS` of its points, both ends among them."""
        kept = np.unique(np.linspace(0, self.times.size - 1, POINTS).round().astype(int))
        return Curve(self.times[kept], self.values[kept])


@dataclass(frozen=True, eq=False)
class Motion:
    """A run at some moments.

    Parameters
    ----------
    times : ndarray, shape (t,)
        The moments.
    singular_values : ndarray, shape (t, k)
        The largest, of W.
    curves : dict[str, Curve]
        Errors by name; they may go on beyond the last moment.
    measure : str
        What the errors are.
    maps : ndarray, shape (t, a, b), optional
        Block means of W; None where they cannot be had, and `missing` says why.
    shape, blocks : tuple[int, int]
        Of W, and rows and columns a block.
    stop : float, optional
        The time that held-out entries chose.
    unfolded : str
        How a tensor W is read as a matrix; empty for a matrix.
    """

    times: Float[np.ndarray, " t"]
    singular_values: Float[np.ndarray, "t k"]
    curves: dict[str, Curve]
    maps: Float[np.ndarray, "t a b"] | None
    shape: tuple[int, int]
    blocks: tuple[int, int]
    missing: str = ""
    measure: str = "mean squared error"
    stop: float | None = None
    unfolded: str = ""


def motion_of(run: Trajectory) -> Motion:
    """The motion of a `Trajectory`. Raises InputError where it holds fewer than two moments."""
    return replace(_motion_of(run), unfolded=_unfolded(run.model))


def _unfolded(model: Model) -> str:
    rows = len(model.dimensions) // 2
    if not model.is_tensor or len(model.dimensions) == 2:
        return ""
    return f", its first {'axis' if rows == 1 else f'{rows} axes'} against the others"


def _motion_of(run: Trajectory) -> Motion:
    if run.history["time"].size < 2:
        raise InputError("a report needs a run with two recorded moments or more, got 1; let the run move, and save it")
    left, right = map(to_numpy, run.factors)
    shape = left.shape[0], right.shape[0]
    blocks = block_sizes(shape)
    curves = {
        title: Curve(run.history["time"], run.history[name]).thinned()
        for name, title in (("loss", "observed"), ("held_out_error", "held out"), ("test_error", "against the truth"))
        if name in run.history
    }
    if run.problem is not None and run.start is not None and run.integrator is not None and run.time > 0:
        return _repeated(run, shape, blocks, curves)
    if run.history.get(BLOCK_MEANS, np.empty(0)).shape[1:] == tuple(-(-shape[k] // blocks[k]) for k in (0, 1)):
        kept = _kept(run)
        return _at(run, kept, run.history[BLOCK_MEANS][kept], shape, blocks, curves)
    if "left_vectors" in run.history:
        return _from_vectors(run, shape, blocks, curves)
    values = run.history.get("singular_values", np.full((run.history["time"].size, 0), np.nan))
    return Motion(
        run.history["time"], values[:, :VALUES], curves, None, shape, blocks,
        "The file does not hold W along the run; record singular values with their vectors to see it move.",
    )  # fmt: skip


def _repeated(run: Trajectory, shape: tuple[int, int], blocks: tuple[int, int], curves: dict[str, Curve]) -> Motion:
    from rankfall.trajectory import Record, TimeReached, evolve

    assert run.problem is not None
    assert run.start is not None
    assert run.integrator is not None
    # a run takes short steps where much happens, and so do its moments
    steps = run.history["time"]
    times = np.unique(
        np.append(np.interp(np.linspace(0, 1, MOMENTS)[1:-1], np.linspace(0, 1, steps.size), steps), run.time)
    )
    times = times[(times > 0) & (times <= run.time)]
    count = min(VALUES, *shape)
    record = Record(
        singular_values=count,
        times=times,
        functions={"map": lambda problem, model, weights: block_means(model, weights, blocks)},
    )
    again = evolve(
        run.problem, run.model, run.start, run.integrator, stop=TimeReached(run.time), record=record, seed=run.seed
    )
    history = again.history
    return Motion(history["time"], history["singular_values"], curves, history["map"], shape, blocks)


def _from_vectors(run: Trajectory, shape: tuple[int, int], blocks: tuple[int, int], curves: dict[str, Curve]) -> Motion:
    history = run.history
    kept = _kept(run)
    left = means_of_rows(history["left_vectors"][kept], blocks[0]) * history["singular_values"][kept][:, None, :]
    maps = left @ np.swapaxes(means_of_rows(history["right_vectors"][kept], blocks[1]), -1, -2)
    return _at(run, kept, maps, shape, blocks, curves)


def _kept(run: Trajectory) -> np.ndarray:
    """The records of a run that are shown."""
    return np.unique(np.linspace(0, run.history["time"].size - 1, MOMENTS).round().astype(int))


def _at(
    run: Trajectory, kept: np.ndarray, maps: np.ndarray, shape: tuple[int, int], blocks: tuple[int, int],
    curves: dict[str, Curve],
) -> Motion:  # fmt: skip
    """The motion at the records kept; without singular values where none were recorded."""
    values = run.history.get("singular_values", np.empty((run.history["time"].size, 0)))
    return Motion(run.history["time"][kept], values[kept][:, :VALUES], curves, maps, shape, blocks)

"""How W came about: the same moments of a run as heat map, spectrum and error curve.

A run keeps no W along the way. Where it can be repeated (its problem, start and integrator are known), it is followed
once more and looked at in a few moments; where it recorded singular vectors, W is put together from them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, to_numpy
from rankfall.errors import InputError
from rankfall.models import Model
from rankfall.trajectory import Trajectory

MOMENTS, SIDE, VALUES = 36, 40, 12


@dataclass(frozen=True, eq=False)
class Motion:
    """A run at `times` (t,): heat maps (t, a, b) of block means of W, singular values (t, k), and curves name → (t,).

    maps is None where they cannot be had, and `missing` says why. shape: of W; blocks: rows and columns a block.
    """

    times: Float[np.ndarray, " t"]
    singular_values: Float[np.ndarray, "t k"]
    curves: dict[str, Float[np.ndarray, " t"]]
    maps: Float[np.ndarray, "t a b"] | None
    shape: tuple[int, int]
    blocks: tuple[int, int]
    missing: str = ""


def motion_of(run: Trajectory) -> Motion:
    """The motion of a `Trajectory`. Raises InputError where it holds fewer than two moments."""
    if run.history["time"].size < 2:
        raise InputError("a report needs a run with two recorded moments or more, got 1; let the run move, and save it")
    left, right = map(to_numpy, run.factors)
    shape = left.shape[0], right.shape[0]
    blocks = -(-shape[0] // SIDE), -(-shape[1] // SIDE)
    curves = {
        title: run.history[name]
        for name, title in (("loss", "observed"), ("held_out_error", "held out"), ("test_error", "against the truth"))
        if name in run.history
    }
    if run.problem is not None and run.start is not None and run.integrator is not None and run.time > 0:
        return _repeated(run, shape, blocks, curves)
    if "left_vectors" in run.history:
        return _from_vectors(run, shape, blocks, curves)
    values = run.history.get("singular_values", np.full((run.history["time"].size, 0), np.nan))
    return Motion(
        run.history["time"], values[:, :VALUES], curves, None, shape, blocks,
        "The file does not hold the matrix along the run; record vectors to see it move.",
    )  # fmt: skip


def _repeated(
    run: Trajectory, shape: tuple[int, int], blocks: tuple[int, int], curves: dict[str, np.ndarray]
) -> Motion:
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
        functions={"map": lambda problem, model, weights: _maps(model, weights, blocks)},
    )
    again = evolve(
        run.problem, run.model, run.start, run.integrator, stop=TimeReached(run.time), record=record, seed=run.seed
    )
    history = again.history
    at = history["time"]
    curves = {title: np.interp(at, run.history["time"], values) for title, values in curves.items()}
    return Motion(at, history["singular_values"], curves, history["map"], shape, blocks)


def _from_vectors(
    run: Trajectory, shape: tuple[int, int], blocks: tuple[int, int], curves: dict[str, np.ndarray]
) -> Motion:
    history = run.history
    kept = np.unique(np.linspace(0, history["time"].size - 1, MOMENTS).round().astype(int))
    left = _block_means(history["left_vectors"][kept], blocks[0]) * history["singular_values"][kept][:, None, :]
    maps = left @ np.swapaxes(_block_means(history["right_vectors"][kept], blocks[1]), -1, -2)
    return Motion(
        history["time"][kept], history["singular_values"][kept][:, :VALUES],
        {title: values[kept] for title, values in curves.items()}, maps, shape, blocks,
    )  # fmt: skip


def _maps(model: Model, weights: Array, blocks: tuple[int, int]) -> Float[np.ndarray, "batch a b"]:
    """Block means of W, from its factors: W itself is not formed."""
    left, right = map(to_numpy, model.factors(weights))
    return _block_means(left, blocks[0]) @ np.swapaxes(_block_means(right, blocks[1]), -1, -2)


def _block_means(factor: Float[np.ndarray, "batch m k"], size: int) -> Float[np.ndarray, "batch a k"]:
    starts = np.arange(0, factor.shape[-2], size)
    counts = np.minimum(size, factor.shape[-2] - starts)
    return np.add.reduceat(np.asarray(factor, dtype=np.float64), starts, axis=-2) / counts[:, None]

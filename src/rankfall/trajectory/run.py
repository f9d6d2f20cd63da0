"""What `evolve` returns: the end of a run, its best moment, and its history."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace, to_numpy
from rankfall.integrators.integrator import Integrator
from rankfall.low_rank import LowRank, effective_rank
from rankfall.models.model import Model
from rankfall.models.start import Start
from rankfall.problems.problem import Problem
from rankfall.trajectory.occurrence import Occurrence
from rankfall.trajectory.status import Status

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One run: where it ended, why, and what was recorded.

    Parameters
    ----------
    model : Model
        The model with its sizes set.
    weights : (p,)
        The flat vector at the end; where the run diverged or was interrupted, at its best moment.
    time, loss : float
        Flow time and loss of those weights.
    status, reason : Status, str
        How the run ended, and the sentence that says why.
    history : dict
        Name → array with one row for each record: "time", "loss", and what the record asked for.
    best_weights, best_time
        The moment of the lowest held-out error, or of the lowest loss where nothing is held out.
    steps, evaluations, seconds
        Integrator steps, velocities computed, wall time; of the whole batch if there was one.
    seed : int
        The seed of the start.
    settings : dict
        What the run was made of, as text.
    events : tuple of Occurrence
        What happened between the steps, (name, index, time) each, in the order of time (`Record(events=…)`).
    problem, start, integrator
        What the run was made of; None when loaded from disk.
    """

    model: Model
    weights: Float[Array, " p"]
    time: float
    loss: float
    status: Status
    reason: str
    history: dict[str, np.ndarray]
    best_weights: Float[Array, " p"]
    best_time: float
    steps: int
    evaluations: int
    seconds: float
    seed: int
    settings: dict[str, str]
    events: tuple[Occurrence, ...] = ()
    problem: Problem | None = None
    start: Start | None = None
    integrator: Integrator | None = None

    @property
    def product(self) -> Float[Array, "..."]:
        """W at the end, formed; for a large matrix read `factors` or `predict` instead."""
        return self.model.product(self.weights[None, :])[0, ...]

    @property
    def layers(self) -> list[Array]:
        """W_1 … W_N at the end, W_1 first."""
        return [layer[0, ...] for layer in self.model.layers(self.weights[None, :])]

    @property
    def factors(self) -> tuple[Array, Array]:
        """L (m, k), R (n, k) with W = L Rᵀ, never forming W."""
        left, right = self.model.factors(self.weights[None, :])
        return left[0, ...], right[0, ...]

    @property
    def singular_values(self) -> Float[np.ndarray, " q"]:
        """σ of W at the end, descending."""
        return to_numpy(self.model.decomposition(self.weights[None, :])[1])[0]

    @property
    def effective_rank(self) -> float:
        """exp of the spectral entropy of W at the end."""
        return float(effective_rank(self.singular_values))

    @property
    def nuclear_norm(self) -> float:
        """Σσ of W at the end."""
        return float(self.singular_values.sum())

    @property
    def advice(self) -> str:
        """What to try where the run did not end as hoped; empty otherwise."""
        return self.status.advice

    @property
    def low_rank(self) -> LowRank:
        """W at the end as L Rᵀ, in NumPy, for predictions and norms of a large matrix without forming it."""
        return LowRank(*map(to_numpy, self.factors))

    def predict(self, *positions: int | Sequence[int] | np.ndarray) -> Float[np.ndarray, " entries"]:
        """W at the positions asked, one list of indices for each axis, forming nothing else.

        Raises InputError for positions outside W.
        """
        return to_numpy(self.model.entries(self.weights[None, :], positions))[0]

    def to_xarray(self) -> "xarray.Dataset":
        """The run as a labelled data set: history along `record`, layers, and what else is in this object."""
        from rankfall.trajectory.storage import to_xarray

        return to_xarray(self)

    def in_numpy(self, problem: Problem | None) -> "Trajectory":
        """The run of a device with its weights in NumPy, and `problem`, made of NumPy arrays, in place of its own."""
        weights, best = to_numpy(self.weights), to_numpy(self.best_weights)
        return replace(self, weights=weights, best_weights=best, problem=problem)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a Zarr folder, whole or not at all; `Trajectory.load` reads it back."""
        from rankfall.trajectory.storage import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Trajectory":
        """Read a run that `save` wrote. What it was made of (problem, start, integrator) is not stored, and is None."""
        from rankfall.trajectory.storage import load

        return load(path)

    def __repr__(self) -> str:
        return (
            f"Trajectory({self.status}: {self.reason}; time {self.time:.4g}, loss {self.loss:.3g}, "
            f"{self.steps} steps, {self.evaluations} evaluations, {self.seconds:.2g} s)"
        )

    def _repr_html_(self) -> str:
        from rankfall.trajectory.notebook import html_of

        return html_of(self)


class Trajectories(Sequence[Trajectory]):
    """The runs of one batch, in the order of their seeds and scales; stacked where that makes sense."""

    def __init__(self, runs: Sequence[Trajectory]) -> None:
        self._runs = tuple(runs)

    @overload
    def __getitem__(self, index: int | np.integer) -> Trajectory: ...

    @overload
    def __getitem__(self, index: slice) -> "Trajectories": ...

    def __getitem__(self, index: int | np.integer | slice) -> "Trajectory | Trajectories":
        return Trajectories(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self._runs)

    @property
    def product(self) -> Float[Array, "runs ..."]:
        """W of every run."""
        products = [run.product for run in self._runs]
        return namespace(*products).stack(products)

    @property
    def loss(self) -> Float[np.ndarray, " runs"]:
        """Loss of every run at its end."""
        return np.asarray([run.loss for run in self._runs])

    @property
    def time(self) -> Float[np.ndarray, " runs"]:
        """Flow time of every run at its end."""
        return np.asarray([run.time for run in self._runs])

    @property
    def status(self) -> list[Status]:
        """How every run ended."""
        return [run.status for run in self._runs]

"""The same flow, integrated by SciPy's solvers, to compare `Flow` with.

It uses no structure of the problem, works in float64 on NumPy, and steps each run of a batch separately.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, is_numpy
from rankfall.errors import InputError
from rankfall.integrators.field import Field
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.state import State

_METHODS = ("DOP853", "LSODA", "RK45", "Radau", "BDF")


@dataclass(frozen=True, kw_only=True)
class ReferenceState(State):
    """A state with one SciPy solver for each run; SciPy changes a solver in place at every step."""

    solvers: list[Any]


@dataclass(frozen=True)
class Reference(Integrator):
    """Gradient flow by SciPy.

    Parameters
    ----------
    method : str
        "DOP853" (explicit, order 8, the default), "RK45", "LSODA", or the implicit "Radau" and "BDF".
    rtol, atol : float
        SciPy's tolerances for each weight; defaults 1e-10 and 1e-12.

    Raises
    ------
    InputError
        For an unknown method, a tolerance outside (0, 1), and, at the start of a run, weights that are not NumPy
        float64.
    """

    method: str = "DOP853"
    rtol: float = 1e-10
    atol: float = 1e-12

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise InputError(f"method must be one of {', '.join(_METHODS)}, got {self.method!r}; DOP853 is the default")
        if not 0 < self.rtol < 1:
            raise InputError(f"rtol must lie between 0 and 1, got {self.rtol}; 1e-10 is the usual yardstick")

    def init(self, field: Field, weights: Array, horizon: Float[np.ndarray, " batch"]) -> ReferenceState:
        """The state at time zero. Raises InputError for weights outside NumPy float64."""
        if not is_numpy(weights) or weights.dtype != np.float64:
            raise InputError(f"Reference needs NumPy float64 weights, got {weights.dtype}; use Flow for other arrays")
        import scipy.integrate

        solver = getattr(scipy.integrate, self.method)

        def velocity_of(run: int) -> Any:
            alone = field.of_runs(run)
            return lambda _, flat: alone(flat[None])[1][0]

        solvers = [
            solver(velocity_of(run), 0.0, row, end, rtol=self.rtol, atol=self.atol)
            for run, (row, end) in enumerate(zip(weights, horizon, strict=True))
        ]
        loss, velocity = field(weights)
        zeros = np.zeros(weights.shape[0])
        return ReferenceState(
            time=zeros, weights=weights, loss=loss, velocity=velocity, moved=np.ones(zeros.shape, dtype=bool),
            horizon=horizon, solvers=solvers,
        )  # fmt: skip

    def step(self, field: Field, state: ReferenceState) -> ReferenceState:
        """One step of every solver that still runs."""
        for solver in state.solvers:
            if solver.status == "running":
                solver.step()
        weights = np.stack([solver.y for solver in state.solvers])
        time = np.asarray([solver.t for solver in state.solvers])
        loss, velocity = field(weights)
        return replace(
            state, time=time, weights=weights, loss=loss, velocity=velocity, moved=time > state.time,
            before=replace(state, before=None),
        )  # fmt: skip

    def interpolate(
        self, field: Field, state: ReferenceState, run: int, times: Float[np.ndarray, " times"]
    ) -> Float[Array, "times p"]:
        """Weights of one run at times inside its last step, from SciPy's dense output."""
        return state.solvers[run].dense_output()(times).T

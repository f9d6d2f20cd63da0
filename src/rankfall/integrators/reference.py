"""The yardstick: the same flow, followed by SciPy's own solvers.

`Reference(rtol=1e-10)` is what `Flow` is measured against. It knows nothing of the structure, works in float64 on
NumPy, and steps each run of a batch by itself.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, is_numpy
from rankfall.errors import InputError
from rankfall.integrators.state import Field, State

_METHODS = ("DOP853", "LSODA", "RK45", "Radau", "BDF")


@dataclass(frozen=True, kw_only=True)
class ReferenceState(State):
    """A state with one SciPy solver a run; a solver carries its own state from step to step."""

    solvers: list[Any]


@dataclass(frozen=True)
class Reference:
    """Gradient flow by SciPy: method "DOP853" (explicit, order 8), "LSODA", "Radau" or "BDF" (implicit), "RK45".

    rtol, atol: SciPy's, entry by entry of the weights.
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
            raise InputError(
                f"Reference needs NumPy float64 weights, got {getattr(weights, 'dtype', type(weights))}; "
                "use Flow for other arrays"
            )
        import scipy.integrate

        solver = getattr(scipy.integrate, self.method)

        def force_on(run: int) -> Any:
            alone = field.of(run)

            def force(_: float, flat: np.ndarray) -> np.ndarray:
                field.evaluations += 1
                return -alone(flat[None])[1][0]

            return force

        solvers = [
            solver(force_on(run), 0.0, row, end, rtol=self.rtol, atol=self.atol)
            for run, (row, end) in enumerate(zip(weights, horizon, strict=True))
        ]
        loss, gradient = field(weights)
        zeros = np.zeros(weights.shape[0])
        return ReferenceState(
            time=zeros, weights=weights, loss=loss, gradient=gradient, moved=np.ones(zeros.shape, dtype=bool),
            horizon=horizon, solvers=solvers,
        )  # fmt: skip

    def step(self, field: Field, state: ReferenceState) -> ReferenceState:
        """One step of every solver that still runs."""
        for solver in state.solvers:
            if solver.status == "running":
                solver.step()
        weights = np.stack([solver.y for solver in state.solvers])
        time = np.asarray([solver.t for solver in state.solvers])
        loss, gradient = field(weights)
        return replace(
            state, time=time, weights=weights, loss=loss, gradient=gradient, moved=time > state.time,
            before=replace(state, before=None),
        )  # fmt: skip

    def interpolate(self, field: Field, state: ReferenceState, run: int, times: Float[np.ndarray, " times"]) -> Array:
        """Weights of one run at times inside its last step, from SciPy's dense output."""
        return state.solvers[run].dense_output()(times).T

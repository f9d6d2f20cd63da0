"""The state of a flow: that of any integrator, with what the controller of step lengths knows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rankfall.arrays import Array, epsilon
from rankfall.integrators.state import State, changed

# A step is long when it leaves the stiffest direction far behind. On a plateau of modes of size s its fall is about s ℓ
# whatever the depth, which leaves room for modes as small as the dtype's rounding.
_LONG, _FALL = 1e3, 0.01


@dataclass(frozen=True, kw_only=True)
class FlowState(State):
    """A state with what the controller knows.

    Parameters
    ----------
    h : (batch,) ndarray
        The length to try next.
    radius, direction : (batch,) ndarray, (batch, p) array
        ρ of the Hessian, and the vector that shows it.
    taken, error : (batch,) ndarrays
        Length and relative error of the last accepted step.
    size, speed : (batch,) ndarrays
        Norms of weights and velocity.
    method, last : int
        The places in `Flow.methods` of the next step's method and of the last one's.
    stages : tuple of arrays
        What the last method needs to interpolate.
    is_steady : bool
        Whether ρ needs no new estimate.
    rest : int
        Steps until a method is tried again.
    ahead : tuple of arrays
        ρ and the direction at these weights, where the last step has estimated them already; empty otherwise.
    """

    h: Float[np.ndarray, " batch"]
    radius: Float[np.ndarray, " batch"]
    direction: Array
    taken: Float[np.ndarray, " batch"]
    error: Float[np.ndarray, " batch"]
    size: Float[np.ndarray, " batch"]
    speed: Float[np.ndarray, " batch"]
    method: int = 0
    last: int = 0
    stages: tuple[Array, ...] = ()
    is_steady: bool = False
    rest: int = 0
    ahead: tuple[Array, ...] = ()

    def without_stages(self) -> "FlowState":
        """The same without the stages, of which the next step makes as many again."""
        return changed(self, stages=()) if self.stages else self

    def is_still(self) -> Bool[np.ndarray, " batch"]:
        """Also where a long step h lowers the loss by h ‖Ẇ‖², far below its rounding."""
        fall = self.taken * self.speed**2
        flat = (self.taken * self.radius > _LONG) & (fall <= _FALL * epsilon(self.weights) * self.loss)
        return super().is_still() | flat

    def sizes(self) -> tuple[Float[np.ndarray, " batch"], Float[np.ndarray, " batch"]]:
        """Known already."""
        return self.size, self.speed

    def curvature(self) -> Float[np.ndarray, " batch"]:
        """The spectral radius of the Hessian."""
        return self.radius

"""What a baseline returns, read like a run: factors, the product they make, and how the solver ended.

Every baseline has the shape problem -> `Solution`, so that a nuclear norm minimizer, an alternating least squares fit
and a trajectory's end can be put side by side. W is kept as W = left rightᵀ; the dense m × n product is formed only
when it is asked for by name.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.low_rank import LowRank
from rankfall.trajectory.status import Status


@dataclass(frozen=True, eq=False)
class Solution(LowRank):
    """A completed matrix W = left rightᵀ with the solver's account of itself.

    Parameters
    ----------
    left, right
        factors (m, k) and (n, k); k may be 0, which is the zero matrix.
    status
        CONVERGED (the tolerance was met), STALLED (no step improves any more) or BUDGET (iterations ran out).
    reason
        the status in one sentence, with numbers.
    history
        arrays by name, one value a recorded iteration.
    seconds
        wall time of the solver.
    gap
        certified relative duality gap (primal − dual)/primal where the method has a dual, else None.
    dual
        the multipliers λ (one for each observation) behind that gap, else None.
    shrinkage
        the λ of ½Σ w(W−b)² + λ‖W‖_* that was used or chosen, else None.
    """

    status: Status
    reason: str = ""
    history: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    seconds: float = 0.0
    gap: float | None = None
    dual: Float[np.ndarray, " entries"] | None = None
    shrinkage: float | None = None

    def __repr__(self) -> str:
        return (
            f"Solution({self.status}: {self.reason}; {self.shape[0]} × {self.shape[1]} of rank {self.left.shape[1]}, "
            f"nuclear norm {self.nuclear_norm:.6g}, effective rank {self.effective_rank:.4g}, {self.seconds:.2g} s)"
        )


def check_warm(warm: Solution, shape: tuple[int, int]) -> None:
    """Raise InputError for a warm start of another shape than the problem's."""
    if warm.shape != shape:
        raise InputError(f"a warm start must have the problem's shape {shape}, got {warm.shape}; solve from scratch")

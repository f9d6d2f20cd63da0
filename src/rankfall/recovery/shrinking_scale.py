"""How ε falls along the path: by a factor from step to step, and at once over gaps in which nothing would happen."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# After this many steps with one R the scale may jump down to just above the next singular value.
_STEADY = 3
_JUMP, _GAP = 0.1, 0.2
# A step has hardly moved the path when the residual fell to no less than this share.
_AT_REST = 0.83
# So many directions escape at once at most, or this share of those that have: many are bulk, which the path would carry
# while the others have yet to grow.
_ROOM, _SHARE = 12, 0.5
# Directions this close to ε have not escaped yet: their λ would not be finite.
_MARGIN = 1.0005


@dataclass(eq=False)
class ShrinkingScale:
    """ε, and what the last steps say about the next.

    Parameters
    ----------
    value : float
        ε.
    decay : float
        Factor of ε from step to step.
    leaps : bool
        Whether ε also falls to the next singular value where the last step has hardly moved the path.
    """

    value: float
    decay: float
    leaps: bool = False
    _rank: int = 0
    _steady: int = 0
    _residual: float = math.inf
    _is_at_rest: bool = False

    def escaped(self, values: Float[np.ndarray, " k"]) -> int:
        """How many singular values lie above ε."""
        return int((values > _MARGIN * self.value).sum())

    def settle(self, values: Float[np.ndarray, " k"], cap: int) -> tuple[float, int]:
        """ε for the step at these singular values, and how many lie above it, at least 1 and at most `cap`."""
        if self._rank:
            cap = min(cap, self._rank + max(_ROOM, int(_SHARE * self._rank)))
        rank = min(max(self.escaped(values), 1), cap)
        beyond = float(values[rank]) if rank < values.size else 0.0
        used = max(self.value, beyond)
        waits = beyond < _GAP * self.value or (self.leaps and self._is_at_rest and beyond < self.value)
        if self._steady >= _STEADY and waits:
            used = self.value = max(1.01 * beyond, _JUMP * self.value)
        used = min(used, 0.9 * float(values[0]))
        return used, int((values[:rank] > _MARGIN * used).sum())

    def fall(self, rank: int, residual: float) -> None:
        """Shrink after a step that had this rank and left this residual."""
        self._steady = self._steady + 1 if rank == self._rank else 0
        self._is_at_rest = residual > _AT_REST * self._residual
        self._rank, self._residual = rank, residual
        self.value *= self.decay

"""Anderson acceleration of a fixed-point iteration, with a way back.

Past differences of residuals f = T(z) − z and images g = T(z) predict the next fixed point:

    θ = argmin ‖f_k − ΔF θ‖,   z_{k+1} = g_k − ΔG θ                               [walker2011]

Where T is nonexpansive its plain iteration never increases ‖f‖, so a residual that has grown says the extrapolation
failed: the iteration then resumes, without memory, from the image of the best point seen.  [zhang2020, safeguards]
"""

import numpy as np
from jaxtyping import Float

# A residual this many times the best one sends the iteration back.
_GROWTH = 3.0
# Relative Tikhonov term of the small least squares problem: its Gram matrix squares the condition number.
_RIDGE = 1e-11


class Anderson:
    """The memory of one accelerated iteration over vectors of length `size`."""

    def __init__(self, size: int, memory: int) -> None:
        self.memory = memory
        self._residuals = np.zeros((memory, size))
        self._images = np.zeros((memory, size))
        self._gram = np.zeros((memory, memory))
        self._forget()
        self._best = np.inf
        self._home = np.zeros(0)

    def _forget(self) -> None:
        self._filled, self._next = 0, 0
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def restart(self) -> None:
        """Drop everything: the map itself has changed."""
        self._forget()
        self._best = np.inf

    def step(
        self, image: Float[np.ndarray, " size"], residual: Float[np.ndarray, " size"]
    ) -> Float[np.ndarray, " size"]:
        """The next point, given g = T(z) and f = T(z) − z at the present one."""
        norm = float(np.linalg.norm(residual))
        if norm > _GROWTH * self._best:
            self._forget()
            return self._home.copy()
        if norm < self._best:
            self._best, self._home = norm, image
        if self.memory == 0:
            return image
        if self._last is not None:
            self._remember(residual - self._last[0], image - self._last[1])
        self._last = (residual, image)
        if self._filled == 0:
            return image
        used = slice(0, self._filled)
        gram = self._gram[used, used].copy()
        gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) + np.finfo(float).tiny
        weights = np.linalg.solve(gram, self._residuals[used] @ residual)
        return image - weights @ self._images[used]

    def _remember(self, residual_change: np.ndarray, image_change: np.ndarray) -> None:
        slot = self._next
        self._residuals[slot], self._images[slot] = residual_change, image_change
        self._filled = max(self._filled, slot + 1)
        self._next = (slot + 1) % self.memory
        products = self._residuals[: self._filled] @ residual_change
        self._gram[slot, : self._filled] = products
        self._gram[: self._filled, slot] = products

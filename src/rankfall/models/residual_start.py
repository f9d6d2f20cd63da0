"""The residual start: every layer near the identity, as in a network of skip connections.

The product starts near the identity, so the chain moves at full speed from the start: it leaves no plateau, its bias
is small, and depth acts as an optimizer only.   [arora2018, deeper nets; arora2018convergence, residual case]
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rankfall.errors import InputError
from rankfall.models.start import LayerForm, Start
from rankfall.problems.problem import Problem


@dataclass(frozen=True)
class Residual(Start):
    """W_j = scale^{1/N} (I + ε_j), I padded where rectangular, ε_j Gaussian and small.

    Parameters
    ----------
    noise
        the size of ε_j; its entries have standard deviation noise/√(the larger side), so that ‖ε_j‖ ≲ 2 · noise.
        0 is `Identity`.
    scale
        that of the product, 1 by default.

    Raises
    ------
    InputError
        For a scale that is not positive or a noise that is negative.
    """

    noise: float | int = 1e-2
    scale: float | Sequence[float] | np.ndarray = 1.0
    width: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        for scale in np.atleast_1d(np.asarray(self.scale, dtype=np.float64)):
            if not (scale > 0 and math.isfinite(scale)):
                raise InputError(f"scale must be positive, got {scale}; 1 starts at the identity itself")
        if not (self.noise >= 0 and math.isfinite(self.noise)):
            raise InputError(f"noise must not be negative, got {self.noise}; 1e-2 is small beside the identity")

    def layers(self, problem: Problem, form: LayerForm, seed: int) -> list[np.ndarray]:
        """The layers for scale 1, W_1 first."""
        rng = np.random.default_rng(seed)
        return [
            np.eye(shape[0], shape[1]) + self.noise / math.sqrt(max(shape)) * rng.standard_normal(shape)
            for shape in form.shapes
        ]

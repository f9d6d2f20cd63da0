"""A start of your own: sparse random layers."""

from dataclasses import dataclass

import numpy as np

from rankfall.models import Start


@dataclass(frozen=True)
class SparseGaussian(Start):
    """Gaussian entries of which a share is kept, larger by the root of it, so that the product has the same size."""

    scale: float = 1e-3
    share: float = 0.5

    def layers(self, problem, form, seed):
        rng = np.random.default_rng(seed)
        deviation = form.unit_deviation / np.sqrt(self.share)
        return [deviation * rng.standard_normal(shape) * (rng.random(shape) < self.share) for shape in form.shapes]

"""A model of your own: a sum of a small matrix on both sides of a fixed one, W = A C B with C fixed and A, B free."""

import math
from dataclasses import dataclass, replace

import numpy as np

from rankfall.models import LayerForm, Model


@dataclass(frozen=True)
class Sandwich(Model):
    """W = W_2 C W_1 with C = diag(1, 1/2, 1/3, …): Ẇ_1 = −(W_2 C)ᵀ ∇ℓ(W), Ẇ_2 = −∇ℓ(W) (C W_1)ᵀ."""

    middle: int = 4
    depth: int = 2
    dimensions: tuple[int, ...] = ()

    def sized(self, shape, width=None):
        return replace(self, dimensions=(shape[1], self.middle, shape[0]))

    @property
    def size(self):
        n, k, m = self.dimensions
        return k * n + m * k

    @property
    def rank(self):
        return min(self.dimensions)

    def form(self, width=None):
        n, k, m = self.dimensions
        deviation = (self.rank / (m * n * float(np.sum(self._core**2)))) ** 0.25
        return LayerForm(((k, n), (m, k)), self.rank, deviation)

    @property
    def _core(self):
        return 1 / np.arange(1, self.middle + 1)

    def layers(self, weights):
        n, k, m = self.dimensions
        batch = weights.shape[:-1]
        return [weights[..., : k * n].reshape(*batch, k, n), weights[..., k * n :].reshape(*batch, m, k)]

    def join(self, layers):
        flat = [layer.reshape(*layer.shape[:-2], math.prod(layer.shape[-2:])) for layer in layers]
        return np.concatenate(flat, axis=-1)

    def product(self, weights):
        first, second = self.layers(weights)
        return (second * self._core) @ first

    def velocity(self, problem, weights):
        first, second = self.layers(weights)
        loss, gradient = problem.loss_and_gradient(self.product(weights))
        pulls = [-(second * self._core).mT @ gradient, -gradient @ (self._core[:, None] * first).mT]
        return loss, self.join(pulls)

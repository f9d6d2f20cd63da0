"""The weighted mean of what entries cost: ℓ = Σ_Ω w ρ(z, b) / Σ_Ω w, and its derivatives by the predictions z."""

from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float

from rankfall.arrays import Array, device, namespace
from rankfall.problems.loss import Loss


@dataclass(frozen=True, eq=False)
class WeightedLoss:
    """ℓ of listed entries.

    Parameters
    ----------
    loss : Loss
        ρ.
    values : array, shape (entries,) or (batch, entries)
        b.
    weights : array of the shape of the values, or (entries,), or None
        w; None for ones.
    """

    loss: Loss
    values: Float[Array, "*batch entries"]
    weights: Float[Array, "*weighed entries"] | None

    @cached_property
    def total_weight(self) -> Float[Array, "*batch"]:
        """Σ w."""
        xp, values = namespace(self.values), self.values
        if self.weights is not None:
            return xp.sum(self.weights, axis=-1)
        return xp.full(values.shape[:-1], values.shape[-1], dtype=values.dtype, device=device(values))

    def mean(self, predicted: Float[Array, "*batch entries"]) -> Float[Array, "*batch"]:
        """ℓ at predictions z of the entries."""
        costs = self.loss.value(predicted, self.values)
        weighed = costs if self.weights is None else self.weights * costs
        return namespace(predicted).sum(weighed, axis=-1) / self.total_weight

    def mean_and_slopes(
        self, predicted: Float[Array, "*batch entries"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch entries"]]:
        """ℓ and ∂ℓ/∂z = w ∂ρ/∂z / Σ w."""
        slopes = self.loss.derivative(predicted, self.values)
        weighed = slopes if self.weights is None else self.weights * slopes
        return self.mean(predicted), weighed / self.total_weight[..., None]

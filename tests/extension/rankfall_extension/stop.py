"""A stop of your own: the product has reached a rank."""

from dataclasses import dataclass

from rankfall.trajectory import Stop


@dataclass(frozen=True)
class RankReached(Stop):
    """σ_r(W) exceeds a threshold for r = `rank`."""

    rank: int
    threshold: float = 0.1

    def check(self, memory, now):
        return memory, now.singular_values[:, self.rank - 1] > self.threshold

    def __str__(self):
        return f"the product reached rank {self.rank}"

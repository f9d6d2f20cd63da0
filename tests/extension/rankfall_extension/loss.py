"""A loss of your own: log cosh r, between squares and absolute residuals."""

from dataclasses import dataclass
from typing import ClassVar

from rankfall.arrays import namespace
from rankfall.problems import Loss


@dataclass(frozen=True)
class LogCosh(Loss):
    """ρ = 2δ² log cosh(r/δ): r² for |r| far below δ, 2δ|r| far above it."""

    name: ClassVar[str] = "log-cosh"
    width: float = 1.0

    def value(self, prediction, target):
        xp = namespace(prediction)
        size = xp.abs(prediction - target) / self.width
        # log cosh x = x + log(1 + e^{−2x}) − log 2, which does not overflow
        return 2 * self.width**2 * (size + xp.log1p(xp.exp(-2 * size)) - 0.6931471805599453)

    def derivative(self, prediction, target):
        return 2 * self.width * namespace(prediction).tanh((prediction - target) / self.width)

    def scaled(self, unit):
        return LogCosh(self.width * unit)

    @classmethod
    def in_spreads(cls):
        return cls(0.5)

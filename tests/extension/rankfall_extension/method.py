"""A step method of your own: the explicit pair of Bogacki and Shampine, orders 3 and 2."""

from dataclasses import dataclass

from rankfall.arrays import namespace
from rankfall.integrators.methods import Method, Step
from rankfall.integrators.rows import column, norms


@dataclass(frozen=True)
class BogackiShampine3(Method):
    """y' = y + h (2k₁ + 3k₂ + 4k₃)/9, its error from the embedded formula of order 2."""

    order = 3
    evaluations = 3
    reach = 2.5

    def step(self, field, weights, velocity, h, radius):
        h = column(h, weights)
        _, second = field(weights + h / 2 * velocity)
        _, third = field(weights + 3 * h / 4 * second)
        end = weights + h / 9 * (2 * velocity + 3 * second + 4 * third)
        loss, last = field(end)
        error = h * (-5 / 72 * velocity + second / 12 + third / 9 - last / 8)
        assert namespace(error) is namespace(weights)
        return Step(weights=end, velocity=last, loss=loss, error=norms(error))

    @property
    def error_power(self):
        return 3

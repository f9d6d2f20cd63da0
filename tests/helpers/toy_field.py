"""A vector field that comes from no problem."""

from dataclasses import dataclass

from rankfall.integrators import Field


@dataclass(frozen=True)
class ToyField(Field):
    """Loss and velocity as any object with a `velocity(problem, weights)` gives them."""

    problem: None = None
    model: object = None
    motion = None  # pyright: ignore[reportAssignmentType]

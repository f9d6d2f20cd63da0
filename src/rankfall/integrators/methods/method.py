"""What a step method must offer: the formula of one step with its error, order, cost and stability."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Shaped

from rankfall.arrays import Array, namespace
from rankfall.integrators.field import Field


@dataclass(frozen=True, kw_only=True)
class Step:
    """The end of one step of every run.

    Parameters
    ----------
    weights, velocity : (batch, p)
        The weights at the end and Ẇ at them.
    loss : (batch,)
        ℓ at the end; like the numbers below in NumPy, or where the weights lie: `Flow` then reads all of them at once.
    error : (batch,)
        An estimate of the norm of the error of `weights`.
    stages : tuple of (batch, p), optional
        What `Method.interpolate` needs beside the ends.
    radius : (batch,), optional
        The stiffness met in the step, an estimate of ‖∇²φ‖, where `Method.shows_radius`; not finite where unknown.
    """

    weights: Float[Array, "batch p"]
    velocity: Float[Array, "batch p"]
    loss: Float[Array, " batch"]
    error: Float[Array, " batch"]
    stages: tuple[Array, ...] = ()
    radius: Float[Array, " batch"] | None = None


@dataclass(frozen=True, kw_only=True)
class Interval:
    """One step h of one run, to be interpolated: both ends (1, p), the velocities there, and the stages kept."""

    weights: Float[Array, "1 p"]
    new_weights: Float[Array, "1 p"]
    velocity: Float[Array, "1 p"]
    new_velocity: Float[Array, "1 p"]
    h: float
    stages: tuple[Array, ...] = ()


class Method(ABC):
    """One explicit step of Ẇ = F(W), each run of a batch with a length h of its own. Members are frozen dataclasses.

    A member gives `order`, `evaluations`, `reach` and `step`. It may declare the other attributes, and may give
    `interpolate`, `cost` and `foreseen_error`.

    Attributes
    ----------
    order : int
        The order p of the method: the error of a path is O(h^p).
    evaluations : int
        Evaluations of F in a step, without that of the velocity passed to it.
    reach : float
        The largest hρ, ρ the spectral radius of ∇²φ, for which a step is stable.
    error_power : int
        The estimate `Step.error` is O(h^error_power). Default: order + 1.
    safety : float
        The share of the optimal length that is tried next. Default: 0.9.
    is_stabilized : bool
        Whether the formula itself depends on ρ. `Flow` then estimates ρ before the step and keeps hρ within `reach`.
    shows_radius : bool
        Whether `Step.radius` is given.
    foresees_growth : bool
        Whether the next length also takes the trend of the last two errors into account.   [gustafsson1991]
    """

    order: ClassVar[int]
    evaluations: ClassVar[int]
    reach: ClassVar[float]
    safety: ClassVar[float] = 0.9
    is_stabilized: ClassVar[bool] = False
    shows_radius: ClassVar[bool] = False
    foresees_growth: ClassVar[bool] = False

    @abstractmethod
    def step(
        self,
        field: Field,
        weights: Float[Array, "batch p"],
        velocity: Float[Array, "batch p"],
        h: Float[np.ndarray, " batch"],
        radius: Float[np.ndarray, " batch"],
    ) -> Step:
        """One step of length h from the weights, whose velocity is known.

        Parameters
        ----------
        field : Field
            ℓ and Ẇ at weights (batch, p).
        weights, velocity : array, shape (batch, p)
            The start of the step, and Ẇ there.
        h : ndarray, shape (batch,)
            The length of each run's step, in flow time.
        radius : ndarray, shape (batch,)
            ρ of each run as last known.

        Returns
        -------
        Step
            The end of the step.
        """

    @property
    def error_power(self) -> int:
        """The power of h that the error estimate is proportional to."""
        return self.order + 1

    def cost(self, reach: Shaped[np.ndarray, " batch"]) -> Shaped[np.ndarray, " batch"]:
        """Evaluations of a step of hρ = `reach`."""
        return np.full(np.shape(reach), self.evaluations)

    def foreseen_error(
        self,
        weights: Float[Array, "batch p"],
        new_weights: Float[Array, "batch p"],
        velocity: Float[Array, "batch p"],
        new_velocity: Float[Array, "batch p"],
        h: Float[np.ndarray, " batch"],
    ) -> Float[Array, " batch"] | None:
        """The error this method would make over an interval h, from the ends of a step by any method; None if unknown.

        Where it is unknown, `Flow` tries the method when its stability interval promises longer steps.

        Parameters
        ----------
        weights, new_weights : array, shape (batch, p)
            The two ends of the step.
        velocity, new_velocity : array, shape (batch, p)
            Ẇ at them.
        h : ndarray, shape (batch,)
            The length of each run's step, in flow time.

        Returns
        -------
        array, shape (batch,), or None
            An estimate of the norm of the error of the weights, in NumPy or where they lie.
        """
        return None

    def interpolate(
        self, field: Field, interval: Interval, fractions: Float[np.ndarray, " times"]
    ) -> Float[Array, "times p"]:
        """Weights at fractions of a step of one run: by default the cubic through both ends and their slopes.

        Parameters
        ----------
        field : Field
            The field of that run alone.
        interval : Interval
            The step: its ends, its length and the stages kept.
        fractions : ndarray, shape (times,)
            Shares of the step, between 0 and 1.

        Returns
        -------
        array, shape (times, p)
        """
        old, new = interval.weights, interval.new_weights
        rows: list[Array] = []
        for x in map(float, fractions):
            rise, slope_old, slope_new = x * x * (3 - 2 * x), x * (1 - x) ** 2, -x * x * (1 - x)
            slope = slope_old * interval.velocity + slope_new * interval.new_velocity
            rows.append(old + rise * (new - old) + interval.h * slope)
        return namespace(old).concat(rows, axis=0)

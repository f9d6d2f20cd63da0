"""Gradient flow with error control: a controller of step lengths and a choice between step methods.

The formulas live in `methods`. After every step the methods are compared by the length they cover per evaluation: the
method in use by its next step, another one by the error it foresees over the same interval, or, where it foresees
none, by its stability interval. The next step is taken by the better one.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, is_numpy
from rankfall.errors import InputError
from rankfall.integrators.field import Field
from rankfall.integrators.flow_state import FlowState
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.methods import Chebyshev2, DormandPrince8, Interval, Method, Step
from rankfall.integrators.rows import lengths, norms, read, where
from rankfall.integrators.spectral_radius import hessian_product, spectral_radius
from rankfall.integrators.state import changed

_SHRINK, _GROW = 0.1, 5.0
_FIRST_PRODUCTS = 10
_TINY = np.finfo(float).tiny
# A radius that changed by no more than this share over a step is used for one step more.
_STEADY = 0.03
# The flow contracts the error of a step, so a step may err by more than the path should.
_PER_STEP = 4.0
# Another method must promise this much more length per evaluation before it is tried, and after a failed trial it
# rests for this many steps.
_PROMISE, _REST = 1.25, 10
# The hρ of a length without bound, where a number of stages must be given.
_FAR = 1e9


class Seen(NamedTuple):
    """What the controller reads of a step, (batch,) each in NumPy float64.

    loss, error, size, speed: of its end; radius: ρ as the step shows it, or as it is at the end, with the direction
    `ahead`; foreseen: the errors that other methods would have made, None where they foresee none.
    """

    loss: np.ndarray
    error: np.ndarray
    size: np.ndarray
    speed: np.ndarray
    radius: np.ndarray | None
    foreseen: list[np.ndarray | None]
    ahead: Array | None


@dataclass(frozen=True)
class Flow(Integrator):
    """Gradient flow Ẇ_j = −∂ℓ/∂W_j with error control.

    It conserves W_{j+1}ᵀW_{j+1} − W_jW_jᵀ and never raises the loss, both up to the tolerance.

    Parameters
    ----------
    rtol : float
        The relative tolerance, default 1e-3. A step may be off by four times this share of the norm of all weights;
        the flow contracts most of it. On the papers' completion problem W is off by 7e-4 at 1e-3 and by 1e-5 at 1e-6,
        in the median of the path; more during an escape, which comes slightly early or late.
    methods : sequence of Method
        The step methods to choose between; the run starts with the first. One alone is used throughout.

    Raises
    ------
    InputError
        For a tolerance outside (0, 1), no method, or something that is not a `Method`.
    """

    rtol: float = 1e-3
    methods: tuple[Method, ...] = (Chebyshev2(), DormandPrince8())
    shares_stages: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.rtol < 1:
            raise InputError(f"rtol must lie between 0 and 1, got {self.rtol}; 1e-3 suits most runs")
        if not self.methods or not all(isinstance(method, Method) for method in self.methods):
            raise InputError(
                f"methods must be a tuple of step methods, got {self.methods!r}; "
                "leave it out, or give e.g. (Chebyshev2(), DormandPrince8())"
            )

    def init(self, field: Field, weights: Float[Array, "batch p"], horizon: Float[np.ndarray, " batch"]) -> FlowState:
        """The state at time zero, with a first length from the sizes of weights, velocity and Hessian."""
        loss, velocity = field(weights)
        radius, direction = spectral_radius(field, weights, velocity, -velocity, _FIRST_PRODUCTS)
        size, speed = norms(weights), norms(velocity)
        with np.errstate(divide="ignore", invalid="ignore"):
            h = np.minimum(np.where(size > 0, 0.1 * size / speed, np.inf), 1 / radius)
        h = np.where(np.isfinite(h), h, 1.0)
        zeros, ones = np.zeros(size.shape), np.ones(size.shape)
        return FlowState(
            time=zeros, weights=weights, loss=loss, velocity=velocity, moved=ones > 0, horizon=horizon, h=h,
            radius=radius, direction=direction, taken=ones, error=ones, size=size, speed=speed,
        )  # fmt: skip

    def step(self, field: Field, state: FlowState) -> FlowState:
        """One step of every run; a run whose error is too large stays, and tries a shorter one next."""
        method = self.methods[state.method]
        state = self._with_radius(field, state, method)
        h = np.minimum(state.h, method.reach / np.maximum(state.radius, _TINY)) if method.is_stabilized else state.h
        h = np.minimum(h, state.horizon - state.time)
        step = method.step(field, state.weights, state.velocity, h, state.radius)
        seen = self._seen(field, state, step, h)
        allowed = _PER_STEP * self.rtol * np.maximum(np.maximum(state.size, seen.size), _TINY)
        new = self._accepted(state, step, seen, h, np.maximum(seen.error / allowed, 1e-12))
        return new if len(self.methods) == 1 else self._with_method(state, new, seen, h, allowed)

    def _with_radius(self, field: Field, state: FlowState, method: Method) -> FlowState:
        """The state with ρ estimated where the method or the choice needs it; one product follows it."""
        if not self._needs_radius(method):
            return changed(state, ahead=()) if state.ahead else state
        if state.is_steady or not state.moved.any():
            return changed(state, is_steady=False, ahead=())
        if state.ahead:
            radius, direction = state.ahead
        else:
            radius, direction = spectral_radius(field, state.weights, state.velocity, state.direction, 1)
        steady = bool((np.abs(radius - state.radius) <= _STEADY * radius).all())
        return changed(state, radius=radius, direction=direction, is_steady=steady, ahead=())

    def _needs_radius(self, method: Method) -> bool:
        return not method.shows_radius and (method.is_stabilized or len(self.methods) > 1)

    def _seen(self, field: Field, state: FlowState, step: Step, h: np.ndarray) -> Seen:
        """The numbers of a step, in one copy from where they lie.

        On a device the next ρ is estimated before anybody knows whether the step is accepted, so that its number
        comes with the others: a rejected step costs one evaluation for nothing.
        """
        ends = state.weights, step.weights, state.velocity, step.velocity, h
        foreseen = [
            None if place == state.method else other.foreseen_error(*ends) for place, other in enumerate(self.methods)
        ]
        radius, ahead = step.radius, None
        if not (is_numpy(step.weights) or state.is_steady) and self._needs_radius(self.methods[state.method]):
            radius, ahead = hessian_product(field, step.weights, step.velocity, state.direction)
        known = [part for part in (radius, *foreseen) if part is not None]
        loss, error, size, speed, *rest = read(
            step.loss, step.error, lengths(step.weights), lengths(step.velocity), *known
        )
        left = iter(rest)
        found = None if radius is None else next(left)
        return Seen(loss, error, size, speed, found, [None if part is None else next(left) for part in foreseen], ahead)

    def _accepted(self, state: FlowState, step: Step, seen: Seen, h: np.ndarray, error: np.ndarray) -> FlowState:
        """The state after a step: at its end where its error is allowed, else where it was; with the next length."""
        method = self.methods[state.method]
        factor = method.safety * error ** (-1 / method.error_power)
        if method.foresees_growth and state.last == state.method:
            trend = np.minimum(1, h / state.taken * (state.error / error) ** (1 / method.error_power))
            factor = factor * (trend if state.moved.all() else np.where(state.moved, trend, 1))
        known = np.isfinite(seen.loss)
        fine = known & (error <= 1)
        # a factor that is not a number is the smallest
        factor = np.where(known, np.fmin(np.fmax(factor, _SHRINK), _GROW), _SHRINK)
        landed = h == state.horizon - state.time  # t + (horizon − t) may miss the horizon by a rounding
        clipped = fine & (h < state.h)
        next_h = h * factor
        radius, ahead = state.radius, ()
        if seen.ahead is not None:
            if fine.any():
                ahead = where(fine, seen.radius, radius), where(fine, seen.ahead, state.direction)
        elif seen.radius is not None:
            shown = np.isfinite(seen.radius) & (error <= 1)
            radius = np.where(shown, np.maximum(1.15 * seen.radius, 0.5 * radius), radius)
        return changed(
            state,
            time=where(fine, np.where(landed, state.horizon, state.time + h), state.time),
            weights=where(fine, step.weights, state.weights),
            loss=where(fine, seen.loss, state.loss),
            velocity=where(fine, step.velocity, state.velocity),
            moved=fine,
            before=changed(state, before=None, stages=()),
            h=np.where(clipped, np.maximum(state.h, next_h), next_h) if clipped.any() else next_h,
            radius=radius,
            taken=where(fine, h, state.taken),
            error=where(fine, error, state.error),
            size=where(fine, seen.size, state.size),
            speed=where(fine, seen.speed, state.speed),
            last=state.method,
            stages=step.stages,
            is_steady=state.is_steady and (method.shows_radius or bool(fine.all())),
            ahead=ahead,
        )

    def _with_method(
        self, state: FlowState, new: FlowState, seen: Seen, h: np.ndarray, allowed: np.ndarray
    ) -> FlowState:
        """The state with the method of the next step: the one in use, unless another covers clearly more length."""
        current, radius = self.methods[state.method], np.maximum(new.radius, _TINY)
        length = np.minimum(new.h, current.reach / radius)
        here = length / current.cost(length * new.radius)
        changes: dict[str, Any] = {"rest": max(0, new.rest - 1)}
        if not current.is_stabilized:
            changes["h"] = length
        found, best = changes, _PROMISE * here
        for place, other in enumerate(self.methods):
            if place == state.method:
                continue
            error = seen.foreseen[place]
            if error is None:
                if new.rest:
                    continue
                length = other.reach / radius
                switched = changes | {"method": place}
            else:
                length = other.safety * h * np.maximum(error / allowed, 1e-12) ** (-1 / other.error_power)
                ahead = np.where(new.moved, length, changes.get("h", new.h))
                switched = changes | {"method": place, "rest": _REST, "h": ahead}
            reach = length * new.radius
            there = length / other.cost(np.where(reach < _FAR, reach, _FAR))
            if 2 * np.count_nonzero(there > best) > there.size:
                found, best = switched, there
        return changed(new, **found)

    def interpolate(
        self, field: Field, state: FlowState, run: int, times: Float[np.ndarray, " times"]
    ) -> Float[Array, "times p"]:
        """Weights of one run at times inside its last step, by the interpolant of the method that took it."""
        before = state.before
        assert before is not None
        one = slice(run, run + 1)
        interval = Interval(
            weights=before.weights[one, ...], new_weights=state.weights[one, ...], velocity=before.velocity[one, ...],
            new_velocity=state.velocity[one, ...], h=float(state.taken[run]),
            stages=tuple(stage[one, ...] for stage in state.stages),
        )  # fmt: skip
        fractions = (times - before.time[run]) / state.taken[run]
        return self.methods[state.last].interpolate(field, interval, fractions)

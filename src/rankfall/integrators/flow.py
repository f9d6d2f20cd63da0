"""Gradient flow with error control: stabilized steps where stability limits the step, high order where accuracy does.

The flow Ẇ_j = −∂ℓ/∂W_j is followed by two explicit methods. Chebyshev steps of order 2 reach far over plateaus and
down the stiff end of a run; Dormand–Prince steps of order 8 follow an escape to many digits. Both judge their error
in ‖·‖ over all weights, relative to `rtol`. After every step the methods are compared by the length they cover per
gradient evaluation (for the one not in use: what its error constant, read off the same interval, and the stiffness
allow), and the next step is taken by the better.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rankfall.arrays import Array, epsilon, namespace
from rankfall.errors import InputError
from rankfall.integrators import chebyshev, high_order
from rankfall.integrators.state import Field, State, norms, where

_SHRINK, _GROW = 0.1, 5.0
_FIRST_PRODUCTS = 10
# A radius that changed by no more than this share over a step is trusted for one step more.
_STEADY = 0.03
# The flow contracts what a step errs, so that a step may err by more than the path should.
_PER_STEP = 4.0
# The other method must promise this much more length per evaluation before it is tried, and after a failed trial it
# rests for this many steps.
_PROMISE, _REST = 1.25, 10
# A step is long when it leaves the stiffest direction far behind. On a plateau of modes of size s its fall is about s ℓ
# whatever the depth, which leaves room for modes as small as the dtype's rounding.
_LONG, _FALL = 1e3, 0.01


@dataclass(frozen=True, kw_only=True)
class FlowState(State):
    """A state with its next step, the spectral radius of the Hessian and the direction that shows it.

    high: whether the next step is of high order. rest: steps until the other method may be tried. is_steady: whether
        the radius needs no new estimate yet.
    """

    step: Float[np.ndarray, " batch"]
    radius: Float[np.ndarray, " batch"]
    direction: Array
    high: bool = False
    is_steady: bool = False
    rest: int = 0
    taken: Float[np.ndarray, " batch"]
    error: Float[np.ndarray, " batch"]
    forces: tuple[Array, ...] | None = None

    def is_still(self) -> Bool[np.ndarray, " batch"]:
        """A still gradient, or one that lowers the loss in a long step h by h ‖∇φ‖², far below its rounding."""
        fall = self.taken * norms(self.gradient) ** 2
        flat = (self.taken * self.radius > _LONG) & (fall <= _FALL * epsilon(self.weights) * self.loss)
        return super().is_still() | flat

    def curvature(self) -> Float[np.ndarray, " batch"]:
        """The spectral radius of the Hessian."""
        return self.radius


@dataclass(frozen=True)
class Flow:
    """Gradient flow Ẇ_j = −∂ℓ/∂W_j, error-controlled.

    Conserves W_{j+1}ᵀW_{j+1} − W_jW_jᵀ and never raises the loss, both up to the tolerance.

    rtol: a step may be off by four times this share of the norm of all weights, most of which the flow forgets. On
        the papers' completion problem W is then off by 7e-4 at rtol 1e-3 and by 1e-5 at 1e-6, in the median of the
        path; more around an escape, which comes a little early or late.
    methods: "auto", or one method alone: "stabilized" or "high-order".
    """

    rtol: float = 1e-3
    methods: str = "auto"

    def __post_init__(self) -> None:
        if not 0 < self.rtol < 1:
            raise InputError(f"rtol must lie between 0 and 1, got {self.rtol}; 1e-3 suits most runs")
        if self.methods not in ("auto", "stabilized", "high-order"):
            raise InputError(
                f"methods must be 'auto', 'stabilized' or 'high-order', got {self.methods!r}; 'auto' picks by the step"
            )

    def init(self, field: Field, weights: Array, horizon: Float[np.ndarray, " batch"]) -> FlowState:
        """The state at time zero, with a first step from the size of weights, force and Hessian."""
        loss, gradient = field(weights)
        radius, direction = chebyshev.spectral_radius(field, weights, gradient, gradient, _FIRST_PRODUCTS)
        size, force = norms(weights), norms(gradient)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.minimum(np.where(size > 0, 0.1 * size / force, np.inf), 1 / radius)
        step = np.where(np.isfinite(step), step, 1.0)
        zeros, ones = np.zeros(size.shape), np.ones(size.shape)
        return FlowState(
            time=zeros, weights=weights, loss=loss, gradient=gradient, moved=ones > 0, horizon=horizon, step=step,
            radius=radius, direction=direction, taken=ones, error=ones, high=self.methods == "high-order",
        )  # fmt: skip

    def step(self, field: Field, state: FlowState) -> FlowState:
        """One step of every run; a run whose error is too large stays and will try a shorter one."""
        return self._high_order(field, state) if state.high else self._stabilized(field, state)

    def _stabilized(self, field: Field, state: FlowState) -> FlowState:
        radius, direction, steady = state.radius, state.direction, False
        if state.moved.any() and not state.is_steady:
            radius, direction = chebyshev.spectral_radius(field, state.weights, state.gradient, direction, 1)
            steady = bool((np.abs(radius - state.radius) <= _STEADY * radius).all())
        limit = chebyshev.reach_of(chebyshev.MAX_STAGES) / np.maximum(radius, np.finfo(float).tiny)
        step = np.minimum(np.minimum(state.step, limit), state.horizon - state.time)
        stages = int(chebyshev.stages_for(step * radius).max())
        weights = chebyshev.chebyshev_step(field, state.weights, state.gradient, step, stages)
        loss, gradient = field(weights)
        error = chebyshev.local_error(state.weights, weights, state.gradient, gradient, step)
        error = error / (self._allowed(state.weights, weights))
        error = np.maximum(error, 1e-12)
        # the controller that foresees a growing error   [Gustafsson; sommeijer1997]
        trend = np.minimum(1, step / state.taken * (state.error / error) ** (1 / 3)) if state.forces is None else 1
        factor = 0.8 * error ** (-1 / 3) * np.where(state.moved, trend, 1)
        new = self._accept(state, weights, loss, gradient, step, error, factor, radius, direction)
        new = replace(new, is_steady=steady and bool(new.moved.all()))
        if self.methods != "auto":
            return new
        # length per evaluation: s and one product for this method; the other is bounded by its stability interval
        length = np.minimum(new.step, limit)
        here = length / (chebyshev.stages_for(length * radius) + 1)
        there = high_order.STABLE_REACH / np.maximum(radius, np.finfo(float).tiny) / high_order.STAGES
        return replace(new, high=_most(there > _PROMISE * here) and new.rest == 0, rest=max(0, new.rest - 1))

    def _high_order(self, field: Field, state: FlowState) -> FlowState:
        step = np.minimum(state.step, state.horizon - state.time)
        weights, loss, gradient, forces, stiffness = high_order.high_order_step(
            field, state.weights, state.gradient, step
        )
        scale = self._allowed(state.weights, weights)
        error = high_order.local_error(forces, step, scale)
        factor = 0.9 * np.maximum(error, 1e-12) ** (-1 / 8)
        seen = np.isfinite(stiffness) & (error <= 1)
        radius = np.where(seen, np.maximum(1.15 * stiffness, 0.5 * state.radius), state.radius)
        new = self._accept(state, weights, loss, gradient, step, error, factor, radius, state.direction, forces)
        if self.methods != "auto":
            return new
        low = chebyshev.local_error(state.weights, weights, state.gradient, gradient, step) / scale
        length = 0.8 * step * np.maximum(low, 1e-12) ** (-1 / 3)
        with np.errstate(invalid="ignore"):
            there = length / (chebyshev.stages_for(np.nan_to_num(length * radius, posinf=1e9)) + 1)
        bound = high_order.STABLE_REACH / np.maximum(radius, np.finfo(float).tiny)
        new = replace(new, step=np.minimum(new.step, bound))
        here = new.step / high_order.STAGES
        if not _most(there > _PROMISE * here):
            return new
        return replace(new, high=False, rest=_REST, step=np.where(new.moved, length, new.step))

    def _allowed(self, weights: Array, new_weights: Array) -> Float[np.ndarray, " batch"]:
        """How far a step may be off."""
        size = np.maximum(np.maximum(norms(weights), norms(new_weights)), np.finfo(float).tiny)
        return _PER_STEP * self.rtol * size

    def _accept(self, state, weights, loss, gradient, step, error, factor, radius, direction, forces=None) -> FlowState:
        fine = np.isfinite(error) & np.isfinite(loss) & (error <= 1)
        factor = np.where(np.isfinite(factor) & np.isfinite(loss), np.clip(factor, _SHRINK, _GROW), _SHRINK)
        landed = step == state.horizon - state.time  # t + (horizon − t) may miss the horizon by a rounding
        clipped = fine & (step < state.step)
        suggested = np.where(clipped, np.maximum(state.step, step * factor), step * factor)
        return replace(
            state,
            time=np.where(fine, np.where(landed, state.horizon, state.time + step), state.time),
            weights=where(fine, weights, state.weights),
            loss=np.where(fine, loss, state.loss),
            gradient=where(fine, gradient, state.gradient),
            moved=fine,
            before=replace(state, before=None, forces=None),
            step=suggested,
            radius=radius,
            direction=direction,
            taken=np.where(fine, step, state.taken),
            error=np.where(fine, error, state.error),
            forces=forces,
        )

    def interpolate(self, field: Field, state: FlowState, run: int, times: Float[np.ndarray, " times"]) -> Array:
        """Weights of one run at times inside its last step: the method's own interpolant."""
        before = state.before
        assert before is not None
        one = slice(run, run + 1)
        fractions = (times - before.time[run]) / state.taken[run]
        old, new, step = before.weights[one, ...], state.weights[one, ...], float(state.taken[run])
        if state.forces is not None:
            forces = [force[one, ...] for force in state.forces]
            return high_order.interpolate(field, old, new, forces, step, fractions)
        return hermite(old, new, before.gradient[one, ...], state.gradient[one, ...], step, fractions)


def _most(votes: Bool[np.ndarray, " batch"]) -> bool:
    return bool(2 * np.count_nonzero(votes) > votes.size)


def hermite(old, new, old_gradient, new_gradient, step: float, fractions: np.ndarray) -> Array:
    """Cubic through both ends and their slopes, (times, p): of the order of a stabilized step."""
    xp = namespace(old)
    rows = []
    for x in map(float, fractions):
        rise, slope_old, slope_new = x * x * (3 - 2 * x), x * (1 - x) ** 2, -x * x * (1 - x)
        rows.append(old + rise * (new - old) - step * (slope_old * old_gradient + slope_new * new_gradient))
    return xp.concat(rows, axis=0)

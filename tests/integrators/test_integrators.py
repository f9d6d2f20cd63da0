"""Integrators: orders, stability, accuracy against the yardstick, and what each motion conserves or loses."""

import itertools

import numpy as np
import pytest
import scipy.integrate

import rankfall as rf
from rankfall.integrators import Chebyshev2, DormandPrince8, Field
from rankfall.integrators.methods import Interval, chebyshev2 as chebyshev
from rankfall.integrators.spectral_radius import spectral_radius
from tests.helpers.planted import planted_problem
from tests.helpers.toy_field import ToyField

SHAPE, RANK = (10, 8), 2


class Decay:
    """y′ = −λ ⊙ y: φ = ½ Σ λ y²."""

    def __init__(self, rates):
        self.rates = np.asarray(rates, dtype=np.float64)

    def velocity(self, problem, weights):
        gradient = self.rates * weights
        return 0.5 * np.sum(gradient * weights, axis=-1), -gradient


class Pendulum:
    """Nonlinear: φ = Σ (1 − cos y_i) + ½ (Σ y)²."""

    def velocity(self, problem, weights):
        total = weights.sum(axis=-1, keepdims=True)
        loss = np.sum(1 - np.cos(weights), axis=-1) + 0.5 * total[..., 0] ** 2
        return loss, -(np.sin(weights) + total)


def decay(rates) -> Field:
    return ToyField(model=Decay(rates))


def exact(field, start, time):
    solution = scipy.integrate.solve_ivp(
        lambda _, y: field(y[None])[1][0], (0, time), start, method="DOP853", rtol=1e-12, atol=1e-14
    )
    return solution.y[:, -1]


def slope(steps, errors):
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


def run(integrator=None, problem=None, depth=3, scale=0.1, stop=None, **more):
    return rf.evolve(
        problem or planted_problem(SHAPE, RANK), rf.Chain(depth), rf.Gaussian(scale), integrator or rf.Flow(),
        stop=stop or rf.TimeReached(40.0), **more,
    )  # fmt: skip


# --- one step -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stages", [2, 3, 5, 10])
def test_chebyshev_steps_are_of_order_two(stages):
    field, start = ToyField(model=Pendulum()), np.asarray([1.0, -0.5, 0.7])
    counts = np.asarray([16, 32, 64, 128])
    errors = []
    for count in counts:
        weights = start[None]
        for _ in range(count):
            weights = chebyshev.chebyshev_step(field, weights, field(weights)[1], np.asarray([1 / count]), stages)
        errors.append(np.linalg.norm(weights[0] - exact(field, start, 1.0)))
    assert slope(1 / counts, errors) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("stages", range(2, 31))
def test_chebyshev_stability_interval(stages):
    # ⅔ (s² − 1)(1 − 2ε/15) for damping ε   [sommeijer1997]; `stages_for` stays inside it
    bound = 2 / 3 * (stages**2 - 1) * (1 - 2 / 15 * chebyshev.DAMPING)
    rates = np.linspace(0, bound, 4001)
    step = np.ones(1)
    growth = np.abs(chebyshev.chebyshev_step(decay(rates), np.ones((1, rates.size)), -rates[None], step, stages))
    assert growth.max() <= 1 + 1e-9
    beyond = np.asarray([1.1 * bound + 0.5])
    assert np.abs(chebyshev.chebyshev_step(decay(beyond), np.ones((1, 1)), -beyond[None], step, stages)) > 1
    assert chebyshev.stages_for(np.asarray([bound]))[0] >= stages - 1
    assert chebyshev.reach_of(stages) <= bound
    assert chebyshev.stages_for(np.asarray([chebyshev.reach_of(stages) * (1 - 1e-12)]))[0] <= stages + 1


@pytest.mark.parametrize("reach", [0.0, 0.3, 3.0, 40.0, 500.0])
def test_chosen_stages_are_stable(reach):
    stages = int(chebyshev.stages_for(np.asarray([reach]))[0])
    rates = np.linspace(0, reach, 500)
    grown = chebyshev.chebyshev_step(decay(rates), np.ones((1, 500)), -rates[None], np.ones(1), stages)
    assert np.abs(grown).max() <= 1 + 1e-12


def test_local_error_is_the_third_derivative():
    # y = e^{−λt}: the estimate is h³ λ³ / 15 to leading order
    rate, h = np.asarray([[2.0]]), 1e-2
    y = np.ones((1, 1))
    new = np.exp(-rate * h)
    estimate = chebyshev.local_error(y, new, -rate * y, -rate * new, np.asarray([h]))
    assert estimate[0] == pytest.approx((2 * h) ** 3 / 15, rel=0.02)


def test_power_iteration_finds_the_stiffest_rate():
    rates = np.asarray([0.5, 3.0, 40.0])
    weights = np.asarray([[1.0, -2.0, 0.3]])
    field = decay(rates)
    radius, _ = spectral_radius(field, weights, field(weights)[1], field(weights)[1], 10)
    assert 40.0 <= radius[0] <= 1.3 * 40


def test_high_order_step_is_scipys():
    field, start = ToyField(model=Pendulum()), np.asarray([1.0, -0.5, 0.7])
    solver = scipy.integrate.DOP853(lambda _, y: field(y[None])[1][0], 0, start, np.inf, first_step=0.1, rtol=1e-3)
    solver.step()
    h = solver.t
    method, velocity = DormandPrince8(), field(start[None])[1]
    step = method.step(field, start[None], velocity, np.asarray([h]), np.ones(1))
    np.testing.assert_allclose(step.weights[0], solver.y, rtol=1e-14)
    np.testing.assert_allclose(step.velocity, field(step.weights)[1])
    np.testing.assert_allclose(step.loss, field(step.weights)[0])
    inside = np.asarray([0.25, 0.5, 0.9])
    interval = Interval(
        weights=start[None], new_weights=step.weights, velocity=velocity, new_velocity=step.velocity, h=h,
        stages=step.stages,
    )  # fmt: skip
    between = method.interpolate(field, interval, inside)
    np.testing.assert_allclose(between, solver.dense_output()(inside * h).T, rtol=1e-13)


def test_high_order_stability_interval():
    rates = np.linspace(0, DormandPrince8.reach, 500)
    step = DormandPrince8().step(decay(rates), np.ones((1, 500)), -rates[None], np.ones(1), np.ones(1))
    assert np.abs(step.weights).max() <= 1 + 1e-12


# --- the flow -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_flow_nears_the_reference_as_its_tolerance_shrinks(depth):
    times = np.linspace(2, 40, 20)
    keep = rf.Record(times=times, functions={"product": lambda problem, model, weights: model.product(weights)})
    yardstick = run(rf.Reference(rtol=1e-11, atol=1e-13), depth=depth, record=keep).history["product"]
    errors = []
    for rtol in (2.5e-4, 2.5e-5, 2.5e-6, 2.5e-7, 2.5e-9):
        path = run(rf.Flow(rtol=rtol), depth=depth, record=keep).history["product"]
        gaps = np.linalg.norm(path - yardstick, axis=(1, 2)) / np.linalg.norm(yardstick, axis=(1, 2))
        errors.append(gaps.max())
    assert errors[0] < 0.05
    assert errors[-1] < 1e-5
    # an error proportional to rtol^{2/3} or better, with room for luck in the first
    assert errors[2] < 0.2 * errors[0] + 1e-6
    assert errors[4] < 0.2 * errors[2] + 1e-8


@pytest.mark.parametrize("methods", [(Chebyshev2(), DormandPrince8()), (Chebyshev2(),), (DormandPrince8(),)], ids=repr)
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_loss_never_rises_along_a_flow(depth, methods):
    kept = run(rf.Flow(rtol=1e-4, methods=methods), depth=depth).history["loss"]
    assert (np.diff(kept) <= 1e-14).all()


@pytest.mark.parametrize("integrator", [rf.Flow(rtol=1e-6), rf.Reference(rtol=1e-10)], ids=repr)
def test_flow_conserves_the_imbalance(integrator):
    seen = run(integrator, record=rf.Record(functions={"gaps": gaps})).history["gaps"]
    size = np.abs(seen[0]).max()
    assert np.abs(seen - seen[0]).max() < 1e-4 * max(size, 1)


def gaps(problem, model, weights):
    layers = model.layers(weights)
    return np.concatenate(
        [
            (np.swapaxes(above, 1, 2) @ above - below @ np.swapaxes(below, 1, 2)).reshape(weights.shape[0], -1)
            for below, above in itertools.pairwise(layers)
        ],
        axis=1,
    )


def test_descent_nears_the_flow_and_loses_balance_at_slope_one():
    rates = np.asarray([0.8, 0.4, 0.2, 0.1])
    stop = rf.TimeReached(24.0)
    flow = run(rf.Reference(), stop=stop)
    start = rf.Record(functions={"gaps": gaps})
    distance, drift = [], []
    for rate in rates:
        descent = run(rf.Descent(rf.Gradient(float(rate))), stop=stop, record=start)
        assert descent.time == pytest.approx(24.0, abs=1e-9)
        distance.append(np.linalg.norm(descent.product - flow.product))
        drift.append(np.linalg.norm(descent.history["gaps"][-1] - descent.history["gaps"][0]))
    assert slope(rates, distance) == pytest.approx(1, abs=0.2)
    assert slope(rates, drift) == pytest.approx(1, abs=0.2)


def test_group_rmsprop_follows_the_path_of_the_flow():
    descent = run(rf.Descent(rf.integrators.GroupRMSprop(rate=2e-3)), stop=rf.LossBelow(1e-2), scale=0.3)
    times = descent.history["time"]
    picked = np.linspace(times[-1] / 10, times[-1], 8)
    keep = rf.Record(times=picked, functions={"product": lambda problem, model, weights: model.product(weights)})
    flow = run(rf.Reference(), stop=rf.TimeReached(float(times[-1]) * 1.01), record=keep, scale=0.3)
    again = run(rf.Descent(rf.integrators.GroupRMSprop(rate=2e-3)), stop=rf.LossBelow(1e-2), record=keep, scale=0.3)
    for k in range(1, 8):
        assert again.history["time"][k] == pytest.approx(picked[k - 1])
        one, other = again.history["product"][k], flow.history["product"][k]
        assert np.linalg.norm(one - other) < 0.05 * np.linalg.norm(other)


@pytest.mark.parametrize("integrator", [rf.Flow(), rf.Flow(rtol=1e-7), rf.Reference()], ids=repr)
@pytest.mark.parametrize("time", [1 / 3, 7.1, 30.0])
def test_flows_land_on_the_time_asked_for(integrator, time):
    ended = run(integrator, stop=rf.TimeReached(time))
    assert ended.time == time
    assert ended.history["time"][-1] == time
    assert ended.status == rf.trajectory.Status.CONVERGED


@pytest.mark.parametrize(("rtol", "tolerance"), [(3e-4, 2e-2), (3e-7, 1e-3)])
def test_records_at_given_times_are_the_references(rtol, tolerance):
    times = [0.0, 0.5, 3.0, 11.0, 20.0, 25.0]
    keep = rf.Record(times=times, singular_values=3)
    stop = rf.TimeReached(25.0)
    flow, yardstick = run(rf.Flow(rtol=rtol), record=keep, stop=stop), run(rf.Reference(), record=keep, stop=stop)
    np.testing.assert_array_equal(flow.history["time"], times)
    np.testing.assert_array_equal(yardstick.history["time"], times)
    for name in ("loss", "singular_values"):
        np.testing.assert_allclose(flow.history[name], yardstick.history[name], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("integrator", "tolerance"),
    [(rf.Flow(1e-4, (Chebyshev2(),)), 1e-2), (rf.Flow(1e-7, (DormandPrince8(),)), 1e-3)],
    ids=repr,
)
def test_between_its_steps_a_flow_is_interpolated(integrator, tolerance):
    weights = {"weights": lambda problem, model, weights: weights}
    at_steps = run(integrator, record=rf.Record(functions=weights)).history
    middles = (at_steps["time"][1:] + at_steps["time"][:-1]) / 2
    # at the ends of its steps the interpolant is the step itself, in their middles nearly as good
    for times, yardstick, bound in (
        (at_steps["time"][1:-1], run(integrator, record=rf.Record(functions=weights)), 1e-12),
        (middles, run(rf.Reference(), record=rf.Record(functions=weights, times=middles)), tolerance),
    ):
        between = run(integrator, record=rf.Record(functions=weights, times=times)).history["weights"]
        gaps = np.linalg.norm(between - yardstick.history["weights"], axis=1)
        assert gaps.max() < bound * np.linalg.norm(between[-1])


def test_a_flow_from_zero_weights_moves_at_depth_one():
    problem = planted_problem(SHAPE, RANK)
    ended = rf.evolve(
        problem, rf.Chain(1), rf.models.FromLayers([np.zeros(SHAPE)]), rf.Flow(rtol=1e-6), stop=rf.TimeReached(10.0)
    )
    # depth 1 is linear: W_ij = b_ij (1 − exp(−2t/|Ω|)) on Ω
    share = 1 - np.exp(-2 * 10 / problem.rows.size)
    np.testing.assert_allclose(ended.product[problem.rows, problem.cols], share * problem.values, rtol=1e-4)


@pytest.mark.parametrize("method", ["DOP853", "LSODA", "RK45", "Radau", "BDF"])
def test_every_reference_method_solves_the_flow(method):
    ended = run(rf.Reference(method=method, rtol=1e-7, atol=1e-9), stop=rf.TimeReached(5.0), depth=2, seed=[0, 1])
    again = run(rf.Reference(), stop=rf.TimeReached(5.0), depth=2, seed=[0, 1])
    np.testing.assert_allclose(ended.product, again.product, atol=1e-4)


# --- descent --------------------------------------------------------------------------------------------------------


def gradient_rule(w, g, memory, t):
    return w - 0.1 * g


def momentum_rule(w, g, memory, t):
    memory["v"] = 0.9 * memory.get("v", 0) - 0.1 * g
    return w + memory["v"]


def group_rmsprop_rule(w, g, memory, t):
    memory["v"] = 0.99 * memory.get("v", 0) + 0.01 * np.sum(g**2)
    return w - 1e-3 / (np.sqrt(memory["v"] / (1 - 0.99**t)) + 1e-4) * g


def adam_rule(w, g, memory, t):
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * g**2
    return w - 1e-3 * (memory["m"] / (1 - 0.9**t)) / (np.sqrt(memory["v"] / (1 - 0.999**t)) + 1e-8)


def adagrad_rule(w, g, memory, t):
    memory["s"] = memory.get("s", 0) + g**2
    return w - 1e-2 * g / (np.sqrt(memory["s"]) + 1e-10)


def adadelta_rule(w, g, memory, t):
    memory["s"] = 0.9 * memory.get("s", 0) + 0.1 * g**2
    delta = np.sqrt(memory.get("u", 0) + 1e-6) / np.sqrt(memory["s"] + 1e-6) * g
    memory["u"] = 0.9 * memory.get("u", 0) + 0.1 * delta**2
    return w - delta


RULES = [
    (rf.Gradient(), gradient_rule), (rf.integrators.Momentum(), momentum_rule),
    (rf.integrators.GroupRMSprop(), group_rmsprop_rule), (rf.integrators.Adam(), adam_rule),
    (rf.integrators.AdaGrad(), adagrad_rule), (rf.integrators.AdaDelta(), adadelta_rule),
]  # fmt: skip


@pytest.mark.parametrize(("update", "rule"), RULES)
def test_updates_are_their_textbook_formulas(update, rule):
    problem = planted_problem(SHAPE, RANK)
    keep = rf.Record(functions={"weights": lambda problem, model, weights: weights})
    ended = run(rf.Descent(update), problem, depth=2, stop=rf.StepLimit(5), record=keep, scale=0.5)
    field = Field(problem, ended.model)
    weights, memory = ended.history["weights"][0], {}
    for t in range(1, 6):
        weights = rule(weights, -field(weights[None])[1][0], memory, t)
        np.testing.assert_allclose(ended.history["weights"][t], weights, rtol=1e-12, atol=1e-15)


def test_time_of_descent_is_the_time_of_the_flow():
    ended = run(rf.Descent(rf.Gradient(0.25)), stop=rf.StepLimit(8))
    np.testing.assert_allclose(ended.history["time"], 0.25 * np.arange(9))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rf.Flow(rtol=0.0), "rtol must lie between 0 and 1, got 0"),
        (lambda: rf.Flow(rtol=-1e-3), "rtol"),
        (lambda: rf.Flow(methods=()), "methods must be"),
        (lambda: rf.Reference(method="Euler"), "method must be one of"),
        (lambda: rf.Reference(rtol=0.0), "rtol"),
        (lambda: rf.Gradient(rate=0.0), "rate must be positive, got 0"),
        (lambda: rf.integrators.Momentum(momentum=1.0), "momentum must lie in"),
        (lambda: rf.integrators.GroupRMSprop(decay=1.0), "decay"),
        (lambda: rf.integrators.Adam(rate=-1.0), "rate"),
        (lambda: rf.integrators.AdaGrad(rate=0.0), "rate"),
        (lambda: rf.integrators.AdaDelta(epsilon=0.0), "epsilon"),
    ],
)
def test_bad_integrators_are_refused(make, words):
    with pytest.raises(rf.InputError, match=words):
        make()


def test_the_reference_refuses_float32():
    problem = planted_problem(SHAPE, RANK, dtype=np.float32)
    with pytest.raises(rf.InputError, match="float64"):
        run(rf.Reference(), problem)

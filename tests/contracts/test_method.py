"""The laws of every step method: its order, its error estimate, its interpolant and its stability."""

import numpy as np
import pytest
import scipy.integrate

import rankfall as rf
from rankfall.integrators import Method
from rankfall.integrators.methods import Interval
from tests.catalogue import METHODS
from tests.helpers.toy_field import ToyField

over_methods = pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)


class Pendulum:
    """φ = Σ (1 − cos y_i) + ½ (Σ y)²."""

    def velocity(self, problem, weights):
        total = weights.sum(axis=-1, keepdims=True)
        return np.sum(1 - np.cos(weights), axis=-1) + 0.5 * total[..., 0] ** 2, -np.sin(weights) - total


class Decay:
    """φ = ½ Σ λ y²."""

    def __init__(self, rates):
        self.rates = rates

    def velocity(self, problem, weights):
        return 0.5 * np.sum(self.rates * weights**2, axis=-1), -self.rates * weights


FIELD, START = ToyField(model=Pendulum()), np.asarray([[1.0, -0.5, 0.7]])


def exact(time):
    return scipy.integrate.solve_ivp(
        lambda _, y: FIELD(y[None])[1][0], (0, time), START[0], method="DOP853", rtol=1e-13, atol=1e-15
    ).y[:, -1]


def single(method, h):
    return method.step(FIELD, START, FIELD(START)[1], np.asarray([h]), np.asarray([4.0]))


def lengths_for(method):
    # a high order needs long steps to stay above rounding, where the next order still counts
    return np.asarray([0.15, 0.12, 0.09]) if method.order > 4 else np.asarray([0.08, 0.04, 0.02])


def slope(lengths, errors):
    return np.polyfit(np.log(lengths), np.log(errors), 1)[0]


@over_methods
def test_the_error_of_a_step_is_of_the_declared_order(method):
    assert isinstance(method, Method)
    lengths = lengths_for(method)
    errors = [np.linalg.norm(single(method, h).weights[0] - exact(h)) for h in lengths]
    assert slope(lengths, errors) == pytest.approx(method.order + 1, abs=0.8 if method.order > 4 else 0.15)


@over_methods
def test_the_estimate_has_the_declared_power_and_bounds_the_error(method):
    lengths = lengths_for(method)
    estimates = [single(method, h).error[0] for h in lengths]
    assert slope(lengths, estimates) == pytest.approx(method.error_power, abs=0.3)
    for h, estimate in zip(lengths, estimates, strict=True):
        assert estimate > 0.2 * np.linalg.norm(single(method, h).weights[0] - exact(h))


@over_methods
def test_a_step_ends_with_loss_and_velocity_of_its_end(method):
    step = single(method, 0.1)
    loss, velocity = FIELD(step.weights)
    np.testing.assert_array_equal(step.loss, loss)
    np.testing.assert_array_equal(step.velocity, velocity)


@over_methods
def test_a_step_costs_the_evaluations_declared(method):
    velocity, before = FIELD(START)[1], FIELD.evaluations
    h, radius = np.asarray([0.1]), np.asarray([4.0])
    method.step(FIELD, START, velocity, h, radius)
    extra = 1 if method.is_stabilized else 0  # the product for the radius is Flow's own
    assert FIELD.evaluations - before + extra == pytest.approx(method.cost(h * radius)[0])


@over_methods
def test_a_step_is_stable_within_the_reach_declared(method):
    for reach in (0.5 * min(method.reach, 100.0), min(method.reach, 100.0)):
        rates = np.linspace(0, reach, 200)
        field = ToyField(model=Decay(rates))
        new = method.step(field, np.ones((1, 200)), -rates[None], np.ones(1), np.asarray([reach])).weights
        assert np.abs(new).max() <= 1 + 1e-9


@over_methods
def test_an_interpolant_meets_both_ends_and_the_path(method):
    h = 0.1
    step, velocity = single(method, h), FIELD(START)[1]
    interval = Interval(
        weights=START, new_weights=step.weights, velocity=velocity, new_velocity=step.velocity, h=h, stages=step.stages
    )
    path = method.interpolate(FIELD, interval, np.asarray([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(path[0], START[0], atol=1e-14)
    np.testing.assert_allclose(path[2], step.weights[0], atol=1e-14)
    assert np.linalg.norm(path[1] - exact(h / 2)) <= np.linalg.norm(path[2] - exact(h)) + 1e-6


@over_methods
def test_a_method_alone_follows_the_flow(method):
    problem = rf.Completion.from_array(np.asarray([[1.0, 2.0, np.nan], [2.0, np.nan, 6.0]]))
    runs = [
        rf.evolve(problem, rf.Chain(2), rf.Gaussian(0.5), integrator, stop=rf.TimeReached(3.0))
        for integrator in (rf.Flow(1e-6, (method,)), rf.Reference())
    ]
    np.testing.assert_allclose(runs[0].product, runs[1].product, rtol=2e-3)

"""The contract of losses, in every layout: slope, convexity, units, and the fused loops against the generic ones."""

from dataclasses import replace

import numpy as np
import pytest

from rankfall.problems import Loss
from rankfall.problems.losses import Squared
from tests.catalogue import LAYOUTS, LOSSES, SHAPE
from tests.helpers.completions import random_factors
from tests.helpers.planted import planted_problem

over_losses = pytest.mark.parametrize("name", LOSSES)


def values_for(loss, values):
    return np.sign(values) if loss.is_binary else values


def pairs(loss):
    rng = np.random.default_rng(0)
    return rng.standard_normal(200), values_for(loss, rng.standard_normal(200))


@over_losses
def test_the_derivative_is_the_slope_and_grows(name):
    loss = LOSSES[name]
    z, b = pairs(loss)
    step = 1e-6
    numeric = (loss.value(z + step, b) - loss.value(z - step, b)) / (2 * step)
    np.testing.assert_allclose(loss.derivative(z, b), numeric, atol=1e-7)
    assert (loss.derivative(z + 0.1, b) >= loss.derivative(z, b) - 1e-12).all() == loss.is_convex
    assert (loss.value(z, b) >= 0).all()


@over_losses
def test_a_unit_changes_a_loss_by_a_factor_only(name):
    loss = LOSSES[name]
    z, b = pairs(loss)
    scaled = loss.scaled(3.0)
    if loss.is_binary:
        assert scaled == loss
        return
    ratio = scaled.value(3 * z, 3 * b) / loss.value(z, b)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


@over_losses
def test_it_is_registered_by_its_name_with_defaults_in_spreads(name):
    loss = LOSSES[name]
    assert loss.name == name
    assert Loss.registered[name] is type(loss)
    assert isinstance(type(loss).in_spreads(), type(loss))
    assert loss.is_quadratic == np.allclose(loss.value(*pairs(loss)), np.subtract(*pairs(loss)) ** 2)


@over_losses
def test_what_entries_pull_with_at_zero(name):
    loss = LOSSES[name]
    _, b = pairs(loss)
    np.testing.assert_allclose(loss.pull_at_zero(b), -loss.derivative(np.zeros_like(b), b) / 2, atol=1e-15)


@over_losses
@pytest.mark.parametrize("weighted", [False, True])
def test_the_fused_loops_the_generic_ones_and_the_dense_layout_agree(name, weighted):
    loss = LOSSES[name]

    class Unfused(type(loss)):
        name = ""
        kernel = None

    problem = planted_problem(SHAPE)
    weights = np.random.default_rng(1).random(problem.values.size) if weighted else None
    problem = replace(problem, values=values_for(loss, problem.values), weights=weights, loss_function=loss)
    left, right = random_factors(problem, batch=(2,))
    generic = replace(problem, loss_function=Unfused(**vars(loss)))
    found = [
        replace(given, layout=layout).loss_and_factor_gradients(left, right)
        for given in (problem, generic)
        for layout in LAYOUTS.values()
    ]
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-12)


def test_a_subclass_leaves_the_name_to_its_parent():
    class Louder(Squared):
        def value(self, prediction, target):
            return 2 * super().value(prediction, target)

    assert Loss.registered["squared"] is Squared
    assert Louder().name == "squared"

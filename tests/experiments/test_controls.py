"""Controls keep the flow on its manifold, and the deviation of finite steps shrinks with the rate."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.experiments.controls import Bounded, Controlled, Minibatch, RandomWalk, RandomWeights, Whole
from rankfall.experiments.gunasekar2017_manifold import commuting, off_manifold, stable

CONTROLS = [Whole(), Minibatch(), Bounded(0.1), RandomWeights(), RandomWalk(0.3, 50)]


def end(update, steps):
    problem, basis, rows = commuting(0)
    run = rf.evolve(problem, rf.Symmetric(), rf.Identity(1e-2), rf.Descent(update), stop=rf.StepLimit(steps))
    return run, off_manifold(run.product, 1e-2, basis, rows)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: type(control).__name__)
def test_the_distance_from_the_manifold_is_of_the_first_order_in_the_rate(control):
    rate = stable(commuting(0)[0])
    few, many = (end(Controlled(share * rate, control), round(30 / share))[1] for share in (0.02, 0.01))
    if isinstance(control, RandomWalk):  # its steps are counted, so that half of them are of half the size
        few, many = end(Controlled(0.02 * rate, control), 50)[1], end(Controlled(0.01 * rate, control), 50)[1]
    assert few < 0.02
    assert many / few == pytest.approx(0.5, rel=0.25)


def test_a_step_by_the_residual_is_gradient_descent():
    rate = 0.1 * stable(commuting(0)[0])
    ours, theirs = end(Controlled(rate, Whole()), 60)[0], end(rf.Gradient(rate), 60)[0]
    np.testing.assert_allclose(ours.product, theirs.product, rtol=1e-10, atol=1e-14)


def test_momentum_leaves_the_manifold_farther():
    rate = 0.1 * stable(commuting(0)[0])
    assert end(rf.integrators.Momentum(rate), 200)[1] > 3 * end(Controlled(rate, Whole()), 2000)[1]


def test_what_each_control_makes_of_a_residual():
    residual = np.array([[1.0, -2.0, 4.0, 0.5]])
    np.testing.assert_allclose(Bounded(0.5).of(residual, 0), 0.5 * np.tanh(residual / 0.5))
    half = Minibatch().of(residual, 3)
    assert np.count_nonzero(half) == 2
    assert set(half[half != 0]) <= set((2 * residual)[0])
    assert np.any(Minibatch().of(residual, 4) != half)
    weights = RandomWeights().of(residual, 1) / residual
    assert (weights >= 0).all()
    assert (weights < 2).all()
    assert np.any(RandomWeights().of(residual, 2) / residual != weights)
    walk = RandomWalk(0.1, 5)
    assert np.all(walk.of(residual, 4) != residual)
    np.testing.assert_array_equal(walk.of(residual, 5), residual)

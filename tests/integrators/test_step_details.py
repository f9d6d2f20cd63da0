"""Details of steps: damping of the stabilized method, its error estimate on any arrays, and states inside a step."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.integrators.methods.chebyshev2 import chebyshev_step, coefficients, local_error, reach_of
from rankfall.integrators.state import changed
from tests.helpers.planted import planted_problem
from tests.helpers.toy_field import ToyField

PROBLEM = planted_problem((8, 6))


def stability(stages, z):
    """P_s(z): one step of y' = z y from 1."""
    first, rows = coefficients(stages)
    before, now = np.ones_like(z), 1 + first * z
    for mu, nu, mu_tilde, gamma_tilde in rows:
        before, now = now, (1 - mu - nu) + mu * now + nu * before + mu_tilde * z * now + gamma_tilde * z
    return now


@pytest.mark.parametrize("stages", [2, 3, 5, 10, 30, 100])
def test_stiff_directions_are_damped_and_not_only_bounded(stages):
    # P_s = a_s + b_s T_s(w_0 + w_1 z), at most 1 − ε/3 = 0.949 inside of the interval
    inside = np.linspace(-reach_of(stages), -1.0, 4001)
    assert np.abs(stability(stages, inside)).max() < 0.96
    slight = np.array([-1e-3, -1e-2])
    np.testing.assert_allclose(stability(stages, slight), np.exp(slight), atol=1e-6)


def test_the_error_estimate_is_the_same_on_any_arrays():
    strict = pytest.importorskip("array_api_strict")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((2, 7)) for _ in range(4)]
    h = np.array([0.3, 0.7])
    weights, new, velocity, new_velocity = arrays
    expected = np.linalg.norm(0.8 * (weights - new) + 0.4 * h[:, None] * (velocity + new_velocity), axis=1)
    np.testing.assert_allclose(local_error(*arrays, h), expected)
    np.testing.assert_allclose(np.asarray(local_error(*map(strict.asarray, arrays), h)), expected)


class _Decay:
    """Ẇ = −W, on any arrays."""

    def velocity(self, problem, weights):
        return weights[:, 0], -weights


@pytest.mark.parametrize("name", ["array_api_strict", "torch"])
def test_a_stabilized_step_is_the_same_on_any_arrays(name):
    library = pytest.importorskip(name)
    weights, h = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([0.5, 2.0])
    field = ToyField(model=_Decay())
    expected = chebyshev_step(field, weights, -weights, h, 4)
    there = library.asarray(weights)
    np.testing.assert_allclose(np.asarray(chebyshev_step(field, there, -there, h, 4)), expected, rtol=1e-14)
    np.testing.assert_allclose(expected[0], np.exp(-0.5) * weights[0], rtol=2e-2)


@pytest.mark.parametrize("time", [0.03, 0.12, 0.17])
def test_a_time_inside_a_step_of_descent_is_on_its_line(time):
    def weights(problem, model, weights):
        return weights

    rate = 0.1
    run = rf.evolve(
        PROBLEM, rf.Chain(2), rf.Gaussian(0.5), rf.Descent(rf.Gradient(rate)), stop=rf.StepLimit(3),
        record=rf.Record(times=[time], functions={"weights": weights}),
    )  # fmt: skip
    every = rf.evolve(
        PROBLEM, rf.Chain(2), rf.Gaussian(0.5), rf.Descent(rf.Gradient(rate)), stop=rf.StepLimit(3),
        record=rf.Record(functions={"weights": weights}),
    ).history["weights"]  # fmt: skip
    place = int(time / rate)
    share = time / rate - place
    seen = run.history["weights"][run.history["time"] == time]
    np.testing.assert_allclose(seen, [every[place] + share * (every[place + 1] - every[place])], rtol=1e-12)


@pytest.mark.parametrize("methods", [None, (rf.integrators.DormandPrince8(),)], ids=["both", "order 8"])
def test_every_run_of_a_batch_is_read_inside_its_own_steps(methods):
    flow = rf.Flow(1e-6) if methods is None else rf.Flow(1e-6, methods=methods)
    record = rf.Record(times=np.linspace(0.1, 4.9, 23), singular_values=True)
    stop = rf.TimeReached(5.0)
    scales = (0.05, 0.1, 0.2)
    batch = rf.evolve(PROBLEM, rf.Chain(2), rf.Gaussian(scales), flow, stop=stop, record=record, seed=[0, 1, 2])
    for seed, (scale, run) in enumerate(zip(scales, batch, strict=True)):
        alone = rf.evolve(PROBLEM, rf.Chain(2), rf.Gaussian(scale), flow, stop=stop, record=record, seed=seed)
        np.testing.assert_allclose(run.history["time"], alone.history["time"])
        np.testing.assert_allclose(
            run.history["singular_values"],
            alone.history["singular_values"],
            atol=1e-3 * alone.history["singular_values"].max(),
        )


@pytest.mark.parametrize(("radius", "size"), [(1e6, 1e-3), (1e-3, 1e6), (2.0, 3.0)])
def test_a_run_is_still_where_its_velocity_is_rounding(radius, size):
    weights = np.array([[1.0, 2.0]])
    state = rf.Flow().init(ToyField(model=_Decay()), weights, np.array([1.0]))
    rounding = np.finfo(float).eps * radius * size
    for speed, is_still in ((0.0, True), (rounding, True), (1e3 * rounding, False)):
        now = changed(
            state, radius=np.array([radius]), size=np.array([size]), speed=np.array([speed]), taken=np.zeros(1)
        )
        assert now.is_still()[0] == is_still

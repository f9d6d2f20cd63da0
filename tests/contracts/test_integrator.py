"""The laws of every integrator."""

import dataclasses

import numpy as np
import pytest

import rankfall as rf
from rankfall.integrators import Field, Integrator
from tests.catalogue import INTEGRATORS

over_members = pytest.mark.parametrize(("integrator", "model", "problem"), INTEGRATORS, ids=lambda m: type(m).__name__)


def first(integrator, model, problem, scales=(0.3, 0.6), horizon=np.inf):
    sized = model.sized(problem.shape)
    field = Field(problem, sized)
    weights = sized.draw(problem, rf.Gaussian(), list(scales), [0] * len(scales))
    return field, integrator.init(field, weights, np.full(len(scales), horizon))


def content(state):
    return {f.name: np.copy(getattr(state, f.name)) for f in dataclasses.fields(state) if f.name != "before"
            and isinstance(getattr(state, f.name), np.ndarray)}  # fmt: skip


@over_members
def test_an_integrator_and_its_state_are_frozen(integrator, model, problem):
    assert isinstance(integrator, Integrator)
    field, state = first(integrator, model, problem)
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.time = state.time + 1
    kept = content(state)
    integrator.step(field, integrator.step(field, state))
    for name, values in content(state).items():
        np.testing.assert_array_equal(values, kept[name], err_msg=name)


@over_members
def test_a_step_advances_time_or_is_rejected(integrator, model, problem):
    field, state = first(integrator, model, problem)
    for _ in range(6):
        new = integrator.step(field, state)
        assert (new.time[new.moved] > state.time[new.moved]).all()
        np.testing.assert_array_equal(new.time[~new.moved], state.time[~new.moved])
        np.testing.assert_array_equal(new.weights[~new.moved], state.weights[~new.moved])
        assert new.before is not None
        assert new.before.before is None
        np.testing.assert_array_equal(new.before.weights, state.weights)
        np.testing.assert_allclose(new.loss, problem.loss(field.model.product(new.weights)), rtol=1e-9)
        state = new
    assert (state.time > 0).all()


@over_members
def test_between_the_ends_of_a_step_lies_its_interpolant(integrator, model, problem):
    field, state = first(integrator, model, problem)
    while not (state.moved.all() and state.before is not None):
        state = integrator.step(field, state)
    for run in range(2):
        begin, end = state.before.time[run], state.time[run]
        times = np.asarray([begin, (begin + end) / 2, end])
        path = integrator.interpolate(field.of_runs(run), state, run, times)
        size = np.linalg.norm(state.weights[run])
        assert np.linalg.norm(path[0] - state.before.weights[run]) < 1e-9 * size
        assert np.linalg.norm(path[2] - state.weights[run]) < 1e-9 * size
        chord = np.linalg.norm(path[2] - path[0])
        assert np.linalg.norm(path[1] - path[0]) < 1.5 * chord + 1e-12


@over_members
def test_a_batch_is_its_runs(integrator, model, problem):
    stop = rf.StepLimit(8)
    runs = rf.evolve(problem, model, rf.Gaussian((0.3, 0.3)), integrator, stop=stop, seed=[3, 4])
    for run, seed in zip(runs, (3, 4), strict=True):
        alone = rf.evolve(problem, model, rf.Gaussian(0.3), integrator, stop=stop, seed=seed)
        again = rf.evolve(problem, model, rf.Gaussian(0.3), integrator, stop=stop, seed=seed)
        np.testing.assert_array_equal(alone.weights, again.weights)
        # runs in lockstep share the number of stages, and the choice of the method
        end = min(run.time, alone.time)
        both = [
            np.interp(end, r.history["time"], r.history["loss"]) for r in (run, alone)
        ]  # fmt: skip
        assert both[0] == pytest.approx(both[1], rel=0.1)


@over_members
def test_a_run_is_recorded_saved_and_described(integrator, model, problem, tmp_path):
    record = rf.Record(times=[0.25, 1.0], singular_values=2)
    run = rf.evolve(problem, model, rf.Gaussian(0.3), integrator, stop=rf.StepLimit(30), record=record)
    assert set(run.history) >= {"time", "loss", "test_error", "singular_values"}
    assert run.history["time"][1] == 0.25
    assert run.settings["integrator"] == repr(integrator)
    run.save(tmp_path / "run")
    np.testing.assert_array_equal(rf.Trajectory.load(tmp_path / "run").weights, run.weights)

"""Events: found where the path has them, whatever the grid; and the curvature that a run knows of itself."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.integrators import Chebyshev2
from rankfall.theory import mode_time
from tests.helpers.derivatives import slope_of
from tests.helpers.planted import planted_problem

TARGETS = np.array([3.0, 2.0, 1.0])
SCALE = 1e-3
# A flow of rtol 1e-9 and its interpolant of order 7; times are some tens.
PRECISE, PRECISION = rf.Flow(rtol=1e-9), 1e-6
LOCATED = 1e-9  # of a root of relative accuracy 1e-10 in a time at which σ grows e-fold in a tenth of the time


def factorized(depth, start=None, integrator=PRECISE, stop=None, targets=TARGETS, **record):
    return rf.evolve(
        rf.problems.Factorization(np.diag(targets)), rf.Chain(depth), start or rf.Identity(SCALE), integrator,
        stop=stop or rf.LossBelow(1e-6), record=rf.Record(**record),
    )  # fmt: skip


# --- escapes against the closed form --------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("integrator", [PRECISE, rf.Reference()], ids=repr)
def test_modes_escape_when_the_closed_form_does(depth, integrator):
    run = factorized(depth, integrator=integrator, events=[rf.trajectory.Escape(threshold=0.5)])
    assert [(event.name, event.index) for event in run.events] == [("escape", 0), ("escape", 1), ("escape", 2)]
    expected = [mode_time(np.array(0.5), target, SCALE, depth) for target in TARGETS]
    np.testing.assert_allclose([event.time for event in run.events], expected, rtol=PRECISION)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_each_value_may_have_a_threshold_and_each_mode_a_start(depth):
    starts = np.array([1e-3, 1e-2, 3e-2])
    layers = [np.diag(starts ** (1 / depth))] * depth
    run = factorized(depth, rf.models.FromLayers(layers), events=[rf.trajectory.Escape(threshold=[1.5, 1.0, 0.6])])
    found = {}
    for target, start in zip(TARGETS, starts, strict=True):
        for level in (1.5, 1.0, 0.6):
            if start < level < target:
                found[target, level] = float(mode_time(np.array(level), target, start, depth))
    # the r-th largest passes a level when r modes are above it
    expected = [sorted(time for (_, at), time in found.items() if at == level) for level in (1.5, 1.0, 0.6)]
    times = {event.index: event.time for event in run.events}
    for r, reached in enumerate(expected):
        if r < len(reached):
            np.testing.assert_allclose(times[r], reached[r], rtol=PRECISION)
        else:
            assert r not in times


@pytest.mark.parametrize("integrator", [rf.Flow(), rf.Flow(1e-6), rf.Reference(), rf.Descent(rf.Gradient(0.5))])
@pytest.mark.parametrize("depth", [1, 3])
def test_at_the_time_of_an_escape_the_path_is_at_the_threshold(integrator, depth):
    problem, threshold = planted_problem((12, 10), rank=2), 1.7
    walk = {"stop": rf.LossBelow(1e-3), "seed": 1}
    run = rf.evolve(
        problem,
        rf.Chain(depth),
        rf.Gaussian(1e-2),
        integrator,
        record=rf.Record(events=[rf.trajectory.Escape(threshold)]),
        **walk,
    )
    assert len(run.events) >= 2
    times = [event.time for event in run.events]
    assert times == sorted(times)
    record = rf.Record(times=np.unique(times), singular_values=True)
    again = rf.evolve(problem, rf.Chain(depth), rf.Gaussian(1e-2), integrator, record=record, **walk).history
    for event in run.events:
        value = again["singular_values"][again["time"] == event.time, event.index]
        np.testing.assert_allclose(value, threshold, rtol=LOCATED)


def test_events_owe_nothing_to_the_records():
    runs = [
        factorized(3, integrator=rf.Flow(), events=[rf.trajectory.Escape(0.5)], **cadence)
        for cadence in ({}, {"every": 50}, {"ratio": 2.0}, {"times": [1.0, 20.0]})
    ]
    assert all(run.events == runs[0].events for run in runs)


def test_a_tenth_of_the_data_is_the_default_threshold():
    problem = planted_problem((12, 10), rank=2)
    leading = np.linalg.norm(problem.back_projection().toarray(), 2)
    walk = {"stop": rf.LossBelow(1e-3)}
    default, given = (
        rf.evolve(problem, rf.Chain(2), rf.Gaussian(1e-3), rf.Flow(), record=rf.Record(events=[escape]), **walk).events
        for escape in (rf.trajectory.Escape(), rf.trajectory.Escape(threshold=0.1 * leading))
    )
    assert len(default) >= 2
    np.testing.assert_allclose([e.time for e in default], [e.time for e in given], rtol=1e-6)


def test_what_begins_above_its_threshold_does_not_escape():
    assert factorized(2, rf.Identity(0.5), events=[rf.trajectory.Escape(0.4)]).events == ()


# --- other events ---------------------------------------------------------------------------------------------------


def test_a_crossing_is_any_function_that_rises_through_zero():
    # one mode of depth 1: ℓ = ½(σ_0 − λ)² e^{−2t}, which halves every ln(2)/2
    first = (1.0 - SCALE) ** 2 / 2
    halved = rf.trajectory.Crossing(
        "halved", lambda problem, model, weights: first / 2 - problem.loss(model.product(weights))
    )
    levels = first * np.array([0.1, 0.01])
    falls = rf.trajectory.Crossing(
        "levels", lambda problem, model, weights: levels - problem.loss(model.product(weights))[:, None]
    )
    run = factorized(1, targets=[1.0], stop=rf.LossBelow(1e-4), events=[falls, halved])
    assert [event[:2] for event in run.events] == [("halved", 0), ("levels", 0), ("levels", 1)]
    times = {(event.name, event.index): event.time for event in run.events}
    np.testing.assert_allclose(times["halved", 0], np.log(2) / 2, rtol=PRECISION)
    np.testing.assert_allclose([times["levels", k] for k in (0, 1)], [np.log(10) / 2, np.log(100) / 2], rtol=PRECISION)


def test_the_callback_sees_what_happened_in_the_step():
    seen = []
    run = rf.evolve(
        rf.problems.Factorization(np.diag(TARGETS)), rf.Chain(2), rf.Identity(SCALE), rf.Flow(),
        record=rf.Record(events=[rf.trajectory.Escape(0.5)]), stop=rf.LossBelow(1e-6),
        callback=lambda now: seen.extend((event, float(now.time[0])) for event in now.events.get(0, ())),
    )  # fmt: skip
    assert tuple(event for event, _ in seen) == run.events
    assert all(event.time <= end for event, end in seen)


@pytest.mark.parametrize("integrator", [rf.Descent(rf.Gradient(0.5)), rf.Flow(1e-8)], ids=repr)
def test_the_events_of_a_batch_are_those_of_its_runs(integrator):
    problem, scales = planted_problem((12, 10), rank=2), (1e-3, 1e-2, 0.1)
    record = rf.Record(
        events=[rf.trajectory.Escape(1.0), rf.trajectory.Crossing("fit", lambda p, m, w: 0.1 - p.loss(m.product(w)))]
    )
    walk = {"stop": rf.LossBelow(1e-2), "record": record}
    batch = rf.evolve(problem, rf.Chain(2), rf.Gaussian(scales), integrator, seed=[0, 1, 2], **walk)
    for scale, seed, run in zip(scales, (0, 1, 2), batch, strict=True):
        alone = rf.evolve(problem, rf.Chain(2), rf.Gaussian(scale), integrator, seed=seed, **walk)
        assert [event[:2] for event in run.events] == [event[:2] for event in alone.events]
        np.testing.assert_allclose([e.time for e in run.events], [e.time for e in alone.events], rtol=1e-5)
        assert run.start == rf.Gaussian(scale)


def test_each_of_many_tables_has_its_own_default_threshold():
    problem = planted_problem((12, 10), rank=2)
    factors = np.array([1.0, 2.0])
    many = rf.Completion.from_triplets(problem.rows, problem.cols, factors[:, None] * problem.values, problem.shape)
    walk = {"stop": rf.TimeReached(400.0), "record": rf.Record(events=[rf.trajectory.Escape()])}
    runs = rf.evolve_batch(many, rf.Chain(2), rf.Gaussian(1e-3), PRECISE, **walk)
    for i, run in enumerate(runs):
        alone = rf.evolve(many.of_runs(i), rf.Chain(2), rf.Gaussian(1e-3), PRECISE, **walk)
        assert run.events
        np.testing.assert_allclose([e.time for e in run.events], [e.time for e in alone.events], rtol=1e-5)


def test_events_are_saved_with_the_run(tmp_path):
    run = factorized(
        2, events=[rf.trajectory.Escape(0.5)], singular_values=True, drives=True, alignment=True, curvature=True
    )
    run.save(tmp_path / "run.zarr")
    back = rf.Trajectory.load(tmp_path / "run.zarr")
    assert back.events == run.events
    assert back.events[0].name == "escape"
    assert (back.problem, back.start, back.integrator) == (None, None, None)
    for name in ("drives", "alignment", "curvature"):
        np.testing.assert_array_equal(back.history[name], run.history[name])


def test_a_run_without_events_decomposes_nothing():
    class Watched(rf.Chain):
        def decomposition(self, weights):
            raise AssertionError("nobody asked for singular values")

    run = rf.evolve(planted_problem(), Watched(3), rf.Gaussian(1e-2), rf.Flow(), stop=rf.StepLimit(20))
    assert run.events == ()


# --- curvature ------------------------------------------------------------------------------------------------------


def hessian_norm(problem, model, weights, step=1e-5):
    columns = []
    for direction in np.eye(weights.size):
        ahead, behind = (slope_of(model, problem, weights + s * step * direction)[1] for s in (1, -1))
        columns.append((ahead - behind) / (2 * step))
    return np.abs(np.linalg.eigvalsh((np.array(columns) + np.array(columns).T) / 2)).max()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_curvature_of_a_flow_is_the_norm_of_the_hessian_with_a_margin(depth):
    record = rf.Record(curvature=True, functions={"weights": lambda problem, model, weights: weights})
    ratios = []
    for seed in range(3):
        run = rf.evolve(
            rf.problems.Factorization(np.diag(TARGETS)),
            rf.Chain(depth), rf.Gaussian(0.3), rf.Flow(2.5e-4, (Chebyshev2(),)),
            stop=rf.LossBelow(1e-6), record=record, seed=seed,
        )  # fmt: skip
        true = [hessian_norm(run.problem, run.model, weights) for weights in run.history["weights"]]
        ratios.append(run.history["curvature"] / np.array(true))
        assert 1.1 < ratios[-1][-1] < 1.2
    # the estimate is that of the step's beginning, 15 % above what one product of a power iteration sees
    assert 1.0 < np.median(np.concatenate(ratios)) < 1.2
    assert min(map(min, ratios)) > 0.5


def test_the_curvature_of_descent_is_its_secant():
    record = rf.Record(curvature=True)
    integrator = rf.Descent(rf.Gradient(0.05))
    run = rf.evolve(
        rf.problems.Factorization(np.diag(TARGETS)), rf.Chain(1), rf.Gaussian(0.3), integrator, record=record
    )
    assert np.isnan(run.history["curvature"][0])
    np.testing.assert_allclose(run.history["curvature"][1:], 1.0, rtol=1e-6)  # ∇²ℓ = I


def test_curvature_at_times_between_steps_is_that_of_the_step():
    run = factorized(2, integrator=rf.Flow(), times=[1.0, 5.0, 6.0], curvature=True)
    assert run.history["curvature"].shape == run.history["time"].shape
    assert (run.history["curvature"] > 0).all()


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rf.trajectory.Escape(threshold=0.0), "threshold must be positive"),
        (lambda: rf.trajectory.Escape(threshold=[]), "threshold must be positive"),
        (lambda: rf.trajectory.Escape(share=-1.0), "threshold must be positive"),
        (lambda: rf.Record(drives=True), "drives are kept with their singular values"),
        (
            lambda: factorized(2, events=[rf.trajectory.Crossing("f", lambda problem, model, weights: np.zeros(3))]),
            "must return 1 numbers",
        ),
        (lambda: factorized(2, targets=np.zeros(2), events=[rf.trajectory.Escape()]), "must differ from zero"),
    ],
)
def test_bad_input_says_what_to_do(call, words):
    with pytest.raises(rf.InputError, match=words):
        call()

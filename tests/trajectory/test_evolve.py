"""The one loop: how runs end and what they keep."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.trajectory import step_hook
from rankfall.trajectory.nouns import require_nouns
from tests.helpers.completions import in_layout
from tests.helpers.derivatives import slope_of
from tests.helpers.planted import planted_problem
from tests.helpers.runs import DESCENT, INTEGRATORS, SHAPE, evolve, evolve_batch

# --- how a run ends -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)
def test_converged(integrator):
    run = evolve(integrator=integrator)
    assert run.status == "converged"
    assert run.loss <= 1e-4
    assert run.advice == ""
    assert run.history["loss"][-1] == run.loss
    assert run.history["time"][-1] == run.time
    assert "the loss fell below" in run.reason
    np.testing.assert_allclose(run.problem.loss(run.product), run.loss, rtol=1e-10)


@pytest.mark.parametrize("depth", [2, 3])
def test_a_start_at_zero_is_refused(depth):
    shapes = rf.Chain(depth).sized(SHAPE).layer_shapes
    with pytest.raises(rf.InputError, match="exactly zero never moves"):
        evolve(model=rf.Chain(depth), start=rf.models.FromLayers([np.zeros(shape) for shape in shapes]))


@pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)
def test_two_zero_layers_stall_at_once(integrator):
    below, *above = rf.Chain(3).sized(SHAPE).layer_shapes
    start = rf.models.FromLayers([np.ones(below), *(np.zeros(shape) for shape in above)])
    run = evolve(model=rf.Chain(3), start=start, integrator=integrator)
    assert run.status == "stalled"
    assert run.steps == 0
    assert "singular" in run.advice


@pytest.mark.parametrize("integrator", [rf.Flow(rtol=1e-5), rf.Descent(rf.Gradient(2.0))], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_chain_too_narrow_for_the_data_stalls(integrator, dtype):
    problem = planted_problem(SHAPE, rank=3, share=0.9, dtype=dtype)
    run = evolve(problem, model=rf.Chain(2, 1), integrator=integrator)
    assert run.status == "stalled"
    assert run.loss > 0.01
    slope = slope_of(run.model, problem, run.weights)[1]
    assert np.linalg.norm(slope) < 1e5 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("depth", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_small_start_is_no_stall(depth, dtype):
    problem = planted_problem((20, 20), dtype=dtype)
    for integrator, stop in (
        (rf.Flow(), rf.LossBelow(1e-4)),
        (rf.Descent(rf.integrators.GroupRMSprop(1e-2)), rf.StepLimit(100)),
    ):
        assert evolve(problem, rf.Chain(depth), rf.Gaussian(1e-6), integrator, stop).status != "stalled"


def test_diverged_keeps_the_best():
    run = evolve(integrator=rf.Descent(rf.Gradient(1e3)))
    assert run.status == "diverged"
    assert np.isfinite(run.weights).all()
    assert run.loss <= run.history["loss"].min()
    assert "smaller rate" in run.advice
    np.testing.assert_array_equal(run.weights, run.best_weights)


def test_a_rise_from_a_nearly_perfect_start_is_no_divergence():
    done = evolve(stop=rf.LossBelow(1e-20), integrator=rf.Flow(rtol=1e-8))
    again = evolve(
        start=rf.models.FromLayers(done.layers),
        integrator=rf.Descent(rf.integrators.GroupRMSprop(1e-2)),
        stop=rf.StepLimit(30),
    )
    assert again.status == "budget"
    assert again.history["loss"].max() > 1e3 * done.loss


def test_budget():
    run = evolve(stop=rf.StepLimit(7))
    assert (run.status, run.steps) == ("budget", 7)
    assert "raise the step limit" in run.advice


@pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)
def test_a_stop_already_met_ends_the_run_at_its_start(integrator):
    run = evolve(integrator=integrator, stop=rf.LossBelow(1e3))
    assert (run.status, run.steps, run.time) == ("converged", 0, 0.0)
    assert run.history["loss"].shape == (1,)


def interrupter(moment, how):
    def callback(now):
        if now.step >= moment:
            if how == "keys":
                raise KeyboardInterrupt
            return True

    return callback


@pytest.mark.parametrize("how", ["keys", "answer"])
@pytest.mark.parametrize("seed", [0, [0, 1, 2]])
def test_interrupted_returns_the_run_so_far(how, seed):
    runs = evolve(callback=interrupter(9, how), seed=seed)
    for run in runs if isinstance(seed, list) else [runs]:
        assert run.status == "interrupted"
        assert np.isfinite(run.weights).all()
        np.testing.assert_array_equal(run.weights, run.best_weights)
        np.testing.assert_allclose(run.problem.loss(run.product), run.loss, rtol=1e-10)
        assert run.history["loss"].size > 3


@pytest.mark.parametrize("evaluation", [12, 40, 41, 42, 43, 44, 45, 46, 47, 60])
def test_ctrl_c_inside_a_step_leaves_a_consistent_run(evaluation):
    class Pressed(rf.Chain):
        def velocity(self, problem, weights):
            count[0] += 1
            if count[0] == evaluation:
                raise KeyboardInterrupt
            return super().velocity(problem, weights)

    count = [0]
    try:
        runs = evolve(model=Pressed(2), seed=[0, 1], start=rf.Gaussian((0.1, 0.5)))
    except KeyboardInterrupt:
        assert evaluation < 15  # nothing had begun
        return
    for run in runs:
        assert run.status in ("interrupted", "converged")
        np.testing.assert_allclose(run.problem.loss(run.product), run.loss, rtol=1e-10)


def test_a_run_that_had_ended_stays_ended_when_others_are_interrupted():
    runs = evolve_batch(
        start=rf.Gaussian((1e-3, 0.5)), integrator=DESCENT, stop=rf.TimeReached(40.0) | rf.LossBelow(2.0),
        callback=interrupter(1, "keys"),
    )  # fmt: skip
    assert {str(run.status) for run in runs} <= {"converged", "interrupted"}


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (rf.LossBelow(1e-4) | rf.StepLimit(3), "budget"),
        (rf.StepLimit(3) | rf.LossBelow(1e-4), "budget"),
        (rf.LossBelow(1e-4) | rf.TimeReached(1e9) | rf.StepLimit(10_000), "converged"),
        ((rf.StepLimit(500) | rf.TimeReached(5.0)) | rf.LossBelow(1e-9), "converged"),
    ],
)
def test_the_first_of_several_stops_ends_the_run(stop, expected):
    assert evolve(stop=stop).status == expected


def test_held_out_rise_stops_near_the_best_moment():
    problem = planted_problem((20, 20), rank=2, share=0.4)
    noise = np.random.default_rng(1).standard_normal(problem.values.size)
    noisy = rf.Completion.from_triplets(problem.rows, problem.cols, problem.values + 0.5 * noise, problem.shape)
    train = noisy.hold_out(0.2, seed=0)
    run = evolve(train, start=rf.Gaussian(1e-3), stop=rf.HeldOutRise(patience=8) | rf.LossBelow(1e-8))
    errors = run.history["held_out_error"]
    best = int(errors.argmin())
    assert "had not improved for 8 steps" in run.reason
    assert run.best_time == run.history["time"][best]
    assert errors.size - 1 - best >= 8
    np.testing.assert_allclose(run.model.loss(train.held_out, run.best_weights), errors[best], rtol=1e-12)
    assert errors[best] < errors[0]


# --- what is kept ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("integrator", [rf.Flow(), DESCENT], ids=repr)
@pytest.mark.parametrize(("depth", "width", "rank"), [(1, None, 8), (2, None, 8), (3, 4, 4)])
def test_everything_that_can_be_recorded(integrator, depth, width, rank):
    problem = planted_problem(SHAPE).hold_out(0.1, seed=0)
    keep = rf.Record(
        singular_values=True, vectors=True, effective_rank=True, nuclear_norm=True, imbalance=True,
        functions={"corner": lambda problem, model, weights: model.product(weights)[:, 0, 0]},
    )  # fmt: skip
    run = evolve(problem, rf.Chain(depth, width), integrator=integrator, record=keep, stop=rf.StepLimit(15))
    history, count = run.history, run.history["time"].size
    shapes = {
        "time": (), "loss": (), "test_error": (), "held_out_error": (), "effective_rank": (), "nuclear_norm": (),
        "imbalance": (), "corner": (), "singular_values": (rank,), "left_vectors": (10, rank),
        "right_vectors": (8, rank),
    }  # fmt: skip
    assert {name: values.shape for name, values in history.items()} == {
        name: (count, *shape) for name, shape in shapes.items()
    }
    left, values, right = (history[name][-1] for name in ("left_vectors", "singular_values", "right_vectors"))
    np.testing.assert_allclose(left * values @ right.T, run.product, atol=1e-12)
    np.testing.assert_allclose(history["nuclear_norm"], history["singular_values"].sum(axis=1))
    share = values / values.sum()
    np.testing.assert_allclose(history["effective_rank"][-1], np.exp(-np.sum(share * np.log(share))))
    np.testing.assert_allclose(history["test_error"][-1], np.mean((run.product - problem.truth) ** 2))
    np.testing.assert_allclose(history["corner"][-1], run.product[0, 0], atol=1e-12)
    np.testing.assert_allclose(run.singular_values, values, atol=1e-12)
    np.testing.assert_allclose([run.effective_rank, run.nuclear_norm], [history["effective_rank"][-1], values.sum()])


def test_leading_singular_values_alone():
    run = evolve(record=rf.Record(singular_values=3, vectors=True), stop=rf.StepLimit(4))
    assert run.history["singular_values"].shape == (run.history["time"].size, 3)
    assert run.history["left_vectors"].shape[1:] == (10, 3)


def test_cadences():
    def times(**cadence):
        return evolve(integrator=DESCENT, stop=rf.StepLimit(50), record=rf.Record(**cadence)).history["time"] / 0.5

    np.testing.assert_allclose(times(), np.arange(51))
    np.testing.assert_allclose(times(every=7), [*range(0, 50, 7), 50])
    kept = times(ratio=2.0)
    np.testing.assert_allclose(kept, [0, 1, 2, 4, 8, 16, 32, 50])
    np.testing.assert_allclose(times(times=[0.6, 3.0, 3.1, 24.9, 80.0]), [0, 1.2, 6, 6.2, 49.8, 50])
    np.testing.assert_allclose(times(times=[0.0, 25.0]), [0, 50])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("integrator", [i for i in INTEGRATORS if not isinstance(i, rf.Reference)], ids=repr)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_dtype_of_the_data_is_the_dtype_of_the_run(dtype, integrator, depth):
    seen = []
    problem = planted_problem(SHAPE, dtype=dtype)
    run = evolve(
        problem, rf.Chain(depth), integrator=integrator, callback=lambda now: seen.append(now.weights.dtype),
        record=rf.Record(times=[1.0, 2.0], singular_values=2), stop=rf.LossBelow(1e-3) | rf.StepLimit(2000),
    )  # fmt: skip
    assert set(seen) == {np.dtype(dtype)}
    assert run.weights.dtype == run.product.dtype == run.best_weights.dtype == dtype
    assert run.status == "converged"


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("shape", [SHAPE, (1, 9), (9, 1), (4, 12)])
@pytest.mark.parametrize("dense", [True, False])
def test_a_run_predicts_what_its_product_says(depth, shape, dense):
    problem = planted_problem(shape, rank=1)
    problem = in_layout(problem, dense)
    run = evolve(problem, rf.Chain(depth), stop=rf.StepLimit(5))
    rows, cols = np.indices(shape)
    np.testing.assert_allclose(run.predict(rows.ravel(), cols.ravel()).reshape(shape), run.product, atol=1e-13)
    left, right = run.factors
    np.testing.assert_allclose(left @ right.T, run.product, atol=1e-13)
    assert [layer.shape for layer in run.layers] == run.model.layer_shapes
    np.testing.assert_allclose(run.predict(0, 0), run.product[0, 0], atol=1e-13)


def test_a_run_goes_on_from_its_layers():
    stop = rf.TimeReached(8.0)
    half = evolve(integrator=rf.Reference(), stop=rf.TimeReached(4.0))
    rest = evolve(start=rf.models.FromLayers(half.layers), integrator=rf.Reference(), stop=rf.TimeReached(4.0))
    np.testing.assert_allclose(rest.product, evolve(integrator=rf.Reference(), stop=stop).product, rtol=1e-7)


STOPS = [
    rf.LossBelow(1e-4), rf.TimeReached(9.0), rf.StepLimit(20), rf.HeldOutRise(5) | rf.LossBelow(1e-3),
    rf.LossBelow(1e-4) | rf.TimeReached(9.0) | rf.StepLimit(20),
]  # fmt: skip


@pytest.mark.parametrize("stop", STOPS, ids=repr)
@pytest.mark.parametrize("seed", [0, [0, 1]])
def test_progress_is_a_share(stop, seed):
    seen = []
    problem = planted_problem(SHAPE).hold_out(0.2, seed=0)
    evolve(problem, stop=stop, seed=seed, progress=lambda share, now: seen.append((share, now.step)))
    shares, steps = np.transpose(seen)
    assert (shares >= 0).all()
    assert (shares <= 1).all()
    assert shares[-1] >= shares[0]
    assert (np.diff(steps) > 0).all()


def test_a_callback_sees_the_moment():
    seen = []
    evolve(callback=seen.append, stop=rf.StepLimit(6), seed=[0, 1])
    steps = [now.step for now in seen]
    assert steps == sorted(set(steps))
    assert steps[-1] == 6
    now = seen[-1]
    assert now.product.shape == (2, *SHAPE)
    assert [layer.shape for layer in now.layers] == [(2, 8, 8), (2, 10, 8)]
    assert now.singular_values.shape == (2, 8)
    assert now.held_out_error is None
    assert now.evaluations > 6


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rf.LossBelow(0.0), "must be positive, got 0"),
        (lambda: rf.TimeReached(-1.0), "must be positive, got -1"),
        (lambda: rf.StepLimit(0), "at least 1, got 0"),
        (lambda: rf.HeldOutRise(patience=0), "patience"),
        (lambda: rf.Record(every=0), "every must be at least 1"),
        (lambda: rf.Record(ratio=1.0), "ratio must exceed 1"),
        (lambda: rf.Record(times=[1.0, 1.0]), "times must increase"),
        (lambda: rf.Record(times=[-1.0, 1.0]), "times must increase"),
        (lambda: rf.Record(singular_values=-1), "singular_values"),
        (lambda: rf.Record(vectors=True), "vectors"),
        (lambda: rf.Record(functions={"loss": np.sum}), "name of its own"),
        (lambda: evolve(stop=rf.HeldOutRise()), "held-out entries"),
        (lambda: evolve(seed=-1), "seed must be a whole number"),
        (lambda: evolve(seed=[]), "seed must be a whole number"),
        (lambda: evolve(seed=[0, 1], start=rf.Gaussian((0.1, 0.2, 0.3))), "as many seeds as scales, got 2 and 3"),
        (lambda: evolve(record=rf.Record(functions={"f": lambda p, m, w: np.zeros(3)})), "leading axis"),
        (lambda: evolve(stop=rf.StepLimit(2)).predict([10], [0]), "row indices"),
        (lambda: evolve(stop=rf.StepLimit(2)).predict([0], [-1]), "column indices"),
        (lambda: evolve(stop=rf.StepLimit(2)).predict([0, 1], [0]), "one length"),
    ],
)
def test_bad_input_is_refused(make, words):
    with pytest.raises(rf.InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"integrator": rf.Gradient(0.1)}, r"kind Integrator, got a Gradient; Descent.* steps by it"),
        ({"integrator": rf.Flow}, r"kind Integrator, got the class Flow; Flow\(…\) makes one"),
        ({"problem": np.ones((2, 2))}, r"kind Problem, got a ndarray; Completion.from_array\(X\) makes one"),
        ({"start": 1e-3}, "kind Start, got a float"),
        ({"model": rf.Chain(2), "stop": 1e-6}, "stop must be of the kind Stop, got a float"),
    ],
)  # fmt: skip
def test_each_argument_is_of_its_kind(given, words):
    with pytest.raises(rf.InputError, match=words):
        require_nouns(**given)


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_loss_that_overflows_at_the_start_is_refused():
    problem = rf.Completion.from_array(np.asarray([[1e200, np.nan], [1.0, 2.0]]))
    with pytest.raises(rf.InputError, match="finite"):
        evolve(problem)


def test_no_step_keeps_the_stages_of_the_one_before():
    # a run of millions of ratings has room for one step's; a step that is tried again has no use for them either
    kept, rejections = [], []

    def look(state):
        kept.append(len(getattr(state.state, "stages", ())))
        rejections.append(state.rejections.max(initial=0))

    with step_hook(look):
        rf.evolve(
            rf.problems.Factorization(np.diag([3.0, 2.0, 1.0])), rf.Chain(3), rf.Identity(1e-3), rf.Flow(1e-6),
            stop=rf.StepLimit(200),
        )  # fmt: skip
    assert max(kept) == 0
    assert max(rejections) > 0

"""A batch is its runs: whatever ends them, at whatever step, with tables of their own."""

import numpy as np
import pytest

import rankfall as rf
from tests.helpers.completions import in_layout
from tests.helpers.planted import planted_problem
from tests.helpers.runs import DESCENT, INTEGRATORS, SHAPE, evolve, evolve_batch


@pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_batch_is_its_runs(integrator, depth):
    seeds, scales = [0, 1, 2, 3], (0.01, 0.1, 0.5, 1.0)
    keep = rf.Record(times=[1.0, 5.0, 9.0])
    stop = rf.TimeReached(12.0) | rf.LossBelow(0.3) | rf.StepLimit(200)
    batch = evolve(
        model=rf.Chain(depth), start=rf.Gaussian(scales), integrator=integrator, seed=seeds, record=keep, stop=stop
    )
    assert len(batch) == 4
    assert batch.product.shape == (4, *SHAPE)
    exact = isinstance(integrator, rf.Descent | rf.Reference)
    for seed, scale, run in zip(seeds, scales, batch, strict=True):
        alone = evolve(
            model=rf.Chain(depth), start=rf.Gaussian(scale), integrator=integrator, seed=seed, record=keep, stop=stop
        )
        assert (run.status, run.reason, run.seed) == (alone.status, alone.reason, seed)
        if exact:
            assert run.time == alone.time
            np.testing.assert_array_equal(run.weights, alone.weights)
            np.testing.assert_array_equal(run.history["time"], alone.history["time"])
        elif alone.time == 12.0:
            np.testing.assert_allclose(run.product, alone.product, atol=2e-2)
            np.testing.assert_allclose(run.history["loss"], alone.history["loss"], rtol=5e-2)


@pytest.mark.parametrize(("rtol", "tolerance"), [(2.5e-4, 0.3), (2.5e-8, 0.01)])
def test_a_large_batch_whose_runs_end_one_by_one(rtol, tolerance):
    scales = np.geomspace(1e-2, 3, 16)
    keep = rf.Record(times=[0.5, 2.0, 50.0])
    runs = evolve_batch(start=rf.Gaussian(scales), integrator=rf.Flow(rtol=rtol), record=keep)
    assert all(run.status == "converged" for run in runs)
    assert len({run.steps for run in runs}) > 3
    for run, scale in zip(runs, scales, strict=True):
        alone = evolve(start=rf.Gaussian(scale), integrator=rf.Flow(rtol=rtol))
        np.testing.assert_allclose(run.time, alone.time, rtol=tolerance)
        np.testing.assert_allclose(run.product, alone.product, atol=tolerance)


@pytest.mark.parametrize("integrator", [rf.Flow(rtol=1e-6), DESCENT, rf.Reference()], ids=repr)
@pytest.mark.parametrize("dense", [True, False])
def test_a_problem_of_many_tables_is_a_batch(integrator, dense):
    problem = planted_problem(SHAPE)
    values = problem.values * np.asarray([[1.0], [-0.5], [0.1]])
    many = rf.Completion.from_triplets(problem.rows, problem.cols, values, SHAPE).hold_out(0.1, seed=0)
    many = in_layout(many, dense)
    keep = rf.Record(times=[2.0, 8.0])
    stop = rf.TimeReached(20.0) | rf.LossBelow(0.02)
    runs = evolve_batch(many, integrator=integrator, stop=stop, seed=4, record=keep)
    for i, run in enumerate(runs):
        alone = evolve(many.of_runs(i), integrator=integrator, stop=stop, seed=4, record=keep)
        assert run.status == alone.status
        np.testing.assert_allclose(run.time, alone.time, rtol=1e-3)
        np.testing.assert_allclose(run.product, alone.product, atol=1e-3)
        for name in ("loss", "held_out_error"):
            np.testing.assert_allclose(run.history[name], alone.history[name], rtol=1e-2)
        np.testing.assert_allclose(run.problem.loss(run.product), run.loss, rtol=1e-10)


def test_refused_steps_do_not_use_up_the_patience_of_a_batch():
    train = planted_problem((12, 12), share=0.5).hold_out(0.2, seed=0)
    stop = rf.HeldOutRise(patience=5) | rf.LossBelow(1e-5)
    for run in evolve(train, seed=[0, 1, 2], stop=stop, start=rf.Gaussian((1e-4, 0.1, 1.0)), record=rf.Record()):
        after = run.history["time"] > run.best_time
        assert run.loss <= 1e-5 or after.sum() >= 5


def test_a_batch_with_one_seed_is_refused_and_one_run_is_a_batch_of_one():
    scales = rf.Gaussian([0.1, 0.2])
    with pytest.raises(rf.InputError, match="a batch of 2 runs takes a sequence of seeds, got 3; use evolve_batch"):
        evolve(start=scales, seed=3)
    one, two = evolve_batch(start=scales, seed=3)
    assert (one.seed, two.seed) == (3, 3)
    assert isinstance(evolve_batch(), rf.Trajectories)
    assert len(evolve_batch()) == 1


@pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)
def test_same_seed_same_bits(integrator):
    one, other, different = (evolve(integrator=integrator, seed=seed) for seed in (3, 3, 4))
    assert one.weights.tobytes() == other.weights.tobytes()
    assert one.history["loss"].tobytes() == other.history["loss"].tobytes()
    assert one.weights.tobytes() != different.weights.tobytes()


def test_trajectories_stack_and_slice():
    runs = evolve(seed=[0, 1, 2])
    assert runs.loss.shape == runs.time.shape == (3,)
    assert runs.status == ["converged"] * 3
    assert len(runs[1:]) == 2
    assert runs[-1] is list(runs)[2]

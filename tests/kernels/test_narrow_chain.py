"""Compiled steps of narrow chains are the general path's, and their bits do not depend on the number of threads."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rankfall as rf
from rankfall.integrators import Chebyshev2, DormandPrince8, Field
from rankfall.kernels.entry_lists import EntryLists
from rankfall.kernels.narrow_chain import is_narrow
from rankfall.problems import Absolute, Dense, Huber, Logistic, Sparse, Squared
from tests.helpers.general_path import GeneralChain
from tests.helpers.kernel_cases import threads

CHAINS = [
    {"depth": 2},
    {"depth": 3},
    {"depth": 4, "width": (4, 3, 6)},
    {"depth": 5, "width": 9},
    {"depth": 3, "width": 20, "decay": 0.1},
    {"depth": 2, "width": 32, "rates": (1.0, 0.3)},
    {"depth": 4, "width": (17, 2, 1), "decay": 0.2, "rates": (1.0, 0.0, 2.0, 0.5)},
]
PROBLEMS = ["plain", "weighted", "shared mask", "own masks"]
LOSSES = [Squared(), Huber(0.4), Absolute(0.1), Logistic(0.2)]
RUNS = 3

over_chains = pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: str(list(chain.values())))


def completion(kind="plain", shape=(13, 7), loss=None, dtype=np.float64, share=0.4, seed=0):
    rng = np.random.default_rng(seed)
    rows, cols = np.nonzero(rng.random(shape) < share)
    tables = (RUNS,) if kind in ("shared mask", "own masks") else ()
    values = rng.standard_normal((*tables, rows.size))
    values = np.sign(values) if loss is not None and loss.is_binary else values
    weights = None
    if kind == "weighted":
        weights = rng.random(rows.size).astype(dtype)
    elif kind == "own masks":
        weights = (rng.random((RUNS, rows.size)) < 0.5).astype(dtype)
    return rf.Completion(rows, cols, values.astype(dtype), shape, weights, loss_function=loss or Squared())


def fields(problem, chain, seed=1):
    """The field of the compiled path, that of the general one, and weights."""
    compiled, general = (Field(problem, kind(**chain).sized(problem.shape)) for kind in (rf.Chain, GeneralChain))
    assert compiled.motion is not None
    assert general.motion is None
    weights = 0.5 * np.random.default_rng(seed).standard_normal((RUNS, compiled.model.size))
    return compiled, general, weights.astype(problem.dtype)


def assert_near(one, other, dtype=np.float64, growth=1):
    """Equal but for the order of sums, times the growth of rounding errors along a step."""
    tolerance = growth * (1e-12 if dtype == np.float64 else 1e-4)
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * max(1e-300, np.abs(other).max()))


@over_chains
@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_compiled_velocity_is_the_general_one(chain, kind):
    compiled, general, weights = fields(completion(kind), chain)
    for one, other in zip(compiled(weights), general(weights), strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(13, 7), (2, 30), (30, 1), (1, 1), (3, 3)])
def test_shapes_and_types(shape, dtype):
    compiled, general, weights = fields(completion(shape=shape, dtype=dtype, share=1.0), {"depth": 3, "width": 10})
    loss, velocity = compiled(weights)
    assert loss.dtype == np.float64
    assert velocity.dtype == dtype
    for one, other in zip((loss, velocity), general(weights), strict=True):
        assert_near(one, other, dtype)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_every_loss_with_a_kernel(loss):
    compiled, general, weights = fields(completion("weighted", loss=loss), {"depth": 3})
    for one, other in zip(compiled(weights), general(weights), strict=True):
        assert_near(one, other)


@over_chains
@pytest.mark.parametrize("method", [Chebyshev2(), DormandPrince8()], ids=str)
def test_a_compiled_step_is_the_general_one(chain, method):
    compiled, general, weights = fields(completion("own masks"), chain)
    velocity, h, radius = general(weights)[1], np.asarray([0.3, 0.1, 0.2]), np.asarray([200.0, 10.0, 1.0])
    begun = compiled.evaluations
    one = method.step(compiled, weights, velocity, h, radius)
    counts = []
    for run in range(RUNS):
        alone, row = general.of_runs(np.asarray([run])), slice(run, run + 1)
        before = alone.evaluations
        other = method.step(alone, weights[row], velocity[row], h[row], radius[row])
        counts.append(alone.evaluations - before)
        for name in ("weights", "velocity", "loss"):
            assert_near(getattr(one, name)[row], getattr(other, name), growth=100)
        # an error is a difference of nearly equal numbers
        np.testing.assert_allclose(one.error[row], other.error, rtol=1e-6, atol=1e-13)
        assert len(one.stages) == len(other.stages)
        for mine, theirs in zip(one.stages, other.stages, strict=True):
            assert_near(mine[row], theirs, growth=100)
        if method.shows_radius:
            np.testing.assert_allclose(one.radius[row], other.radius, rtol=1e-4)
    assert compiled.evaluations - begun == max(counts)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("rtol", [1e-3, 1e-7])
def test_a_run_is_the_same_by_both_paths(depth, rtol):
    problem = rf.Completion.from_array(np.where(np.eye(9, 8) > 0, np.nan, rf.datasets.planted((9, 8), 2, seed=3)))
    one, other = (
        rf.evolve(problem, kind(depth), rf.Spectral(4), rf.Flow(rtol), stop=rf.TimeReached(30.0), seed=2)
        for kind in (rf.Chain, GeneralChain)
    )
    assert (one.steps, one.evaluations) == (other.steps, other.evaluations)
    np.testing.assert_allclose(one.product, other.product, atol=1e-8)
    np.testing.assert_allclose(one.history["loss"], other.history["loss"], rtol=1e-6)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_bits_do_not_depend_on_threads(kind, monkeypatch):
    monkeypatch.setattr("rankfall.kernels.narrow_chain.WORTH_THREADS", 0)
    answers = []
    for count in (1, 2):
        with threads(count):
            compiled, _, weights = fields(completion(kind, (60, 50)), {"depth": 3, "width": 20})
            loss, velocity = compiled(weights)
            h, radius = np.full(RUNS, 0.1), np.full(RUNS, 300.0)
            steps = [method.step(compiled, weights, velocity, h, radius) for method in (Chebyshev2(), DormandPrince8())]
            answers.append([loss.tobytes(), velocity.tobytes(), *[step.weights.tobytes() for step in steps]])
    monkeypatch.undo()
    serial = Field(compiled.problem, compiled.model)(weights)
    assert answers[0] == answers[1]
    assert answers[0][:2] == [part.tobytes() for part in serial]


def test_runs_of_many_tables_are_taken_from_the_lists():
    problem = completion("own masks")
    whole = problem.listed
    assert whole is not None
    for chosen in (1, np.asarray([2, 0])):
        part, fresh = problem.of_runs(chosen), completion("own masks").of_runs(chosen)
        weights = np.random.default_rng(0).standard_normal((np.size(chosen), rf.Chain(3).sized(problem.shape).size))
        one, other = (Field(each, rf.Chain(3).sized(problem.shape))(weights) for each in (part, fresh))
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_the_loss_alone_is_the_general_one(kind):
    problem = completion(kind)
    compiled, general, weights = fields(problem, {"depth": 3})
    assert_near(compiled.loss(weights), general.loss(weights))
    assert_near(compiled.loss(weights), compiled(weights)[0])


def test_a_batch_of_problems_takes_a_row_of_weights_for_each():
    compiled, _, weights = fields(completion("own masks"), {"depth": 3})
    with pytest.raises(rf.InputError, match="a row of weights for each, got 2 for 3"):
        compiled(weights[:2])


def test_a_number_that_is_none_stays_visible():
    compiled, _, weights = fields(completion(), {"depth": 3})
    weights[1, 0] = np.nan
    loss, _ = compiled(weights)
    assert np.isnan(loss[1])
    assert np.isfinite(loss[[0, 2]]).all()


@pytest.mark.parametrize("layout", [Dense, Sparse])
def test_a_layout_chosen_by_hand_is_used(layout):
    problem = completion()
    chosen = rf.Completion(problem.rows, problem.cols, problem.values, problem.shape, layout=layout)
    assert Field(chosen, rf.Chain(3).sized(problem.shape)).motion is None


def test_a_problem_with_a_gradient_of_its_own_is_not_read_by_its_entries():
    class Doubled(rf.Completion):
        def loss_and_factor_gradients(self, left, right):
            return tuple(2 * part for part in super().loss_and_factor_gradients(left, right))

    problem = completion()
    own = Doubled(problem.rows, problem.cols, problem.values, problem.shape)
    assert own.listed is None
    weights = fields(problem, {"depth": 3})[2]
    model = rf.Chain(3).sized(problem.shape)
    np.testing.assert_allclose(Field(own, model)(weights)[1], 2 * model.velocity(problem, weights)[1])


def test_wide_chains_and_long_lists_take_the_general_path():
    problem = completion(shape=(40, 40))
    assert Field(problem, rf.Chain(3).sized(problem.shape)).motion is None
    rows, cols = np.divmod(np.arange(10**5), 1000)
    lists = EntryLists.of(rows, cols, np.ones(10**5), None, 0, 0.0, (100, 1000))
    assert not is_narrow((1000, 20, 20, 100), lists)
    assert is_narrow((1000, 4, 4, 100), lists)


def test_without_compilation_the_general_path_is_taken():
    code = (
        "import numpy as np, rankfall as rf; from rankfall.integrators import Field;"
        "problem = rf.Completion.from_array(np.eye(4)); model = rf.Chain(3).sized((4, 4));"
        "print(Field(problem, model).motion)"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(Path(rf.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "None"


def test_ctrl_c_leaves_the_best_state():
    def press(now):
        if now.step == 12:
            raise KeyboardInterrupt

    problem = completion(shape=(9, 8))
    run = rf.evolve(problem, rf.Chain(3), rf.Gaussian(0.3), rf.Flow(), stop=rf.TimeReached(1e6), callback=press)
    assert run.status == "interrupted"
    np.testing.assert_array_equal(run.weights, run.best_weights)
    np.testing.assert_allclose(problem.loss(run.product), run.loss, rtol=1e-10)
    assert run.loss in run.history["loss"]


@over_chains
def test_a_nudged_velocity_is_the_general_one(chain):
    compiled, general, weights = fields(completion("weighted"), chain)
    direction = np.random.default_rng(5).standard_normal(weights.shape)
    direction[1] = 0
    answers = [field.nudged(weights, direction, 1e-3) for field in (compiled, general)]
    for one, other in zip(*answers, strict=True):
        assert_near(one, other)
    np.testing.assert_allclose(answers[0][0][1], general(weights)[1][1], atol=1e-12)

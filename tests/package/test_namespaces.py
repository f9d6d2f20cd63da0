"""The same run in any library of the array API standard: NumPy, array-api-strict, PyTorch."""

import array_api_compat
import numpy as np
import pytest

import rankfall as rf
from rankfall.arrays import to_numpy
from tests.helpers.planted import planted_problem

AGREEMENT = 1e-10
INTEGRATORS = [rf.Flow(rtol=1e-4), rf.Flow(rtol=1e-8), rf.Descent(rf.Gradient(0.5))]
UPDATES = [
    rf.integrators.Momentum(),
    rf.integrators.GroupRMSprop(),
    rf.integrators.Adam(),
    rf.integrators.AdaGrad(),
    rf.integrators.AdaDelta(),
]


def strict():
    return pytest.importorskip("array_api_strict")


def torch():
    return array_api_compat.array_namespace(pytest.importorskip("torch").zeros(1))


def in_namespace(problem, xp, dtype="float64"):
    kind = getattr(xp, dtype)
    return rf.Completion.from_triplets(
        problem.rows, problem.cols, xp.asarray(problem.values, dtype=kind), problem.shape,
        weights=xp.asarray(np.linspace(1, 2, problem.values.size), dtype=kind),
        truth=xp.asarray(problem.truth, dtype=kind),
    )  # fmt: skip


def evolve(xp, depth=2, integrator=None, dtype="float64", **more):
    problem = in_namespace(planted_problem((9, 7)), xp, dtype).hold_out(0.1, seed=0)
    keep = more.pop(
        "record", rf.Record(singular_values=True, effective_rank=True, imbalance=True, times=[1.0, 2.5, 6.0])
    )
    more.setdefault("stop", rf.TimeReached(8.0))
    return rf.evolve(
        problem, rf.Chain(depth), rf.Gaussian(0.3), integrator or INTEGRATORS[0], record=keep, seed=1, **more
    )


def assert_same(run, expected, agreement=AGREEMENT):
    for name in ("weights", "best_weights", "product"):
        np.testing.assert_allclose(to_numpy(getattr(run, name)), getattr(expected, name), rtol=0, atol=agreement)
    assert (run.status, run.steps) == (expected.status, expected.steps)
    assert run.history.keys() == expected.history.keys()
    for name, values in run.history.items():
        assert isinstance(values, np.ndarray)
        np.testing.assert_allclose(values, expected.history[name], rtol=agreement, atol=agreement)


@pytest.mark.parametrize("library", [strict, torch])
@pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_run_is_numpys(library, integrator, depth):
    assert_same(evolve(library(), depth, integrator), evolve(np, depth, integrator))


@pytest.mark.parametrize("library", [strict, torch])
@pytest.mark.parametrize("update", UPDATES, ids=repr)
def test_every_update_is_numpys(library, update):
    more = {"integrator": rf.Descent(update), "stop": rf.StepLimit(20), "record": rf.Record()}
    assert_same(evolve(library(), **more), evolve(np, **more))


@pytest.mark.parametrize("library", [strict, torch])
def test_weights_stay_in_their_library(library):
    xp = library()
    run = evolve(xp)
    for array in (run.weights, run.best_weights, run.product, *run.layers, *run.factors):
        assert type(array) is type(xp.zeros(1))
    rows, cols = [0, 3, 8], [6, 2, 0]
    np.testing.assert_allclose(run.predict(rows, cols), to_numpy(run.product)[rows, cols], atol=1e-12)


@pytest.mark.parametrize("library", [strict, torch])
@pytest.mark.parametrize("integrator", [INTEGRATORS[0], INTEGRATORS[2]], ids=repr)
def test_float32_stays_float32(library, integrator):
    xp = library()
    run = evolve(xp, integrator=integrator, dtype="float32", stop=rf.StepLimit(10))
    assert run.weights.dtype == run.product.dtype == xp.float32


@pytest.mark.parametrize("library", [strict, torch])
@pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)
def test_a_batch_is_numpys(library, integrator):
    def batch(xp):
        problem = in_namespace(planted_problem((9, 7)), xp)
        stop = rf.LossBelow(0.1) | rf.TimeReached(20.0)
        return rf.evolve(problem, rf.Chain(2), rf.Gaussian((0.05, 0.5, 1.0)), integrator, stop=stop, seed=[0, 1, 2])

    # where the steps end by themselves, the step control passes rounding errors on to the last time
    for run, expected in zip(batch(library()), batch(np), strict=True):
        assert_same(run, expected, 1e-7)
    assert tuple(batch(library()).product.shape) == (3, 9, 7)


@pytest.mark.parametrize("library", [strict, torch])
def test_many_tables_are_numpys(library):
    problem = planted_problem((9, 7))
    values = problem.values * np.asarray([[1.0], [0.3]])

    def tables(xp):
        many = rf.Completion.from_triplets(problem.rows, problem.cols, xp.asarray(values), problem.shape)
        return rf.evolve_batch(many, rf.Chain(2), rf.Gaussian(0.3), rf.Flow(), stop=rf.LossBelow(0.02), seed=1)

    for run, expected in zip(tables(library()), tables(np), strict=True):
        assert_same(run, expected)


@pytest.mark.parametrize("library", [strict, torch])
def test_tables_with_holes_are_read_from_any_library(library):
    xp = library()
    table = np.asarray([[1.0, np.nan, 2.0], [np.nan, 3.0, 4.0]])
    problem = rf.Completion.from_array(xp.asarray(table))
    assert type(problem.values) is type(xp.zeros(1))
    np.testing.assert_array_equal(to_numpy(problem.values), [1, 2, 3, 4])


def test_a_torch_run_is_saved_and_read_as_numpy(tmp_path):
    run = evolve(torch())
    run.save(tmp_path / "run.zarr")
    np.testing.assert_array_equal(rf.Trajectory.load(tmp_path / "run.zarr").weights, to_numpy(run.weights))

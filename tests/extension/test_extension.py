"""Whatever a package outside defines works everywhere: losses, layouts, starts, problems, models, methods, commands."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rankfall as rf
from rankfall.problems import Dense, Sparse
from rankfall.theory import check
from rankfall.trajectory import Record
from tests.helpers.completions import random_factors
from tests.helpers.planted import planted_problem

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from rankfall_extension.integrator import Heun  # noqa: E402
from rankfall_extension.layout import ScipySparse  # noqa: E402
from rankfall_extension.loss import LogCosh  # noqa: E402
from rankfall_extension.method import BogackiShampine3  # noqa: E402
from rankfall_extension.model import Sandwich  # noqa: E402
from rankfall_extension.problem import Margins  # noqa: E402
from rankfall_extension.start import SparseGaussian  # noqa: E402
from rankfall_extension.stop import RankReached  # noqa: E402


@pytest.fixture
def problem():
    return planted_problem((12, 9), 2)


@pytest.mark.parametrize("path", sorted((HERE / "rankfall_extension").glob("*.py")), ids=lambda path: path.stem)
def test_each_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("layout", [Dense, Sparse, ScipySparse])
def test_a_loss_has_the_slope_of_its_value_in_every_layout(problem, layout):
    given = replace(problem, loss_function=LogCosh(0.3), layout=layout)
    left, right = random_factors(given)
    loss, rows, columns = given.loss_and_factor_gradients(left, right)
    predicted = np.sum(left[given.rows] * right[given.cols], axis=1)
    assert loss == pytest.approx(np.mean(LogCosh(0.3).value(predicted, given.values)))
    step, direction = 1e-6, np.random.default_rng(1).standard_normal(left.shape)
    ahead, behind = (given.loss_and_factor_gradients(left + s * step * direction, right)[0] for s in (1, -1))
    assert (ahead - behind) / (2 * step) == pytest.approx(np.sum(rows * direction), rel=1e-5)
    direction = np.random.default_rng(2).standard_normal(right.shape)
    ahead, behind = (given.loss_and_factor_gradients(left, right + s * step * direction)[0] for s in (1, -1))
    assert (ahead - behind) / (2 * step) == pytest.approx(np.sum(columns * direction), rel=1e-5)


def sparse_table():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((300, 2)) @ rng.standard_normal((2, 200))
    mask = rng.random(truth.shape) < 0.08
    noisy = truth + 20.0 * (rng.random(truth.shape) < 0.03)
    return truth, mask, rf.Completion.from_array(np.where(mask, noisy, np.nan))


def test_the_estimator_fits_by_a_loss_from_outside_on_sparse_data(tmp_path):
    truth, mask, table = sparse_table()
    assert table.layout_class is Sparse
    errors = []
    for loss in ("log-cosh", "squared"):
        model = rf.DeepMatrixFactorization(loss=loss, random_state=0).fit_problem(table)
        rows, cols = np.nonzero(~mask)
        errors.append(float(np.median(np.abs(model.predict(rows, cols) - truth[rows, cols]))))
        model.save(tmp_path / f"{loss}.npz")
        again = rf.DeepMatrixFactorization.load(tmp_path / f"{loss}.npz")
        np.testing.assert_array_equal(again.predict(rows, cols), model.predict(rows, cols))
    assert errors[0] < errors[1]


def test_a_model_from_outside_is_evolved_checked_recorded_batched_saved_and_loaded(problem, tmp_path):
    record = Record(singular_values=2)
    run = rf.evolve(problem, Sandwich(3), rf.Gaussian(1e-2), rf.Flow(1e-4), stop=rf.LossBelow(1e-3), record=record)
    assert run.status == "converged"
    assert (np.diff(run.history["loss"]) <= 1e-12).all()
    assert run.history["singular_values"].shape[1] == 2
    check(run)
    run.save(tmp_path / "run.zarr")
    again = rf.Trajectory.load(tmp_path / "run.zarr")
    assert again.model == run.model
    np.testing.assert_array_equal(again.product, run.product)
    many = rf.evolve(problem, Sandwich(3), rf.Gaussian(1e-2), rf.Flow(1e-6), stop=rf.LossBelow(1e-2), seed=[0, 1])
    alone = rf.evolve(problem, Sandwich(3), rf.Gaussian(1e-2), rf.Flow(1e-6), stop=rf.LossBelow(1e-2), seed=1)
    np.testing.assert_allclose(many[1].product, alone.product, atol=1e-3)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_problem_from_outside_is_solved_by_every_chain(depth):
    truth = np.random.default_rng(0).random((5, 4))
    margins = Margins(truth.sum(axis=1), truth.sum(axis=0))
    run = rf.evolve(margins, rf.Chain(depth), SparseGaussian(1e-2), rf.Flow(1e-3), stop=rf.LossBelow(1e-8))
    assert run.status == "converged"
    np.testing.assert_allclose(run.product.sum(axis=1), margins.row_sums, atol=1e-3)
    # from a small start the margins are met by a matrix of low rank, not by the truth
    assert run.effective_rank < 2.0


@pytest.mark.parametrize(
    "integrator", [Heun(0.02), rf.Flow(1e-6, methods=(BogackiShampine3(),))], ids=["Heun", "method"]
)
def test_an_integrator_and_a_method_from_outside_follow_the_flow(problem, integrator):
    stop, start = rf.TimeReached(5.0), rf.Gaussian(0.1)
    exact = rf.evolve(problem, rf.Chain(2), start, rf.Reference(), stop=stop)
    ours = rf.evolve(problem, rf.Chain(2), start, integrator, stop=stop, record=Record(times=[1.0, 2.5]))
    np.testing.assert_allclose(ours.product, exact.product, atol=1e-4)
    assert ours.time == pytest.approx(5.0)
    assert {1.0, 2.5} <= set(ours.history["time"])


def test_a_stop_from_outside_ends_a_run_and_combines(problem):
    run = rf.evolve(problem, rf.Chain(2), rf.Gaussian(1e-3), rf.Flow(), stop=RankReached(1) | rf.StepLimit(500))
    assert run.reason == "the product reached rank 1"
    assert run.singular_values[0] > 0.1


def rankfall(*arguments, cwd):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE / "installed"), os.environ.get("PYTHONPATH", "")])
    }
    command = [sys.executable, "-m", "rankfall", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=120)


def test_a_command_and_an_experiment_from_outside_are_found(tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,\n5,6\n")
    done = rankfall("spread", "table.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("a: 1.633")
    assert "mine-cosh" in rankfall("reproduce", "--list", cwd=tmp_path).stdout
    done = rankfall("reproduce", "mine-cosh", "--quick", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "mine-cosh" / "claims.json").read_text())

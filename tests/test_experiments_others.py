"""The experiments on semidefinite problems, acceleration, convergence and compression, tiny; and their lemmas."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import config

import rankfall as rf
from rankfall.baselines import NuclearNorm
from rankfall.experiments import experiment, reproduce
from rankfall.experiments.gunasekar2017_exhaustive import MASKS, grid, least_trace, problem_of
from rankfall.integrators import Rates
from rankfall.pictures import PanelsPicture
from rankfall.problems import Regression

DATA_FREE = {
    "gunasekar2017-exhaustive": {"values": 2, "vanishing": (1e-1, 1e-2), "draws": 1},
    "gunasekar2017-width": {"widths": (2, 50), "draws": 1, "steps": 20},
    "kwon2024-compressed": {"size": 12, "rank": 1, "sensed": 10, "steps": 60},
    "yaras2024-subspace": {"size": 14, "rank": 1, "widths": (2, 6), "share": 0.5, "steps": 60},
}
ON_ETHANOL = {
    "arora2018-acceleration": {
        "samples": 60, "validation": 100, "wide": 100, "tuned": 100, "adaptive": 100, "adam": 100, "deep": 100,
    },
    "arora2018-convergence": {"deviations": (0.1, 0.3), "rates": (0.01, 0.1), "steps": 30, "draws": 1},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _shapes_unchecked():
    """Runs of many steps: their shapes are checked by the tests of what they are made of."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def outcome_of(name, tmp_path, changes, data=None):
    each = experiment(name)
    outcome = reproduce(replace(each, quick=replace(each.quick, **changes)), tmp_path, quick=True, data=data)
    PanelsPicture(outcome.panels).save(outcome.folder / "figure.svg")
    return outcome


def check_form(outcome):
    """Labelled data, claims with a verdict, panels with named axes."""
    assert outcome.data.sizes
    assert outcome.claims
    assert {claim.verdict for claim in outcome.claims} <= {"holds", "FAILS", "shown"}
    assert all((panel.x_label or panel.ticks) and panel.y_label for panel in outcome.panels)
    assert (outcome.folder / "claims.json").is_file()


@pytest.mark.parametrize("name", DATA_FREE)
def test_tiny_setups_gather_judge_and_draw(name, tmp_path):
    check_form(outcome_of(name, tmp_path, DATA_FREE[name]))


@pytest.mark.parametrize("name", ON_ETHANOL)
def test_tiny_setups_on_ethanol(name, tmp_path, shared_data):
    check_form(outcome_of(name, tmp_path, ON_ETHANOL[name], shared_data))


def test_tiny_gaps(tmp_path, shared_data):
    changes = {"draws": 1, "time": 2.0, "users": 12, "movies": 15, "norms": (1.0, 1e-1)}
    check_form(outcome_of("gunasekar2017-gap", tmp_path, changes, shared_data))


@pytest.mark.parametrize("mask", range(len(MASKS)))
def test_least_trace_in_closed_form_is_what_the_solver_certifies(mask):
    values = grid(3)[:: 7 + mask]
    least = least_trace(MASKS[mask], values)
    feasible = np.flatnonzero(np.isfinite(least) & (least > 0.1))[:3]
    problem = problem_of(MASKS[mask], values)
    for place in feasible:
        solution = NuclearNorm(positive=True, gap=1e-4).solve(problem.of_runs(int(place)))
        assert solution.nuclear_norm == pytest.approx(least[place], rel=1e-2)
        assert np.linalg.eigvalsh(solution.product)[0] > -1e-6


def test_the_solver_over_the_cone_needs_a_square():
    table = rf.Completion.from_triplets([0], [0], np.ones(1), (2, 3))
    with pytest.raises(rf.InputError, match="only a square matrix is positive"):
        NuclearNorm(positive=True).solve(table)


def test_a_grid_of_rates_is_a_loop_over_rates():
    rng = np.random.default_rng(0)
    problem = Regression(rng.standard_normal((20, 4)), rng.standard_normal((20, 1)), 4)
    rates = [1e-3, 1e-2, 3e-2]
    fixed = {"stop": rf.StepLimit(50)}
    together = rf.evolve(
        problem, rf.Chain(2), rf.Balanced(0.1), rf.Descent(Rates(rf.Gradient(1.0), rates)), seed=[0] * 3, **fixed
    )
    for rate, run in zip(rates, together, strict=True):
        alone = rf.evolve(problem, rf.Chain(2), rf.Balanced(0.1), rf.Descent(rf.Gradient(rate)), seed=0, **fixed)
        np.testing.assert_allclose(run.weights, alone.weights, rtol=1e-10)
        assert run.time == pytest.approx(alone.time)
    with pytest.raises(rf.InputError, match="each run needs a rate, got 3 for 2 runs"):
        rf.evolve(problem, rf.Chain(2), rf.Balanced(0.1), rf.Descent(Rates(rf.Gradient(1.0), rates)), seed=[0, 1])

"""The experiments on semidefinite problems, acceleration, convergence and compression, at a size of seconds."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.baselines import NuclearNorm
from rankfall.datasets import planted
from rankfall.experiments import (
    arora2018_convergence as convergence,
    ethanol_training as acceleration,
    experiment,
    gunasekar2017_exhaustive as exhaustive,
    reproduce,
)
from rankfall.experiments.gunasekar2017_width import ExactSteps, least_of_quartics
from rankfall.experiments.recovery import spread_target
from rankfall.experiments.semidefinite_problem import OfNorm, seen, sensed, target
from rankfall.integrators import Descent
from rankfall.pictures import PanelsPicture

# Every experiment in small takes minutes together: these tests are slow, the lemmas are not.
TINY = {
    "gunasekar2017-exhaustive": {"values": 2, "norms": (1e-2, 1.0), "loss": 1e-3, "vanishing": (0.1,), "draws": 1},
    "gunasekar2017-gap": {"time": 1, "norms": (1.0, 1e-2, 1e-4), "residual": 0.1, "users": 30, "movies": 40},
    "gunasekar2017-manifold": {"steps": 200, "residual": 0.5},
    "gunasekar2017-width": {"widths": (2, 50), "draws": 1, "steps": 15, "residual": 0.5},
    "arora2018-acceleration": {
        "samples": 200, "validation": 100, "wide": 100, "tuned": 100, "crossing": 100, "adaptive": 100, "adam": 100,
        "deep": 100,
    },
    "arora2018-convergence": {"deviations": (0.1, 0.3), "rates": (0.1, 0.5), "steps": 100, "draws": 1},
    "kwon2024-compressed": {"size": 12, "rank": 1, "sensed": 8, "loss": 0.1, "steps": 400},
    "recovery-phase": {"size": 12, "ranks": (1,), "oversamplings": (2.0, 4.0), "draws": 1},
    "recovery-weak": {"size": 14, "rank": 2, "oversamplings": (1.5, 2.5), "draws": 1},
    "yaras2024-subspace": {
        "size": 12, "rank": 1, "widths": (2, 12), "loss": 0.1, "steps": 400, "studied": 12, "studied_rank": 1,
    },
    "cohen2016-expressiveness": {"orders": (4,), "widths": (2, 3), "draws": 1},
    "khrulkov2018-recurrent": {"orders": (4,), "sizes": ((2, 2), (2, 3)), "draws": 1, "fitted": (4, 2, 2)},
    "razin2021-components": {"side": 5, "observed": 400, "components": 20, "residual": 0.1, "draws": (0,)},
    "razin2021-rank-of-data": {"digits": (0,), "ranks": (1, 2), "steps": 20},
    "razin2022-hierarchical": {
        "widths": {"matrix": 6, "CP": 6, "tree": 3}, "deviations": {"matrix": 0.05, "CP": 0.1, "tree": 0.3},
        "loss": 0.3,
    },
}  # fmt: skip
WITH_DATA = {"gunasekar2017-gap", "arora2018-acceleration", "arora2018-convergence"}


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_tiny_run_is_labelled_judged_and_drawn(name, tmp_path, request):
    folder = request.getfixturevalue("shared_data") if name in WITH_DATA else None
    whole = experiment(name)
    tiny = replace(whole, quick=replace(whole.quick, **TINY[name]))
    outcome = reproduce(tiny, tmp_path, quick=True, data=folder)
    assert outcome.data.sizes
    assert {claim.verdict for claim in outcome.claims} <= {"holds", "does not hold", "FAILS", "shown"}
    assert any(claim.holds is not None for claim in outcome.claims)
    assert len({(claim.statement, claim.bound) for claim in outcome.claims}) == len(outcome.claims)
    PanelsPicture(outcome.panels).save(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    # every part is on disk: a second time costs nothing and says the same
    again = reproduce(tiny, tmp_path, quick=True, data=folder)
    assert [claim.measured for claim in again.claims] == [claim.measured for claim in outcome.claims]


def test_least_trace_is_the_optimum_of_the_semidefinite_program():
    cvxpy = pytest.importorskip("cvxpy")
    tables = np.random.default_rng(0).uniform(-1, 1, (4, 4))
    tables[0] = np.abs(tables[0])
    for known in exhaustive.MASKS:
        bounds = exhaustive.least_trace(known, tables)
        for values, bound in zip(tables, bounds, strict=True):
            unknown = cvxpy.Variable((3, 3), PSD=True)
            fits = [unknown[exhaustive.ENTRIES[place]] == value for place, value in zip(known, values, strict=True)]
            program = cvxpy.Problem(cvxpy.Minimize(cvxpy.trace(unknown)), fits)
            program.solve(solver="CLARABEL")
            # the program may be unbounded in X though bounded in trace, and then tells "infeasible" to 1e-6 only
            assert program.status.startswith("infeasible") == np.isinf(bound)
            assert np.isinf(bound) or program.value == pytest.approx(bound, abs=1e-5)


def test_least_trace_at_the_edges_of_feasibility():
    # X_11 = 0 forces X_12 = X_13 = 0, and then X_22 + X_33 ≥ 2 |X_23|
    arrow = exhaustive.MASKS.index((0, 1, 2, 4))
    values = np.array([[0, 0, 0, 0.5], [0, 0.5, 0, 0.5], [1, 1, 0, 0.5], [-1, 0, 0, 0]])
    assert exhaustive.least_trace(exhaustive.MASKS[arrow], values) == pytest.approx([1.0, np.inf, 3.0, np.inf])


def test_every_grid_point_of_a_mask_is_one_table_of_a_symmetric_problem():
    problem = exhaustive.problem_of(exhaustive.MASKS[0], exhaustive.grid(2))
    assert problem.batch_size == 16
    filled = np.full((3, 3), np.nan)
    filled[problem.rows, problem.cols] = problem.values[5]
    np.testing.assert_array_equal(filled, filled.T)
    assert problem.total_weight == exhaustive.KNOWN


def test_positive_nuclear_norm_is_certified_and_no_less_than_without():
    truth = planted((10, 10), 2, kind="psd", seed=0)
    problem = rf.Sensing.gaussian(truth, 12, seed=1, symmetric=True)
    cone, free = NuclearNorm(positive=True).solve(problem), NuclearNorm().solve(problem)
    assert cone.gap <= 1e-6
    assert cone.nuclear_norm >= free.nuclear_norm * (1 - 1e-5)
    assert np.linalg.eigvalsh(cone.product).min() >= -1e-9
    np.testing.assert_allclose(problem.measure(cone.product), problem.values, atol=1e-5)
    slope = problem.operator.adjoint(cone.dual)
    assert np.linalg.eigvalsh(slope).max() <= 1 + 1e-9
    with pytest.raises(rf.InputError, match="only a square matrix is positive"):
        NuclearNorm(positive=True).solve(rf.Completion.from_array(np.ones((2, 3))))


def test_starts_have_their_norm_and_problems_their_counts():
    truth = target("decaying", 0)
    assert np.trace(truth) == pytest.approx(np.sqrt(2))
    assert np.linalg.norm(target("rank 2", 0)) == pytest.approx(1)
    problem = seen(truth, 300, 0.8, 0)
    assert problem.total_weight == pytest.approx(300)
    model = rf.Symmetric(7).sized(problem.shape)
    drawn = model.draw(problem, OfNorm(1e-6), [1e-6], [3])
    assert np.linalg.norm(drawn) == pytest.approx(1e-3)


def test_exact_steps_land_where_the_loss_is_least_on_the_line():
    # 3s² − 4s + 2 is least at 2/3, and −s² falls for ever: beyond any clip
    quartics = np.polynomial.Polynomial([2.0, -4.0, 3.0]), np.polynomial.Polynomial([0.0, 0.0, -1.0])
    places = least_of_quartics(np.array([quartic(np.arange(-2.0, 3.0)) for quartic in quartics]))
    assert places[0] == pytest.approx(2 / 3)
    assert places[1] > 5
    problem = sensed(target("rank 2", 0), 100, 0)
    run = rf.evolve(problem, rf.Symmetric(4), OfNorm(1.0), Descent(ExactSteps()), stop=rf.StepLimit(30))
    assert (np.diff(run.history["loss"]) < 0).all()


def test_the_triangle_is_least_squares_without_its_floor(shared_data):
    rng = np.random.default_rng(0)
    small = acceleration.ethanol(2, 300, shared_data)
    weights = rng.standard_normal((2, 1, 128))
    quartic = acceleration.ethanol(4, 300, shared_data)
    whole = rf.problems.Regression(quartic.inputs, quartic.targets, 2)
    np.testing.assert_allclose(small.gradient(weights), whole.gradient(weights), rtol=1e-8, atol=1e-10)
    floors = whole.loss(weights) - small.loss(weights)
    np.testing.assert_allclose(floors, acceleration.least_loss(whole), rtol=1e-6)
    assert acceleration.least_loss(small) == pytest.approx(0, abs=1e-12)


def test_the_least_quartic_loss_has_no_slope(shared_data):
    quartic = acceleration.ethanol(4, 300, shared_data)
    least = acceleration.least_loss(quartic)
    near = np.linalg.lstsq(quartic.inputs, quartic.targets, rcond=None)[0].T
    assert 0 < least < float(quartic.loss(near))


def test_layer_wise_starts_have_their_deviation():
    start = convergence.start_of("layer-wise", 3, 128, 0.2)
    chain = rf.Chain(3, 32).sized((1, 128))
    problem = rf.problems.Factorization(np.zeros((1, 128)))
    layers = chain.layers(chain.draw(problem, start, [start.scale], [0]))
    assert [np.std(layer) for layer in layers[:2]] == pytest.approx([0.2, 0.2], rel=0.05)
    balanced = convergence.start_of("balanced", 3, 128, 0.2)
    weights = chain.draw(problem, balanced, [balanced.scale], [0])
    assert np.std(chain.product(weights)) == pytest.approx(0.2, rel=0.2)
    assert chain.imbalance(weights).item() <= 1e-12


def test_a_spread_target_keeps_evenly_spaced_triplets():
    values = np.linalg.svd(np.random.default_rng(3).standard_normal((20, 20)), compute_uv=False)
    kept = np.linalg.svd(spread_target(20, 4, 3), compute_uv=False)[:4]
    np.testing.assert_allclose(kept, values[[0, 5, 10, 15]])

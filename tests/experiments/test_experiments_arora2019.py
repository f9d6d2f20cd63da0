"""The experiments on depth, scale, norms and greed at tiny setups, and the lemmas they rest on."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.experiments import (
    arora2019_dynamics,
    arora2019_norms,
    arora2019_scale,
    arora2019_sensing,
    experiment,
    li2021_greedy,
    razin2020_norms,
    reproduce,
)
from rankfall.experiments.standard_problem import error_of, run_to_loss, standard_problem
from rankfall.pictures import PanelsPicture
from rankfall.theory import multiplier

# Every experiment in small takes minutes together: these tests are slow, the lemmas are not.
SMALL = {
    "arora2019-factors": {"points": 8},
    "arora2019-norms": {"instances": 1},
    "razin2020-norms": {"seeds": 1},
    "li2021-greedy": {"starts": 2, "points": 20},
    "chou2020-intervals": {"scales": (1e-3, 1e-5), "rate": 0.04},
    "stoger2021-phases": {"size": 20, "rank": 1, "norms": (1e-2, 1e-4, 1e-6), "fitted": 1e-9},
}


# runs of thousands of steps: their shapes are checked by the tests of what they are made of
pytestmark = pytest.mark.trusted


def small(name: str, tmp_path, data=None, **changes):
    """The outcome of an experiment whose quick setup was changed, its picture drawn."""
    each = experiment(name)
    outcome = reproduce(replace(each, quick=replace(each.quick, **changes)), tmp_path, quick=True, data=data)
    assert all(coordinate.size for coordinate in outcome.data.coords.values())
    assert outcome.claims
    picture = PanelsPicture(outcome.panels, outcome.experiment.columns)
    assert all(
        np.isfinite(curve["y"]).any() for panel in outcome.panels for curve in panel.frame().values() if curve["y"].size
    )
    picture.save(outcome.folder / "figure.svg")
    for panel in outcome.panels:
        assert panel.x_label or panel.ticks
        assert panel.y_label
    return outcome


def verdicts(outcome) -> dict[str, str]:
    return {claim.statement: claim.verdict for claim in outcome.claims}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_claims_on_small_instances_hold(name, tmp_path, monkeypatch):
    monkeypatch.setattr(arora2019_norms, "SCALES", (1e-2, 1e-4, 1e-8))
    monkeypatch.setattr(li2021_greedy, "SCALES", (1e-4, 1e-8))
    outcome = small(name, tmp_path, **SMALL[name])
    assert [claim.statement for claim in outcome.claims if claim.holds is False] == []


@pytest.mark.slow
def test_the_table_at_a_large_start(tmp_path):
    outcome = small("arora2019-table", tmp_path, draws=1, scales=(1e-1, 1e-1, 1e-1))
    assert outcome.data.error.dims == ("sampling", "observed", "solver", "draw")
    found = verdicts(outcome)
    # of the convex optimum, which no start reaches
    assert found["2000 entries, nuclear norm: error"] == "holds"
    assert found["2000 entries, nuclear norm: nuclear norm"] == "holds"


@pytest.mark.slow
def test_the_sweep_over_scales(tmp_path):
    outcome = small("arora2019-scale", tmp_path, draws=1, drawn=(2,), distinct=(2, 3), scales=(1e-3, 1e-2))
    data = outcome.data.isel(draw=0)
    assert np.isnan(data.error.sel(sampling="drawn", depth=3)).all()
    assert not np.isnan(data.error.sel(sampling="distinct", depth=3)).any()
    errors = data.error.sel(sampling="distinct", observed=2000, scale=1e-3)
    assert errors.sel(depth=3) < 1e-4 < 1e-2 < errors.sel(depth=2)


@pytest.mark.slow
def test_the_sweep_over_scales_with_gaussian_measurements(tmp_path):
    changes = {"size": 12, "rank": 1, "few": 60, "many": 120, "draws": 1, "scales": (1e-4, 1e-3)}
    outcome = small("arora2019-sensing", tmp_path, **changes)
    assert verdicts(outcome)["many: nuclear norm is the least"] == "holds"
    assert outcome.data.attrs["few"] == 60


@pytest.mark.slow
def test_dynamics_on_both_data_sets(tmp_path, monkeypatch, shared_data):
    monkeypatch.setattr(arora2019_dynamics, "ALL_STEPS", 30_000)
    monkeypatch.setattr(arora2019_dynamics, "MOVIE_STEPS", 3_000)
    changes = {"draws": 1, "stretch": 300, "width": 10, "points": 15, "ratings": 500}
    outcome = small("arora2019-dynamics", tmp_path, shared_data, **changes)
    assert outcome.data["values"].dims == ("depth", "step", "value")
    found = verdicts(outcome)
    for quantity in ("error, distinct", "effective rank, drawn", "depth 1: time constant of all ten values"):
        assert found[quantity] == "holds"
    assert all(found[f"depth {depth}: the flow overlaps descent"] == "holds" for depth in (1, 2, 3))


# --- lemmas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repeats", [True, False])
def test_positions_with_and_without_repeats(repeats):
    problem = standard_problem(2000, 0, repeats=repeats)
    # 10⁴ (1 − e^{−1/5}) = 1813 distinct places of 2000 draws, give or take 12
    assert abs(problem.rows.size - (1813 if repeats else 2000)) < 40 * repeats + 1
    assert float(problem.total_weight) == 2000
    assert error_of(np.zeros((100, 100)), problem) == pytest.approx(1)


@pytest.mark.parametrize("steps", [1_000_000, 3])
def test_a_run_to_a_loss_ends_at_it_or_where_its_steps_did(steps):
    run = run_to_loss(standard_problem(5000, 0), rf.Chain(2, 8), rf.Gaussian(1e-1), 1e-2, 0, steps=steps)
    if steps == 3:
        assert run.status == "budget"
    else:
        assert run.loss == pytest.approx(1e-2, rel=1e-3)


def test_at_depth_1_every_value_rises_with_one_constant():
    # Ẇ = −(2/|Ω|)(W − b) on Ω: a step of rate η is worth the time η, and the constant is |Ω|/(2η) steps
    values = arora2019_dynamics.synthetic(1, 0, "distinct", 16)["values"]
    steps = np.linspace(0, arora2019_dynamics.STEPS, 16)
    limit = values[-1] / -np.expm1(-steps[-1] / 1e4)
    np.testing.assert_allclose(values, -np.expm1(-steps[:, None] / 1e4) * limit, atol=0.02)


@pytest.mark.slow
def test_descent_drifts_from_the_flow_in_proportion_to_its_rate(monkeypatch):
    apart = []
    for rate in (0.1, 0.05):
        monkeypatch.setattr(arora2019_dynamics, "RATE", rate)
        apart.append(float(arora2019_dynamics.overlap(2, round(210 / rate))["distance"]))
    assert apart[0] < 5e-3
    assert apart[0] / apart[1] == pytest.approx(2, rel=0.2)


@pytest.mark.parametrize("width", [None, 10])
def test_leading_values_are_those_of_the_svd(width):
    problem = standard_problem(2000, 0)
    model = rf.Chain(2, width).sized(problem.shape)
    weights = model.draw(problem, rf.Gaussian(1.0), [1.0, 2.0], [0, 1])
    expected = np.linalg.svd(model.product(weights), compute_uv=False)[:, :10]
    np.testing.assert_allclose(arora2019_dynamics.leading_values(problem, model, weights), expected, rtol=1e-8)


def test_a_run_that_has_ended_stays_where_it_is():
    history = {"time": np.asarray([0.0, 1.0]), "x": np.asarray([[0.0, 2.0], [1.0, 4.0]])}
    np.testing.assert_allclose(arora2019_dynamics._on(np.asarray([0.5, 9.0]), history, "x"), [[0.5, 3.0], [1.0, 4.0]])


def test_powers_are_read_exactly_where_the_loss_passes():
    # quantity ∝ loss^{0.3}, known at 1e-5 and 1e-8
    loss = np.asarray([1.0, 1e-5, 1e-8])
    assert arora2019_sensing._passing({"loss": loss, "x": 3 * loss**0.3}, "x") == pytest.approx(3 * 1e-6**0.3)


def test_bars_of_medians_reach_over_their_range():
    import xarray

    values = xarray.DataArray([[1.0, 5.0], [2.0, 6.0], [9.0, 6.5]], dims=("draw", "scale"))
    curve = arora2019_scale._median(np.asarray([0.1, 1.0]), values, "")
    np.testing.assert_allclose(curve.y, [2, 6])
    np.testing.assert_allclose(curve.spread, [[1, 1], [7, 0.5]])


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_starts_are_drawn_until_the_determinant_has_its_sign(depth):
    for sign in (1.0, -1.0):
        seeds = razin2020_norms._signed(sign, depth, 3, entry=True)
        model = rf.Chain(depth).sized((2, 2))
        weights = model.draw(razin2020_norms._problem(np.zeros(3)), rf.Balanced(1e-3), [1e-3] * 3, seeds)
        products = model.product(weights)
        assert (sign * np.linalg.det(products) > 0).all()
        assert (sign * products[:, 0, 0] > 0).all()


def test_halves_of_a_sum_are_three_halves_of_a_mean_of_three():
    problem = razin2020_norms._problem(np.asarray([1.0, 1.0, 0.0]))
    product = np.asarray([[7.0, 0.5], [2.0, -3.0]])
    assert razin2020_norms.HALVES * problem.loss(product) == pytest.approx(0.5 * (0.25 + 1 + 9))


def test_greedy_saddles_are_where_one_more_direction_pulls():
    stages = li2021_greedy.saddles(10)
    problem = li2021_greedy._planted(10)
    for product, drive in zip(stages["products"], stages["drives"][1:], strict=True):
        pull = -problem.gradient(product)
        assert np.linalg.eigvalsh((pull + pull.T) / 2)[-1] == pytest.approx(drive, abs=1e-8)
    assert (np.diff(stages["losses"]) < 0).all()


def test_the_multiplier_is_one_at_depth_one_whatever_the_value():
    np.testing.assert_array_equal(multiplier(np.asarray([0.0, 0.1, 3.0]), 1), 1)

"""Tables that are nearly free of noise are filled exactly; others do not pay for it."""

import math
import warnings

import numpy as np
import pytest

import rankfall as rf
from rankfall.estimators.candidate import Trial
from rankfall.estimators.limit import run_limit
from rankfall.estimators.standardization import standardize

ROUNDING = 1e-9


def planted(seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 40))
    return table + noise * table.std() * rng.standard_normal(table.shape)


def distances(seed=0):
    """Squared distances between points in the plane: rank 4, zero on the diagonal."""
    points = np.random.default_rng(seed).uniform(size=(40, 2))
    return ((points[:, None] - points) ** 2).sum(axis=-1)


def sensors():
    """A few oscillations seen by sensors of different units, far from zero."""
    time = np.linspace(0, 10, 120)
    rng = np.random.default_rng(0)
    waves = [np.outer(np.sin(speed * time + phase), rng.standard_normal(20)) for speed, phase in ((1, 0), (2.3, 1))]
    return (sum(waves) + 20) * 10.0 ** rng.uniform(-2, 2, 20)


def products():
    numbers = np.arange(1.0, 25.0)
    return np.outer(numbers, numbers)


def with_holes(table, share=0.5, seed=1):
    return np.where(np.random.default_rng(seed).random(table.shape) < share, table, np.nan)


@pytest.fixture(scope="module")
def exact_fit():
    return rf.DeepMatrixFactorization().fit(with_holes(planted(), 0.4))


def error_of(model, table, holes):
    """Root mean squared error of what was unknown, in spreads of the columns."""
    unknown = np.isnan(holes)
    wrong = (model.complete() - table) / table.std(axis=0)
    return float(np.sqrt(np.mean(wrong[unknown] ** 2)))


@pytest.mark.parametrize(
    ("table", "share"), [(planted(), 0.4), (distances(), 0.6), (sensors(), 0.5), (products(), 0.6)],
    ids=["planted", "distances", "sensors", "products"],
)  # fmt: skip
def test_tables_of_low_rank_are_filled_to_rounding(table, share):
    holes = with_holes(table, share)
    model = rf.DeepMatrixFactorization().fit(holes)
    assert (model.depth_, model.stopping_time_, model.status_) == (math.inf, math.inf, "converged")
    assert model.fitted_.refinement is None
    assert error_of(model, table, holes) < ROUNDING
    assert model.held_out_error_ < ROUNDING * table.std()
    places = np.nonzero(np.isnan(holes))
    low, high = model.predict_interval(places[0], places[1])
    unknown = table[np.isnan(holes)]
    assert np.mean((low <= unknown) & (unknown <= high)) > 0.85


def test_little_noise_ends_at_its_level_and_intervals_cover():
    holes = with_holes(planted(noise=3e-3), 0.5)
    model = rf.DeepMatrixFactorization().fit(holes)
    assert math.isinf(model.depth_)
    assert error_of(model, planted(), holes) < 5e-3
    assert 1e-3 < model.held_out_error_ / planted().std() < 1e-2
    places = np.nonzero(np.isnan(holes))
    low, high = model.predict_interval(places[0], places[1])
    unknown = planted(noise=3e-3)[np.isnan(holes)]
    assert np.mean((low <= unknown) & (unknown <= high)) > 0.8


def test_a_noisy_table_does_not_try_the_limit():
    holes = with_holes(planted(noise=1.0), 0.6)
    model = rf.DeepMatrixFactorization(refine=False).fit(holes)
    assert not any(trial.candidate.is_limit for trial in model.selection_.trials)
    assert model.depth_ in (2, 3)


@pytest.mark.parametrize("asked", [{"depth": 2}, {"width": 8}, {"scaling": "columns"}, {"loss": "huber"}])
def test_what_is_asked_for_excludes_the_limit(asked):
    model = rf.DeepMatrixFactorization(**asked).fit(with_holes(planted(), 0.5))
    assert not math.isinf(model.depth_)


def test_weighted_entries_are_left_to_runs():
    holes = with_holes(planted(), 0.5)
    model = rf.DeepMatrixFactorization().fit(holes, sample_weight=np.linspace(1, 2, len(holes)))
    assert not math.isinf(model.depth_)


@pytest.mark.parametrize("refine", ["auto", False])
def test_the_same_seed_gives_the_same_answer_and_without_the_stack_too(refine, exact_fit):
    again = rf.DeepMatrixFactorization(refine=refine).fit(with_holes(planted(), 0.4))
    np.testing.assert_array_equal(exact_fit.complete(), again.complete())


def test_a_saved_fit_answers_as_before_and_its_run_is_made_again(exact_fit, tmp_path):
    exact_fit.save(tmp_path / "fit.npz")
    loaded = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    np.testing.assert_array_equal(loaded.complete(), exact_fit.complete())
    assert (loaded.depth_, loaded.stopping_time_) == (math.inf, math.inf)
    run = loaded.retrace()
    assert run is not None
    assert run.loss < ROUNDING**2


def test_new_rows_are_filled_from_a_few_entries_and_new_tables_by_the_same_choice():
    table = planted()
    model = rf.DeepMatrixFactorization().fit(with_holes(table[:50], 0.5))
    assert math.isinf(model.depth_)
    holes = with_holes(table[50:], 0.3, seed=2)
    assert np.abs(model.transform(holes) - table[50:]).max() < 1e-6 * table.std()
    model.partial_fit(holes)
    assert math.isinf(model.depth_)
    assert np.abs(model.complete() - table).max() < ROUNDING * table.std()


def test_a_table_that_is_no_longer_of_low_rank_is_chosen_for_anew():
    table = planted()
    model = rf.DeepMatrixFactorization(refine=False).fit(with_holes(table[:50], 0.5))
    assert math.isinf(model.depth_)
    noise = 20 * np.random.default_rng(3).standard_normal((60, 40))
    model.partial_fit(with_holes(noise, 0.5))
    assert not math.isinf(model.depth_)
    assert model.held_out_error_ > 1


def test_rows_that_nothing_determines_are_near_the_others():
    table = planted() + 5
    holes = with_holes(table, 0.6)
    holes[7] = np.nan
    holes[8, 2:] = np.nan
    model = rf.DeepMatrixFactorization().fit(holes)
    assert math.isinf(model.depth_)
    sure = np.delete(np.arange(60), [7, 8])
    assert np.abs(model.complete() - table)[sure].max() < ROUNDING * table.std()
    others = table[sure]
    assert np.abs(model.complete()[7] - others.mean(axis=0)).max() < others.std()
    assert np.abs(model.complete()[8] - others.mean(axis=0)).max() < 10 * others.std()


def test_bounds_and_decimals_hold_and_float32_is_exact_up_to_its_rounding():
    holes = with_holes(products(), 0.6)
    model = rf.DeepMatrixFactorization(bounds=(2, 300)).fit(holes)
    filled = model.complete()[np.isnan(holes)]
    np.testing.assert_allclose(filled, np.clip(products(), 2, 300)[np.isnan(holes)], rtol=ROUNDING)
    whole = rf.DeepMatrixFactorization(decimals="auto").fit(holes).complete()
    inside = (products() >= np.nanmin(holes, axis=0)) & (products() <= np.nanmax(holes, axis=0))
    np.testing.assert_array_equal(whole[inside], products()[inside])
    single = rf.DeepMatrixFactorization().fit(with_holes(planted(), 0.5).astype(np.float32))
    assert math.isinf(single.depth_)
    assert np.abs(single.complete() - planted()).max() < 1e-4 * planted().std()


def test_a_recovery_that_misses_the_entries_is_refused(exact_fit):
    holes = with_holes(planted(noise=1.0), 0.6)
    problem = rf.Completion.from_array(holes)
    chosen = exact_fit.selection_.chosen
    assert isinstance(chosen, Trial)
    assert run_limit(problem, standardize(problem, "raw"), chosen, exact_fit.settings_for(problem)) is None


def test_the_report_and_the_notebook_show_it(exact_fit, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = exact_fit.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "inf" in page
    assert exact_fit._repr_html_()


def test_ctrl_c_while_all_entries_are_recovered_leaves_the_recovery_of_the_first_split():
    table = planted()

    def press(stage, share):
        if stage == "recovering all entries":
            raise KeyboardInterrupt

    with pytest.warns(rf.RunWarning, match="interrupted"):
        model = rf.DeepMatrixFactorization().fit(with_holes(table, 0.4), progress=press)
    assert model.status_ == "interrupted"
    np.testing.assert_allclose(model.complete(), table, atol=1e-6)

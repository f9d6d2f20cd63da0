"""Multiple imputations: observed entries stay, and Rubin's rules give standard errors that are true."""

import numpy as np
import pytest

import rankfall as rf

SLOPES = np.asarray([1.0, -0.5])


def survey(seed, m=150):
    """Two regressors and a response of known slopes; holes in the regressors that depend on the response."""
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], m)
    y = 2 + x @ SLOPES + 0.7 * rng.standard_normal(m)
    table = np.column_stack([x, y])
    holes = table.copy()
    holes[rng.random(m) < 1 / (1 + np.exp(3 - y)), 0] = np.nan
    holes[rng.random(m) < 0.2, 1] = np.nan
    return table, holes


def slopes(table):
    """Least squares: slopes of the last column on the others, and their variances."""
    design = np.column_stack([np.ones(len(table)), table[:, :-1]])
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ table[:, -1]
    noise = np.sum((table[:, -1] - design @ found) ** 2) / (len(table) - design.shape[1])
    return found[1:], noise * np.diag(inverse)[1:]


def pooled(tables):
    """Rubin's rules: estimates and standard errors."""
    estimates, variances = map(np.asarray, zip(*(slopes(table) for table in tables), strict=True))
    between = estimates.var(axis=0, ddof=1)
    return estimates.mean(axis=0), np.sqrt(variances.mean(axis=0) + (1 + 1 / len(tables)) * between)


@pytest.fixture(scope="module")
def drawn():
    _, holes = survey(0)
    model = rf.DeepMatrixFactorization().fit(holes)
    return model, holes, model.complete(n_draws=5)


def test_draws_agree_on_what_is_observed_and_differ_elsewhere(drawn):
    _, holes, tables = drawn
    known = ~np.isnan(holes)
    np.testing.assert_array_equal(tables[:, known], np.tile(holes[known], (5, 1)))
    assert (tables.std(axis=0)[~known] > 0).all()


def test_the_same_seed_draws_the_same(drawn):
    model, _, tables = drawn
    np.testing.assert_array_equal(model.complete(n_draws=5), tables)


def test_complete_alone_is_transform(drawn):
    model, holes, _ = drawn
    np.testing.assert_array_equal(model.complete(), model.transform(holes))


def test_draws_spread_as_far_as_held_out_entries_err(drawn):
    model, holes, _ = drawn
    tables = model.complete(n_draws=40)
    unknown = np.isnan(holes)
    for col in range(2):
        spread = np.sqrt(tables[:, :, col].var(axis=0)[unknown[:, col]].mean())
        held = model.selection_.cols == col
        error = np.sqrt(np.mean((model.selection_.values - model.selection_.predicted)[held] ** 2))
        # some 50 held-out entries tell an error to about a tenth
        assert spread == pytest.approx(error, rel=0.35)


def test_draws_of_a_large_factorization_err_as_the_held_out_entries():
    rng = np.random.default_rng(3)
    truth = rng.standard_normal((80, 3)) @ rng.standard_normal((3, 70)) + 0.5 * rng.standard_normal((80, 70))
    unknown = rng.random(truth.shape) < 0.4
    model = rf.DeepMatrixFactorization(depth=2).fit(np.where(unknown, np.nan, truth))
    spread = np.sqrt(model.complete(n_draws=10).var(axis=0, ddof=1)[unknown].mean())
    assert spread == pytest.approx(model.held_out_error_, rel=0.2)


@pytest.mark.slow
def test_rubins_rules_give_true_standard_errors():
    runs = []
    for seed in range(30):
        _, holes = survey(100 + seed)
        runs.append(pooled(rf.DeepMatrixFactorization().fit(holes).complete(n_draws=15)))
    estimates, errors = map(np.asarray, zip(*runs, strict=True))
    scores = (estimates - SLOPES) / errors
    # 60 scores: a 95 % interval covers all but 3 of them, give or take 2
    assert (np.abs(scores) < 1.96).mean() > 0.87
    # standard errors are neither too small nor much too large
    assert 0.7 < np.sqrt(np.mean(scores**2)) < 1.35


@pytest.mark.parametrize("n_draws", [1, 0, -3])
def test_a_single_draw_is_refused(drawn, n_draws):
    with pytest.raises(rf.InputError, match="n_draws must be"):
        drawn[0].complete(n_draws=n_draws)

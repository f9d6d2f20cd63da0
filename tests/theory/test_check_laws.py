"""The laws of a run: they hold on runs that follow the flow, at every depth, and fail on runs that do not."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.theory import check
from rankfall.theory.check_laws import (
    check_preconditioner,
    check_product,
    check_single_output,
    check_values,
    check_vectors,
)
from tests.helpers.checked_runs import (
    BALANCE,
    FALL,
    LAW,
    MATRIX,
    OBLONG,
    PRODUCT,
    SIGN,
    SQUARE,
    STAIRS,
    TIMES,
    VECTORS,
    claims,
    path_of,
    walked,
    why_not,
)
from tests.helpers.planted import planted_problem

pytestmark = pytest.mark.trusted


PROBLEMS = {"square": SQUARE, "oblong": OBLONG, "known": rf.problems.Factorization(OBLONG.truth / 3)}
STARTS = [rf.Balanced(1e-2), rf.Gaussian(1e-3), rf.models.Orthogonal(1e-2)]
PAIRED = list(zip(PROBLEMS, STARTS, strict=True))
OTHERS = [(name, start) for name in PROBLEMS for start in STARTS if (name, start) not in PAIRED]


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("name", "start"), [*PAIRED, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in OTHERS)], ids=str
)
def test_flows_keep_every_law(depth, name, start):
    problem = PROBLEMS[name]
    reports = check(walked(problem, depth, start))
    assert reports.holds, reports
    found = set(claims(reports))
    is_balanced = not isinstance(start, rf.Gaussian)
    assert FALL in found
    assert {LAW, PRODUCT} <= found or not (is_balanced or depth == 1)
    assert (BALANCE in found) == (depth > 1)
    assert (SIGN in found) == (depth > 1 and problem is SQUARE and is_balanced)


def test_vectors_of_values_below_the_imbalance_are_not_judged():
    # the layers are balanced for the whole of W, and not in the directions of its smallest values
    report = check(walked(SQUARE, 2, rf.Gaussian(1e-3)))
    assert report.holds, report
    assert claims(report)[VECTORS].measured < 0.1


@pytest.mark.parametrize("depth", [1, 2])
def test_rounding_of_single_precision_is_no_deviation_in_any_unit(depth):
    unit = 100.0
    problem = rf.problems.Factorization(np.diag([3.0, 2.0, 1.0]).astype(np.float32) * np.float32(unit))
    step = rf.Descent(rf.Gradient(0.02 / unit ** (2 - 2 / depth)))
    ending = rf.LossBelow(1e-9 * unit**2) | rf.StepLimit(20_000)
    report = check(rf.evolve(problem, rf.Chain(depth), rf.Identity(1e-2 * unit), step, stop=ending))
    assert report.holds, report
    assert claims(report)[LAW].measured < 0.03


@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
@pytest.mark.parametrize("depth", [2, 3])
def test_the_bounds_follow_the_tolerance(rtol, depth):
    report = claims(check(walked(depth=depth, integrator=rf.Flow(rtol))))[LAW]
    assert report.holds, report
    assert report.bound == pytest.approx(max(5 * depth * rtol ** (2 / 3), 1e-3), rel=1e-6)


@pytest.mark.parametrize("depth", [2, 3])
def test_the_integral_of_the_law_is_exact_along_an_exact_path(depth):
    path = path_of(walked(STAIRS, depth, rf.Identity(1e-2), rf.Reference()), 2000)
    report = check_values(path)[0]
    assert report.measured < 1e-8, report


def test_descent_of_small_steps_is_a_flow():
    reports = check(walked(integrator=rf.Descent(rf.integrators.GroupRMSprop(1e-2))))
    assert reports.holds, reports


def test_a_run_of_a_batch_is_checked_by_itself():
    runs = rf.evolve(SQUARE, rf.Chain(2), rf.Balanced((1e-2, 1e-1)), rf.Flow(1e-4), seed=[0, 1])
    for run in runs:
        reports = check(run)
        assert reports.holds, reports


def test_float32_and_many_intervals_or_few():
    problem = planted_problem((8, 8), dtype=np.float32)
    run = rf.evolve(problem, rf.Chain(2), rf.Balanced(1e-1), rf.Flow(1e-3), stop=rf.LossBelow(1e-3))
    for intervals in (20, 1000):
        assert LAW in claims(check(run, intervals=intervals))


@pytest.mark.parametrize(
    ("integrator", "broken"),
    [
        (rf.Descent(rf.integrators.Adam(1e-2)), {LAW, PRODUCT, MATRIX, BALANCE, SIGN}),
        (rf.Descent(rf.integrators.AdaGrad(3e-2)), {LAW, PRODUCT, BALANCE, SIGN}),
        (rf.Descent(rf.integrators.Momentum(0.1)), {LAW, PRODUCT, VECTORS, BALANCE, FALL}),
    ],
)
def test_what_is_no_flow_fails(integrator, broken):
    reports = check(walked(integrator=integrator))
    assert set(claims(reports.failures)) >= broken, reports
    assert not reports.holds


@pytest.mark.parametrize(
    ("integrator", "remedy", "other"),
    [
        (rf.Descent(rf.integrators.Gradient(0.13)), "a smaller step follows the law more closely", "moves by"),
        (rf.Descent(rf.integrators.Adam(1e-2)), "this run moves by Descent(update=Adam(rate=0.01", "a smaller step"),
        (rf.Descent(rf.integrators.Momentum(0.1)), "this run moves by Descent(update=Momentum(", "a smaller step"),
    ],
)
def test_a_failed_law_names_the_remedy_of_its_integrator(integrator, remedy, other):
    problem = rf.problems.Factorization(np.diag([3.0, 2.0, 1.0, 0.5]))
    report = check(walked(problem, 3, rf.Balanced(1e-1), integrator))
    failed = [claim for claim in report.failures if claim.statement in (LAW, PRODUCT)]
    assert failed
    for claim in failed:
        assert remedy in claim.why
        assert other not in claim.why


@pytest.mark.parametrize("claim", [check_values, check_product, check_preconditioner], ids=lambda f: f.__name__)
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_law_of_another_depth_fails(depth, claim):
    path = path_of(walked(depth=depth), 300)
    for claimed in (1, 2, 3, 4, 6):
        run = replace(path.run, model=replace(path.run.model, depth=claimed))
        assert claim(replace(path, run=run))[0].holds == (claimed == depth)


@pytest.mark.parametrize("shape", [(1, 7), (7, 1)], ids=str)
def test_the_law_of_a_single_output(shape):
    path = path_of(walked(planted_problem(shape, rank=1, share=0.9), depth=3), 300)
    for claimed in (2, 3, 4):
        run = replace(path.run, model=replace(path.run.model, depth=claimed))
        assert check_single_output(replace(path, run=run))[0].holds == (claimed == 3)


def test_the_law_of_singular_vectors_fails_for_another_depth_and_another_gradient():
    path = path_of(walked(OBLONG, depth=3), 300)
    assert check_vectors(path)[0].holds
    other = replace(path, run=replace(path.run, model=replace(path.run.model, depth=1)))
    assert check_vectors(other)[0].fails
    assert check_vectors(replace(path, gradients=path.gradients[:, ::-1]))[0].fails


@pytest.mark.parametrize("start", [rf.Gaussian(0.3), rf.models.Uniform(0.3)], ids=repr)
def test_an_unbalanced_start_is_told_and_its_layers_still_conserve_it(start):
    report = check(walked(SQUARE, 3, start))
    for statement in (LAW, PRODUCT, SIGN):
        assert "unbalanced" in why_not(report, statement)
    assert claims(report)[BALANCE].holds


@pytest.mark.parametrize(("rate", "broken"), [(0.02, set()), (0.13, {LAW, PRODUCT, TIMES}), (0.2, {LAW, FALL})])
def test_descent_is_judged_at_its_own_step(rate, broken):
    # curvature N λ^{2−2/N} = 13 at the largest mode, 3: steps above 2/13 raise the loss
    run = walked(STAIRS, 3, rf.Identity(1e-2), rf.Descent(rf.Gradient(rate)), loss=1e-4)
    report = check(run, intervals=80)
    assert set(claims(report.failures)) >= broken, report
    assert report.holds == (not broken)


def test_thinning_of_a_record_fails_no_exact_run():
    run = rf.evolve(
        STAIRS, rf.Chain(2), rf.Identity(1e-2), rf.Descent(rf.Gradient(2e-2)), stop=rf.StepLimit(900),
        record=rf.Record(every=200),
    )  # fmt: skip
    few, many = (claims(check(run, intervals=count))[LAW] for count in (5, 100))
    assert few.holds
    assert many.holds
    assert few.measured <= many.measured * 1.01


def test_a_flow_too_coarse_for_the_law_is_told_what_helps():
    failures = claims(check(walked(rf.problems.Factorization(OBLONG.truth / 3), 4, integrator=rf.Flow(1e-2))).failures)
    assert "a smaller rtol" in failures[LAW].why


@pytest.mark.parametrize("integrator", [rf.Descent(rf.Gradient(0.1)), rf.Flow(1e-6)], ids=repr)
def test_a_run_that_agrees_to_rounding_is_not_better_than_exact(integrator):
    # at depth 1 a step of descent is the law itself; what rounding leaves is no negative deviation
    path = path_of(walked(depth=1, integrator=integrator), 100)
    for claim in (check_values(path)[0], check_product(path)[0]):
        assert claim.measured >= 0
        assert claim.measured == 0 or not path.is_discrete

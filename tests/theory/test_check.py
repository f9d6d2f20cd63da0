"""`check(run)`: theorems hold on runs that follow the flow, at every depth, and fail on runs that do not."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import config

import rankfall as rf
from rankfall.theory import check
from rankfall.theory.check_claims import check_values
from rankfall.theory.check_path import CheckedPath
from tests.helpers.planted import planted_problem

LAW = "σ̇_r = −N (σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩"
BALANCE = "W_{j+1}ᵀW_{j+1} − W_jW_jᵀ is conserved"
FALL = "ℓ(W) never rises"
SIGN = "det W(t) keeps its sign"
PRODUCT = "the layers move W by the end-to-end law"
GROWTH = "the gradient lets values grow more than vectors turn"
REST = "singular vectors of W are at rest at the end"
TIMES = "modes reach half their target when the closed form does"
ORDER = "strong modes escape first"
MARGIN = "deficiency margin c = σ_min(Φ) − ‖W − Φ‖_F > 0"
CONTRACTION = "the loss contracts at the rate of the margin"

SQUARE, OBLONG = planted_problem((8, 8)), planted_problem((12, 9))
STAIRS = rf.problems.Factorization(np.diag([3.0, 2.0, 1.0, 0.5]))


def walked(problem=SQUARE, depth=3, start=None, integrator=None, loss=1e-5, **model):
    return rf.evolve(
        problem, rf.Chain(depth, **model), start or rf.Balanced(1e-2), integrator or rf.Flow(1e-4),
        stop=rf.LossBelow(loss) | rf.StepLimit(400),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _shapes_are_checked_where_every_claim_is_asked(request):
    """A claim looks at every record of a run: shapes are checked in the tests that ask all claims, and in no other."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", before or not request.function.__name__.startswith("test_every_model"))
    yield
    config.update("jaxtyping_disable", before)


def claims(reports):
    return {report.statement: report for report in reports}


# --- runs on which the theorems hold --------------------------------------------------------------------------------


PROBLEMS = {"square": SQUARE, "oblong": OBLONG, "known": rf.problems.Factorization(OBLONG.truth / 3)}
STARTS = [rf.Balanced(1e-2), rf.Gaussian(1e-3), rf.Orthogonal(1e-2)]
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
    assert found >= {LAW, FALL, GROWTH, REST}
    assert (BALANCE in found) == (depth > 1)
    is_balanced = not isinstance(start, rf.Gaussian)
    # five Gaussian layers of product 1e-3 are of size 1/4 each, too far from balanced for the law to be asked
    assert (PRODUCT in found) or (depth == 5 and not is_balanced)
    assert (SIGN in found) == (depth > 1 and problem is SQUARE and is_balanced)


@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
@pytest.mark.parametrize("depth", [2, 3])
def test_the_bounds_follow_the_tolerance(rtol, depth):
    report = claims(check(walked(depth=depth, integrator=rf.Flow(rtol))))[LAW]
    assert report.holds, report
    assert report.bound == pytest.approx(max(10 * depth * rtol ** (2 / 3), 1e-3), rel=1e-6)


@pytest.mark.parametrize("depth", [2, 3])
def test_the_integral_of_the_law_is_exact_along_an_exact_path(depth):
    path = CheckedPath.of(walked(STAIRS, depth, rf.Identity(1e-2), rf.Reference()), 2000)
    report = check_values(path)[0]
    assert report.measured < 1e-8, report


@pytest.mark.parametrize(
    ("model", "problem", "found"),
    [
        (rf.EndToEnd(2.5), SQUARE, {LAW, FALL, SIGN, GROWTH, REST}),
        (rf.Symmetric(), STAIRS, {LAW, FALL, SIGN, GROWTH, REST, TIMES, ORDER}),
        (rf.Diagonal(3), STAIRS, {LAW, FALL, SIGN, GROWTH, REST, TIMES, ORDER}),
        (rf.Chain(3, decay=1e-3), STAIRS, {LAW, BALANCE, SIGN, PRODUCT}),
        (rf.Chain(3, rates=(1, 2, 1)), STAIRS, {FALL}),
        (rf.Chain(3, width=2), OBLONG, {LAW, BALANCE, FALL, PRODUCT, GROWTH, REST}),
        (rf.Chain(2), planted_problem((7, 1), rank=1), {LAW, BALANCE, FALL, PRODUCT}),
    ],
)
def test_every_model_is_asked_what_applies_to_it(model, problem, found):
    stop = rf.TimeReached(50.0) if getattr(model, "decay", 0) else rf.LossBelow(1e-5)
    run = rf.evolve(problem, model, rf.Identity(1e-2), rf.Flow(1e-4), stop=stop)
    reports = check(run)
    assert reports.holds, reports
    assert set(claims(reports)) == found


@pytest.mark.parametrize("depth", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_unmixed_modes_escape_as_the_closed_form_says(depth):
    found = claims(check(walked(STAIRS, depth, rf.Identity(1e-2), rf.Flow(1e-5))))
    assert found[TIMES].holds
    assert found[TIMES].measured < 2e-3
    assert found[ORDER].measured == 0
    assert "4 escapes" in found[ORDER].why


@pytest.mark.parametrize("integrator", [rf.Flow(1e-4), rf.Descent(rf.Gradient(1e-2))], ids=repr)
@pytest.mark.parametrize("depth", [1, 3])
def test_a_start_near_a_full_target_is_certified_and_keeps_the_promise(integrator, depth):
    problem = rf.problems.Factorization(np.diag([3.0, 2.5, 2.2]))
    start = rf.FromLayers([2.5 ** (1 / depth) * np.eye(3)] * depth)
    reports = check(walked(problem, depth, start, integrator))
    assert reports.holds, reports
    found = claims(reports)
    assert found[MARGIN].measured > 1
    assert CONTRACTION in found
    assert any("Lemma 1" in report.source for report in reports) == isinstance(integrator, rf.Descent)


CURVE = "two modes of one measurement stay on their curve"
EXCESS = "‖W‖_* exceeds the least by no more than the start allows"
CORNER = "|W_11| ≥ (|z| − √(2ℓ))(|z'| − √(2ℓ))/(|ε| + √(2ℓ))"
BLOCK = "outside a block of size 2r each layer is ρ_j times an isometry"


@pytest.mark.parametrize(
    "model", [rf.Chain(2), rf.Chain(3), rf.EndToEnd(2.5), rf.Diagonal(4), rf.Symmetric()], ids=repr
)
def test_commuting_measurements_are_recognized(model):
    one = rf.Sensing.from_diagonals([[1.0, 0.6, 0.2]], [1.0])
    two = rf.Sensing.from_diagonals([[1.0, 0.5, 0.2], [0.1, 0.6, 0.9]], [1.0, 0.7])
    for problem, found in ((one, {CURVE, EXCESS}), (two, {EXCESS})):
        reports = check(rf.evolve(problem, model, rf.Identity(1e-2), rf.Flow(1e-5)))
        assert reports.holds, reports
        assert set(claims(reports)) & {CURVE, EXCESS} == found


def test_modes_that_mix_are_on_no_curve():
    problem = rf.Sensing.from_diagonals([[1.0, 0.6, 0.2]], [1.0])
    assert not {CURVE, EXCESS} & set(claims(check(walked(problem, 3, rf.Balanced(1e-2)))))


@pytest.mark.parametrize("missing", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_the_corner_that_is_not_observed_is_recognized(missing):
    seen = np.array([[0.0, 1.0], [-1.0, 0.1]])[:: -1 if missing[0] else 1, :: -1 if missing[1] else 1]
    rows, cols = np.nonzero(np.arange(4).reshape(2, 2) != 2 * missing[0] + missing[1])
    problem = rf.Completion.from_triplets(rows, cols, seen[rows, cols], (2, 2))
    sign = -1.0 if missing[0] == missing[1] else 1.0  # of det W, from that of z z' = −1 and the turns
    start = rf.FromLayers([0.1 * np.diag([1.0, sign]), 0.1 * np.eye(2), np.eye(2) / 10])
    reports = check(rf.evolve(problem, rf.Chain(3), start, rf.Flow(1e-5), stop=rf.LossBelow(1e-2)))
    assert reports.holds, reports
    assert CORNER in claims(reports)
    other = rf.FromLayers([0.1 * np.diag([1.0, -sign]), 0.1 * np.eye(2), np.eye(2) / 10])
    assert CORNER not in claims(
        check(rf.evolve(problem, rf.Chain(3), other, rf.Flow(1e-4), stop=rf.LossBelow(1e-2) | rf.StepLimit(100)))
    )


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_the_invariant_block_is_recognized(decay):
    target = np.outer(np.arange(1.0, 7.0), np.ones(6)) / 10
    start, step = rf.Orthogonal(0.1), rf.Descent(rf.Gradient(0.05))
    run = rf.evolve(rf.problems.Factorization(target), rf.Chain(3, decay=decay), start, step, stop=rf.StepLimit(60))
    assert claims(check(run))[BLOCK].holds
    full = rf.evolve(rf.problems.Factorization(np.eye(6)), rf.Chain(3), start, step, stop=rf.StepLimit(5))
    assert BLOCK not in claims(check(full))


def test_descent_of_small_steps_is_a_flow():
    reports = check(walked(integrator=rf.Descent(rf.GroupRMSprop(3e-2))))
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


# --- runs on which they fail ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("integrator", "broken"),
    [
        (rf.Descent(rf.Adam(1e-2)), {LAW, BALANCE}),
        (rf.Descent(rf.integrators.AdaGrad(3e-2)), {LAW, BALANCE}),
        (rf.Descent(rf.Momentum(0.1)), {LAW, BALANCE, FALL}),
    ],
)
def test_what_is_no_flow_fails(integrator, broken):
    reports = check(walked(integrator=integrator))
    assert set(claims(reports.failures)) >= broken, reports
    assert not reports.holds


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_law_of_another_depth_fails(depth):
    path = CheckedPath.of(walked(depth=depth), 300)
    for claimed in (1, 2, 3, 4, 6):
        run = replace(path.run, model=replace(path.run.model, depth=claimed))
        assert check_values(replace(path, run=run))[0].holds == (claimed == depth)


def test_a_flow_too_coarse_for_the_law_is_told_what_helps():
    failures = claims(check(walked(rf.problems.Factorization(OBLONG.truth / 3), 4, integrator=rf.Flow(1e-2))).failures)
    assert "a smaller rtol" in failures[LAW].why


# --- what it says ---------------------------------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_claim():
    reports = check(walked(STAIRS, 2, rf.Identity(1e-2), rf.Flow()))
    header, *lines = str(reports).splitlines()
    assert header.split() == ["verdict", "measured", "bound", "claim", "source", "why"]
    assert len(lines) == len(reports)
    assert all(line.startswith("holds ") for line in lines)
    for claim in (LAW, BALANCE, SIGN, ORDER):
        assert any(claim in line for line in lines)


def test_what_a_run_recorded_does_not_matter():
    rare = rf.evolve(SQUARE, rf.Chain(2), rf.Balanced(1e-2), rf.Flow(), record=rf.Record(every=10**6))
    often = rf.evolve(SQUARE, rf.Chain(2), rf.Balanced(1e-2), rf.Flow(), record=rf.Record(imbalance=True))
    assert str(check(rare)) == str(check(often))


def loaded(tmp_path):
    walked(depth=2).save(tmp_path / "run.zarr")
    return rf.Trajectory.load(tmp_path / "run.zarr")


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (loaded, "without its problem, start, integrator"),
        (lambda _: walked(loss=1e6), "a run that has moved"),
        (lambda _: rf.evolve(SQUARE, rf.Chain(2), rf.Gaussian(), rf.Flow(), seed=[0, 1]), "of a batch take one run"),
    ],
)
def test_runs_that_cannot_be_checked(run, words, tmp_path):
    with pytest.raises(rf.InputError, match=words):
        check(run(tmp_path))


def test_too_few_intervals():
    with pytest.raises(rf.InputError, match="intervals must be at least 2"):
        check(walked(depth=2), intervals=1)

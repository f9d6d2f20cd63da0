"""`check(run)`: theorems hold on runs that follow the flow, at every depth, and fail on runs that do not."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import config

import rankfall as rf
from rankfall.theory import check
from rankfall.theory.check_laws import (
    check_preconditioner,
    check_product,
    check_single_output,
    check_values,
    check_vectors,
)
from rankfall.theory.check_path import CheckedPath, every_step
from tests.helpers.planted import planted_problem

LAW = "σ̇_r = −N (σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩"
BALANCE = "W_{j+1}ᵀW_{j+1} − W_jW_jᵀ is conserved"
FALL = "ℓ(W) never rises"
SIGN = "det W(t) keeps its sign"
PRODUCT = "W moves by the end-to-end law"
VECTORS = "singular vectors turn by their law"
MATRIX = "vec Ẇ = −P_W vec ∇ℓ(W)"
PENALIZED = "ℓ(W) + λ/2 Σ‖W_j‖² never rises"
OUTPUT = "Ẇ = −‖W‖^{2−2/N} (∇ℓ + (N−1) Pr_W{∇ℓ})"
TIMES = "modes reach half their target when the closed form does"
ORDER = "strong modes escape first"
MARGIN = "σ_min(W(t)) stays above the margin"
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


def claims(report):
    """The claims that were judged, but those of the run's identity, by their statement."""
    return {claim.statement: claim for claim in report.judged if claim.source != "the run itself"}


def identity(report):
    return {claim.statement: claim for claim in report if claim.source == "the run itself"}


def path_of(run, intervals):
    return CheckedPath.of(run, intervals, every_step(run).history)


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
    is_balanced = not isinstance(start, rf.Gaussian)
    assert FALL in found
    assert {LAW, PRODUCT} <= found or not (is_balanced or depth == 1)
    assert (BALANCE in found) == (depth > 1)
    assert (SIGN in found) == (depth > 1 and problem is SQUARE and is_balanced)


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


EVERY = {LAW, PRODUCT, FALL}


@pytest.mark.parametrize(
    ("model", "problem", "found"),
    [
        (rf.EndToEnd(2.5), SQUARE, EVERY | {SIGN, VECTORS}),
        (rf.Symmetric(), STAIRS, EVERY | {MATRIX, SIGN, TIMES, ORDER}),
        (rf.Diagonal(3), STAIRS, EVERY | {MATRIX, SIGN, TIMES, ORDER}),
        (rf.Chain(3, decay=1e-3), STAIRS, {LAW, PRODUCT, MATRIX, BALANCE, SIGN, PENALIZED}),
        (rf.Chain(3, rates=(1, 2, 1)), STAIRS, {FALL}),
        (rf.Chain(3, width=2), OBLONG, EVERY | {MATRIX, BALANCE, VECTORS}),
        (rf.Chain(2), planted_problem((7, 1), rank=1), EVERY | {MATRIX, BALANCE, OUTPUT}),
    ],
)
def test_every_model_is_asked_what_applies_to_it(model, problem, found):
    stop = rf.TimeReached(50.0) if getattr(model, "decay", 0) else rf.LossBelow(1e-5)
    run = rf.evolve(problem, model, rf.Identity(1e-2), rf.Flow(1e-4), stop=stop)
    report = check(run)
    assert report.holds, report
    assert set(claims(report)) == found
    # nothing is skipped silently: what was not judged says why, and every claim of the room is there
    assert len(report) - len(identity(report)) >= 14
    assert all(claim.why for claim in report if claim.holds is None)
    assert all(claim.hypotheses for claim in report if claim.source != "the run itself")


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
    assert found[MARGIN].measured > found[MARGIN].bound > 1
    assert CONTRACTION in found
    assert any("Lemma 1" in claim.source for claim in reports) == isinstance(integrator, rf.Descent)


CURVE = "two modes of one measurement stay on their curve"
COMMUTING = "W ends where the closed form of commuting measurements says"
CORNER = "|W_11| ≥ (|z| − √(2ℓ))(|z'| − √(2ℓ))/(|ε| + √(2ℓ))"
BLOCK = "outside a block of size 2r each layer is ρ_j times an isometry"


@pytest.mark.parametrize(
    "model", [rf.Chain(2), rf.Chain(3), rf.EndToEnd(2.5), rf.Diagonal(4), rf.Symmetric()], ids=repr
)
def test_commuting_measurements_are_recognized(model):
    one = rf.Sensing.from_diagonals([[1.0, 0.6, 0.2]], [1.0])
    two = rf.Sensing.from_diagonals([[1.0, 0.5, 0.2], [0.1, 0.6, 0.9]], [1.0, 0.7])
    for problem, found in ((one, {CURVE, COMMUTING}), (two, {COMMUTING})):
        report = check(rf.evolve(problem, model, rf.Identity(1e-2), rf.Flow(1e-5)))
        assert report.holds, report
        assert set(claims(report)) & {CURVE, COMMUTING} == found


def test_commuting_measurements_given_as_matrices_are_recognized():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    matrices = [basis @ np.diag(row) @ basis.T for row in ([1.0, 0.5, 0.2], [0.1, 0.6, 0.9])]
    problem = rf.Sensing.from_matrices(matrices, [1.0, 0.7])
    report = check(rf.evolve(problem, rf.Chain(3), rf.Identity(1e-2), rf.Flow(1e-5)))
    assert claims(report)[COMMUTING].holds, report


def why_not(report, statement):
    (claim,) = [claim for claim in report if claim.statement == statement]
    assert claim.holds is None
    return claim.why


def test_modes_that_mix_and_measurements_that_do_not_commute_are_told():
    problem = rf.Sensing.from_diagonals([[1.0, 0.6, 0.2]], [1.0])
    report = check(walked(problem, 3, rf.Balanced(1e-2)))
    assert (
        why_not(report, CURVE) == why_not(report, COMMUTING) == "W(0) is not diagonal in the basis of the measurements"
    )
    mixed = [np.diag([1.0, 0.5, 0.2]), np.ones((3, 3)) + np.diag([0.0, 1.0, 3.0])]
    report = check(walked(rf.Sensing.from_matrices(mixed, [1.0, 0.7]), 3, rf.Identity(1e-2)))
    assert "commute" in why_not(report, COMMUTING)


@pytest.mark.parametrize("update", [rf.Adam(1e-2), rf.Momentum(0.1)], ids=repr)
def test_rules_that_leave_the_closed_form_fail(update):
    problem = rf.Sensing.from_diagonals([[1.0, 0.5, 0.2], [0.1, 0.6, 0.9]], [1.0, 0.7])
    report = check(walked(problem, 3, rf.Identity(1e-2), rf.Descent(update)))
    assert claims(report)[COMMUTING].fails
    gentle = check(walked(problem, 3, rf.Identity(1e-2), rf.Descent(rf.Gradient(1e-2))))
    assert claims(gentle)[COMMUTING].holds


def test_a_curve_is_broken_by_the_worst_of_its_modes():
    # rule of descent: steps so long that the second mode leaves its curve, by more than the third
    problem = rf.Sensing.from_diagonals([[1.0, 0.9, 0.1]], [1.0])
    report = check(walked(problem, 2, rf.Identity(1e-3), rf.Descent(rf.Momentum(0.2))))
    claim = claims(report)[CURVE]
    assert claim.fails, report


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
    report = check(rf.evolve(problem, rf.Chain(3), other, rf.Flow(1e-4), stop=rf.LossBelow(1e-2) | rf.StepLimit(100)))
    assert why_not(report, CORNER) == "det W(0) does not have the sign of z z′"


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_the_invariant_block_is_recognized(decay):
    target = np.outer(np.arange(1.0, 7.0), np.ones(6)) / 10
    start, step = rf.Orthogonal(0.1), rf.Descent(rf.Gradient(0.05))
    run = rf.evolve(rf.problems.Factorization(target), rf.Chain(3, decay=decay), start, step, stop=rf.StepLimit(60))
    assert claims(check(run))[BLOCK].holds
    full = rf.evolve(rf.problems.Factorization(np.eye(6)), rf.Chain(3), start, step, stop=rf.StepLimit(5))
    assert BLOCK not in claims(check(full))


def test_descent_of_small_steps_is_a_flow():
    reports = check(walked(integrator=rf.Descent(rf.GroupRMSprop(1e-2))))
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
        (rf.Descent(rf.Adam(1e-2)), {LAW, PRODUCT, MATRIX, BALANCE, SIGN}),
        (rf.Descent(rf.integrators.AdaGrad(3e-2)), {LAW, PRODUCT, BALANCE, SIGN}),
        (rf.Descent(rf.Momentum(0.1)), {LAW, PRODUCT, VECTORS, BALANCE, FALL}),
    ],
)
def test_what_is_no_flow_fails(integrator, broken):
    reports = check(walked(integrator=integrator))
    assert set(claims(reports.failures)) >= broken, reports
    assert not reports.holds


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


# --- runs that are not what they say --------------------------------------------------------------------------------


RUN = walked(depth=2)
LOSS, RECORD = "the weights at the end have the loss at the end", "the record runs from 0 to the end of the run"
WEIGHTS, PASSES = "followed again, it ends at the same weights", "followed again, it passes through its record"
MADE = "model and integrator are those the run was made with"
AGAIN = "the run can be followed again"


def with_history(**changes):
    return replace(RUN, history=RUN.history | changes)


LOSSES = RUN.history["loss"]
NOISE = np.random.default_rng(0).standard_normal(RUN.weights.shape)
TAMPERED = {
    "noise": (replace(RUN, weights=NOISE), {LOSS}),
    "a hundred-thousandth of noise": (replace(RUN, weights=RUN.weights + 1e-5 * NOISE), {LOSS}),
    "noise and its own loss": (
        replace(RUN, weights=NOISE, loss=float(RUN.model.loss(SQUARE, NOISE))),
        {WEIGHTS},
    ),
    "another loss": (replace(RUN, loss=2 * RUN.loss), {LOSS}),
    "zeroed history": (with_history(**{name: 0 * values for name, values in RUN.history.items()}), {RECORD}),
    "zeroed losses": (with_history(loss=0 * RUN.history["loss"]), {PASSES}),
    "one loss": (with_history(loss=np.where(LOSSES[3] == LOSSES, 1.001 * LOSSES, LOSSES)), {PASSES}),
    "other times": (with_history(time=RUN.history["time"] ** 1.1 * RUN.time**-0.1), {PASSES}),
    "half a record": (with_history(**{name: values[:9] for name, values in RUN.history.items()}), {RECORD}),
    "another time": (replace(RUN, time=RUN.time * 0.7), {LOSS, WEIGHTS}),
    "another problem": (replace(RUN, problem=planted_problem((8, 8), seed=1)), {LOSS}),
    "a problem of another shape": (replace(RUN, problem=OBLONG), {AGAIN, LOSS}),
    "another depth": (replace(RUN, model=rf.Chain(3).sized((8, 8))), {MADE, LOSS}),
    "another integrator": (replace(RUN, integrator=rf.Flow(1e-6)), {MADE}),
    "another start": (replace(RUN, start=rf.Balanced(2e-2)), {WEIGHTS}),
    "another seed": (replace(RUN, seed=1), {WEIGHTS}),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_a_run_that_is_not_what_it_says_is_refused(name):
    run, broken = TAMPERED[name]
    report = check(run)
    assert {claim.statement for claim in report.failures} & broken, report
    assert not report.holds
    # no theorem is judged on it
    assert not claims(report)


@pytest.mark.parametrize(
    "record",
    [rf.Record(), rf.Record(every=7), rf.Record(times=[1.0, 2.5, 30.0]), rf.Record(ratio=1.5)],
    ids=["every step", "every=7", "times", "ratio"],
)
@pytest.mark.parametrize("integrator", [rf.Flow(1e-4), rf.Descent(rf.Gradient(0.1)), rf.Reference()], ids=repr)
def test_a_run_is_what_it_says_whatever_it_recorded(integrator, record):
    full = replace(record, singular_values=3, effective_rank=True, nuclear_norm=True, imbalance=True)
    run = rf.evolve(SQUARE, rf.Chain(2), rf.Balanced(1e-1), integrator, stop=rf.TimeReached(40.0), record=full)
    report = check(run, intervals=20)
    assert all(claim.holds for claim in identity(report).values()), report
    tampered = replace(run, history=run.history | {"singular_values": run.history["singular_values"] * 1.2})
    assert {claim.statement for claim in check(tampered, intervals=20).failures} == {PASSES}


# --- what it says ---------------------------------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_claim():
    reports = check(walked(STAIRS, 2, rf.Identity(1e-2), rf.Flow()))
    header, *lines = str(reports).splitlines()
    assert header.split() == ["verdict", "measured", "bound", "claim", "source", "why"]
    assert len(lines) == len(reports)
    assert all(line.startswith(("holds ", "not applicable ")) for line in lines)
    for claim in (LAW, BALANCE, SIGN, ORDER):
        assert any(claim in line for line in lines)


def test_what_a_run_recorded_does_not_matter():
    rare = rf.evolve(SQUARE, rf.Chain(2), rf.Balanced(1e-2), rf.Flow(), record=rf.Record(every=10**6))
    often = rf.evolve(SQUARE, rf.Chain(2), rf.Balanced(1e-2), rf.Flow(), record=rf.Record(imbalance=True))
    judged = [[claim for claim in check(run) if claim.source != "the run itself"] for run in (rare, often)]
    assert judged[0] == judged[1]


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

"""`check(run)` as a whole: which claims apply to a model, the table, and the input it refuses."""

import pytest

import rankfall as rf
from rankfall.theory import check
from tests.helpers.checked_runs import (
    BALANCE,
    FALL,
    LAW,
    MATRIX,
    OBLONG,
    ORDER,
    OUTPUT,
    PENALIZED,
    PRODUCT,
    SIGN,
    SQUARE,
    STAIRS,
    TIMES,
    VECTORS,
    ZERO,
    claims,
    identity,
    walked,
)
from tests.helpers.planted import planted_problem
from tests.helpers.unchecked import unchecked

EVERY = {LAW, PRODUCT, FALL, ZERO}


@pytest.mark.parametrize(
    ("model", "problem", "found"),
    [
        (rf.models.EndToEnd(2.5), SQUARE, EVERY | {SIGN, VECTORS}),
        (rf.Symmetric(), STAIRS, EVERY | {MATRIX, SIGN, TIMES, ORDER}),
        (rf.models.Diagonal(3), STAIRS, EVERY | {MATRIX, SIGN, TIMES, ORDER}),
        (rf.Chain(3, decay=1e-3), STAIRS, {LAW, PRODUCT, MATRIX, BALANCE, SIGN, PENALIZED, ZERO}),
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
        unchecked(check)(run(tmp_path))


def test_too_few_intervals():
    with pytest.raises(rf.InputError, match="intervals must be at least 2"):
        check(walked(depth=2), intervals=1)

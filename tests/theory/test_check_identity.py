"""`check` refuses a run that its problem, model, start, integrator and seed do not give."""

from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.theory import check
from tests.helpers.checked_runs import OBLONG, SQUARE, claims, identity, walked
from tests.helpers.planted import planted_problem

pytestmark = pytest.mark.trusted


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

"""What the report of a run says."""

from rankfall.errors import InputError
from rankfall.report.contents import Summary, versions
from rankfall.report.motion import motion_of
from rankfall.report.words import in_digits
from rankfall.theory import Claim
from rankfall.trajectory import Trajectory


def summary_of_run(run: Trajectory) -> Summary:
    """The contents of the report of a `Trajectory`. Raises InputError where it holds fewer than two moments."""
    motion = motion_of(run)
    m, n = motion.shape
    sides = " × ".join(map(str, run.model.dimensions if run.model.is_tensor else motion.shape))
    values = run.singular_values
    escapes = [event.time for event in run.events if event.name == "escape"]
    test = run.history.get("test_error")
    moved = (
        f"The run ended as {run.status} ({run.reason}) with loss {run.loss:.3g} after flow time {in_digits(run.time)}."
    )
    many = "s" * (len(escapes) > 1)
    ends = f"{len(escapes)} singular value{many} rose, at time{many} {_listed(escapes)}; " if escapes else ""
    ends += (
        f"W has effective rank {run.effective_rank:.3g} of {min(m, n)} and nuclear norm {in_digits(run.nuclear_norm)}"
    )
    if test is not None:
        ends += f"; its mean squared error against the truth is {test[-1]:.3g}"
    return Summary(
        title=f"A run of {type(run.model).__name__}, W of {sides}",
        asked=[("model", run.settings.get("model", repr(run.model))), ("start", run.settings.get("start", "")),
               ("integrator", run.settings.get("integrator", "")), ("stop", run.settings.get("stop", ""))],
        findings=[moved, ends + "."],
        settings=[
            ("seed", str(run.seed)), ("steps", str(run.steps)), ("gradients", str(run.evaluations)),
            ("seconds", f"{run.seconds:.3g}"), ("escapes found", str(len(escapes))),
            ("largest singular values", ", ".join(in_digits(value) for value in values[:8])), *versions(),
        ],
        motion=motion,
        claims=_claims(run),
    )  # fmt: skip


def _claims(run: Trajectory) -> list[Claim]:
    """The theorems checked on the run, of a loaded one those kept with it; none outside the scope of every theorem."""
    from rankfall.theory import check, kept_claims

    if run.problem is None:
        return kept_claims(run)
    try:
        return list(check(run).judged)
    except InputError:
        return []


def _listed(times: list[float]) -> str:
    """The first eight times, and how many more there are."""
    more = f" and {len(times) - 8} more" if len(times) > 8 else ""
    return ", ".join(in_digits(time) for time in times[:8]) + more

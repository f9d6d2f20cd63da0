"""Verify a run: the same problem, model, start, integrator and seed must give its weights and its record.

The laws are checked on a path that is followed again. These claims compare that path with the given run: a run
with other weights, another history, another problem or another depth fails them, with what differs. Where the steps
are the same, both agree to rounding; a run of a batch shares its steps with others, and agrees to the integrator's
accuracy.
"""

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.theory.claim import Claim
from rankfall.theory.run_again import followed_again, tolerance_of
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectory

SOURCE = "the run itself"
# Step ends that agree to this share of the time are the same steps.
_SAME = 1e-9
# Records that are compared: scalars and spectra, which do not depend on the signs of vectors.
_COMPARED = (
    "loss", "test_error", "held_out_error", "singular_values", "effective_rank", "nuclear_norm", "imbalance",
)  # fmt: skip


def check_identity(run: Trajectory, again: Trajectory | None, refusal: str = "") -> list[Claim]:
    """Whether the run agrees with itself, and with the run followed again (None where that was refused, and why)."""
    found = [_settings(run), _record(run)]
    if again is None:
        found.append(Claim.judged("the run can be followed again", SOURCE, "refused", "followed", False, why=refusal))
        return found
    found.append(_loss(run, again))
    if all(claim.holds for claim in found):
        found += [_weights(run, again), _history(run, again.history)]
    return found


def _settings(run: Trajectory) -> Claim:
    """The model and the integrator are those that were noted when the run was made."""
    named = {"model": repr(run.model), "integrator": repr(run.integrator)}
    other = [name for name, text in named.items() if run.settings.get(name) != text]
    why = "; ".join(f"the {name} is {named[name]}, the run was made with {run.settings.get(name)}" for name in other)
    statement = "model and integrator are those the run was made with"
    return Claim.judged(statement, SOURCE, len(other), 0, not other, why=why)


def _record(run: Trajectory) -> Claim:
    """Times of the history rise from 0 to the end of the run or beyond, and every series has as many rows."""
    times = run.history.get("time", np.empty(0))
    lengths = {name: len(values) for name, values in run.history.items()}
    why = ""
    if times.size < 2 or times[0] != 0 or not (np.diff(times) > 0).all():
        why = "recorded times do not rise from 0"
    elif times[-1] < run.time * (1 - _SAME):
        why = f"the record ends at time {times[-1]:.6g}, the run at {run.time:.6g}"
    elif len(set(lengths.values())) > 1:
        why = f"series of different lengths: {lengths}"
    return Claim.judged("the record runs from 0 to the end of the run", SOURCE, why or "it does", "it does", not why)


def _loss(run: Trajectory, again: Trajectory) -> Claim:
    """ℓ of the weights at the end is the loss at the end."""
    statement = "the weights at the end have the loss at the end"
    weights = to_numpy(run.weights)
    assert run.problem is not None
    if repr(again.model) != repr(run.model):
        why = f"the model is {run.model!r}, for this problem it would be {again.model!r}"
        return Claim.judged(statement, SOURCE, "another shape", "one shape", False, why=why)
    if weights.shape != (run.model.size,):
        why = f"the model has {run.model.size} weights, the run {weights.shape}"
        return Claim.judged(statement, SOURCE, weights.size, run.model.size, False, why=why)
    loss = float(to_numpy(run.model.loss(run.problem, run.weights[None, :]))[0])
    eps = float(np.finfo(weights.dtype).eps)
    bound = np.sqrt(eps) * abs(loss) + 64 * eps * float(np.abs(again.history["loss"]).max())
    return Claim.at_most(statement, SOURCE, abs(loss - run.loss), bound, f"ℓ of the weights is {loss:.6g}")


def _weights(run: Trajectory, again: Trajectory) -> Claim:
    """The run followed again ends at the same weights."""
    here, there = (to_numpy(each.weights).astype(np.float64) for each in (run, again))
    off = float(np.linalg.norm(here - there)) / max(float(np.linalg.norm(there)), np.finfo(float).tiny)
    bound, why = _bound(run, again.history)
    return Claim.at_most("followed again, it ends at the same weights", SOURCE, off, bound, why)


def _history(run: Trajectory, steps: dict[str, np.ndarray]) -> Claim:
    """The run followed again passes through what was recorded, at the recorded times."""
    statement, history = "followed again, it passes through its record", run.history
    times = history["time"]
    again = followed_again(run, _record_like(history), float(times[-1])).history
    names = [name for name in _COMPARED if name in history and name in again]
    other = sorted(set(history) - set(names) - {"time"})
    bound, why = _bound(run, steps)
    if again["time"].shape != times.shape:
        why = f"{times.size} records here, {again['time'].size} when followed again"
        return Claim.judged(statement, SOURCE, times.size, again["time"].size, False, why=why)
    off = {"time": float(np.abs(again["time"] - times).max() / times[-1])}
    for name in names:
        gap = np.abs(np.asarray(history[name], dtype=np.float64) - again[name])
        off[name] = float(gap.max() / max(np.abs(again[name]).max(), np.finfo(float).tiny))
    worst = max(off, key=lambda name: off[name] if off[name] == off[name] else np.inf)
    why = f"worst for {worst}; {why}" + (f"; not compared: {', '.join(other)}" if other else "")
    return Claim.at_most(statement, SOURCE, off[worst], bound, why)


def _record_like(history: dict[str, np.ndarray]) -> Record:
    values = history.get("singular_values")
    return Record(
        singular_values=0 if values is None else values.shape[1],
        effective_rank="effective_rank" in history,
        nuclear_norm="nuclear_norm" in history,
        imbalance="imbalance" in history,
        times=history["time"][1:-1],
    )


def _bound(run: Trajectory, steps: dict[str, np.ndarray]) -> tuple[float, str]:
    """How far two runs of one description may be apart, and why."""
    eps = float(np.finfo(to_numpy(run.weights).dtype).eps)
    times = run.history["time"]
    times = times[times <= steps["time"][-1] * (1 + _SAME)]
    nearest = np.clip(np.searchsorted(steps["time"], times), 1, steps["time"].size - 1)
    gaps = np.minimum(np.abs(steps["time"][nearest] - times), np.abs(steps["time"][nearest - 1] - times))
    rtol = tolerance_of(run)
    if rtol is None or (gaps <= _SAME * np.maximum(times, steps["time"][1])).all():
        return float(np.sqrt(eps)), "the same steps: equal to rounding"
    wanted = 10 * float(run.model.depth) * rtol ** (2 / 3)
    return min(max(wanted, float(np.sqrt(eps))), 0.1), "other steps: equal to the integrator's accuracy"

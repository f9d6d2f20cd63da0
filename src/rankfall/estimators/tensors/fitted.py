"""A fit of a tensor: the members that held-out entries choose, their shares, and what they predict for the entries."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.estimators.tensors.flattened import Flattened
from rankfall.estimators.tensors.growth import GOOD
from rankfall.estimators.tensors.holding import HeldOut, split
from rankfall.estimators.tensors.matricized import Matricized
from rankfall.estimators.tensors.members import Member, Modeled, crossed, judged, shares_of
from rankfall.estimators.tensors.selection import Report, choose
from rankfall.estimators.tensors.settings import TensorSettings
from rankfall.estimators.tensors.trial import Trial
from rankfall.estimators.tensors.units import Units
from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.problems.tensor_completion import TensorCompletion


@dataclass(frozen=True, eq=False)
class FittedTensor:
    """What a fit found.

    Parameters
    ----------
    units : Units
        In which the members are.
    trials : list of Trial
        Every candidate.
    chosen : Trial
        The tensor model with the lowest held-out error, as it was judged.
    best : Modeled
        That model, fitted to all entries.
    members : list of (float, Member)
        What the prediction is a sum of, and how much of each, fitted to all entries.
    held_out : HeldOut
        The held-out entries and their cross-fitted predictions, in units of the input.
    scores : ndarray
        Their absolute residuals in units of the slices, which residuals of one slice share, ascending.
    """

    units: Units
    trials: list[Trial]
    chosen: Trial
    best: Modeled
    members: list[tuple[float, Member]]
    held_out: HeldOut
    scores: Float[np.ndarray, " held"]

    @classmethod
    def of(cls, problem: TensorCompletion, settings: TensorSettings, seed: int, report: Report) -> "FittedTensor":
        """Fit the observed entries; `report` is called with every trial."""
        units = Units.of(problem, settings.axes)
        scaled = units.applied(problem)
        divided = split(scaled, settings.share, seed)
        with one_blas_thread():
            # systems of one row are small, and compiled loops form them
            chosen, trials = choose(divided, settings.families, settings.width, seed, report)
        held = divided.held_out
        assert held is not None
        members = _candidates(divided, chosen, trials, settings.is_open)
        predicted, values = judged(members, held)
        with one_blas_thread():
            best, kept = _refitted(members, shares_of(predicted, values), scaled)
        found = np.asarray(problem.loss_function.mean(crossed(predicted, values, seed)))
        unit = units.at(held.indices)
        held_out = HeldOut(held.indices, values * unit, found * unit)
        return cls(units, trials, chosen, best, kept, held_out, np.sort(np.abs(values - found)))


def _candidates(divided: TensorCompletion, chosen: Trial, trials: Sequence[Trial], is_open: bool) -> list[Member]:
    """The chosen model, the best one of each other family, and flattenings; the chosen one alone where it is exact."""
    if chosen.error < GOOD:
        return [Modeled(chosen)]
    others = [found for found in _by_family(trials) if chosen not in found]
    best = [min(found, key=lambda trial: trial.error) for found in others]
    members: list[Member] = [Modeled(trial) for trial in (chosen, *best)]
    if is_open and Flattened.suits(divided):
        with one_blas_thread():
            members += [Matricized.of(divided, axes, chosen.error) for axes in Flattened.columns(divided)]
    return members


def _by_family(trials: Sequence[Trial]) -> list[list[Trial]]:
    families = dict.fromkeys(trial.candidate.family for trial in trials)
    return [[trial for trial in trials if trial.candidate.family == family] for family in families]


def _refitted(
    members: Sequence[Member], shares: Float[np.ndarray, " members"], problem: TensorCompletion
) -> tuple[Modeled, list[tuple[float, Member]]]:
    """The best model and those members that have a share, fitted to all entries."""
    first, *others = members
    best = first.refitted(problem)
    assert isinstance(best, Modeled)
    parts = [(share, member) for share, member in zip(shares[1:], others, strict=True) if share]
    kept: list[tuple[float, Member]] = [(share, member.refitted(problem)) for share, member in parts]
    return best, [(shares[0], best), *kept] if shares[0] else kept

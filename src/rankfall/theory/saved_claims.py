"""Claims kept with a run: a saved run has no problem, so that its theorems cannot be checked again."""

import json
from collections.abc import Iterable
from dataclasses import replace

from rankfall.errors import InputError
from rankfall.theory.claim import Claim, Verdict
from rankfall.trajectory import Trajectory

_NAME = "claims"


def with_claims(run: Trajectory, claims: Iterable[Claim]) -> Trajectory:
    """The run with the claims among its settings, as text; `run.save` writes them.

    Parameters
    ----------
    run : Trajectory
        The run; it is not changed.
    claims : iterable of Claim
        The claims to keep, such as a report. Statement, source, measured, bound, verdict and why are kept; hypotheses,
        provenance and finding are not.

    Returns
    -------
    Trajectory
        A copy of the run, with these claims in place of any kept before.
    """
    kept = [
        [claim.statement, claim.source, claim.measured, claim.bound, str(claim.verdict), claim.why] for claim in claims
    ]
    return replace(run, settings=run.settings | {_NAME: json.dumps(kept)})


def kept_claims(run: Trajectory) -> list[Claim]:
    """The claims that `with_claims` put there; none where there are none. Raises InputError where they are damaged."""
    try:
        kept = json.loads(run.settings.get(_NAME, "[]"))
        return [
            Claim(statement, source, measured, bound, Verdict(verdict), why)
            for statement, source, measured, bound, verdict, why in kept
        ]
    except (ValueError, TypeError) as error:
        raise InputError(
            f"the claims kept with a run must be as they were saved, got {error}; save it again"
        ) from error

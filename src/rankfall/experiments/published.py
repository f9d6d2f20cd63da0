"""Published statements beside what was measured, as claims: numbers, orderings, series, and statements in words.

A *number* is judged only where the authors stated it (P), their code prints it (C), or it follows by derivation (D).
What was read off a figure (F), restated by others (T) or never found (NF) is shown and not judged. An *ordering*, such
as "deeper is better", is what a figure shows: it is judged wherever it was published, and shown where it was not found.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from rankfall.theory.claim import Claim, Finding, Verdict

PROVENANCES = {
    "P": "stated by the authors",
    "C": "taken from the authors' code or its stored outputs",
    "D": "derived",
    "F": "read off a figure of the authors",
    "T": "restated by others",
    "NF": "not found, recalled",
}
_NUMBERS_JUDGED = {"P", "C", "D"}


def number(
    quantity: str,
    expected: float | int,
    measured: float | int,
    provenance: str,
    *,
    factor: float | int | None = None,
    within: float | int | None = None,
    note: str = "",
    finding: Finding | None = None,
) -> Claim:
    """The claim that `measured` is `expected`, up to a `factor` either way or a relative share `within`.

    Without a tolerance, or at a provenance whose numbers are not to be relied on, both are shown and none is judged.
    """
    holds, tolerance = None, ""
    if factor is not None:
        holds, tolerance = bool(expected / factor <= measured <= expected * factor), f" within ×{factor:g}"
    elif within is not None:
        holds = bool(abs(measured - expected) <= within * abs(expected))
        tolerance = f" ± {100 * within:g} %"
    if provenance not in _NUMBERS_JUDGED:
        holds, tolerance = None, ""
    return _claim(quantity, f"{expected:.4g}{tolerance}", f"{measured:.4g}", holds, provenance, note, finding)


def series(quantity: str, expected: Sequence[float | int], measured: Sequence[float | int], provenance: str) -> Claim:
    """A row of published numbers above the row measured, shown and not judged."""
    published, found = (", ".join(f"{value:.3g}" for value in row) for row in (expected, measured))
    return _claim(quantity, published, found, None, provenance, "", None)


def ordering(
    quantity: str,
    values: Mapping[str, float | int],
    provenance: str,
    *,
    by: float | int = 1,
    note: str = "",
    finding: Finding | None = None,
) -> Claim:
    """The claim that the named values grow in the order given, each at least `by` times the one before."""
    holds = all(low * by < high for low, high in pairwise(values.values()))
    margin = "" if by == 1 else f", by ×{by:g}"
    measured = (" < " if holds else " , ").join(f"{value:.4g}" for value in values.values())
    return statement(quantity, " < ".join(values) + margin, measured, holds, provenance, note=note, finding=finding)


def statement(
    quantity: str,
    expected: str,
    measured: str,
    holds: bool,
    provenance: str,
    *,
    note: str = "",
    finding: Finding | None = None,
) -> Claim:
    """A claim in words, judged by the caller's own comparison wherever it was published."""
    judged = None if provenance == "NF" else bool(holds)
    return _claim(quantity, expected, measured, judged, provenance, note, finding)


def _claim(
    quantity: str, expected: str, measured: str, holds: bool | None, provenance: str, note: str, finding: Finding | None
) -> Claim:
    if holds is None:
        return Claim(quantity, "", measured, expected, Verdict.SHOWN, note, provenance=provenance)
    return Claim.judged(
        quantity, "", measured, expected, holds, why=note, provenance=provenance, finding=None if holds else finding
    )

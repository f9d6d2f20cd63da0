"""A published statement beside what was measured: expected, found, where it was published, and whether it holds.

Two kinds are told apart. A *number* is compared with its tolerance, but only where the authors stated it (P), their
code prints it (C), or it follows by derivation (D); what was read off a figure (F), restated by others (T) or never
found (NF) is shown and judged by nobody. An *ordering*, such as "deeper is better", is what a figure is for: it is
judged wherever it was published, and shown where it was not found.

A claim that does not hold is either a *finding*, whose reason the experiment states, or a failure, which is news.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

PROVENANCES = {
    "P": "stated by the authors",
    "C": "taken from the authors' code or its stored outputs",
    "D": "derived",
    "F": "read off a figure of the authors",
    "T": "restated by others",
    "NF": "not found, recalled",
}
_NUMBERS_JUDGED = {"P", "C", "D"}


@dataclass(frozen=True)
class Claim:
    """One statement held against one measurement.

    quantity: what is spoken of. expected: what was published, with its tolerance. measured: what was found here.
    provenance: a key of `PROVENANCES`. holds: None where the statement is shown and not judged.
    note: what to know about the measurement.
    finding: why it is known not to hold here; empty for a claim that should.
    """

    quantity: str
    expected: str
    measured: str
    provenance: str
    holds: bool | None
    note: str = ""
    finding: str = ""

    @property
    def fails(self) -> bool:
        """Whether it does not hold, and nobody has said why."""
        return self.holds is False and not self.finding

    @property
    def verdict(self) -> str:
        """holds, does not hold (a finding), FAILS or shown."""
        if self.holds is None:
            return "shown"
        return "holds" if self.holds else "FAILS" if self.fails else "does not hold"

    def record(self) -> dict[str, Any]:
        """The claim as a flat dictionary."""
        return asdict(self) | {"verdict": self.verdict}


def number(
    quantity: str,
    expected: float | int,
    measured: float | int,
    provenance: str,
    *,
    factor: float | int | None = None,
    within: float | int | None = None,
    note: str = "",
    finding: str = "",
) -> Claim:
    """The claim that `measured` is `expected`, up to a `factor` either way or a relative share `within`.

    Without a tolerance, or at a provenance whose numbers nobody should lean on, both are shown and none is judged.
    """
    holds, tolerance = None, ""
    if factor is not None:
        holds, tolerance = bool(expected / factor <= measured <= expected * factor), f" within ×{factor:g}"
    elif within is not None:
        holds = bool(abs(measured - expected) <= within * abs(expected))
        tolerance = f" ± {100 * within:g} %"
    if provenance not in _NUMBERS_JUDGED:
        holds, tolerance = None, ""
    return Claim(quantity, f"{expected:.4g}{tolerance}", f"{measured:.4g}", provenance, holds, note, finding)


def series(quantity: str, expected: Sequence[float | int], measured: Sequence[float | int], provenance: str) -> Claim:
    """A row of published numbers above the row measured, shown and not judged."""
    published, found = (", ".join(f"{value:.3g}" for value in row) for row in (expected, measured))
    return Claim(quantity, published, found, provenance, None)


def ordering(
    quantity: str,
    values: Mapping[str, float | int],
    provenance: str,
    *,
    by: float | int = 1,
    note: str = "",
    finding: str = "",
) -> Claim:
    """The claim that the named values grow in the order given, each at least `by` times the one before."""
    holds = all(low * by < high for low, high in pairwise(values.values()))
    margin = "" if by == 1 else f", by ×{by:g}"
    return statement(
        quantity, " < ".join(values) + margin, " < ".join(f"{value:.4g}" for value in values.values()).replace(
            "<", "," if not holds else "<"
        ), holds, provenance, note=note, finding=finding,
    )  # fmt: skip


def statement(
    quantity: str, expected: str, measured: str, holds: bool, provenance: str, *, note: str = "", finding: str = ""
) -> Claim:
    """A claim in words, judged by the caller's own comparison wherever it was published."""
    judged = None if provenance == "NF" else bool(holds)
    return Claim(quantity, expected, measured, provenance, judged, note, finding)

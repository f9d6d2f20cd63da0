"""A published statement beside what was measured: expected, found, where it was published, and whether it holds.

Two kinds are told apart. A *number* is compared with its tolerance, but only where the authors stated it (P), their
code prints it (C), or it follows by derivation (D); what was read off a figure (F), restated by others (T) or never
found (NF) is shown and judged by nobody. An *ordering*, such as "deeper is better", is what a figure is for: it is
judged wherever it was published, and shown where it was not found.
"""

from collections.abc import Mapping
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
    note: what to know about a failure, or about the measurement.
    """

    quantity: str
    expected: str
    measured: str
    provenance: str
    holds: bool | None
    note: str = ""

    @property
    def verdict(self) -> str:
        """holds, FAILS or shown."""
        return "shown" if self.holds is None else "holds" if self.holds else "FAILS"

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
    return Claim(quantity, f"{expected:.4g}{tolerance}", f"{measured:.4g}", provenance, holds, note)


def ordering(
    quantity: str, values: Mapping[str, float], provenance: str, *, by: float | int = 1.0, note: str = ""
) -> Claim:
    """The claim that the named values grow in the order given, each at least `by` times the one before."""
    holds = all(low * by < high for low, high in pairwise(values.values()))
    margin = "" if by == 1 else f", by ×{by:g}"
    return statement(
        quantity, " < ".join(values) + margin, " < ".join(f"{value:.3g}" for value in values.values()).replace(
            "<", "," if not holds else "<"
        ), holds, provenance, note=note,
    )  # fmt: skip


def statement(quantity: str, expected: str, measured: str, holds: bool, provenance: str, *, note: str = "") -> Claim:
    """A claim in words, judged by the caller's own comparison wherever it was published."""
    return Claim(quantity, expected, measured, provenance, None if provenance == "NF" else bool(holds), note)

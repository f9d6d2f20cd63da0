"""A claim with its verdict: a theorem about a run, or a published statement beside what was measured.

A check that finds a claim false returns a claim that fails. Exceptions are raised only for input
outside the scope of every claim. A function that checks several claims returns a `Report`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import SupportsFloat


class Verdict(StrEnum):
    """What became of a claim."""

    HOLDS = "holds"
    FAILS = "FAILS"
    KNOWN = "does not hold"
    NOT_APPLICABLE = "not applicable"
    SHOWN = "shown"


@dataclass(frozen=True)
class Finding:
    """Why a claim is known not to hold, and between which numbers.

    A finding excuses the deviation that was found, not one of any size: a measurement outside of its range fails.

    Parameters
    ----------
    why : str
        The reason, as far as it is known.
    measured : float
        The number that the finding is about.
    low, high : float
        The range of that number that the reason explains.
    """

    why: str
    measured: float
    low: float
    high: float

    @property
    def covers(self) -> bool:
        """Whether the number lies in the range; not a number does not."""
        return bool(self.low <= self.measured <= self.high)

    def __str__(self) -> str:
        return f"{self.why} (known from {self.low:.3g} to {self.high:.3g}, here {self.measured:.3g})"


@dataclass(frozen=True)
class Claim:
    """One statement, what was measured, what it is compared with, and the verdict.

    Parameters
    ----------
    statement : str
        The claim, in the notation of the papers.
    source : str
        Key of the source and the place in it, such as "arora2019, singular values"; empty where the experiment that
        makes the claim names it.
    measured : float or str
        The number found, or several in words.
    bound : float or str
        What it is compared with, or what was published with its tolerance.
    verdict : Verdict
        Whether it holds, fails, is known not to hold, does not apply, or is shown without a judgment.
    why : str
        Where the worst case occurred, why a claim does not apply, or what to do about a failure.
    hypotheses : str
        What the statement assumes.
    provenance : str
        A key of `rankfall.experiments.PROVENANCES`: who published it. Theorems are "D", derived.
    finding : Finding, optional
        Why it is known not to hold, and how far off it is known to be.
    """

    statement: str
    source: str
    measured: float | str
    bound: float | str
    verdict: Verdict
    why: str = ""
    hypotheses: str = ""
    provenance: str = "D"
    finding: Finding | None = None

    @classmethod
    def judged(
        cls,
        statement: str,
        source: str,
        measured: SupportsFloat | str,
        bound: SupportsFloat | str,
        holds: bool,
        *,
        why: str = "",
        hypotheses: str = "",
        provenance: str = "D",
        finding: Finding | None = None,
    ) -> "Claim":
        """The claim that holds or not; where a finding covers it, it is known not to.

        Parameters
        ----------
        statement : str
            The claim, in the notation of the papers.
        source : str
            Key of the source and the place in it.
        measured : float or str
            The number found, or several in words.
        bound : float or str
            What it is compared with.
        holds : bool
            Whether the claim holds.
        why : str
            Where the worst case occurred, or what to do about a failure; empty by default.
        hypotheses : str
            What the statement assumes; empty by default.
        provenance : str
            Who published it, a key of `rankfall.experiments.PROVENANCES`; "D", derived, by default.
        finding : Finding, optional
            Why the claim is known not to hold. None, the default: a claim that does not hold fails.
        """
        measured, bound = (value if isinstance(value, str) else float(value) for value in (measured, bound))
        known = Verdict.KNOWN if finding is not None and finding.covers else Verdict.FAILS
        verdict = Verdict.HOLDS if holds else known
        return cls(statement, source, measured, bound, verdict, why, hypotheses, provenance, finding)

    @classmethod
    def at_most(
        cls, statement: str, source: str, measured: float, bound: float, why: str = "", hypotheses: str = ""
    ) -> "Claim":
        """The claim measured ≤ bound; a measurement that is not a number fails.

        Parameters
        ----------
        statement : str
            The claim, in the notation of the papers.
        source : str
            Key of the source and the place in it.
        measured : float
            The number found.
        bound : float
            The largest number with which the claim holds.
        why : str
            Where the worst case occurred, or what to do about a failure; empty by default.
        hypotheses : str
            What the statement assumes; empty by default.
        """
        return cls.judged(statement, source, measured, bound, bool(measured <= bound), why=why, hypotheses=hypotheses)

    @classmethod
    def at_least(
        cls, statement: str, source: str, measured: float, bound: float, why: str = "", hypotheses: str = ""
    ) -> "Claim":
        """The claim measured ≥ bound; a measurement that is not a number fails.

        Parameters
        ----------
        statement : str
            The claim, in the notation of the papers.
        source : str
            Key of the source and the place in it.
        measured : float
            The number found.
        bound : float
            The smallest number with which the claim holds.
        why : str
            Where the worst case occurred, or what to do about a failure; empty by default.
        hypotheses : str
            What the statement assumes; empty by default.
        """
        return cls.judged(statement, source, measured, bound, bool(measured >= bound), why=why, hypotheses=hypotheses)

    @classmethod
    def not_applicable(cls, statement: str, source: str, why: str, hypotheses: str = "") -> "Claim":
        """The claim that says nothing here, and why.

        Parameters
        ----------
        statement : str
            The claim, in the notation of the papers.
        source : str
            Key of the source and the place in it.
        why : str
            Why the claim does not apply.
        hypotheses : str
            What the statement assumes; empty by default.
        """
        return cls(statement, source, "", "", Verdict.NOT_APPLICABLE, why, hypotheses)

    @property
    def holds(self) -> bool | None:
        """True or False where the claim was judged, None where it was not."""
        if self.verdict in (Verdict.NOT_APPLICABLE, Verdict.SHOWN):
            return None
        return self.verdict is Verdict.HOLDS

    @property
    def fails(self) -> bool:
        """Whether it does not hold and no finding explains it."""
        return self.verdict is Verdict.FAILS

    def record(self) -> dict[str, float | str]:
        """The claim as a flat dictionary of JSON values."""
        return {
            "statement": self.statement, "source": self.source, "measured": self.measured, "bound": self.bound,
            "verdict": str(self.verdict), "why": self.why, "hypotheses": self.hypotheses,
            "provenance": self.provenance, "finding": str(self.finding or ""),
        }  # fmt: skip

    def assuming(self, hypotheses: str) -> "Claim":
        """The claim with its hypotheses named."""
        return replace(self, hypotheses=hypotheses)

    def __str__(self) -> str:
        notes = "".join(f"; {part}" for part in (self.why, str(self.finding or "")) if part)
        if self.holds is None and not text(self.measured):
            return f"{self.verdict}: {self.statement} [{self.source}]{notes}"
        numbers = f"measured {text(self.measured)}, bound {text(self.bound)}"
        return f"{self.verdict}: {self.statement} [{self.source}]: {numbers}{notes}"


def text(value: float | str) -> str:
    """A measured value or a bound as it is printed: four digits of a number, words as they are."""
    return value if isinstance(value, str) else f"{value:.4g}"


class Report(tuple[Claim, ...]):
    """Several claims, in the order in which they were checked.

    `str()` gives a plain-text table, one line a claim:

        verdict  measured  bound   claim                          source
        holds    1.2e-13   1e-09   layers move W by the ... law   arora2018, Theorem 1
    """

    __slots__ = ()

    def __new__(cls, claims: Iterable[Claim] = ()) -> "Report":
        return super().__new__(cls, claims)

    @property
    def holds(self) -> bool:
        """Whether no claim fails; true of no claims."""
        return not self.failures

    @property
    def failures(self) -> "Report":
        """The claims that fail."""
        return Report(claim for claim in self if claim.fails)

    @property
    def judged(self) -> "Report":
        """The claims that were judged, all but those that do not apply or are only shown."""
        return Report(claim for claim in self if claim.holds is not None)

    def __str__(self) -> str:
        header = ("verdict", "measured", "bound", "claim", "source", "why")
        rows = [
            (str(claim.verdict), text(claim.measured), text(claim.bound), claim.statement, claim.source, claim.why)
            for claim in self
        ]
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]
        )
        return "\n".join(line.rstrip() for line in lines)

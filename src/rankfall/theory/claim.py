"""What a check answers: a claim, its source, the number measured, the bound, and whether it holds.

Every checking function of this room returns a `Report`, or several of them as `Reports`. A claim
that fails is an answer, not an error: exceptions are kept for input that no theorem speaks about.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """One claim held against one measurement.

    Attributes:
        claim: the statement, in a few words and the papers' letters.
        source: the key of the source and the place in it, such as "arora2019, singular values".
        measured: the number found.
        bound: the number it is compared with.
        holds: whether the claim survived.
        detail: where and when the worst case occurred, or what to do about a failure.
    """

    claim: str
    source: str
    measured: float
    bound: float
    holds: bool
    detail: str = ""

    @classmethod
    def at_most(cls, claim: str, source: str, measured: float, bound: float, detail: str = "") -> "Report":
        """The report of a claim measured ≤ bound; a measurement that is not a number fails."""
        return cls(claim, source, float(measured), float(bound), bool(measured <= bound), detail)

    @classmethod
    def at_least(cls, claim: str, source: str, measured: float, bound: float, detail: str = "") -> "Report":
        """The report of a claim measured ≥ bound; a measurement that is not a number fails."""
        return cls(claim, source, float(measured), float(bound), bool(measured >= bound), detail)

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "FAILS"
        tail = f"; {self.detail}" if self.detail else ""
        numbers = f"measured {self.measured:.4g}, bound {self.bound:.4g}"
        return f"{verdict}: {self.claim} [{self.source}]: {numbers}{tail}"


class Reports(tuple[Report, ...]):
    """Several reports, in the order in which the claims were checked.

    `str()` gives a plain-text table, one line a claim:

        verdict  measured  bound   claim                          source
        holds    1.2e-13   1e-09   layers move W by the ... law   arora2018, Theorem 1
    """

    __slots__ = ()

    def __new__(cls, reports: Iterable[Report] = ()) -> "Reports":
        return super().__new__(cls, reports)

    @property
    def holds(self) -> bool:
        """Whether every claim holds; true of no claims."""
        return all(report.holds for report in self)

    @property
    def failures(self) -> "Reports":
        """The reports whose claim does not hold."""
        return Reports(report for report in self if not report.holds)

    def __str__(self) -> str:
        header = ("verdict", "measured", "bound", "claim", "source", "detail")
        rows = [
            (
                "holds" if report.holds else "FAILS",
                f"{report.measured:.4g}",
                f"{report.bound:.4g}",
                report.claim,
                report.source,
                report.detail,
            )
            for report in self
        ]
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]
        )
        return "\n".join(line.rstrip() for line in lines)

"""The tables and figures of the papers, one file each, with the claims they make and whether they hold here.

    outcome = reproduce(experiment("arora2019-table"), "reproduced", quick=True)
    for claim in outcome.claims: print(claim)

An `Experiment` is parts to compute, data to gather, claims to judge and panels to draw. A new one is one new file and a
line in `catalogue`.
"""

from rankfall.experiments.catalogue import experiment, experiments
from rankfall.experiments.experiment import Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import PROVENANCES, number, ordering, series, statement
from rankfall.experiments.reproduce import Outcome, reproduce
from rankfall.theory.claim import Claim, Finding, Report

__all__ = [
    "PROVENANCES",
    "Claim",
    "Curve",
    "Experiment",
    "Finding",
    "Outcome",
    "Panel",
    "Part",
    "Report",
    "experiment",
    "experiments",
    "number",
    "ordering",
    "reproduce",
    "series",
    "statement",
]

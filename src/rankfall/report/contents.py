"""The contents of a report, as plain data."""

import platform
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import rankfall
from rankfall.report.cells import FilledCells
from rankfall.report.motion import Motion
from rankfall.report.quality import ColumnQuality
from rankfall.theory import Claim

CITATION = (
    "Arora, Cohen, Hu, Luo: Implicit Regularization in Deep Matrix Factorization. NeurIPS 2019 (arXiv 1905.13655)."
)


@dataclass(frozen=True, eq=False)
class Summary:
    """The contents of a report; what does not apply is empty or None.

    Parameters
    ----------
    asked, settings : list[tuple[str, str]]
        What was asked, and how it was computed, as pairs of words.
    findings : list[str]
        Two plain sentences.
    methods : dict[str, float]
        Name → root mean squared error on the held-out entries, `methods_unit`.
    columns : list[ColumnQuality]
        Quality of each.
    doubtful_rows : list[str]
        Names of rows with too few entries.
    cells : FilledCells, optional
        What was filled in.
    category_names : dict[int, list[str]]
        Place of a column of categories → the words of the codes 0, 1, ….
    candidates : list[dict[str, Any]]
        What was tried.
    members : dict[str, float]
        Of a small table, which is completed by a stack: member → its share, the largest first.
    motion : Motion, optional
        The run, or None with the reason in `without_motion`.
    claims : list[Claim]
        Theorems checked, of runs that can be.
    """

    title: str
    asked: list[tuple[str, str]]
    findings: list[str]
    settings: list[tuple[str, str]]
    methods: dict[str, float] = field(default_factory=dict)
    methods_unit: str = ""
    columns: list[ColumnQuality] = field(default_factory=list)
    doubtful_rows: list[str] = field(default_factory=list)
    row_names: list[str] = field(default_factory=list)
    cells: FilledCells | None = None
    category_names: dict[int, list[str]] = field(default_factory=dict)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    members: dict[str, float] = field(default_factory=dict)
    motion: Motion | None = None
    without_motion: str = ""
    claims: list[Claim] = field(default_factory=list)


def versions() -> list[tuple[str, str]]:
    """What the report was made with, and whom to cite."""
    return [
        ("rankfall", rankfall.__version__), ("NumPy", np.__version__), ("Python", platform.python_version()),
        ("cite", CITATION),
    ]  # fmt: skip

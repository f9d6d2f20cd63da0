"""The contents of a report, as plain data."""

import platform
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import BaseEstimator

import rankfall
from rankfall.report.cells import FilledCells
from rankfall.report.motion import Motion
from rankfall.report.quality import ColumnQuality
from rankfall.theory import Claim

CITATION = (
    "Arora, Cohen, Hu, Luo: Implicit Regularization in Deep Matrix Factorization. NeurIPS 2019 (arXiv 1905.13655)."
)


# Names that are listed of many.
LISTED = 20


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
    part : str
        What a column is: "column", or a slice along an axis of a tensor.
    effects : str
        The sum of means that each is compared with.
    doubtful : str
        A sentence on rows or slices with too few entries; empty without any.
    cells : FilledCells, optional
        What was filled in.
    axes : list[tuple[str, list[str]]]
        Of the filled cells: title of each axis, and the names along it.
    category_names : dict[int, list[str]]
        Place of a column of categories → the words of the codes 0, 1, ….
    candidates : list[dict[str, int | float | str]]
        What was tried: heading → value.
    members : dict[str, float]
        Of a small table, which is completed by a stack: member → its share, the largest first.
    motion : Motion, optional
        The run, or None with the reason in `without_motion`.
    course : str
        How the run goes, in a sentence.
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
    part: str = "column"
    effects: str = "row + column means"
    doubtful: str = ""
    cells: FilledCells | None = None
    axes: list[tuple[str, list[str]]] = field(default_factory=list)
    category_names: dict[int, list[str]] = field(default_factory=dict)
    candidates: list[dict[str, int | float | str]] = field(default_factory=list)
    members: dict[str, float] = field(default_factory=dict)
    motion: Motion | None = None
    without_motion: str = ""
    course: str = "The fit grows from almost nothing: singular values rise one by one, large ones first."
    claims: list[Claim] = field(default_factory=list)


def versions() -> list[tuple[str, str]]:
    """What the report was made with, and whom to cite."""
    return [
        ("rankfall", rankfall.__version__), ("NumPy", np.__version__), ("Python", platform.python_version()),
        ("cite", CITATION),
    ]  # fmt: skip


def parameters_of(model: BaseEstimator) -> str:
    """The parameters of an estimator that differ from their defaults."""
    defaults = type(model)().get_params()
    changed = [f"{name}={value!r}" for name, value in model.get_params().items() if repr(value) != repr(defaults[name])]
    return ", ".join([*changed, "all others at their defaults"] if changed else ["all at their defaults"])


def listed(names: list[str]) -> str:
    """The first names of many."""
    return ", ".join(names[:LISTED]) + " and others" * (len(names) > LISTED)

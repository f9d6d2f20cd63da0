"""What a comparison found: a row for every method, best first, those that have none last with the reason."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Standing:
    """One method over all repeats.

    Parameters
    ----------
    errors, absolute_errors
        root mean squared and mean absolute error on the held-out entries of each repeat.
    seconds
        mean over repeats, of choosing, fitting and predicting.
    peak_megabytes
        of a process of its own, Python and its libraries (about 200) included; NaN where there was none.
    reason
        why there is nothing to report, or None.
    """

    method: str
    title: str
    errors: tuple[float, ...] = ()
    absolute_errors: tuple[float, ...] = ()
    seconds: float = math.nan
    peak_megabytes: float = math.nan
    reason: str | None = None

    @property
    def is_measured(self) -> bool:
        """Whether the method answered in every repeat."""
        return self.reason is None

    @property
    def error(self) -> float:
        """Root mean squared error, mean over repeats; NaN where not measured."""
        return float(np.mean(self.errors)) if self.errors else math.nan

    @property
    def spread(self) -> float:
        """Standard deviation of that error over repeats (n − 1); NaN for a single one."""
        return float(np.std(self.errors, ddof=1)) if len(self.errors) > 1 else math.nan

    @property
    def absolute_error(self) -> float:
        """Mean absolute error, mean over repeats; NaN where not measured."""
        return float(np.mean(self.absolute_errors)) if self.absolute_errors else math.nan

    @property
    def absolute_spread(self) -> float:
        """Standard deviation of that error over repeats (n − 1); NaN for a single one."""
        return float(np.std(self.absolute_errors, ddof=1)) if len(self.absolute_errors) > 1 else math.nan

    def record(self) -> dict[str, str | float | None]:
        """The row as a flat dictionary; None for what is not known."""
        numbers = {
            "error": self.error,
            "spread": self.spread,
            "absolute_error": self.absolute_error,
            "absolute_spread": self.absolute_spread,
            "seconds": self.seconds,
            "peak_megabytes": self.peak_megabytes,
        }
        known = {name: None if math.isnan(value) else value for name, value in numbers.items()}
        return {"method": self.method, "title": self.title, **known, "reason": self.reason}


@dataclass(frozen=True)
class Comparison:
    """Methods measured on the same held-out entries, best first.

    Parameters
    ----------
    rows
        a `Standing` each.
    shape, observed
        of the table or tensor compared on.
    holdout, repeats, seed, bounds
        how.
    """

    rows: tuple[Standing, ...]
    shape: tuple[int, ...]
    observed: int
    holdout: float
    repeats: int
    seed: int
    bounds: tuple[float | None, float | None]

    @property
    def best(self) -> str | None:
        """The method of least error, or None where none was measured."""
        return self.rows[0].method if self.rows and self.rows[0].is_measured else None

    @property
    def measured(self) -> tuple[Standing, ...]:
        """The rows that have an error."""
        return tuple(row for row in self.rows if row.is_measured)

    def records(self) -> list[dict[str, str | float | None]]:
        """The rows as flat dictionaries."""
        return [row.record() for row in self.rows]

    def frame(self) -> "pl.DataFrame":
        """The rows as a polars frame; null for what is not known."""
        import polars as pl

        numbers = ("error", "spread", "absolute_error", "absolute_spread", "seconds", "peak_megabytes")
        return pl.DataFrame(self.records(), schema_overrides={"reason": pl.String} | dict.fromkeys(numbers, pl.Float64))

    def to_json(self, path: Path | str) -> None:
        """Write settings and rows, with every repeat's errors, whole or not at all."""
        from rankfall import __version__
        from rankfall.tables import replacing

        rows = [
            row.record() | {"errors": list(row.errors), "absolute_errors": list(row.absolute_errors)}
            for row in self.rows
        ]
        written = {
            "rankfall": __version__, "shape": list(self.shape), "observed": self.observed, "holdout": self.holdout,
            "repeats": self.repeats, "seed": self.seed, "bounds": list(self.bounds), "best": self.best, "rows": rows,
        }  # fmt: skip
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(written, indent=2, allow_nan=False) + "\n", encoding="utf-8")

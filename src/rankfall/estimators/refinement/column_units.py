"""Columns as members see them: mean 0, standard deviation 1; positive columns over decades by their logarithms."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rankfall.estimators.scalings import DECADES, ROUNDING


def varying_columns(table: Float[np.ndarray, "m n"]) -> Bool[np.ndarray, " n"]:
    """Columns whose known values differ by more than rounding."""
    # of a column without any, the three are NaN
    low, high = np.fmin.reduce(table, axis=0), np.fmax.reduce(table, axis=0)
    largest = np.maximum(np.abs(low), np.abs(high))
    return np.isfinite(low) & (high - low > ROUNDING * largest)


def over_decades(table: Float[np.ndarray, "m n"]) -> Bool[np.ndarray, " n"]:
    """Columns of positive values that span more than a decade."""
    low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
    return (low > 0) & (high > DECADES * low)


@dataclass(frozen=True, eq=False)
class ColumnUnits:
    """Origin and unit of every column of every part, after logarithms of some columns."""

    logs: Bool[np.ndarray, " n"]
    origin: Float[np.ndarray, "parts 1 n"]
    unit: Float[np.ndarray, "parts 1 n"]

    @classmethod
    def of(cls, tables: Float[np.ndarray, "parts m n"], logs: Bool[np.ndarray, " n"]) -> "ColumnUnits":
        """Means and standard deviations of what is known; the last part is the whole table."""
        bent = _bend(tables, logs)
        origin, unit = np.nanmean(bent, axis=1, keepdims=True), np.nanstd(bent, axis=1, keepdims=True)
        # a fold may have left a column nearly constant
        return cls(logs, origin, np.where(unit > 0.1 * unit[-1:], unit, unit[-1:]))

    def to_units(self, tables: Float[np.ndarray, "parts m n"]) -> Float[np.ndarray, "parts m n"]:
        """(x − o)/q, or of log x."""
        return (_bend(tables, self.logs) - self.origin) / self.unit

    def from_units(self, tables: Float[np.ndarray, "parts m n"]) -> Float[np.ndarray, "parts m n"]:
        """The way back; logarithms no further out than half again the column's own range."""
        values = self.origin + self.unit * tables
        if self.logs.any():
            values[..., self.logs] = np.exp(np.clip(values[..., self.logs], -700, 700))
        return values


def _bend(tables: np.ndarray, logs: np.ndarray) -> np.ndarray:
    if not logs.any():
        return tables
    bent = tables.copy()
    bent[..., logs] = np.log(bent[..., logs])
    return bent

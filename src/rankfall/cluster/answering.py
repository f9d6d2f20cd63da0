"""What a worker of a cluster needs to predict: labels, effects and factors, without entries."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from rankfall.cluster.row_blocks import numbers
from rankfall.cluster.table import ClusterTable
from rankfall.errors import InputError
from rankfall.estimators.bounds import Bounds
from rankfall.estimators.column_values import ColumnValues
from rankfall.estimators.estimator import DeepMatrixFactorization
from rankfall.estimators.recommendation import best_columns
from rankfall.estimators.standardization import Standardization
from rankfall.kernels.observed import predict as products_at
from rankfall.problems.layouts.row_block import RowBlock

if TYPE_CHECKING:
    import pandas as pd


# Predictions that a worker forms at a time.
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Answering:
    """All that a worker needs to predict: labels, effects and factors; no entries."""

    rows: "pd.Index"
    cols: "pd.Index"
    shape: Standardization
    left: np.ndarray
    right: np.ndarray
    ranges: ColumnValues | None
    bounds: Bounds

    @classmethod
    def of(cls, estimator: DeepMatrixFactorization) -> "Answering":
        """Of a fitted estimator, with a row and a column more for ids that were never seen."""
        table = table_of(estimator)
        entries = table.entries
        ranges = table.column_values if estimator.decimals == "auto" else None
        left, right = (np.concatenate([f, f.mean(axis=0, keepdims=True)]) for f in (table.left, table.right))
        return cls(
            entries.labels.rows, entries.labels.cols, table.standardization.with_average(), left, right, ranges,
            Bounds.of(estimator.bounds, table.right.shape[0]),
        )  # fmt: skip

    def __call__(self, frame: "pd.DataFrame", row: str, col: str) -> "pd.DataFrame":
        """The pairs of a partition with their predictions; an id that was never seen counts as average."""
        rows, cols = (
            numbers(cast("pd.Series", frame[name]), known) for name, known in ((row, self.rows), (col, self.cols))
        )
        places, columns = rows % self.left.shape[0], cols % self.right.shape[0]
        z = self.shape.offset(places, columns) + products_at(places, columns, self.left, self.right)
        return frame.assign(predicted=self._bounded(self.shape.from_units(z, columns), cols))

    def _bounded(self, values: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Values as their columns have them, within the bounds; column -1 is one never seen."""
        return self.bounds.clip(values if self.ranges is None else self.ranges.dressed(values, cols), cols)

    def best(self, block: RowBlock, k: int) -> "pd.DataFrame":
        """The k best unobserved columns of each row of a block, best first: row id, rank, column id, prediction."""
        import pandas as pd

        starts, n, found = block.starts, block.shape[1], []
        for begin in range(0, block.shape[0], max(1, _BLOCK // n)):
            chosen = np.arange(begin, min(block.shape[0], begin + max(1, _BLOCK // n)))
            rows = chosen + block.first
            z = self.left[rows] @ self.right[:n].T + self.shape.offset(rows[:, None], np.arange(n))
            values = self.shape.from_units(z, np.arange(n))
            for place, row in enumerate(chosen):
                values[place, block.cols[starts[row] : starts[row + 1]]] = -np.inf
            top, scores = best_columns(values, min(k, n))
            found.append(
                pd.DataFrame(
                    {
                        "row": np.repeat(self.rows[rows], top.shape[1]),
                        "rank": np.tile(np.arange(1, top.shape[1] + 1), rows.size),
                        "column": self.cols[top.ravel()],
                        "predicted": self._bounded(scores.ravel(), top.ravel()),
                    }
                )[np.isfinite(scores.ravel())]
            )
        return pd.concat(found, ignore_index=True)


def table_of(estimator: DeepMatrixFactorization) -> ClusterTable:
    """What a fit on a cluster found. Raises InputError for any other estimator."""
    fitted = vars(estimator).get("fitted_")
    if not isinstance(fitted, ClusterTable):
        raise InputError("this is for an estimator fitted on a cluster, got another; fit a Dask frame first")
    return cast(ClusterTable, fitted)

"""A completed table: factors, effects and units, and what they predict.

    x̂_ij = o_j + q_j (μ + a_i + b_j + L_i · R_j)

Nothing of size m·n is kept. New rows are folded in: their effect and factor are the posterior mean given their
observed entries, with the trained rows as the prior (the spread of the trained factors) and the held-out error as the
noise, so that a row with few entries stays near the average row. With features, which entries those are counts too.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.errors import InputError
from rankfall.estimators.categories import Categories
from rankfall.estimators.column_values import ColumnValues
from rankfall.estimators.conformal import Calibration, calibrate
from rankfall.estimators.feature_shift import FeatureShift
from rankfall.estimators.fold_in import folded, temperature
from rankfall.estimators.limit import rounding_of
from rankfall.estimators.refinement import Refinement
from rankfall.estimators.selection import Selection
from rankfall.estimators.standardization import Standardization
from rankfall.kernels.observed import predict
from rankfall.low_rank import effective_rank
from rankfall.problems.completion import Completion
from rankfall.trajectory.run import Trajectory

# How many held-out entries' worth of doubt draws the error of a column to that of all columns.
_COLUMN_DOUBT = 5.0


@dataclass(frozen=True, eq=False)
class FittedTable:
    """What a fit found: standardization, factors `left` (m, k) and `right` (n, k), the selection and the run.

    Parameters
    ----------
    shift : FeatureShift, optional
        What new rows gain from which entries of theirs are observed; None for a fit without features.
    refinement : Refinement, optional
        The stack's predictions of what is unknown in a small table, and its model of new rows; observed entries and new
        columns have the predictions of the factorization.
    """

    problem: Completion
    standardization: Standardization
    left: Float[np.ndarray, "m k"]
    right: Float[np.ndarray, "n k"]
    selection: Selection
    trajectory: Trajectory | None
    shift: FeatureShift | None = None
    refinement: Refinement | None = None

    def predict(self, rows: np.ndarray, cols: np.ndarray) -> Float[np.ndarray, " entries"]:
        """x̂ at the positions, input units; an index of −1 is an average row or column."""
        rows, cols = np.asarray(rows), np.asarray(cols)
        places = rows, cols
        shape, left, right = self.standardization, self.left, self.right
        if (rows < 0).any() or (cols < 0).any():
            # one more row and column, at the mean of the others, answers to −1
            left, right = (np.concatenate([part, part.mean(axis=0, keepdims=True)]) for part in (left, right))
            shape = shape.with_average()
            rows, cols = rows % left.shape[0], cols % right.shape[0]
        z = shape.offset(rows, cols) + predict(rows, cols, left, right)
        values = shape.from_units(z, cols)
        if self.refinement is None:
            return values
        better = np.where((places[0] < 0) | (places[1] < 0), np.nan, self.refinement.table[places])
        return np.where(np.isnan(better), values, better)

    def rows(self, effects: Float[np.ndarray, " r"], left: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "r n"]:
        """x̂ of whole rows, from their effects and factors."""
        shape = self.standardization
        z = left.astype(np.float64) @ self.right.T.astype(np.float64)
        z += shape.mean + effects[:, None] + shape.column_effect
        return shape.from_units(z, slice(None))

    def trained_rows(self, chosen: slice | np.ndarray) -> Float[np.ndarray, "r n"]:
        """x̂ of some of the rows of the training table."""
        values = self.rows(self.standardization.row_effect[chosen], self.left[chosen])
        if self.refinement is None:
            return values
        better = self.refinement.table[chosen]
        return np.where(np.isnan(better), values, better)

    @cached_property
    def effective_rank(self) -> float:
        """Of L Rᵀ, from its factors."""
        left, right = (np.linalg.qr(factor.astype(np.float64))[1] for factor in (self.left, self.right))
        return float(effective_rank(np.linalg.svd(left @ right.T, compute_uv=False)))

    @cached_property
    def signs(self) -> tuple[float, float] | None:
        """The two values of a table fitted by the logistic loss, the lower first."""
        if not self.standardization.loss.is_binary:
            return None
        return float(self.problem.values.min()), float(self.problem.values.max())

    @cached_property
    def _prior(self) -> tuple[Float[np.ndarray, "n kp1"], float]:
        """Features of a column for a new row (its effect first, then R), in standard deviations of the prior, and τ."""
        left, right = self.left.astype(np.float64), self.right.astype(np.float64)
        spread = left.T @ left / max(1, left.shape[0]) if self.shift is None else self.shift.own
        values, vectors = np.linalg.eigh(spread)
        root = vectors * np.sqrt(np.maximum(values, 0))
        effect = np.sqrt(self.standardization.noise / self.standardization.row_damping)
        features = np.concatenate([np.full((right.shape[0], 1), effect), right @ root], axis=1)
        held, shape = self.selection, self.standardization
        residuals = shape.to_units(held.values, held.cols) - shape.to_units(held.predicted, held.cols)
        if not residuals.size:
            residuals = np.full(1, np.sqrt(self.standardization.noise))
        return features, max(temperature(self.standardization.loss, residuals), 2e-12)

    @cached_property
    def error_units(self) -> Float[np.ndarray, " n"]:
        """The unit in which errors of a column are compared with those of others.

        For a refined table it is the root mean squared held-out error of the column, drawn towards that of all columns
        (in units of their spreads) as by a few entries, and so where logarithms are read; otherwise the unit of the
        standardization.
        """
        unit = self.standardization.unit
        if self.refinement is None and not self.standardization.logs.any():
            return unit
        held, n = self.selection, self.problem.shape[1]
        spreads = self._spreads
        squares = ((held.values - held.predicted) / spreads[held.cols]) ** 2
        counts = np.bincount(held.cols, minlength=n)
        common = float(squares.mean()) + np.finfo(float).tiny
        shrunk = (np.bincount(held.cols, squares, n) + _COLUMN_DOUBT * common) / (counts + _COLUMN_DOUBT)
        return spreads * np.sqrt(shrunk)

    @cached_property
    def _spreads(self) -> Float[np.ndarray, " n"]:
        """Standard deviations of the columns' observed entries, tiny for a constant one."""
        cols, n = self.problem.cols, self.problem.shape[1]
        values = np.asarray(self.problem.values, dtype=np.float64)
        counts = np.maximum(np.bincount(cols, minlength=n), 1)
        means = np.bincount(cols, values, n) / counts
        spreads = np.sqrt(np.bincount(cols, (values - means[cols]) ** 2, n) / counts)
        return np.maximum(spreads, 1e-12 * np.maximum(np.abs(means), 1e-300))

    @cached_property
    def column_values(self) -> ColumnValues:
        """Range and decimals of what each column holds."""
        return ColumnValues.of(self.problem)

    @property
    def categories(self) -> Categories | None:
        """The levels of columns of categories, None where all are numbers."""
        return None

    @property
    def simple(self) -> dict[str, Float[np.ndarray, " held"]]:
        """What simple methods predict for held-out entries, by name; none without a stack."""
        return {} if self.refinement is None else self.refinement.simple

    @property
    def source(self) -> "FittedTable":
        """The fit itself, where this one reads another's columns as categories."""
        return self

    def of_draws(self, drawn: Float[np.ndarray, "draws m wide"], rng: np.random.Generator) -> np.ndarray:
        """Draws of the source as draws of this table (draws, m, n)."""
        return drawn

    def probabilities(self, rows: np.ndarray, col: int) -> Float[np.ndarray, "r levels"]:
        """Of the levels of a category; raises InputError for a column of numbers."""
        raise InputError(
            f"probabilities of levels are for columns of categories, got column {col + 1} of numbers; name it in "
            "categorical_features before the fit"
        )

    @property
    def is_category(self) -> Bool[np.ndarray, " n"]:
        """Which columns are categories; here none."""
        return np.zeros(self.problem.shape[1], dtype=bool)

    @property
    def numeric_selection(self) -> Selection:
        """The selection with held-out entries of numbers alone."""
        return self.selection

    @cached_property
    def calibration(self) -> Calibration:
        """Held-out errors in units of their columns, made ready for intervals."""
        held, counts = self.numeric_selection, self.problem.degrees
        errors = (held.values - held.predicted) / self.error_units[held.cols]
        if held.chosen.candidate.is_limit:
            # below that, errors are rounding, which the fit of all entries need not share
            errors = np.maximum(np.abs(errors), rounding_of(self.problem))
        kept = 1.0 if self.refinement is None else 0.9
        return calibrate(errors, held.rows, held.cols, counts[0].astype(float), counts[1].astype(float), kept)

    def hide_observed(self, chosen: np.ndarray, values: Float[np.ndarray, "r n"]) -> None:
        """Put −∞ in place of the observed entries of the rows chosen."""
        starts = np.searchsorted(self.problem.rows, np.arange(self.problem.shape[0] + 1))
        for place, row in enumerate(chosen):
            values[place, self.problem.cols[starts[row] : starts[row + 1]]] = -np.inf

    @cached_property
    def _marks(self) -> np.ndarray:
        problem = self.problem
        return _row_marks(problem.rows, problem.cols, problem.values, problem.shape[0])

    @cached_property
    def _places(self) -> dict[int, int]:
        seen = np.flatnonzero(np.bincount(self.problem.rows, minlength=self.problem.shape[0]))
        return dict(zip(self._marks[seen].tolist(), seen.tolist(), strict=True))

    def places_of(self, values: Float[np.ndarray, "r n"]) -> Int[np.ndarray, " r"]:
        """Where each row stood in the training table: the row with the very same entries, or −1 for a new one.

        The training table itself has its rows in their places, those without an entry too.
        """
        rows, cols = np.nonzero(~np.isnan(values))
        kept = values[rows, cols].astype(self.problem.values.dtype)
        marks = _row_marks(rows, cols, kept, values.shape[0])
        if np.array_equal(marks, self._marks):
            return np.arange(len(values))
        return np.asarray([self._places.get(mark, -1) for mark in marks.tolist()], dtype=int)

    def fold_in(self, values: Float[np.ndarray, "r n"]) -> Float[np.ndarray, "r n"]:
        """x̂ of new rows given as an array with NaN for what is unknown."""
        if self.refinement is not None:
            return self.refinement.row_model.fill(values)
        features, heat = self._prior
        shape = self.standardization
        targets = shape.to_units(values, slice(None))
        offset = shape.mean + shape.column_effect
        observed = ~np.isnan(values)
        z = np.tile(offset, (len(values), 1))
        if self.shift is not None:
            z += self.shift(observed) @ self.right.T.astype(np.float64)
        for i, known in enumerate(observed):
            z[i] += features @ folded(features[known], z[i, known], targets[i, known], shape.loss, heat)
        return shape.from_units(z, slice(None))


def _row_marks(rows: np.ndarray, cols: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """A 64-bit mark of each row's observed entries; equal rows have equal marks, others differ but by rare chance."""
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    mixed = (bits ^ (cols.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(29)
    marks = np.zeros(count, dtype=np.uint64)
    np.add.at(marks, rows, mixed)
    return marks

"""Between input units and the units a run works in.

A table is read as x_ij = o_j + q_j (μ + a_i + b_j + s_i t_j W_ij): origin o and unit q of each column, row and column
effects a and b, and the product W of the chain; of a column that is positive over decades, log x_ij may be read so.
Effects are damped means, each shrunk by as much as the entries themselves suggest (empirical Bayes), so that a row
seen twice is not taken at its word. The popularity s_i t_j ∝ (degree)^(−γ) slows rows and columns that are seen often,
which would otherwise be fitted first. Fitting W to the residuals with weights (s_i t_j)² is then an ordinary
completion problem.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.errors import InputError
from rankfall.estimators.effects import ListedSums, Sums, damped_effects
from rankfall.estimators.moments import Moments
from rankfall.estimators.scalings import SCALINGS, columns_over_decades
from rankfall.kernels.pieces import pieces
from rankfall.problems.completion import Completion
from rankfall.problems.losses import Loss, Squared

_LARGEST_LOG = 700.0
# How far beyond the largest observed value the prediction of a logarithm may lead, as a share of the range.
BEYOND = 0.25
# Effects that explain less of the variance than this are left to the product, whose rank they would only raise.
_WORTHWHILE = 0.05


@dataclass(frozen=True)
class Standardization:
    """Origins, units, effects and popularity read off the observed entries of a table; all float64.

    Parameters
    ----------
    origin, unit : (n,) ndarray
    mean : float
        Scalar μ.
    row_effect, row_slow : (m,) ndarray
    column_effect, column_slow : (n,) ndarray
    row_damping, column_damping : float
        How many entries' worth of doubt shrinks an effect.
    noise : float
        Variance of what the effects leave, in units.
    loss : Loss
        What a residual costs, in units.
    logs : (n,) ndarray of bool
        Which columns are read by their logarithms.
    highest : (n,) ndarray
        What predictions of such a column are kept below: an error of its logarithm may be any error of its value.
    """

    origin: Float[np.ndarray, " n"]
    unit: Float[np.ndarray, " n"]
    mean: float
    row_effect: Float[np.ndarray, " m"]
    column_effect: Float[np.ndarray, " n"]
    row_slow: Float[np.ndarray, " m"]
    column_slow: Float[np.ndarray, " n"]
    row_damping: float
    column_damping: float
    noise: float
    mixed: bool
    logs: Bool[np.ndarray, " n"]
    highest: Float[np.ndarray, " n"]
    loss: Loss = field(default_factory=Squared)

    def offset(self, rows: Int[np.ndarray, " entries"], cols: Int[np.ndarray, " entries"]) -> np.ndarray:
        """μ + a_i + b_j at the positions, in units."""
        return self.mean + self.row_effect[rows] + self.column_effect[cols]

    def to_units(self, values: np.ndarray, cols: np.ndarray | slice) -> np.ndarray:
        """(x − o_j)/q_j, of log x where a column is read so."""
        if self.logs.any():
            values = _with_logarithms(values, np.broadcast_to(self.logs[cols], np.shape(values)))
        return (values - self.origin[cols]) / self.unit[cols]

    def from_units(self, values: np.ndarray, cols: np.ndarray | slice) -> np.ndarray:
        """o_j + q_j z, for the logistic loss with the sign that z leads one to expect in place of z."""
        read = self.origin[cols] + self.unit[cols] * self.loss.mean(values)
        if self.logs.any():
            is_log = np.broadcast_to(self.logs[cols], read.shape)
            values = np.exp(np.clip(read, -_LARGEST_LOG, _LARGEST_LOG))
            read = np.where(is_log, np.minimum(values, self.highest[cols]), read)
        return read

    def with_popularity(self, degrees: tuple[np.ndarray, np.ndarray], exponent: float) -> "Standardization":
        """The same with popularity (degree)^(−exponent), by the numbers of entries of rows (m,) and columns (n,)."""
        slow = [_slowness(degree, exponent) for degree in degrees]
        return replace(self, row_slow=slow[0], column_slow=slow[1])

    def with_average(self) -> "Standardization":
        """The same with one more row and column, whose effects are none and whose unit is typical."""
        return replace(
            self,
            origin=np.append(self.origin, self.origin.mean()),
            unit=np.append(self.unit, np.median(self.unit)),
            row_effect=np.append(self.row_effect, 0.0),
            column_effect=np.append(self.column_effect, 0.0),
            row_slow=np.append(self.row_slow, 1.0),
            column_slow=np.append(self.column_slow, 1.0),
            logs=np.append(self.logs, False),
            highest=np.append(self.highest, np.inf),
        )

    def residual_problem(self, problem: Completion, dtype: type) -> Completion:
        """The completion problem for W: residuals over s_i t_j, with weights (s_i t_j)² times those given."""
        count, is_flat = problem.rows.size, np.ptp(self.row_slow) == 0 and np.ptp(self.column_slow) == 0
        residuals = np.empty(count, dtype)
        weights = None if problem.weights is None and is_flat else np.empty(count, dtype)
        # piece by piece: a large table has no room for its own size in float64 many times over
        for piece in pieces(count):
            rows, cols = problem.rows[piece], problem.cols[piece]
            slow = self.row_slow[rows] * self.column_slow[cols]
            residuals[piece] = (self.to_units(problem.values[piece], cols) - self.offset(rows, cols)) / slow
            if weights is not None:
                weights[piece] = slow**2 if problem.weights is None else problem.weights[piece] * slow**2
        return problem.with_values(residuals, weights, self.loss)

    def factors(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Factors of s_i t_j W_ij from those of W."""
        return (
            left * self.row_slow[:, None].astype(left.dtype),
            right * self.column_slow[:, None].astype(right.dtype),
        )


def standardize(problem: Completion, scaling: str) -> Standardization:
    """Read a `Standardization` off the observed entries.

    scaling: one of `rankfall.estimators.scalings`, but "auto": `scaling_choice` chooses.
    """
    if scaling not in SCALINGS or scaling == "auto":
        raise InputError(f"scaling must be one of {', '.join(SCALINGS[1:])}, got {scaling!r}")
    rows, cols, n = problem.rows, problem.cols, problem.shape[1]
    values = np.asarray(problem.values)
    logs = columns_over_decades(problem) if scaling == "log" else np.zeros(n, dtype=bool)
    if logs.any():
        values = _with_logarithms(values, logs[cols])
    weights = None if problem.weights is None else np.asarray(problem.weights, dtype=np.float64)
    moments = Moments.of(cols, values, weights, n)
    if scaling == "raw":
        return _raw(problem, moments)
    origin, unit = moments.origins_and_units(is_mixed=scaling != "global")
    units = np.empty(cols.size)
    for piece in pieces(cols.size):
        units[piece] = (values[piece] - origin[cols[piece]]) / unit[cols[piece]]
    shape = standardized(ListedSums(rows, cols, units, weights, problem.shape), origin, unit, scaling != "global")
    return replace(shape, logs=logs, highest=_highest(problem, logs))


def standardized(sums: Sums, origin: np.ndarray, unit: np.ndarray, is_mixed: bool) -> Standardization:
    """The standardization with these origins and units (n,), by sums over the entries in those units."""
    effects = damped_effects(sums)
    m, n = effects.rows.size, effects.cols.size
    total = sums.variance(np.zeros(m), np.zeros(n))
    sides = []
    for effect, damping in ((effects.rows, effects.row_damping), (effects.cols, effects.column_damping)):
        is_worth = effects.noise / damping >= _WORTHWHILE * total
        sides.append((effect, damping) if is_worth else (np.zeros(effect.size), np.inf))
    (row_effect, row_damping), (column_effect, column_damping) = sides
    return Standardization(
        origin, unit, effects.mean, row_effect, column_effect, np.ones(m), np.ones(n), row_damping, column_damping,
        effects.noise, is_mixed, np.zeros(n, dtype=bool), np.full(n, np.inf),
    )  # fmt: skip


def _highest(problem: Completion, logs: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The largest observed value of each of the columns, and a share of their range beyond it; no bound elsewhere."""
    if not logs.any():
        return np.full(logs.size, np.inf)
    low, high = np.full(logs.size, np.inf), np.full(logs.size, -np.inf)
    np.minimum.at(low, problem.cols, problem.values)
    np.maximum.at(high, problem.cols, problem.values)
    return np.where(logs, high + BEYOND * (high - low), np.inf)


def _raw(problem: Completion, moments: Moments) -> Standardization:
    """No origin, no effects: each column in units of its root mean square; a constant one as its constant."""
    m, n = problem.shape
    root = np.sqrt(moments.means**2 + moments.spreads**2)
    unit = np.where(moments.is_constant | (root == 0), moments.tiny, root)
    origin = np.where(moments.is_constant, moments.means, 0.0)
    values = np.asarray(problem.values, dtype=np.float64)
    noise = float(np.average(((values - origin[problem.cols]) / unit[problem.cols]) ** 2, weights=problem.weights))
    return Standardization(
        origin, unit, 0.0, np.zeros(m), np.zeros(n), np.ones(m), np.ones(n), np.inf, np.inf, noise, True,
        np.zeros(n, dtype=bool), np.full(n, np.inf),
    )  # fmt: skip


def _with_logarithms(values: np.ndarray, is_log: np.ndarray) -> np.ndarray:
    """Some of the values by their logarithms; one that has none counts as the smallest that has one."""
    logs = np.log(np.maximum(values, np.finfo(float).tiny), where=is_log, out=np.zeros(is_log.shape))
    return np.where(is_log, logs, values)


def _slowness(degree: np.ndarray, exponent: float) -> np.ndarray:
    slow = np.maximum(degree, 1).astype(np.float64) ** -exponent
    return slow / np.sqrt(np.mean(slow**2))

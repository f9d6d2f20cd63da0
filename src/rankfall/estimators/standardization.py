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
from rankfall.estimators.scalings import ROUNDING, SCALINGS, columns_over_decades
from rankfall.problems.completion import Completion
from rankfall.problems.losses import Loss, Squared

_EFFECT_ROUNDS, _EFFECT_TOLERANCE = 20, 1e-3
_PIECE = 2**20
# Equal entries from which on a column counts as constant.
_CONSTANT = 4
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

    def with_popularity(self, problem: Completion, exponent: float) -> "Standardization":
        """The same with popularity (degree)^(−exponent) of the rows and columns of a problem."""
        m, n = problem.shape
        slow = _slowness(problem.rows, m, exponent), _slowness(problem.cols, n, exponent)
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
        for begin in range(0, count, _PIECE):
            piece = slice(begin, begin + _PIECE)
            rows, cols = problem.rows[piece], problem.cols[piece]
            slow = self.row_slow[rows] * self.column_slow[cols]
            residuals[piece] = (self.to_units(problem.values[piece], cols) - self.offset(rows, cols)) / slow
            if weights is not None:
                weights[piece] = slow**2 if problem.weights is None else problem.weights[piece] * slow**2
        table = problem.rows, problem.cols, residuals, problem.shape, weights
        return Completion(*table, loss_function=self.loss)

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
    rows, cols, (m, n) = problem.rows, problem.cols, problem.shape
    values = np.asarray(problem.values, dtype=np.float64)
    logs = columns_over_decades(problem) if scaling == "log" else np.zeros(n, dtype=bool)
    if logs.any():
        values = _with_logarithms(values, logs[cols])
    weights = None if problem.weights is None else np.asarray(problem.weights, dtype=np.float64)
    counts = np.bincount(cols, weights, n)
    means = np.bincount(cols, _weighed(values, weights), n) / np.maximum(counts, 1e-300)
    center = float(np.average(values, weights=weights))
    means = np.where(counts > 0, means, center)
    spreads = np.bincount(cols, _weighed(np.square(values - means[cols]), weights), n)
    spreads = np.sqrt(spreads / np.maximum(counts, 1e-300))
    # a spread that is rounding is none
    spreads = np.where(spreads > ROUNDING * np.abs(means), spreads, 0.0)
    typical = float(np.sqrt(np.average((values - center) ** 2, weights=weights)))
    # a constant table has no spread: a unit too small to show
    typical = typical or 1e-12 * max(1.0, abs(center))
    is_constant = (np.bincount(cols, minlength=n) >= _CONSTANT) & (spreads == 0)
    # a unit too small for anything but the constant to be filled in
    tiny = 1e-12 * np.maximum(1.0, np.abs(means))
    if scaling == "raw":
        return _raw(problem, means, spreads, is_constant, tiny)
    mixed = scaling != "global"
    if mixed:
        known = spreads[spreads > 0]
        usual = np.median(known) if known.size else typical
        origin, unit = means, np.where(is_constant, tiny, np.where(spreads > 0, spreads, usual))
    else:
        origin, unit = np.full(n, center), np.full(n, typical)
    units = origin[cols]
    np.subtract(values, units, out=units)
    units /= unit[cols]
    del values
    mean, row_effect, column_effect, row_damping, column_damping, noise = damped_effects(
        rows, cols, units, weights, (m, n)
    )
    total = float(np.average((units - mean) ** 2, weights=weights))
    if noise / row_damping < _WORTHWHILE * total:
        row_effect, row_damping = np.zeros(m), np.inf
    if noise / column_damping < _WORTHWHILE * total:
        column_effect, column_damping = np.zeros(n), np.inf
    return Standardization(
        origin, unit, mean, row_effect, column_effect, np.ones(m), np.ones(n), row_damping, column_damping, noise,
        mixed, logs, _highest(problem, logs),
    )  # fmt: skip


def _highest(problem: Completion, logs: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The largest observed value of each of the columns, and a share of their range beyond it; no bound elsewhere."""
    if not logs.any():
        return np.full(logs.size, np.inf)
    low, high = np.full(logs.size, np.inf), np.full(logs.size, -np.inf)
    np.minimum.at(low, problem.cols, problem.values)
    np.maximum.at(high, problem.cols, problem.values)
    return np.where(logs, high + BEYOND * (high - low), np.inf)


def _raw(
    problem: Completion, means: np.ndarray, spreads: np.ndarray, is_constant: np.ndarray, tiny: np.ndarray
) -> Standardization:
    """No origin, no effects: each column in units of its root mean square; a constant one as its constant."""
    m, n = problem.shape
    root = np.sqrt(means**2 + spreads**2)
    unit = np.where(is_constant | (root == 0), tiny, root)
    origin = np.where(is_constant, means, 0.0)
    values = np.asarray(problem.values, dtype=np.float64)
    noise = float(np.average(((values - origin[problem.cols]) / unit[problem.cols]) ** 2, weights=problem.weights))
    return Standardization(
        origin, unit, 0.0, np.zeros(m), np.zeros(n), np.ones(m), np.ones(n), np.inf, np.inf, noise, True,
        np.zeros(n, dtype=bool), np.full(n, np.inf),
    )  # fmt: skip


def damped_effects(
    rows: np.ndarray, cols: np.ndarray, values: np.ndarray, weights: np.ndarray | None, shape: tuple[int, int]
) -> tuple[float, np.ndarray, np.ndarray, float, float, float]:
    """μ, a (m,), b (n,), their dampings, and the variance left; x_ij ≈ μ + a_i + b_j, a ~ N(0, τ_a²), b ~ N(0, τ_b²).

    Alternating posterior means; τ² and the noise are re-estimated in every round (expectation–maximization), and the
    damping is noise/τ².
    """
    m, n = shape
    row_mass, column_mass = np.bincount(rows, weights, m), np.bincount(cols, weights, n)
    mean = float(np.average(values, weights=weights))
    noise = float(np.average((values - mean) ** 2, weights=weights)) or 1e-300
    effects = [np.zeros(m), np.zeros(n)]
    dampings = [5.0, 5.0]
    for _ in range(_EFFECT_ROUNDS):
        before = noise
        for k, (index, mass, size, other) in enumerate(((cols, column_mass, n, rows), (rows, row_mass, m, cols))):
            mine, theirs = (1, 0) if k == 0 else (0, 1)
            rest = effects[theirs][other]
            np.subtract(values, rest, out=rest)
            rest -= mean
            effects[mine] = np.bincount(index, _weighed(rest, weights), size) / (mass + dampings[mine])
            seen = mass > 0
            variance = np.mean(effects[mine][seen] ** 2 + noise / (mass[seen] + dampings[mine]))
            dampings[mine] = float(np.clip(noise / max(variance, 1e-300), 1e-3, 1e6))
        rest = values - mean
        rest -= effects[0][rows]
        rest -= effects[1][cols]
        noise = max(float(np.average(np.square(rest, out=rest), weights=weights)), 1e-300)
        if abs(noise - before) < _EFFECT_TOLERANCE * noise:
            break
    return mean, effects[0], effects[1], dampings[0], dampings[1], noise


def _with_logarithms(values: np.ndarray, is_log: np.ndarray) -> np.ndarray:
    """Some of the values by their logarithms; one that has none counts as the smallest that has one."""
    logs = np.log(np.maximum(values, np.finfo(float).tiny), where=is_log, out=np.zeros(is_log.shape))
    return np.where(is_log, logs, values)


def _weighed(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    return values if weights is None else weights * values


def _slowness(index: np.ndarray, size: int, exponent: float) -> np.ndarray:
    degree = np.maximum(np.bincount(index, minlength=size), 1).astype(np.float64)
    slow = degree**-exponent
    return slow / np.sqrt(np.mean(slow**2))

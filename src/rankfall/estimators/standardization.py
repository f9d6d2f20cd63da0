"""Between input units and the units a run works in.

A table is read as x_ij = o_j + q_j (μ + a_i + b_j + s_i t_j W_ij): origin o and unit q of each column, row and column
effects a and b, and the product W of the chain. Effects are damped means, each shrunk by as much as the entries
themselves suggest (empirical Bayes), so that a row seen twice is not taken at its word. The popularity s_i t_j ∝
(degree)^(−γ) slows rows and columns that are seen often, which would otherwise be fitted first. Fitting W to the
residuals with weights (s_i t_j)² is then an ordinary completion problem.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from rankfall.errors import InputError
from rankfall.problems.completion import Completion
from rankfall.problems.losses import Loss, Squared

# Columns are in units of their own when their spreads differ this much, or their means lie this many spreads apart.
_MIXED_SPREADS, _MIXED_MEANS = 10.0, 5.0
_EFFECT_ROUNDS, _EFFECT_TOLERANCE = 20, 1e-3
_PIECE = 2**20
# Effects that explain less of the variance than this are left to the product, whose rank they would only raise.
_WORTHWHILE = 0.05


@dataclass(frozen=True)
class Standardization:
    """Origins, units, effects and popularity read off the observed entries of a table; all float64.

    origin, unit: (n,). mean: scalar μ. row_effect, row_slow: (m,). column_effect, column_slow: (n,).
    row_damping, column_damping: how many entries' worth of doubt shrinks an effect.
    noise: variance of what the effects leave, in units. loss: what a residual costs, in units.
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
    loss: Loss = field(default_factory=Squared)

    def offset(self, rows: Int[np.ndarray, " entries"], cols: Int[np.ndarray, " entries"]) -> np.ndarray:
        """μ + a_i + b_j at the positions, in units."""
        return self.mean + self.row_effect[rows] + self.column_effect[cols]

    def to_units(self, values: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """(x − o_j)/q_j."""
        return (values - self.origin[cols]) / self.unit[cols]

    def from_units(self, values: np.ndarray, cols: np.ndarray | slice) -> np.ndarray:
        """o_j + q_j z, for the logistic loss with the sign that z leads one to expect in place of z."""
        return self.origin[cols] + self.unit[cols] * self.loss.mean(values)

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


def standardize(problem: Completion, scaling: str = "auto") -> Standardization:
    """Read a `Standardization` off the observed entries.

    scaling: "global" (one origin and unit: ratings, pixels), "columns" (each its own: mixed units), or "auto", which
        chooses columns when their spreads differ tenfold or their means lie far apart for their spreads.
    """
    if scaling not in ("auto", "global", "columns"):
        raise InputError(f"scaling must be 'auto', 'global' or 'columns', got {scaling!r}; 'auto' looks at the columns")
    rows, cols, (m, n) = problem.rows, problem.cols, problem.shape
    values = np.asarray(problem.values, dtype=np.float64)
    weights = None if problem.weights is None else np.asarray(problem.weights, dtype=np.float64)
    counts = np.bincount(cols, weights, n)
    means = np.bincount(cols, _weighed(values, weights), n) / np.maximum(counts, 1e-300)
    center = float(np.average(values, weights=weights))
    means = np.where(counts > 0, means, center)
    spreads = np.bincount(cols, _weighed(np.square(values - means[cols]), weights), n)
    spreads = np.sqrt(spreads / np.maximum(counts, 1e-300))
    typical = float(np.sqrt(np.average((values - center) ** 2, weights=weights)))
    # a constant table has no spread: a unit too small to show
    typical = typical or 1e-12 * max(1.0, abs(center))
    mixed = scaling == "columns" or (scaling == "auto" and _is_mixed(means, spreads, np.bincount(cols, minlength=n)))
    if mixed:
        known = spreads[spreads > 0]
        origin, unit = means, np.where(spreads > 0, spreads, np.median(known) if known.size else typical)
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
        origin, unit, mean, row_effect, column_effect, np.ones(m), np.ones(n), row_damping, column_damping, noise, mixed
    )


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


def _weighed(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    return values if weights is None else weights * values


def _is_mixed(means: np.ndarray, spreads: np.ndarray, counts: np.ndarray) -> bool:
    known = (counts >= 3) & (spreads > 0)
    if known.sum() < 2:
        return False
    spread = spreads[known]
    low, high = np.quantile(spread, [0.05, 0.95])
    return bool(high > _MIXED_SPREADS * low or np.std(means[known]) > _MIXED_MEANS * np.median(spread))


def _slowness(index: np.ndarray, size: int, exponent: float) -> np.ndarray:
    degree = np.maximum(np.bincount(index, minlength=size), 1).astype(np.float64)
    slow = degree**-exponent
    return slow / np.sqrt(np.mean(slow**2))

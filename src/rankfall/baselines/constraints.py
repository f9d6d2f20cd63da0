"""The constraint set of nuclear norm minimization, |A(X) − b| ≤ slack.

It gives the projection X + A*(μ), and the support function of the dual problem:

    max_λ ⟨b, λ⟩ − slack ‖λ‖_1   subject to   ‖A*(λ)‖ ≤ 1 (spectral norm).

Observed entries are the case where A picks coordinates; a general linear A costs one Cholesky factor of A A*.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy import linalg

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.problems.operators import Operator
from rankfall.problems.problem import Problem

# Eigenvalues of A A* below this share of the largest count as zero: measurements that repeat each other.
_DEPENDENT = 1e-11
# Largest relative part of b outside the range of A that rounding explains.
_INCONSISTENT = 1e-7
# Measurements whose matrices are formed at once.
_BLOCK = 256


def read_values(problem: Problem) -> np.ndarray:
    """The problem's observations as one float64 vector; baselines solve one table at a time."""
    values = to_numpy(problem.values)
    if values.ndim != 1:
        raise InputError(
            f"a baseline solves one problem at a time, got values of shape {values.shape}; "
            "build one problem for each member of the batch"
        )
    return np.ascontiguousarray(values, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class EntryConstraints:
    """{X : |X_ij − b_ij| ≤ slack on the observed entries}."""

    rows: np.ndarray
    cols: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]
    slack: float | int = 0.0

    @cached_property
    def _flat(self) -> np.ndarray:
        return self.rows.astype(np.int64) * self.shape[1] + self.cols

    def apply(self, matrix: Float[np.ndarray, "m n"]) -> Float[np.ndarray, " entries"]:
        """A(X): the observed entries of X."""
        return matrix.reshape(-1)[self._flat]

    def adjoint(self, multipliers: Float[np.ndarray, " entries"]) -> Float[np.ndarray, "m n"]:
        """A*(λ): λ on the observed entries, zero elsewhere."""
        matrix = np.zeros(self.shape)
        matrix.reshape(-1)[self._flat] = multipliers
        return matrix

    def project(
        self, matrix: Float[np.ndarray, "m n"]
    ) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, " entries"]]:
        """The nearest feasible matrix X + A*(μ), and μ."""
        entries = self.apply(matrix)
        moved = np.clip(entries, self.values - self.slack, self.values + self.slack)
        nearest = matrix.copy()
        nearest.reshape(-1)[self._flat] = moved
        return nearest, moved - entries

    def infeasibility(self, matrix: Float[np.ndarray, "m n"]) -> float:
        """‖A(X) − the nearest allowed observations‖."""
        excess = np.abs(self.apply(matrix) - self.values) - self.slack
        return float(np.linalg.norm(np.maximum(excess, 0)))


@dataclass(frozen=True, eq=False)
class LinearConstraints:
    """{X : A(X) = b} for a linear A."""

    operator: Operator
    values: np.ndarray
    shape: tuple[int, int]
    slack: float | int = 0.0

    def apply(self, matrix: Float[np.ndarray, "*batch m n"]) -> Float[np.ndarray, "*batch entries"]:
        """A(X)."""
        return np.asarray(self.operator.apply(matrix), dtype=np.float64)

    def adjoint(self, multipliers: Float[np.ndarray, "*batch entries"]) -> Float[np.ndarray, "*batch m n"]:
        """A*(λ) = Σ λ_i A_i."""
        return np.asarray(self.operator.adjoint(multipliers), dtype=np.float64)

    @cached_property
    def _pseudo_inverse(self) -> np.ndarray:
        """(A A*)⁺, (p, p), after checking that b lies in the range of A."""
        units = np.eye(self.values.size)
        # many at once: products of matrices instead of as many passes over a stack of A_i
        blocks = np.array_split(units, -(-units.shape[0] // _BLOCK))
        gram = np.concatenate([self.apply(self.adjoint(block)) for block in blocks])
        scale, vectors = linalg.eigh((gram + gram.T) / 2)
        kept = scale > _DEPENDENT * max(scale[-1], 0.0)
        outside = self.values - vectors[:, kept] @ (vectors[:, kept].T @ self.values)
        if np.linalg.norm(outside) > _INCONSISTENT * np.linalg.norm(self.values):
            raise InputError(
                "measurements must be consistent, got values that no matrix attains "
                f"(distance {np.linalg.norm(outside):.3g} from the range); drop repeated measurements that disagree"
            )
        return (vectors[:, kept] / scale[kept]) @ vectors[:, kept].T

    def project(
        self, matrix: Float[np.ndarray, "m n"]
    ) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, " entries"]]:
        """The nearest feasible matrix X + A*(μ), μ = (A A*)⁺ (b − A(X))."""
        multipliers = self._pseudo_inverse @ (self.values - self.apply(matrix))
        return matrix + self.adjoint(multipliers), multipliers

    def infeasibility(self, matrix: Float[np.ndarray, "m n"]) -> float:
        """‖A(X) − b‖."""
        return float(np.linalg.norm(self.apply(matrix) - self.values))


def constraints_of(problem: Problem, slack: float | int = 0.0) -> EntryConstraints | LinearConstraints:
    """The constraint set of a problem that observes entries, or of one with linear measurements.

    Raises
    ------
    InputError
        For problems that have neither reading, and for a slack around general measurements.
    """
    if len(problem.shape) != 2:
        raise InputError(f"a nuclear norm is that of a matrix, got a W of shape {problem.shape}; unfold it first")
    m, n = problem.shape
    if problem.positions is not None:
        rows, cols = problem.positions
        return EntryConstraints(rows, cols, read_values(problem), (m, n), float(slack))
    if problem.operator is None:
        raise InputError(
            "a nuclear norm problem has observed entries or linear measurements, "
            f"got {type(problem).__name__}; build a Completion or a Sensing problem"
        )
    if slack:
        raise InputError(
            f"slack must be 0 for general measurements, got {slack}; it is supported for observed entries only"
        )
    return LinearConstraints(problem.operator, read_values(problem), (m, n))

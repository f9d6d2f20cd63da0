"""Any linear measurements of a matrix, made orthonormal, so that the frozen path walks on them as on single entries.

    y = A(W)  ⇔  b = P(W),        P = Λ^{−1/2} Qᵀ A,   b = Λ^{−1/2} Qᵀ y,      A A* = Q Λ Qᵀ

P P* = 1, as for single entries, so that the frozen problem keeps its form. P is held as a stack of matrices, and each
least squares problem in a tangent space is solved directly.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import cho_factor, cho_solve

from rankfall.arrays import like, to_numpy
from rankfall.errors import InputError
from rankfall.problems.operators import Operator
from rankfall.recovery.certificate import Certificate, certify
from rankfall.recovery.core_fit import fit_exact
from rankfall.recovery.frozen_solve import TangentFit, fit_tangent
from rankfall.recovery.gauss_newton import RankFit, fit_rank
from rankfall.recovery.rank_candidates import can_check
from rankfall.recovery.spectrum import Triplets
from rankfall.recovery.symmetry import Symmetry, signs_of

# Numbers held: M m n of the stack, M² of the products; 800 MB each.
_MOST = 10**8
# Eigenvalues of A A* below this share of the largest are those of measurements that repeat others.
_REPEATED = 1e-12
_JITTER = 1e-13
# Singular values of the measured tangent space below this share of the largest vanish.
_VANISHING = 1e-7
# A measurement whose share of what the tangent space leaves over is below this is fitted whatever it is.
_UNCHECKED = 1e-6


@dataclass(frozen=True, eq=False)
class Measurements:
    """P of an operator A.

    Parameters
    ----------
    operator : Operator
        A.
    matrices : (count, m, n) ndarray
        P: symmetric where W is, and orthonormal but for those `as_given`.
    whitening : (count, M) ndarray
        What makes P of A: Λ^{−1/2} Qᵀ without the directions in which measurements repeat each other.
    symmetry : Symmetry
        Which matrices are meant.
    """

    operator: Operator
    matrices: Float[np.ndarray, "count m n"]
    whitening: Float[np.ndarray, "count measurements"]
    symmetry: Symmetry

    @classmethod
    def of(cls, operator: Operator, symmetry: Symmetry) -> "Measurements":
        """Raises InputError for a stack too large to hold, and for matrices that are all zero."""
        return cls.as_given(operator, symmetry).orthonormal()

    @classmethod
    def as_given(cls, operator: Operator, symmetry: Symmetry) -> "Measurements":
        """The measurements as they were taken, in a unit in which their mean square is 1; P P* need not be.

        Raises InputError as `of`.
        """
        m, n = operator.shape
        if operator.count * max(m * n, operator.count) > _MOST:
            raise InputError(
                f"recover holds its {operator.count} measurement matrices of {m} × {n} as a stack of at most {_MOST} "
                "numbers; measure fewer, or observe single entries by a Completion"
            )
        stack = to_numpy(operator.adjoint(like(np.eye(operator.count), operator.model))).astype(np.float64)
        if symmetry is not Symmetry.GENERAL:
            stack = (stack + np.swapaxes(stack, 1, 2)) / 2
        if not stack.any():
            raise InputError("a measurement matrix must not be zero, got none that is not; pass those that were used")
        whole = cls(operator, stack, np.eye(operator.count), symmetry)
        return replace(whole, matrices=stack / whole.unit, whitening=whole.whitening / whole.unit)

    def orthonormal(self) -> "Measurements":
        """The same with P P* = 1, without those that repeat others."""
        rows = self.matrices.reshape(self.count, -1)
        values, vectors = np.linalg.eigh(rows @ rows.T)
        kept = values > _REPEATED * values[-1]
        whitening = (vectors[:, kept] / np.sqrt(values[kept])).T
        return replace(self, matrices=(whitening @ rows).reshape(-1, *self.shape), whitening=whitening @ self.whitening)

    def select(self, kept: Bool[np.ndarray, " count"]) -> "Measurements":
        """Those alone."""
        return replace(self, matrices=self.matrices[kept], whitening=self.whitening[kept])

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.operator.shape

    @property
    def count(self) -> int:
        """How many measurements there are without those that repeat others."""
        return len(self.matrices)

    @property
    def unit(self) -> float:
        """The norm of a measurement matrix in the root mean square: what `as_given` divides by."""
        return float(np.sqrt(self.operator.size / self.operator.count))

    @property
    def numbers(self) -> int:
        """The same: no measurement is the twin of another."""
        return self.count

    def mirrored(self, values: np.ndarray) -> np.ndarray:
        """The values."""
        return values

    def read(self, left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " count"]:
        """P(L Rᵀ)."""
        return np.tensordot(self.matrices, left @ right.T, 2)

    def times(self, entries: Float[np.ndarray, " count"], thin: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "m k"]:
        """P*(z) F."""
        return np.tensordot(entries, self.matrices, 1) @ thin

    def transposed_times(
        self, entries: Float[np.ndarray, " count"], thin: Float[np.ndarray, "m k"]
    ) -> Float[np.ndarray, "n k"]:
        """P*(z)ᵀ F."""
        return np.tensordot(entries, self.matrices, 1).T @ thin

    def tangents(
        self, left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"]
    ) -> Float[np.ndarray, "count dimensions"]:
        """P(A Vᵀ + U Bᵀ) as a matrix: columns for the entries of A, then of B, but none for those that A determines."""
        by_row = (self.matrices @ right).reshape(self.count, -1)
        by_col = np.swapaxes(self.matrices, 1, 2) @ left
        if self.symmetry is Symmetry.GENERAL:
            return np.hstack([by_row, by_col.reshape(self.count, -1)])
        return by_row + (by_col * signs_of(left, right)).reshape(self.count, -1)


@fit_tangent.register
def _fit_measured(
    measured: Measurements,
    entries: Float[np.ndarray, " count"],
    left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"],
    ridge: Float[np.ndarray, " k"],
    start: Float[np.ndarray, "n k"] | None = None,
    tolerance: float = 1e-2,
    iterations: int = 200,
    floor: float = 0.0,
    one_call: bool | None = None,
) -> TangentFit:
    """`fit_tangent`, directly: what bounds its iterations is not needed."""
    (m, n), rank = measured.shape, left.shape[1]
    design = measured.tangents(left, right)
    is_general = measured.symmetry is Symmetry.GENERAL
    # of a symmetric matrix A and B are charged alike
    charge = np.tile(ridge, m + n) if is_general else np.tile(2 * ridge, m)
    system = design.T @ design
    system[np.diag_indices_from(system)] += charge + _JITTER * np.trace(system) / len(system)
    factored = cho_factor(system, overwrite_a=True)
    found = np.zeros(len(charge))
    # the second pass takes back what rounding and the jitter did
    for _ in range(2):
        found += cho_solve(factored, design.T @ (entries - design @ found) - charge * found)
    by_row = found[: m * rank].reshape(m, rank)
    by_col = found[m * rank :].reshape(n, rank) if is_general else by_row * signs_of(left, right)
    return TangentFit(by_row, by_col, entries - design @ found, 1)


@fit_exact.register
def _fit_all(
    measured: Measurements, entries: Float[np.ndarray, " count"], start: Triplets, rank: int, tolerance: float,
    again: bool = True,
) -> RankFit | None:  # fmt: skip
    """`fit_exact`: no measurement is free."""
    found = fit_rank(measured, entries, start, rank)
    return found if found.residual <= tolerance else None


@can_check.register
def _outnumbers(measured: Measurements, rank: int) -> bool:
    """Whether there are more measurements than degrees of freedom at this rank."""
    return measured.count > measured.symmetry.freedom(rank, *measured.shape)


@certify.register
def _certify_measured(measured: Measurements, fit: Triplets, seed: int = 0, closed: bool = True) -> Certificate:
    """All or nothing: no tangent vector vanishes under P, even without the measurements that no other checks."""
    shape, rank = measured.shape, fit.values.size
    freedom = measured.symmetry.freedom(rank, *shape)
    if measured.count <= freedom:
        return Certificate.nothing(shape)
    frame, values, _ = np.linalg.svd(measured.tangents(fit.left, fit.right))
    if values[freedom - 1] < _VANISHING * values[0]:
        return Certificate.nothing(shape)
    # combinations of the given measurements that vanish on the tangent space, an orthonormal basis of them
    checks, _ = np.linalg.qr(measured.whitening.T @ frame[:, freedom:])
    unchecked = np.linalg.norm(checks, axis=1) < _UNCHECKED
    if unchecked.any():
        fewer = measured.operator.select(np.flatnonzero(~unchecked))
        return _certify_measured(Measurements.of(fewer, measured.symmetry), fit, seed, closed)
    return Certificate(np.ones(shape[0], bool), np.ones(shape[1], bool), measured.count - freedom)

"""The flow with its metric frozen, followed for all time: one least squares problem in a tangent space.

    (A, B) = argmin ‖b − P(A Vᵀ + U Bᵀ)‖² + Σ_a λ_a (‖A_a‖² + ‖B_a‖²)

Columns a of A and B belong to the escaped direction a. A is eliminated exactly, row by row. What is left is a Schur
complement in B, which conjugate gradients solve, preconditioned by the k × k blocks of the columns. An iteration is
two passes over the entries, 8·|Ω|·k flops.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.recovery.sampling import Sampling


@dataclass(frozen=True, eq=False)
class TangentFit:
    """The minimizer A (m, k), B (n, k), the residual z = b − P(A Vᵀ + U Bᵀ), and the iterations it took."""

    left: Float[np.ndarray, "m k"]
    right: Float[np.ndarray, "n k"]
    residual: Float[np.ndarray, " entries"]
    iterations: int


def fit_tangent(
    sampling: Sampling,
    entries: Float[np.ndarray, " entries"],
    left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"],
    ridge: Float[np.ndarray, " k"],
    start: Float[np.ndarray, "n k"] | None = None,
    tolerance: float = 1e-2,
    iterations: int = 400,
    floor: float = 0.0,
) -> TangentFit:
    """Solve the problem above for b = `entries`, U = `left`, V = `right` and λ = `ridge`.

    start: B to begin with; zero if None, which then gives the solution of least norm where there are many.
    tolerance: of the preconditioned gradient's norm, relative to that at the start.
    floor: absolute bound on the squared preconditioned norm, below which rounding rules.
    """
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    row_systems, col_systems = sampling.factor_rows(right, ridge), sampling.factor_cols(left, ridge)
    solution = np.zeros_like(right) if start is None else start.copy()
    nothing = np.zeros_like(entries)
    _, residual = sampling.eliminate(entries, row_systems, left, right, solution)
    gradient = sampling.transposed_times(residual, left) - ridge * solution
    scaled = sampling.solve_cols(col_systems, gradient)
    direction = scaled
    size = float(np.vdot(gradient, scaled))
    enough = max(tolerance**2 * size, floor)
    done = 0
    while done < iterations and size > enough:
        # S p = λ p − Uᵀ-pull of the residual that p leaves when nothing is asked
        _, left_over = sampling.eliminate(nothing, row_systems, left, right, direction)
        curved = ridge * direction - sampling.transposed_times(left_over, left)
        curvature = float(np.vdot(direction, curved))
        if not curvature > 0:
            break
        step = size / curvature
        solution += step * direction
        gradient -= step * curved
        scaled = sampling.solve_cols(col_systems, gradient)
        before, size = size, float(np.vdot(gradient, scaled))
        direction = scaled + (size / before) * direction
        done += 1
    solved, residual = sampling.eliminate(entries, row_systems, left, right, solution)
    return TangentFit(solved, solution, residual, done)

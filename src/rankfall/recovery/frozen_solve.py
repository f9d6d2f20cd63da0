"""The flow with its metric frozen, followed for all time: one least squares problem in a tangent space.

    (A, B) = argmin ‖b − P(A Vᵀ + U Bᵀ)‖² + Σ_a λ_a (‖A_a‖² + ‖B_a‖²)

Columns a of A and B belong to the escaped direction a. A is eliminated exactly, row by row. What is left is a Schur
complement in B, which conjugate gradients solve, preconditioned by the k × k blocks of the columns. An iteration is
two passes over the entries, 8·|Ω|·k flops. Small problems iterate in one compiled call, large ones pass by pass.

Of a symmetric matrix the exact solution is symmetric. An inexact one is made so, which makes it no worse.
"""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from jaxtyping import Float

from rankfall.recovery.sampling import Sampling
from rankfall.recovery.symmetry import signs_of


@dataclass(frozen=True, eq=False)
class TangentFit:
    """The minimizer A (m, k), B (n, k), the residual z = b − P(A Vᵀ + U Bᵀ), and the iterations it took."""

    left: Float[np.ndarray, "m k"]
    right: Float[np.ndarray, "n k"]
    residual: Float[np.ndarray, " entries"]
    iterations: int


@singledispatch
def fit_tangent(
    sampling: Sampling,
    entries: Float[np.ndarray, " entries"],
    left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"],
    ridge: Float[np.ndarray, " k"],
    start: Float[np.ndarray, "n k"] | None = None,
    tolerance: float = 1e-2,
    iterations: int = 200,
    floor: float = 0.0,
    one_call: bool | None = None,
) -> TangentFit:
    """Solve the problem above for b = `entries`, U = `left`, V = `right` and λ = `ridge`.

    start: B to begin with; zero if None, which then gives the solution of least norm where there are many.
    tolerance: of the preconditioned gradient's norm, relative to that at the start.
    floor: absolute bound on the squared preconditioned norm, below which rounding rules.
    one_call: whether all iterations are one compiled call on one thread; by size if None.
    """
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    row_systems, col_systems = sampling.factor_rows(right, ridge), sampling.factor_cols(left, ridge)
    solution = np.zeros_like(right) if start is None else start.copy()
    _, residual = sampling.eliminate(entries, row_systems, left, right, solution)
    gradient = sampling.transposed_times(residual, left) - ridge * solution
    systems = row_systems, col_systems
    is_small = sampling.is_small(ridge.size) if one_call is None else one_call
    solve = _solve_in_one_call if is_small else _solve_in_passes
    step, done = solve(sampling, systems, left, right, ridge, gradient, tolerance, floor, iterations)
    solution += step
    solved, residual = sampling.eliminate(entries, row_systems, left, right, solution)
    if sampling.is_symmetric:
        signs = signs_of(left, right)
        solved = (solved + solution * signs) / 2
        solution = solved * signs
        residual = entries - sampling.read(np.hstack([solved, left]), np.hstack([right, solution]))
    return TangentFit(solved, solution, residual, done)


def _solve_in_one_call(
    sampling: Sampling, systems: tuple[np.ndarray, np.ndarray], left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"], ridge: Float[np.ndarray, " k"], gradient: Float[np.ndarray, "n k"],
    tolerance: float, floor: float, iterations: int,
) -> tuple[Float[np.ndarray, "n k"], int]:  # fmt: skip
    """S⁻¹ g by conjugate gradients, everything compiled."""
    return sampling.solve_small(*systems, ridge, left, right, gradient, tolerance, floor, iterations)


def _solve_in_passes(
    sampling: Sampling, systems: tuple[np.ndarray, np.ndarray], left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"], ridge: Float[np.ndarray, " k"], gradient: Float[np.ndarray, "n k"],
    tolerance: float, floor: float, iterations: int,
) -> tuple[Float[np.ndarray, "n k"], int]:  # fmt: skip
    """S⁻¹ g by conjugate gradients, two passes over the entries an iteration, each on all threads."""
    row_systems, col_systems = systems
    solution, nothing = np.zeros_like(right), np.zeros(sampling.count)
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
    return solution, done

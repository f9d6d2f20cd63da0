"""Rows and columns that the entries do not determine, filled by what is expected of them.

A row with fewer entries than the rank fits in many ways. With the certified rows as a sample of a normal distribution
of factors, mean μ and covariance C, its factor is the conditional mean given its entries in certified columns,

    l = μ + C Rᵀ (R C Rᵀ + σ² I)⁻¹ (x − R μ),

σ the noise: exact entries are kept, and a row without entries is the average row. Columns likewise.
"""

import numpy as np
from jaxtyping import Bool, Float

from rankfall.low_rank import LowRank
from rankfall.problems.completion import Completion
from rankfall.recovery.recovery import Recovery

# Added to σ², as a share of the trace, so that rounding is no information.
_ROUNDING = 1e-13


def with_expected_lines(problem: Completion, found: Recovery) -> LowRank:
    """The product found, with expected lines in place of those that its certificate leaves out.

    Where nothing is certified, the product stays as it is.
    """
    rows, cols = found.certificate.rows, found.certificate.cols
    if not found.certificate.count or found.certificate.is_complete:
        return found.product
    left, right = found.product.left.copy(), found.product.right.copy()
    values = np.asarray(problem.values, np.float64)
    sides = (
        (problem.rows, problem.cols, rows, cols, left, right),
        (problem.cols, problem.rows, cols, rows, right, left),
    )
    for lines, others, certified, known, factors, frame in sides:
        _expect(lines, others, values, certified, known, factors, frame, found.noise)
    return LowRank(left, right)


def _expect(
    lines: np.ndarray, others: np.ndarray, values: Float[np.ndarray, " entries"], certified: Bool[np.ndarray, " m"],
    known: Bool[np.ndarray, " n"], factors: Float[np.ndarray, "m k"], frame: Float[np.ndarray, "n k"], noise: float,
) -> None:  # fmt: skip
    """Put the expected factors of the lines that are not certified into `factors`."""
    sample = factors[certified]
    mean = sample.mean(axis=0)
    spread = (sample - mean).T @ (sample - mean) / max(len(sample), 1)
    order = np.argsort(lines, kind="stable")
    starts = np.searchsorted(lines[order], np.arange(certified.size + 1))
    for line in np.flatnonzero(~certified).tolist():
        met = order[starts[line] : starts[line + 1]]
        met = met[known[others[met]]]
        seen = frame[others[met]]
        system = seen @ spread @ seen.T
        system[np.diag_indices_from(system)] += noise**2 + _ROUNDING * (np.trace(system) + np.finfo(float).tiny)
        factors[line] = mean + spread @ seen.T @ np.linalg.solve(system, values[met] - seen @ mean)

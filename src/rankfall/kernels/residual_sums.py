"""What row and column effects leave of a list of entries, summed by row and by column in one compiled pass.

r_ij = (x_ij − o_j)/q_j − μ − a_i − b_j        Σ_j r_ij,    Σ_i r_ij,    Σ_ij r_ij²
"""

from typing import no_type_check

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
@no_type_check
def _pass(rows, columns, values, origin, unit, mean, row_effects, column_effects, by_row, by_column):
    squares = 0.0
    for entry in range(rows.size):
        i, j = rows[entry], columns[entry]
        rest = (values[entry] - origin[j]) / unit[j] - mean - row_effects[i] - column_effects[j]
        by_row[i] += rest
        by_column[j] += rest
        squares += rest * rest
    return squares


def residual_sums(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, units: tuple[np.ndarray, np.ndarray], mean: float,
    row_effects: np.ndarray, column_effects: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
    """Σ_j r (m,), Σ_i r (n,) and Σ r², in float64; `units` are the origins and units of the columns."""
    by_row, by_column = np.zeros(row_effects.size), np.zeros(column_effects.size)
    squares = _pass(rows, columns, values, *units, mean, row_effects, column_effects, by_row, by_column)
    return by_row, by_column, float(squares)

"""Observed entries of a symmetric matrix: found to be so, or told to be and completed by their twins."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.symmetry import Symmetry


def as_symmetric(
    sampling: Sampling, values: Float[np.ndarray, " entries"], symmetric: bool | None, semidefinite: bool,
    rounding: float,
) -> tuple[Sampling, Float[np.ndarray, " values"]]:  # fmt: skip
    """The entries with their symmetry, and the values, twins made equal.

    symmetric: as told, or None to find out. rounding: by how much of the largest value twins may differ.
    """
    if semidefinite and symmetric is False:
        raise InputError("a semidefinite matrix is symmetric, got symmetric=False; leave it out")
    if not (symmetric or semidefinite or symmetric is None):
        return sampling, values
    m, n = sampling.shape
    told = bool(symmetric or semidefinite)
    if m != n:
        if told:
            raise InputError(f"a symmetric matrix is square, got shape {sampling.shape}; leave the option out")
        return sampling, values
    if not told and not np.array_equal(sampling.row_counts, sampling.col_counts):
        return sampling, values
    symmetry = Symmetry.SEMIDEFINITE if semidefinite else Symmetry.SYMMETRIC
    keys, twins = (
        a.astype(np.int64) * n + b for a, b in ((sampling.rows, sampling.cols), (sampling.cols, sampling.rows))
    )
    places = np.minimum(np.searchsorted(keys, twins), keys.size - 1)
    paired = keys[places] == twins
    apart = np.where(paired, np.abs(values - values[places]), 0.0)
    differ = bool(apart.max(initial=0.0) > rounding * np.abs(values).max(initial=0.0))
    if not told:
        if differ or not paired.all() or not (sampling.rows != sampling.cols).any():
            return sampling, values
    elif differ:
        worst = int(apart.argmax())
        raise InputError(
            f"a symmetric matrix has equal entries at (i, j) and (j, i), got {values[worst]:.6g} and "
            f"{values[places[worst]]:.6g} at row {sampling.rows[worst]}, column {sampling.cols[worst]}; average them, "
            "or leave the option out"
        )
    averaged = np.where(paired, (values + values[places]) / 2, values)
    lone = ~paired
    rows, cols = (
        np.concatenate([a, b[lone]])
        for a, b in ((sampling.rows, sampling.cols), (sampling.cols, sampling.rows))
    )  # fmt: skip
    order = np.lexsort((cols, rows))
    whole = replace(sampling, rows=rows[order], cols=cols[order], symmetry=symmetry)
    return whole, np.concatenate([averaged, averaged[lone]])[order]

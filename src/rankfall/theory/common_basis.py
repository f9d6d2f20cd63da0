"""The basis in which symmetric matrices that commute are all diagonal."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError


def common_eigenbasis(
    matrices: Sequence[Float[Array, "d d"]], tolerance: float = 1e-9
) -> tuple[Float[Array, "d d"], Float[Array, "k d"]]:
    """The basis Q in which commuting symmetric matrices are all diagonal, and their diagonals.

        A_i = Q diag(a_i) Qᵀ

    Each matrix in turn splits the blocks that those before it left together.

    Source: [gunasekar2017, Theorem 1].

    Parameters
    ----------
    matrices : sequence of ndarray, shape (d, d)
        A_1 … A_k, symmetric.
    tolerance : float
        How close eigenvalues may be, relative to ‖A_i‖_F, and still count as one; also the largest relative asymmetry
        accepted. Its square root is the largest off-diagonal rest accepted at the end, relative to ‖A_i‖_F. The
        default is 1e-9.

    Returns
    -------
    basis : ndarray, shape (d, d)
        Q, orthogonal.
    eigenvalues : ndarray, shape (k, d)
        a_i, a row for each matrix.

    Raises
    ------
    InputError
        Where the matrices are not symmetric or do not commute.
    """
    blocks = [np.eye(len(matrices[0]))]
    for matrix in matrices:
        size = max(float(np.linalg.norm(matrix)), np.finfo(float).tiny)
        if np.linalg.norm(matrix - matrix.T) > tolerance * size:
            raise InputError(
                "measurement matrices must be symmetric, got one that differs from its transpose "
                f"by {np.linalg.norm(matrix - matrix.T):.3g}; use (A + Aᵀ)/2"
            )
        finer = []
        for block in blocks:
            values, vectors = np.linalg.eigh(block.T @ matrix @ block)
            cuts = np.flatnonzero(np.diff(values) > tolerance * size) + 1
            finer += np.split(block @ vectors, cuts, axis=1)
        blocks = finer
    basis = np.hstack(blocks)
    eigenvalues = []
    for matrix in matrices:
        rotated = basis.T @ matrix @ basis
        eigenvalues.append(np.diagonal(rotated))
        rest = np.linalg.norm(rotated - np.diag(eigenvalues[-1]))
        if rest > np.sqrt(tolerance) * np.linalg.norm(matrix):
            raise InputError(
                "measurement matrices must commute, got a set without a common eigenbasis "
                f"(off-diagonal rest {rest:.3g}); the closed form holds only where they do"
            )
    return basis, np.array(eigenvalues)

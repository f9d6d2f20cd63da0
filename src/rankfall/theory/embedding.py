"""Asymmetric problems as positive semidefinite ones: L Rᵀ is a block of U Uᵀ, U = [L; R].

    Z = U Uᵀ = [[L Lᵀ, L Rᵀ], [R Lᵀ, R Rᵀ]],    B_i = ½ [[0, A_i], [A_iᵀ, 0]],    ⟨B_i, Z⟩ = ⟨A_i, L Rᵀ⟩

The flow of U on the B_i is that of L and R on the A_i at half the speed, and the least trace of a Z ⪰ 0 with the block
X is 2‖X‖_*. So what is known of semidefinite problems holds for the others.   [gunasekar2017, Section 2]
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError


def embed_measurements(matrices: Float[Array, "k m n"]) -> Float[Array, "k d d"]:
    """B_i = ½ [[0, A_i], [A_iᵀ, 0]], d = m + n: symmetric matrices that measure the block X of Z as the A_i do.

    Source: [gunasekar2017, Section 2].

    Parameters
    ----------
    matrices : ndarray, shape (k, m, n)
        A_1 … A_k.

    Returns
    -------
    ndarray, shape (k, m + n, m + n)
    """
    count, m, n = matrices.shape
    embedded = np.zeros((count, m + n, m + n))
    embedded[:, :m, m:] = matrices / 2
    embedded[:, m:, :m] = np.swapaxes(matrices, 1, 2) / 2
    return embedded


def embed_factors(left: Float[Array, "m k"], right: Float[Array, "n k"]) -> Float[Array, "d k"]:
    """U = [L; R], whose U Uᵀ has the block L Rᵀ.

    Parameters
    ----------
    left, right : ndarray, shapes (m, k) and (n, k)
        L and R.

    Returns
    -------
    ndarray, shape (m + n, k)
    """
    return np.concatenate([left, right])


def embed_product(product: Float[Array, "m n"]) -> Float[Array, "d d"]:
    """The Z ⪰ 0 of least trace with the block X: [[(XXᵀ)^½, X], [Xᵀ, (XᵀX)^½]], tr Z = 2‖X‖_*.

    Source: [gunasekar2017, Section 2].

    Parameters
    ----------
    product : ndarray, shape (m, n)
        X.

    Returns
    -------
    ndarray, shape (m + n, m + n)
    """
    left, values, right = np.linalg.svd(product, full_matrices=False)
    root = np.sqrt(values)
    factor = embed_factors(left * root, right.T * root)
    return factor @ factor.T


def embedded_block(embedded: Float[Array, "d d"], rows: int) -> Float[Array, "m n"]:
    """X, the block of Z above the diagonal.

    Parameters
    ----------
    embedded : ndarray, shape (m + n, m + n)
        Z.
    rows : int
        m, between 1 and m + n − 1.

    Raises
    ------
    InputError
        For other numbers of rows.
    """
    if not 0 < rows < len(embedded):
        raise InputError(
            f"the block has between 1 and {len(embedded) - 1} rows, got {rows}; pass m of the m × n matrix"
        )
    return embedded[:rows, rows:]

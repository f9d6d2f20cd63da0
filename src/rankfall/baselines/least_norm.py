"""Least squares in a tangent space by LSQR from zero, whose iterates stay among those of least norm.

    (A, B) = argmin ‖b − P(A Rᵀ + L Bᵀ)‖,  of least ‖A‖² + ‖B‖²

Stopped early it leaves out the directions in which the entries say little, as a ridge would.
"""

import numpy as np
from jaxtyping import Float
from scipy.sparse.linalg import LinearOperator, lsqr

from rankfall.recovery.sampling import Sampling


def least_norm(
    sampling: Sampling, entries: Float[np.ndarray, " entries"], left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"], tolerance: float, iterations: int,
) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, "n k"]]:  # fmt: skip
    """(A, B) above for L = `left` and R = `right`, at most `tolerance` relative residual or gradient away.

    So many iterations of LSQR may end it before.
    """

    def split(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return flat[: left.size].reshape(left.shape), flat[left.size :].reshape(right.shape)

    def read(flat: np.ndarray) -> np.ndarray:
        a, b = split(flat.reshape(-1))
        return sampling.read(np.hstack([a, left]), np.hstack([right, b]))

    def pull(values: np.ndarray) -> np.ndarray:
        by_row, by_col = sampling.times(values, right), sampling.transposed_times(values, left)
        return np.concatenate([by_row.ravel(), by_col.ravel()])

    shape = sampling.count, left.size + right.size
    operator = LinearOperator(shape, matvec=read, rmatvec=pull, dtype=np.float64)  # pyright: ignore[reportCallIssue]
    found = lsqr(operator, entries, atol=tolerance, btol=tolerance, conlim=0, iter_lim=iterations)[0]
    return split(found)

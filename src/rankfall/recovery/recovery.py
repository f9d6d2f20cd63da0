"""What a recovery found: the matrix, its rank, what of it the entries determine, and the path that led there."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from rankfall.low_rank import LowRank
from rankfall.recovery.certificate import Certificate
from rankfall.recovery.frozen_path import PathStep
from rankfall.recovery.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Recovery:
    """The answer of `recover`.

    Parameters
    ----------
    product : LowRank
        The matrix found, of shape (m, n). Rows and columns without entries are zero.
    rank : int
        Its rank; 0 where nothing was found.
    certificate : Certificate
        Which rows and columns the observed entries determine at this rank.
    path : tuple of PathStep
        (ε, R, residual) of each step, ε in the units of the values.
    residual : float
        ‖b − P(W)‖/‖b‖.
    is_exact : bool
        Whether the residual is rounding: below the tolerance.
    noise : float
        Standard deviation of the noise found, in the units of the values; 0 where the fit is exact or nobody looked.
    status : str
        What was found, in one sentence.
    attempts : int
        Paths walked.
    symmetry : Symmetry
        What the matrix was told or found to be; what is determined is so among such matrices.
    outliers : (k, 2) ndarray of int
        Row and column of each entry that was found grossly wrong and left out; none unless they were looked for.
    interrupted : bool
        Whether Ctrl-C ended the search. What is certified then is so all the same.
    """

    product: LowRank
    rank: int
    certificate: Certificate
    path: tuple[PathStep, ...]
    residual: float
    is_exact: bool
    noise: float
    status: str
    attempts: int
    symmetry: Symmetry = Symmetry.GENERAL
    outliers: Int[np.ndarray, "k 2"] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    interrupted: bool = False

    def __repr__(self) -> str:
        m, n = self.product.shape
        return f"Recovery({m} × {n} of rank {self.rank}: {self.status})"

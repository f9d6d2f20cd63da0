"""Baselines: problem -> `Solution`, read like a run.

`NuclearNorm` is the convex reference with a certificate; `SoftImpute` its regularized, noisy form;
`AlternatingLeastSquares` and `HardThreshold` fix the rank; `GaussNewton` refines any of them. `R2RILS`, `MatrixIRLS`,
`GNMR` and `RiemannianCG`, which are told the rank too, are the yardsticks of exact recovery. All share
`solve(problem, warm=None)`. Of tensors there are `TensorLeastSquares` and `TensorNuclearNorm`.
"""

from rankfall.baselines.als import AlternatingLeastSquares
from rankfall.baselines.gnmr import GNMR
from rankfall.baselines.hard_svd import HardThreshold
from rankfall.baselines.matrix_irls import MatrixIRLS
from rankfall.baselines.nuclear_norm import NuclearNorm
from rankfall.baselines.r2rils import R2RILS
from rankfall.baselines.refinement import GaussNewton
from rankfall.baselines.riemannian_cg import RiemannianCG
from rankfall.baselines.soft_impute import SoftImpute, largest_shrinkage
from rankfall.baselines.solution import Solution
from rankfall.baselines.tensor_least_squares import TensorLeastSquares
from rankfall.baselines.tensor_nuclear_norm import TensorNuclearNorm

__all__ = [
    "GNMR",
    "R2RILS",
    "AlternatingLeastSquares",
    "GaussNewton",
    "HardThreshold",
    "MatrixIRLS",
    "NuclearNorm",
    "RiemannianCG",
    "SoftImpute",
    "Solution",
    "TensorLeastSquares",
    "TensorNuclearNorm",
    "largest_shrinkage",
]

"""Baselines: problem -> `Solution`, read like a run.

`NuclearNorm` is the convex reference with a certificate; `SoftImpute` its regularized, noisy form;
`AlternatingLeastSquares` and `HardThreshold` fix the rank; `GaussNewton` refines any of them. All share
`solve(problem, warm=None)`.
"""

from rankfall.baselines.als import AlternatingLeastSquares
from rankfall.baselines.hard_svd import HardThreshold
from rankfall.baselines.nuclear_norm import NuclearNorm
from rankfall.baselines.refinement import GaussNewton
from rankfall.baselines.soft_impute import SoftImpute, largest_shrinkage
from rankfall.baselines.solution import Solution
from rankfall.baselines.tensor_least_squares import TensorLeastSquares

__all__ = [
    "AlternatingLeastSquares",
    "GaussNewton",
    "HardThreshold",
    "NuclearNorm",
    "SoftImpute",
    "Solution",
    "TensorLeastSquares",
    "largest_shrinkage",
]

"""Problems: what is observed of W, and the loss ℓ(W)."""

from rankfall.problems.completion import Completion
from rankfall.problems.factorization import Factorization
from rankfall.problems.featured import Featured, Features
from rankfall.problems.losses import Absolute, Huber, Logistic, Loss, Squared
from rankfall.problems.operators import Operator
from rankfall.problems.regression import Regression
from rankfall.problems.sensing import Sensing
from rankfall.problems.stacked_operators import DenseOperator, SymmetricOperator
from rankfall.problems.thin_operators import DiagonalOperator, RankOneOperator

__all__ = [
    "Absolute",
    "Completion",
    "DenseOperator",
    "DiagonalOperator",
    "Factorization",
    "Featured",
    "Features",
    "Huber",
    "Logistic",
    "Loss",
    "Operator",
    "RankOneOperator",
    "Regression",
    "Sensing",
    "Squared",
    "SymmetricOperator",
]

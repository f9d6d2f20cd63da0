"""Problems: what is observed of W, and the loss ℓ(W)."""

from rankfall.problems.completion import Completion
from rankfall.problems.factorization import Factorization
from rankfall.problems.layout import Layout, Observed
from rankfall.problems.layouts import Batched, Dense, Sparse, TorchSparse, choose_layout
from rankfall.problems.loss import Kernel, Loss
from rankfall.problems.losses import Absolute, Huber, Logistic, Squared
from rankfall.problems.operators import Operator
from rankfall.problems.problem import Problem
from rankfall.problems.regression import Regression
from rankfall.problems.sensing import Sensing
from rankfall.problems.stacked_operators import DenseOperator, SymmetricOperator
from rankfall.problems.tensor_completion import TensorCompletion
from rankfall.problems.tensor_sensing import TensorSensing
from rankfall.problems.thin_operators import DiagonalOperator, RankOneOperator

__all__ = [
    "Absolute",
    "Batched",
    "Completion",
    "Dense",
    "DenseOperator",
    "DiagonalOperator",
    "Factorization",
    "Huber",
    "Kernel",
    "Layout",
    "Logistic",
    "Loss",
    "Observed",
    "Operator",
    "Problem",
    "RankOneOperator",
    "Regression",
    "Sensing",
    "Sparse",
    "Squared",
    "SymmetricOperator",
    "TensorCompletion",
    "TensorSensing",
    "TorchSparse",
    "choose_layout",
]

"""The scikit-learn face: tables in, completed tables out."""

from rankfall.estimators.estimator import DeepMatrixFactorization
from rankfall.estimators.tensors import DeepTensorCompletion

__all__ = ["DeepMatrixFactorization", "DeepTensorCompletion"]

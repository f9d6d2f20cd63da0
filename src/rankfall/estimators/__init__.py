"""The scikit-learn face: tables in, completed tables out."""

from rankfall.estimators.estimator import DeepMatrixFactorization

__all__ = ["DeepMatrixFactorization"]

"""The scikit-learn face: tables in, completed tables out."""

from rankfall.estimators.deep import DeepMatrixFactorization

__all__ = ["DeepMatrixFactorization"]

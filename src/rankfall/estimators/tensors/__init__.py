"""Tensors with holes: the scikit-learn face of the tensor models."""

from rankfall.estimators.tensors.estimator import DeepTensorCompletion

__all__ = ["DeepTensorCompletion"]

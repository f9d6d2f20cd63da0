"""Slices that no entry observes: a model fitted to the others says nothing of them."""

import warnings

import numpy as np

from rankfall.errors import RunWarning
from rankfall.models.tensor_model import TensorModel
from rankfall.problems.tensor_completion import TensorCompletion


def with_unseen_slices(model: TensorModel, weights: np.ndarray, problem: TensorCompletion) -> np.ndarray:
    """The weights, the rows of slices that no entry observes set to the mean of the others; with a warning."""
    layers = [layer.copy() for layer in model.layers(weights)]
    unseen = []
    for layer, mode in zip(layers, model.modes, strict=True):
        if mode is None:
            continue
        seen = np.bincount(problem.indices[mode], minlength=problem.shape[mode]) > 0
        if not seen.all():
            layer[~seen] = layer[seen].mean(axis=0)
            unseen.append(f"{int((~seen).sum())} of axis {mode}")
    if unseen:
        warnings.warn(
            f"slices without an observed entry ({', '.join(unseen)}) are filled with the mean of the others",
            RunWarning,
            stacklevel=5,
        )  # fmt: skip
    return model.join(layers)

"""Stacking: members weighed by non-negative least squares on held-out entries.   [breiman1996]

Each column has weights of its own, drawn towards those of the whole table by as much as so many entries weigh. Columns
are centered, so that weights which sum to less than one shrink towards the column's mean.
"""

import numpy as np
from jaxtyping import Float, Int

_BORROWED = 60.0
_RIDGE = 1e-3


def stack_weights(
    predictions: Float[np.ndarray, "held members"],
    targets: Float[np.ndarray, " held"],
    cols: Int[np.ndarray, " held"],
    columns: int,
) -> Float[np.ndarray, "n members"]:
    """Non-negative weights of the members for each column."""
    from scipy.optimize import nnls

    members = predictions.shape[1]
    gram, moment = predictions.T @ predictions, predictions.T @ targets
    count = max(1, targets.size)
    weights = np.empty((columns, members))
    for col in range(columns):
        here = cols == col
        own = predictions[here]
        a = own.T @ own + _BORROWED * gram / count
        b = own.T @ targets[here] + _BORROWED * moment / count
        # a small ridge towards equal shares keeps members that predict alike alike
        ridge = _RIDGE * np.trace(a) + 1e-12
        weights[col] = nnls(a + ridge * np.eye(members), b + ridge / members)[0]
    return weights


def stacked(
    predictions: Float[np.ndarray, "members parts m n"], weights: Float[np.ndarray, "n members"]
) -> Float[np.ndarray, "parts m n"]:
    """The weighted sum, column by column."""
    return np.einsum("kpmn,nk->pmn", predictions, weights)

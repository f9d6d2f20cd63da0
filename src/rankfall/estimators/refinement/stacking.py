"""Stacking: members weighed by non-negative least squares on held-out entries.   [breiman1996]

Each column has weights of its own, drawn towards those of the whole table by as much as so many entries weigh. Entries
far from their column's mean count less, so that a few outliers do not decide. Columns are centered: weights which sum
to less than one shrink towards the column's mean.
"""

import numpy as np
from jaxtyping import Float, Int

# How many entries' worth the whole table weighs in each column; how strongly weights are drawn to shares that fall with
# the power of a member's own error; and from how many standard deviations on an entry counts less.
_BORROWED, _RIDGE, _POWER, _FAR = 100.0, 0.1, 3.0, 2.0


def stack_weights(
    predictions: Float[np.ndarray, "held members"],
    targets: Float[np.ndarray, " held"],
    cols: Int[np.ndarray, " held"],
    columns: int,
) -> Float[np.ndarray, "n members"]:
    """Non-negative weights of the members for each column, from held-out entries in column units."""
    from scipy.optimize import nnls

    members, count = predictions.shape[1], max(1, targets.size)
    influence = 1 / np.maximum(1, np.abs(targets) / _FAR)
    weighed = predictions * influence[:, None]
    gram, moment = weighed.T @ predictions, weighed.T @ targets
    errors = (influence[:, None] * (predictions - targets[:, None]) ** 2).mean(axis=0) + np.finfo(float).tiny
    shares = (errors / errors.min()) ** -_POWER
    shares /= shares.sum()
    weights = np.empty((columns, members))
    for col in range(columns):
        here = cols == col
        a = weighed[here].T @ predictions[here] + _BORROWED * gram / count
        b = weighed[here].T @ targets[here] + _BORROWED * moment / count
        ridge = _RIDGE * np.trace(a) / members + 1e-12
        weights[col] = nnls(a + ridge * np.eye(members), b + ridge * shares)[0]
    return weights


def stacked(
    predictions: Float[np.ndarray, "members parts m n"], weights: Float[np.ndarray, "n members"]
) -> Float[np.ndarray, "parts m n"]:
    """The weighted sum, column by column."""
    return np.einsum("kpmn,nk->pmn", predictions, weights)

"""Low-rank tables with entries hidden, for tests of the estimator."""

import numpy as np

# a little noise, so that held-out entries end a run soon
NOISE = 0.05


def table_with_holes(shape=(40, 25), rank=2, hidden=0.4, seed=0, offset=0.0, unit=1.0):
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    truth = offset + unit * (signal + NOISE * rng.standard_normal(shape))
    return truth, np.where(rng.random(shape) < hidden, np.nan, truth)

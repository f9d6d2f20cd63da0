"""Lists of entries of a planted table, for fits on a cluster and beside it."""

import numpy as np
import pandas as pd


def planted_entries(shape=(400, 120), count=12_000, rank=3, noise=0.3, seed=0) -> pd.DataFrame:
    """Ratings of low rank and noise, some users far busier than others."""
    rng = np.random.default_rng(seed)
    m, n = shape
    busy = rng.permutation(1 / np.arange(1, m + 1) ** 0.6)
    rows = rng.choice(m, 3 * count, p=busy / busy.sum())
    key = np.unique(rows * n + rng.integers(n, size=3 * count))
    rows, cols = np.divmod(rng.permutation(key)[:count], n)
    factors = rng.standard_normal((m, rank)), rng.standard_normal((n, rank))
    values = 3.5 + (factors[0][rows] * factors[1][cols]).sum(axis=1) + noise * rng.standard_normal(rows.size)
    return pd.DataFrame({"user": rows, "item": cols, "rating": values})


def uneven_entries(shape=(1200, 80), count=24_000, rank=2, noise=0.5, steepness=0.8, seed=0) -> pd.DataFrame:
    """Ratings likewise, of which rows and columns have as few as a power law says."""
    rng = np.random.default_rng(seed)
    drawn = []
    for side in shape:
        popular = 1 / np.arange(1, side + 1) ** steepness
        drawn.append(rng.choice(side, 4 * count, p=popular / popular.sum()))
    rows, cols = np.divmod(rng.permutation(np.unique(drawn[0] * shape[1] + drawn[1]))[:count], shape[1])
    left, right = (rng.standard_normal((side, rank)) for side in shape)
    values = (left[rows] * right[cols]).sum(axis=1) + noise * rng.standard_normal(rows.size)
    return pd.DataFrame({"user": rows, "item": cols, "rating": values})

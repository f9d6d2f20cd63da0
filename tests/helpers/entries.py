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

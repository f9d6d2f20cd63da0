"""A completion problem with a known truth."""

import numpy as np

import rankfall as rf


def planted_problem(
    shape: tuple[int, int] = (12, 9), rank: int = 2, share: float = 0.6, seed: int = 0, dtype: type = np.float64
) -> rf.Completion:
    """A completion problem with known truth: Gaussian factors, mean squared entry 1."""
    rng = np.random.default_rng(seed)
    m, n = shape
    truth = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
    truth *= np.sqrt(m * n) / np.linalg.norm(truth)
    observed = rng.permutation(m * n)[: round(share * m * n)]
    rows, cols = np.divmod(observed, n)
    return rf.Completion.from_triplets(rows, cols, truth[rows, cols].astype(dtype), shape, truth=truth)

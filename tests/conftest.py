"""What every test shares: the real data where it lies, and a catalogue of small problems."""

import os
from pathlib import Path

import numpy as np
import pytest

import rankfall as rf


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, beside the project or where RANKFALL_TEST_DATA says; skips where it is missing."""
    folder = Path(os.environ.get("RANKFALL_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data is not on this machine (looked in {folder}; set RANKFALL_TEST_DATA)")
    return folder


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

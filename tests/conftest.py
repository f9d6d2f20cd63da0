"""What every test shares: the real data where it lies, and a catalogue of small problems."""

import os
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import config

import rankfall as rf
from rankfall.trajectory.evolve import _Loop

# Shapes are checked in the first steps of every run and in every so-manieth of the others: a run makes the same calls
# over and over, and checking them all takes nine tenths of its time.
_CHECKED, _EVERY = 20, 25


@pytest.fixture(scope="session", autouse=True)
def _shapes_of_a_run_are_sampled():
    walk, advance = _Loop.run, _Loop._advance

    def run(loop, weights):
        loop.trusted = config.jaxtyping_disable
        try:
            return walk(loop, weights)
        finally:
            config.update("jaxtyping_disable", loop.trusted)

    def step(loop):
        config.update("jaxtyping_disable", loop.trusted or (loop.step >= _CHECKED and loop.step % _EVERY > 0))
        advance(loop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Loop, "run", run)
        patch.setattr(_Loop, "_advance", step)
        yield


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

"""What every test shares: the real data where it lies, and a catalogue of small problems."""

import os
from pathlib import Path

import pytest
from jaxtyping import config

from rankfall.trajectory.evolve import _Loop
from tests.helpers.planted import planted_problem  # noqa: F401

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

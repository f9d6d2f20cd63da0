"""What every test shares: the real data where it lies, and a catalogue of small problems."""

import os
import signal
import zlib
from pathlib import Path

import pytest
from jaxtyping import config

from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.trajectory import step_hook

# Shapes are checked in every eighth test, in the first steps of its runs and in every 25th of the others: tests and
# steps make the same calls over and over, and checking them all takes longer than all the rest.
_TESTS, _CHECKED, _EVERY = 8, 20, 25


@pytest.fixture(autouse=True)
def _shapes_are_sampled(request):
    before = config.jaxtyping_disable
    # by name, so that a test is checked or not whichever tests run beside it
    is_chosen = "RANKFALL_ALL_SHAPES" in os.environ or zlib.crc32(request.node.nodeid.encode()) % _TESTS == 0
    trusted = before or not is_chosen or request.node.get_closest_marker("trusted") is not None
    config.update("jaxtyping_disable", trusted)

    def sample(state):
        skipped = state.runs.size > 0 and state.step >= _CHECKED and state.step % _EVERY > 0
        config.update("jaxtyping_disable", trusted or skipped)

    with step_hook(sample):
        yield
    config.update("jaxtyping_disable", before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, beside the project or where RANKFALL_TEST_DATA says; skips where it is missing."""
    folder = Path(os.environ.get("RANKFALL_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data is not on this machine (looked in {folder}; set RANKFALL_TEST_DATA)")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _workers_share_the_cores():
    """Side by side, each worker has a core, and so has what it starts: more threads would wait for those of others."""
    is_beside_others = "PYTEST_XDIST_WORKER" in os.environ
    if is_beside_others:
        os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with one_blas_thread(is_beside_others):
        yield


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard():
    """A shell that starts the tests in the background has them ignore Ctrl-C, and so would every command in them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

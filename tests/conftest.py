"""What every test shares: the real data where it lies, and a catalogue of small problems."""

import os
import signal
import zlib
from pathlib import Path

import jaxtyping
import pytest

from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.trajectory import step_hook

# Where shapes are checked, every eighth test is run, and of its runs the first steps and every 25th of the others are
# checked: tests and steps make the same calls over and over.
_TESTS, _CHECKED, _EVERY = 8, 20, 25


def _checks_shapes(options: pytest.Config) -> bool:
    """Whether `--jaxtyping-packages` was given, whose plugin checks the shapes and types of all calls."""
    return options.getoption("jaxtyping_packages") is not None


def pytest_collection_modifyitems(config, items):
    """Leave out what is trusted where shapes are checked, and of the rest all but a sample, unless asked for all."""
    if not _checks_shapes(config):
        return
    every = 1 if "RANKFALL_ALL_SHAPES" in os.environ else _TESTS

    def is_chosen(item):
        # by name, so that a test is checked or not whichever tests run beside it
        return item.get_closest_marker("trusted") is None and zlib.crc32(item.nodeid.encode()) % every == 0

    config.hook.pytest_deselected(items=[item for item in items if not is_chosen(item)])
    items[:] = filter(is_chosen, items)


@pytest.fixture(autouse=True)
def _steps_are_sampled(request):
    """Of a long run not every step's shapes are checked."""
    if not _checks_shapes(request.config):
        yield
        return

    def sample(state):
        skipped = state.runs.size > 0 and state.step >= _CHECKED and state.step % _EVERY > 0
        jaxtyping.config.update("jaxtyping_disable", skipped)

    before = jaxtyping.config.jaxtyping_disable
    with step_hook(sample):
        yield
    jaxtyping.config.update("jaxtyping_disable", before)


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

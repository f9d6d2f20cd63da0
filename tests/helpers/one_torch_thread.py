"""PyTorch on one thread: tables of tests are too small to share, and other tests want the cores."""

import pytest


@pytest.fixture(scope="module")
def one_torch_thread():
    """For a file whose tests use it."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

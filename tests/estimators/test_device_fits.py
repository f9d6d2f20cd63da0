"""Fits on a device: those of the processor to the tolerance, in NumPy afterwards, and refused where there is none."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.errors import InputError
from tests.helpers.devices import on_devices
from tests.helpers.one_torch_thread import one_torch_thread

pytestmark = [pytest.mark.trusted, pytest.mark.usefixtures(one_torch_thread.__name__)]

SHAPE = (120, 90)
CHOSEN = {
    "squares": {"depth": 3, "features": False},
    "huber": {"depth": 2, "features": False, "loss": "huber"},
    # on one split, and with popularity
    "features": {"depth": 2, "features": True, "holdout": 0.2},
    "the chosen run": {"depth": 2, "features": False, "holdout": 0.015},
}


def uneven_table():
    """A noisy table of rank 2 whose rows and columns are unevenly observed."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((SHAPE[0], 2)) @ rng.standard_normal((2, SHAPE[1]))
    table += 0.2 * rng.standard_normal(SHAPE)
    seen = 0.4 * rng.exponential(1, (SHAPE[0], 1)) * rng.exponential(1, (1, SHAPE[1]))
    return np.where(rng.random(SHAPE) < seen, table, np.nan)


def fitted(device=None, **parameters):
    options = {"width": 6, "scaling": "global", "refine": False} | parameters
    return rf.DeepMatrixFactorization(device=device, **options).fit(uneven_table())


@on_devices
@pytest.mark.parametrize("name", CHOSEN)
def test_a_fit_is_the_processors(device, name, tmp_path):
    rtol = 1e-3
    there, here = (fitted(place, rtol=rtol, **CHOSEN[name]) for place in (device, None))
    assert there.get_params()["device"] == device
    assert (there.depth_, there.features_, there.popularity_) == (here.depth_, here.features_, here.popularity_)
    assert there.held_out_error_ == pytest.approx(here.held_out_error_, rel=20 * rtol)
    assert there.stopping_time_ == pytest.approx(here.stopping_time_, rel=0.1)
    filled, expected = there.complete(), here.complete()
    assert np.linalg.norm(filled - expected) <= 20 * rtol * np.linalg.norm(expected)
    assert isinstance(there.trajectory_.weights, np.ndarray)
    assert isinstance(there.trajectory_.problem.values, np.ndarray)
    # a saved fit is read where there is no such device
    there.save(tmp_path / "fit.npz")
    again = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    assert again.device is None
    np.testing.assert_array_equal(again.complete(), filled)


@on_devices
def test_two_fits_have_the_same_bits(device):
    first, second = (fitted(device, **CHOSEN["features"]).complete() for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("device", ["cuad", 3, "cuda:99"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(InputError, match=f"got {device!r}"):
        fitted(device)

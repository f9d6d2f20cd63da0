"""Orthonormal frames."""

import numpy as np
import pytest

from rankfall.kernels.frames import frame_of, orthonormal


@pytest.mark.parametrize("shape", [(30, 7), (7, 7), (5, 9), (4, 0), (0, 3), (1, 1)])
def test_a_block_is_its_frame_times_a_triangle_and_stays_as_it_is(shape):
    block = np.random.default_rng(0).standard_normal(shape)
    before = block.copy()
    frame, triangle = frame_of(block)
    width = min(shape)
    assert (frame.shape, triangle.shape) == ((shape[0], width), (width, shape[1]))
    np.testing.assert_allclose(frame @ triangle, block, atol=1e-13)
    np.testing.assert_allclose(frame.T @ frame, np.eye(width), atol=1e-13)
    np.testing.assert_array_equal(np.tril(triangle, -1), 0)
    np.testing.assert_array_equal(orthonormal(block), frame)
    np.testing.assert_array_equal(block, before)


def test_single_precision_stays_single():
    frame, triangle = frame_of(np.ones((5, 2), np.float32))
    assert frame.dtype == triangle.dtype == np.float32


def test_dependent_columns_have_a_frame_too():
    block = np.outer(np.arange(1.0, 9.0), [1.0, 2.0, 0.0])
    frame, triangle = frame_of(block)
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-13)
    np.testing.assert_allclose(frame @ triangle, block, atol=1e-12)

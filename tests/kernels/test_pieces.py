"""Sums of a long list, a piece at a time, have the bits of NumPy's sums of the whole list."""

import numpy as np
import pytest

from rankfall.kernels import pieces


@pytest.mark.parametrize("count", [0, 1, 7, 8, 50])
def test_pieces_add_up_to_one_bincount(count, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 8)
    rng = np.random.default_rng(count)
    lines = rng.integers(0, 5, count).astype(np.int32)
    terms = rng.standard_normal(count).astype(np.float32)
    np.testing.assert_array_equal(pieces.line_counts(lines, 6), np.bincount(lines, minlength=6))
    np.testing.assert_array_equal(pieces.line_totals(lines, terms.__getitem__, 6), np.bincount(lines, terms, 6))
    np.testing.assert_allclose(pieces.total(terms.__getitem__, count), terms.sum(dtype=np.float64), rtol=1e-15)


def test_every_entry_is_in_one_piece(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 8)
    for count in (0, 8, 17):
        seen = np.concatenate([np.arange(count)[piece] for piece in pieces.pieces(count)])
        np.testing.assert_array_equal(seen, np.arange(count))

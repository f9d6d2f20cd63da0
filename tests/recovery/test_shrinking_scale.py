"""How many directions escape from step to step."""

from itertools import pairwise

import numpy as np
import pytest

from rankfall.recovery.shrinking_scale import ShrinkingScale


def test_a_bulk_escapes_by_and_by():
    """A hundred singular values close together, under three large ones: as many as there is room for, not all."""
    scale = ShrinkingScale(6.0, 0.9)
    values = np.concatenate([[9.0, 8.0, 7.0], np.linspace(5.0, 4.9, 100)])
    ranks = []
    for _ in range(7):
        used, rank = scale.settle(values, 200)
        assert (values > used).sum() >= rank
        ranks.append(rank)
        scale.fall(rank, 1.0)
    assert ranks[0] == 3
    assert max(ranks) > 30
    assert all(later <= earlier + max(12, earlier // 2) for earlier, later in pairwise(ranks))


@pytest.mark.parametrize("count", [5, 40])
def test_all_that_stand_out_at_the_start_escape_at_once(count):
    values = np.concatenate([np.full(count, 2.0), np.full(20, 0.1)])
    _, rank = ShrinkingScale(1.8, 0.9).settle(values, 100)
    assert rank == count

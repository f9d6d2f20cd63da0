"""Pieces of a loop, each done once, whoever shares them out."""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from rankfall.kernels.observed import Entries
from rankfall.kernels.threads import count_pieces, piece_bounds, share_out
from tests.helpers.kernel_cases import threads


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("bounds", [(0, 5), (0, 1, 2, 9, 20), (3, 3, 4), (0,), piece_bounds(100)])
def test_every_piece_is_done_once(bounds, alone):
    done = np.zeros(101, int)

    def mark(begin, end, by):
        done[begin:end] += by

    share_out(mark, bounds, 2, alone=alone)
    np.testing.assert_array_equal(done[bounds[0] : bounds[-1]], 2)
    assert done.sum() == 2 * (bounds[-1] - bounds[0])


@pytest.mark.parametrize("count", [0, 1, 5, 1000, 10_007])
def test_pieces_are_alike_and_leave_nothing_out(count):
    bounds = piece_bounds(count)
    assert bounds[0] == 0
    assert bounds[-1] == count
    assert len(bounds) - 1 == min(max(count, 1), count_pieces())
    assert np.ptp(np.diff(bounds)) <= 1


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread is all there is")
def test_a_piece_that_shares_out_its_own_work_does_it_itself():
    found = []

    def outer(begin, end):
        share_out(lambda first, last: found.append((first, last)), range(begin, end + 1), alone=False)

    with threads(2):
        share_out(outer, (0, 4, 8), alone=False)
    assert sorted(place for begin, end in found for place in range(begin, end)) == list(range(8))
    # the second piece is another thread's, which does not wait for others
    assert (4, 8) in found


def test_what_a_piece_raises_is_raised():
    def refuse(begin, end):
        raise ValueError(f"{begin} to {end}")

    with pytest.raises(ValueError, match=r"\d to \d"):
        share_out(refuse, (0, 1, 2), alone=False)


def test_threads_of_the_program_may_compute_at_once():
    rng = np.random.default_rng(0)
    rows, columns = np.divmod(np.flatnonzero(rng.random(400 * 300) < 0.5), 300)
    entries = Entries(rows.astype(np.int32), columns.astype(np.int32), (400, 300))
    values = rng.standard_normal(rows.size)
    factors = [(rng.standard_normal((400, 20)), rng.standard_normal((300, 20))) for _ in range(6)]

    def pulls(pair):
        return np.concatenate(entries.loss_and_products(values, np.empty(0), *pair)[1:])

    apart = [pulls(pair) for pair in factors]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(pulls, factors))
    np.testing.assert_array_equal(together, apart)

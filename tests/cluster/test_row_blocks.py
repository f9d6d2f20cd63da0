"""Row blocks are a layout like any other, and the same bits wherever they lie."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.problems.layouts import RowBlocks, Sparse
from rankfall.problems.layouts.row_block import RowBlock, block_bounds
from rankfall.problems.layouts.row_blocks import InProcess
from rankfall.problems.losses import Huber, Squared
from tests.helpers.entries import planted_entries

ENTRIES = planted_entries()


class NamelessLoss(Squared):
    """Squares that the compiled loops do not know."""

    kernel = None


def problem(layout, weights=None, loss=None):
    rows, cols, values = (ENTRIES[name].to_numpy() for name in ENTRIES)
    return rf.Completion.from_triplets(rows, cols, values, (400, 120), weights=weights, loss=loss, layout=layout)


def gradients(layout, **options):
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((2, 400, 5)), rng.standard_normal((2, 120, 5))
    return problem(layout, **options).loss_and_factor_gradients(left, right)


@pytest.mark.parametrize("loss", [Squared(), Huber(0.5), NamelessLoss()], ids=str)
@pytest.mark.parametrize("weighed", [False, True])
def test_row_blocks_agree_with_one_list(loss, weighed):
    weights = np.random.default_rng(2).random(len(ENTRIES)) if weighed else None
    found = gradients(RowBlocks.on(InProcess(), 1000), weights=weights, loss=loss)
    for mine, theirs in zip(found, gradients(Sparse, weights=weights, loss=loss), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.dask
def test_workers_give_the_bits_of_this_process(client):
    from rankfall.cluster.workers import DaskWorkers

    here = gradients(RowBlocks.on(InProcess(), 1000))
    there = gradients(RowBlocks.on(DaskWorkers(client), 1000))
    for mine, theirs in zip(here, there, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("counts", [[5, 0, 0, 7, 100, 1], [1], [0, 0, 3], [3] * 50])
def test_blocks_hold_every_row_once(counts):
    bounds = block_bounds(np.array(counts), 8)
    assert bounds[0] == 0
    assert bounds[-1] == len(counts)
    assert (np.diff(bounds) > 0).all()


def test_a_block_tells_its_size():
    entries = RowBlock.of(0, np.zeros(1000, int), np.arange(1000), np.ones(1000, np.float32), (1, 1000))
    assert entries.__sizeof__() >= 20_000


def test_many_tables_are_refused():
    many = rf.Completion(np.zeros(2, int), np.arange(2), np.ones((3, 2)), (1, 2), layout=RowBlocks)
    with pytest.raises(rf.InputError, match="one table of NumPy arrays"):
        many.loss_and_factor_gradients(np.ones((3, 1, 1)), np.ones((3, 2, 1)))


def test_evolve_runs_on_row_blocks():
    stop = rf.StepLimit(5)
    runs = [
        rf.evolve(problem(layout), rf.Chain(2, 4), rf.Spectral(4, 1e-2), rf.Flow(1e-3), stop=stop)
        for layout in (RowBlocks.on(InProcess(), 2000), Sparse)
    ]
    np.testing.assert_allclose(runs[0].loss, runs[1].loss, rtol=1e-9)

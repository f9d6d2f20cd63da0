"""Structure stays structure: a sparse problem is solved without an array of the matrix's size."""

import tracemalloc

import numpy as np
import pytest

import rankfall as rf

SHAPE, ENTRIES, WIDTH = (20_000, 15_000), 200_000, 4


@pytest.fixture(scope="module")
def problem() -> rf.Completion:
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, SHAPE[0], ENTRIES), rng.integers(0, SHAPE[1], ENTRIES)
    left, right = rng.standard_normal((SHAPE[0], 2)), rng.standard_normal((SHAPE[1], 2))
    values = np.sum(left[rows] * right[cols], axis=1)
    return rf.Completion.from_triplets(rows, cols, values, SHAPE, duplicates="last").hold_out(0.1, seed=0)


@pytest.mark.parametrize("start", [rf.Gaussian(1e-2), rf.Spectral(WIDTH, 1e-2)], ids=repr)
@pytest.mark.parametrize("depth", [2, 3])
def test_memory_is_that_of_entries_and_layers(problem, start, depth):
    keep = rf.Record(singular_values=True, effective_rank=True, imbalance=True)
    tracemalloc.start()
    run = rf.evolve(problem, rf.Chain(depth, WIDTH), start, rf.Flow(1e-2), stop=rf.StepLimit(4), record=keep)
    predicted = run.predict(np.arange(1000), np.arange(1000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.isfinite(predicted).all()
    assert run.loss < run.history["loss"][0]
    # a hundredth of one float32 table; in numbers: some thirty vectors of all weights, and the entries
    assert peak < SHAPE[0] * SHAPE[1] * 4 / 15
    assert peak < 8 * (60 * run.model.size + 40 * ENTRIES)

"""The estimate of a run's memory is near what the run then takes."""

import tracemalloc

import numpy as np
import pytest

import rankfall as rf
from rankfall.datasets import uniform_entries
from rankfall.trajectory.memory import memory_estimate


@pytest.mark.parametrize("shape", [(400, 300), (3000, 2000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_peak_of_a_run_is_within_a_factor_of_two(shape, dtype):
    rows, cols = uniform_entries(shape, 60_000, seed=0)
    values = np.random.default_rng(0).standard_normal(rows.size).astype(dtype)
    model, start = rf.Chain(depth=2, width=16), rf.Gaussian(0.1)
    rf.evolve(rf.Completion.from_triplets(rows, cols, values, shape), model, start, rf.Flow(), stop=rf.StepLimit(1))
    tracemalloc.start()
    problem = rf.Completion.from_triplets(rows, cols, values, shape)
    rf.evolve(problem, model, start, rf.Flow(methods="stabilized"), stop=rf.StepLimit(3), record=rf.Record(every=10))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.5 < memory_estimate(problem, model).total / peak < 2

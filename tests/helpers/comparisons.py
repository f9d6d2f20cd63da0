"""Comparisons within the process of the test."""

import numpy as np

import rankfall as rf
from rankfall.comparison import Comparison, compare


def noisy_problem(shape=(40, 20), rank=2, seed=0, noise=0.1, empty=False) -> rf.Completion:
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    table += noise * rng.standard_normal(shape)
    table[rng.random(shape) < 0.3] = np.nan
    if empty:
        table[3], table[:, 5] = np.nan, np.nan
    return rf.Completion.from_array(table)


def inside(problem, methods, **settings) -> Comparison:
    return compare(problem, methods=methods, in_process=True, **settings)

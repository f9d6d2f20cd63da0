"""Completion problems in a given layout or with weights, and factors to evaluate them at."""

import re
from dataclasses import replace

import numpy as np

import rankfall as rf
from rankfall.problems import Dense, Sparse


def in_layout(problem: rf.Completion, dense: bool) -> rf.Completion:
    """The same problem, made to compute on the formed product or entry by entry."""
    return replace(problem, layout=Dense if dense else Sparse)


def weighted(problem: rf.Completion, seed: int = 3) -> rf.Completion:
    weights = np.random.default_rng(seed).random(problem.values.shape)
    return rf.Completion(problem.rows, problem.cols, problem.values, problem.shape, weights, problem.truth)


def random_factors(problem, rank=3, batch=(), seed=0):
    rng = np.random.default_rng(seed)
    m, n = problem.shape
    return rng.standard_normal((*batch, m, rank)), rng.standard_normal((*batch, n, rank))


def is_one_sentence(text: str) -> bool:
    return "\n" not in text and not text.endswith(".") and not re.search(r"\. [A-Z]", text)

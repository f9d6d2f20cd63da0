"""Positive semidefinite matrices and measurements of them."""

import numpy as np

import rankfall as rf

SIDE = 6


def positive(rank=2, side=SIDE, seed=0):
    root = np.random.default_rng(seed).standard_normal((side, rank))
    truth = root @ root.T
    return truth * side / np.linalg.norm(truth)


def sensing(count=15, rank=2, seed=0):
    return rf.Sensing.gaussian(positive(rank, seed=seed), count, seed, symmetric=True)


def commuting(dimension=6, count=2, seed=0):
    rng = np.random.default_rng(seed)
    entries = rng.uniform(0.2, 1.0, (count, dimension))
    return entries, entries @ np.abs(rng.standard_normal(dimension))

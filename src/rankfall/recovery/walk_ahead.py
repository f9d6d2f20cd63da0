"""A first look at what recovery would find: the point of the path that predicts held-out entries best.

It costs a part of a recovery: the rank is bounded, and the walk ends when the held-out error rises, as it soon does
where entries are noisy.
"""

import math

import numpy as np

from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.low_rank import LowRank
from rankfall.problems.completion import Completion
from rankfall.recovery.metric import DepthMean
from rankfall.recovery.noisy_fit import best_point
from rankfall.recovery.sampling import Sampling


def walk_ahead(training: Completion, held_out: Completion, widest: int, seed: int = 0) -> LowRank:
    """The product at the best point of the path of the training entries, judged by held-out ones.

    Zero where all training entries are.

    Parameters
    ----------
    training, held_out : Completion
        Entries of one table.
    widest : int
        Bound on the rank.
    seed : int
        Of random columns in block power iterations.
    """
    values = np.asarray(training.values, np.float64)
    unit = float(np.abs(values).max())
    m, n = training.shape
    if unit == 0:
        return LowRank(np.zeros((m, 0)), np.zeros((n, 0)))
    samplings = [Sampling(np.asarray(part.rows), np.asarray(part.cols), part.shape) for part in (training, held_out)]
    held = np.asarray(held_out.values, np.float64) / unit
    with one_blas_thread():
        mean = DepthMean(math.inf)
        point, _ = best_point(samplings[0], values / unit, samplings[1], held, mean, seed, widest=widest)
    return LowRank(point.iterate.left * unit, point.iterate.right)

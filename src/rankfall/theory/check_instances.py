"""Claims about particular problems, each asked of a run that is an instance of one; `check` recognizes them.

Two modes of one measurement, sensing that commutes, the 2 × 2 completion that every norm flees, and the invariant block
of a factorization from orthogonal layers. As everywhere in `check`, a run that is no instance gets no report.
"""

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.integrators.descent import Descent
from rankfall.integrators.updates import Gradient
from rankfall.models.chain import Chain
from rankfall.problems.completion import Completion
from rankfall.problems.factorization import Factorization
from rankfall.problems.sensing import Sensing
from rankfall.problems.thin_operators import DiagonalOperator
from rankfall.theory.check_claims import has_equal_rates, law_tolerance, relative_imbalance
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.claim import Claim
from rankfall.theory.closed_forms import check_measurement_curve
from rankfall.theory.commuting import minimum_trace
from rankfall.theory.counterexamples import check_divergence
from rankfall.theory.optimality import excess_bound
from rankfall.theory.subspace import check_invariant_block, idle_scales, invariant_block

# Balanced, diagonal, orthogonal: to rounding.
_ROUNDING = 1e-9


def check_one_measurement(path: CheckedPath) -> list[Claim]:
    """Modes that share the only measurement stay on their curves.   [arora2019]"""
    modes = diagonal_modes(path)
    if modes is None or path.run.problem.count != 1 or path.decay:
        return []
    rows, values = modes
    sizes = np.abs(rows[0])
    leading = int(np.argmax(sizes))
    lagging = [k for k in range(sizes.size) if k != leading and sizes[k] > 0]
    tolerance = law_tolerance(path)
    ratios = rows[0] / rows[0][leading]
    curves = [
        check_measurement_curve(values[:, k], values[:, leading], float(ratios[k]), path.depth, tolerance)
        for k in lagging
    ]
    return [max(curves, key=lambda report: report.measured)] if curves else []


def check_excess(path: CheckedPath) -> list[Claim]:
    """W is as near to least nuclear norm as its start demands, where measurements commute.   [arora2019, Theorem 2]

    Of all positive semidefinite matrices with the measurements of W itself, so that it holds before the data are met.
    """
    modes = diagonal_modes(path)
    m, n = path.run.problem.shape
    if modes is None or path.depth < 2 or path.decay or m != n:
        return []
    rows, values = modes
    start, end = values[0], np.maximum(values[-1], np.finfo(float).tiny)
    if not 0 < start[0] < 1 or np.ptp(start) > _ROUNDING * start[0]:
        return []
    excess = float(end.sum() - minimum_trace(rows, rows @ end).spectrum.sum())
    bound = excess_bound(end, path.depth, float(start[0])) + law_tolerance(path) * float(end.sum())
    return [
        Claim.at_most("‖W‖_* exceeds the least by no more than the start allows", "arora2019, Theorem 2", excess, bound)
    ]


def diagonal_modes(path: CheckedPath) -> tuple[np.ndarray, np.ndarray] | None:
    """The rows of a diagonal sensing problem, and the diagonal of W at every time; None where W is more than that."""
    problem = path.run.problem
    if not isinstance(problem, Sensing) or not isinstance(problem.operator, DiagonalOperator):
        return None
    first = path.product(0)
    values = np.asarray([np.diagonal(path.product(record)) for record in range(path.times.size)])
    mixed = np.abs(first[~np.eye(*first.shape, dtype=bool)]).max(initial=0.0)
    if mixed > _ROUNDING * np.abs(values[0]).max() or not (values > 0).all():
        return None
    if relative_imbalance(path) > _ROUNDING or not has_equal_rates(path):
        return None
    return to_numpy(problem.operator.entries).astype(np.float64), values


def check_corner(path: CheckedPath) -> list[Claim]:
    """The entry of a 2 × 2 completion that is not observed grows as the loss falls.   [razin2020]"""
    problem = path.run.problem
    if not isinstance(problem, Completion) or problem.shape != (2, 2) or len(problem.rows) != 3 or path.depth < 2:
        return []
    if problem.weights is not None:
        return []
    observed = np.full((2, 2), np.nan)
    observed[problem.rows, problem.cols] = to_numpy(problem.values)
    missing = np.argwhere(np.isnan(observed))[0]
    # rows and columns turned so that it is at the top left; det W may turn its sign, and z z' names the one it needs
    turned = slice(None, None, -1 if missing[0] else 1), slice(None, None, -1 if missing[1] else 1)
    products = np.asarray([path.product(record)[turned] for record in path.ends])
    (_, first), (second, corner) = observed[turned].tolist()
    losses = np.asarray([1.5 * problem.loss(path.product(record)) for record in path.ends])
    if not (np.sign(np.linalg.det(products)) == np.sign(first * second)).all() or first * second == 0:
        return []
    return [check_divergence(losses, products, first, second, corner)]


def check_block(path: CheckedPath) -> list[Claim]:
    """Descent from orthogonal layers moves a block of twice the rank, and the rest by a recursion.   [yaras2024]"""
    run = path.run
    if not isinstance(run.problem, Factorization) or not isinstance(run.model, Chain) or not has_equal_rates(path):
        return []
    if not isinstance(run.integrator, Descent) or not isinstance(run.integrator.update, Gradient):
        return []
    target = to_numpy(run.problem.target).astype(np.float64)
    size, rank = len(target), int(np.linalg.matrix_rank(target))
    layers = path.layers(0)
    if not 0 < 2 * rank < size or any(layer.shape != (size, size) for layer in layers):
        return []
    grams = [layer.T @ layer for layer in layers]
    if any(np.abs(gram - gram[0, 0] * np.eye(size)).max() > _ROUNDING * gram[0, 0] for gram in grams):
        return []
    block = invariant_block(layers, target, rank)
    scales = idle_scales(block.scales, float(run.integrator.update.rate), path.losses.size - 1, path.decay)
    return [check_invariant_block(path.layers(-1), block, scales[-1])]

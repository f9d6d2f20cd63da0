"""Claims on what surrounds a path: how fast it can leave zero, and that a convex loss leads it to its optimum."""

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.theory.certificates import deficiency_margin
from rankfall.theory.check_laws import BALANCED, HYPOTHESES, first_of, unmet
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.claim import Claim
from rankfall.theory.closed_forms import straighten
from rankfall.theory.convex import DESCENT, SOURCE, check_convex_descent, single_output_floor

_ZERO = "θ_N(σ_1) gains at most N ∫‖∇ℓ(W)‖_2: zero is left no sooner"
_AWAY = "σ_min(W(t)) ≥ c: a convex loss keeps the path away from singular matrices"


def check_zero(path: CheckedPath) -> list[Claim]:
    """σ_1 leaves zero no sooner than a saddle of order N lets it.   [arora2019, singular values]

    At depth 2 the saddle is strict and θ a logarithm; from depth 3 on the Hessian at zero vanishes, θ is a power. A
    rule that rescales each entry, or remembers past gradients, leaves sooner.
    """
    source = "arora2019, singular values"
    tops = np.abs(path.paths.values).max(axis=1)
    why = unmet(path) or first_of(
        (path.depth < 2, "at depth 1 zero is no critical point"), (float(tops.min()) <= 0, "the run passes zero")
    )
    if why:
        return [Claim.not_applicable(_ZERO, source, why, HYPOTHESES)]
    first, last = path.spans.T
    coordinate = straighten(tops, path.depth)
    steepest = np.linalg.norm(path.gradients, 2, axis=(1, 2))
    allowed = path.depth * path.integrals(steepest[:, None])[:, 0]
    if path.is_discrete:
        gained = coordinate[last] - coordinate[first]
    else:
        gained, allowed = coordinate[last] - coordinate[0], np.cumsum(allowed)
    # rounding of σ_1, in the coordinate θ
    gained = gained - path.rounding * tops[last] ** (2 / path.depth - 1)
    ratios = gained / np.maximum(allowed, np.finfo(float).tiny)
    worst = int(np.argmax(ratios))
    bound = 1 + path.tolerance + path.depth * path.relative_imbalance
    why = f"σ_1 from {tops[0]:.3g}, worst at time {path.times[last[worst]]:.4g}"
    return [Claim.at_most(_ZERO, source, float(ratios[worst]), bound, why, HYPOTHESES)]


def check_convex(path: CheckedPath) -> list[Claim]:
    """The flow reaches the optimum of a convex loss where no singular matrix is as good as the start.

    Known for one output, where 0 is the only singular W, and for ½‖W − Φ‖_F², where the margin says it. Z is the truth
    or the end of the run, whichever is better. The rate is that of the smallest σ_min on the way, which is at least c.
    """
    problem, source = path.problem, SOURCE
    hypotheses = "gradient flow, ℓ convex, balanced layers of one rate, ℓ(W(0)) < ℓ(W) for every singular W"
    is_single = min(problem.shape) == 1
    why = first_of(
        (path.is_discrete, "the corollary is of the flow"),
        (not problem.is_convex, "the loss is not known to be convex"),
        (path.decay > 0, "weight decay moves the optimum"),
        (not path.has_equal_rates, "the layers move at different rates"),
        (path.relative_imbalance > BALANCED, f"the start is unbalanced by {path.relative_imbalance:.2g}"),
        (path.run.model.is_symmetric, "a symmetric product is restricted to positive semidefinite W"),
        (path.run.model.rank < min(problem.shape), "a hidden width is below min(m, n)"),
        (not is_single and path.target is None, "the best singular matrix of this loss is not known"),
    )
    if why:
        return [Claim.not_applicable(DESCENT, source, why, hypotheses)]
    records = np.unique(path.spans)
    products, times = path.products[records], path.times[records]
    losses = np.asarray([float(to_numpy(problem.loss(product))) for product in products])
    if path.target is not None:
        floor = deficiency_margin(products[0], path.target)
    else:
        zero = np.zeros_like(products[0])
        floor = single_output_floor(
            losses[0], float(to_numpy(problem.loss(zero))), to_numpy(problem.gradient(zero)).astype(np.float64)
        )
    if not floor > 0:
        return [Claim.not_applicable(DESCENT, source, "a singular matrix is as good as the start", hypotheses)]
    goals = [products[-1]] if problem.truth is None else [products[-1], to_numpy(problem.truth).astype(np.float64)]
    goal = min(goals, key=lambda each: float(to_numpy(problem.loss(each))))
    least = float(to_numpy(problem.loss(goal)))
    if not losses[0] > least:
        return [Claim.not_applicable(DESCENT, source, "the run starts at its optimum", hypotheses)]
    distances = np.linalg.norm(products - goal, axis=(1, 2))
    smallest = np.linalg.svd(products, compute_uv=False)[:, -1]
    lowest = int(np.argmin(smallest))
    away = Claim.at_least(
        _AWAY, source, float(smallest[lowest]), floor * (1 - path.tolerance), f"worst at time {times[lowest]:.4g}",
        hypotheses,
    )  # fmt: skip
    if away.fails:
        return [away]
    rate = float(smallest[lowest])
    fall = check_convex_descent(times, losses, distances, least, rate, path.depth, slack=path.tolerance)
    return [away, fall.assuming(hypotheses)]

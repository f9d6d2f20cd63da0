"""Claims about particular problems, each judged on a run that is an instance of one; `check` recognizes them.

Two modes of one measurement, sensing that commutes, the 2 × 2 completion that every norm flees, and the invariant block
of a factorization from orthogonal layers.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import like, to_numpy
from rankfall.errors import InputError
from rankfall.problems.operators import Operator
from rankfall.theory.check_laws import BALANCED, first_of
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.claim import Claim
from rankfall.theory.closed_forms import check_measurement_curve, straighten, unstraighten
from rankfall.theory.common_basis import common_eigenbasis
from rankfall.theory.divergence import divergence_bound
from rankfall.theory.subspace import check_invariant_block, idle_scales, invariant_block

_CURVE = "two modes of one measurement stay on their curve"
_COMMUTING = "W ends where the closed form of commuting measurements says"
_CORNER = "|W_11| ≥ (|z| − √(2ℓ))(|z'| − √(2ℓ))/(|ε| + √(2ℓ))"
_BLOCK = "outside a block of size 2r each layer is ρ_j times an isometry"
# Descent of steps that keep the laws ends this near to the closed form of the flow.
_EULER = 0.02
# Measurements given as matrices are formed up to this many numbers.
_NUMBERS = 2**22


def check_one_measurement(path: CheckedPath) -> list[Claim]:
    """Modes that share the only measurement stay on their curves, the worst of all pairs.   [arora2019]"""
    source, hypotheses = "arora2019, single measurement", "one measurement, W diagonal with it, balanced layers"
    modes, why = diagonal_modes(path)
    if modes is not None and len(modes[0]) != 1:
        why = f"there are {len(modes[0])} measurements"
    if why:
        return [Claim.not_applicable(_CURVE, source, why, hypotheses)]
    assert modes is not None
    (row,), values = modes
    sizes = np.abs(row)
    leading = int(np.argmax(sizes))
    lagging = [k for k in range(sizes.size) if k != leading and sizes[k] > 0]
    if not lagging:
        return [Claim.not_applicable(_CURVE, source, "the measurement sees one mode", hypotheses)]
    curves = [
        check_measurement_curve(
            values[:, k], values[:, leading], float(row[k] / row[leading]), path.depth, path.tolerance
        )
        for k in lagging
    ]
    return [max(curves, key=lambda claim: float(claim.measured)).assuming(hypotheses)]


def check_commuting(path: CheckedPath) -> list[Claim]:
    """Straightened eigenvalues move in the span of the measurements: θ(w(t)) − θ(w(0)) = Aᵀμ.   [arora2019, Theorem 2]

    So w(T) is the one point of that family with its own measurements, which is found by the best μ. From it follows
    how far the end is from least nuclear norm (`excess_bound`); Adam, momentum and unstable descent leave the family.
    """
    source, hypotheses = "arora2019, Theorem 2", "commuting measurements, W diagonal with them, balanced layers"
    modes, why = diagonal_modes(path)
    if modes is not None and np.linalg.matrix_rank(modes[0]) >= modes[0].shape[1]:
        why = "the measurements determine W"
    if why:
        return [Claim.not_applicable(_COMMUTING, source, why, hypotheses)]
    assert modes is not None
    rows, values = modes
    moved = straighten(values[-1], path.depth) - straighten(values[0], path.depth)
    # weights w^{2−2/N} turn errors of θ into errors of w
    weights = values[-1] ** (2 - 2 / path.depth)
    control = np.linalg.lstsq((rows * weights).T, moved * weights, rcond=None)[0]
    expected = unstraighten(straighten(values[0], path.depth) + control @ rows, path.depth)
    # relative to each eigenvalue's own size: the small ones are what tells the rules of descent apart
    off = float(np.max(np.abs(expected / values[-1] - 1)))
    # an error of a mode is amplified while the others leave it behind
    spread = max(float(np.ptp(np.log(values[-1]))), 1.0)
    bound = _EULER if path.is_discrete else min(spread * path.tolerance, 0.2)
    return [Claim.at_most(_COMMUTING, source, off, bound, "worst eigenvalue, relative", hypotheses)]


def diagonal_modes(path: CheckedPath) -> tuple[tuple[np.ndarray, np.ndarray] | None, str]:
    """Eigenvalues of commuting measurements, a row each, and of W at every time; or nothing, and why not."""
    problem = path.problem
    why = first_of(
        (problem.operator is None, f"{type(problem).__name__} is no sensing problem"),
        (path.decay > 0, "weight decay moves the path"),
        (path.depth < 2, "at depth 1 W moves in the span of the measurements instead"),
        (not path.has_equal_rates, "the layers move at different rates"),
        (path.relative_imbalance > BALANCED, f"the start is unbalanced by {path.relative_imbalance:.2g}"),
        (problem.shape[0] != problem.shape[1], f"W is {problem.shape[0]} × {problem.shape[1]}, not square"),
    )
    if why:
        return None, why
    operator = problem.operator
    assert operator is not None
    if operator.count * operator.shape[0] ** 2 > _NUMBERS:
        return None, f"{operator.count} measurements of {problem.shape} are too large to be formed"
    basis = _basis(operator)
    if isinstance(basis, str):
        return None, basis
    vectors, rows = basis
    turned = vectors.T @ path.products @ vectors
    values = np.diagonal(turned, axis1=1, axis2=2)
    mixed = np.abs(turned[0] - np.diag(values[0])).max()
    if mixed > BALANCED * np.abs(values[0]).max():
        return None, "W(0) is not diagonal in the basis of the measurements"
    if not (values > 0).all():
        return None, "an eigenvalue of W is not positive"
    return (rows, values), ""


def _basis(operator: Operator) -> tuple[np.ndarray, Float[np.ndarray, "k d"]] | str:
    """The common eigenbasis of the measurements and their eigenvalues in it, or why there is none."""
    units = np.eye(operator.shape[0] ** 2).reshape(-1, *operator.shape)
    seen = to_numpy(operator.apply(like(units, operator.model))).astype(np.float64)
    matrices = np.moveaxis(seen, 0, -1).reshape(-1, *operator.shape)
    try:
        return common_eigenbasis(list(matrices))
    except InputError as error:
        return str(error).partition(";")[0]


def check_corner(path: CheckedPath) -> list[Claim]:
    """The entry of a 2 × 2 completion that is not observed grows as the loss falls.   [razin2020]

    It must where det W(0) has the sign of z z′, which the flow keeps; a run that loses the sign may break the bound.
    """
    source, problem = "razin2020, Theorem 1", path.problem
    hypotheses = "2 × 2, three entries observed with z z′ ≠ 0, N ≥ 2, det W(0) of the sign of z z′, balanced layers"
    positions = problem.positions
    is_small = positions is not None and problem.shape == (2, 2) and positions[0].size == 3
    why = first_of(
        (not is_small, "the problem is no 2 × 2 completion with three entries observed"),
        (is_small and problem.weights is not None, "the entries have weights"),
        (path.depth < 2, "at depth 1 the determinant may change its sign"),
        (not path.has_equal_rates, "the layers move at different rates"),
        (path.relative_imbalance > BALANCED, f"the start is unbalanced by {path.relative_imbalance:.2g}"),
    )
    if why:
        return [Claim.not_applicable(_CORNER, source, why, hypotheses)]
    observed = np.full((2, 2), np.nan)
    assert positions is not None
    observed[positions] = to_numpy(problem.values)
    missing = np.argwhere(np.isnan(observed))[0]
    # rows and columns turned so that it is at the top left; det W may turn its sign, and z z' names the one it needs
    turned = slice(None, None, -1 if missing[0] else 1), slice(None, None, -1 if missing[1] else 1)
    products = path.products[np.unique(path.spans)][:, *turned]
    (_, first), (second, corner) = observed[turned].tolist()
    sign = np.sign(first * second)
    if sign == 0 or np.sign(np.linalg.det(products[0])) != sign:
        return [Claim.not_applicable(_CORNER, source, "det W(0) does not have the sign of z z′", hypotheses)]
    seen = ~np.isnan(observed[turned])
    losses = np.sum((products[:, seen] - observed[turned][seen]) ** 2, axis=1) / 2
    bounds = divergence_bound(losses, first, second, corner)
    useful = bounds > 0
    if not useful.any():
        return [Claim.not_applicable(_CORNER, source, "the loss is not small enough for a bound", hypotheses)]
    # W_11 on the other side of zero is none of what the theorem promises
    ratios = sign * products[useful, 0, 0] * np.sign(products[useful, 1, 1]) / bounds[useful]
    lost = int(np.count_nonzero(np.sign(np.linalg.det(products)) != sign))
    why = f"least |W_11| over its bound, {int(useful.sum())} records; the last bound is {bounds[-1]:.4g}"
    why += f"; det W has lost its sign at {lost} records" if lost else ""
    ratios = np.where(lost, -np.abs(ratios), np.abs(ratios))
    return [Claim.at_least(_CORNER, source, float(ratios.min()), 1 - 1e-9, why, hypotheses)]


def check_block(path: CheckedPath) -> list[Claim]:
    """Descent from orthogonal layers moves a block of twice the rank, and the rest by a recursion.   [yaras2024]"""
    run, source = path.run, "yaras2024, deep matrix factorization"
    hypotheses = "a factorization of rank r < d/2 by gradient descent, square layers that start orthogonal"
    target, rate = path.target, path.gradient_rate
    why = first_of(
        (target is None, f"{type(path.problem).__name__} is no factorization"),
        (not run.model.is_chain or run.model.is_symmetric, f"{type(run.model).__name__} is no chain of layers"),
        (not path.has_equal_rates, "the layers move at different rates"),
        (rate is None, "the recursion is of gradient descent"),
    )
    if why:
        return [Claim.not_applicable(_BLOCK, source, why, hypotheses)]
    assert target is not None
    assert rate is not None
    layers = path.layers(0)
    try:
        block = invariant_block(layers, target, int(np.linalg.matrix_rank(target)), BALANCED)
    except InputError as error:
        return [Claim.not_applicable(_BLOCK, source, str(error).partition(";")[0], hypotheses)]
    scales = idle_scales(block.scales, rate, path.steps["time"].size - 1, path.decay)
    return [check_invariant_block(path.layers(-1), block, scales[-1]).assuming(hypotheses)]

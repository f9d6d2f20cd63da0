"""Claims of the papers about a path, each held against one that was walked; `check` asks those that apply.

Every claim here takes a `CheckedPath` and answers with reports, none where its hypotheses fail: a theorem that says
nothing about a run is neither true nor false of it. How exact an answer can be is set by the integrator: errors of
steps of order 2 and tolerance rtol, some rtol^{−1/3} of them, add up like rtol^{2/3}, and W amplifies an error of its
layers N-fold.
"""

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.integrators.descent import Descent
from rankfall.integrators.flow import Flow
from rankfall.integrators.updates import Gradient
from rankfall.models.chain import Chain
from rankfall.problems.factorization import Factorization
from rankfall.theory.certificates import certify_convergence
from rankfall.theory.check_path import CheckedPath, walked_again
from rankfall.theory.claim import Claim
from rankfall.theory.factors import check_balance, check_end_to_end
from rankfall.theory.laws import preconditioner_eigenvalues
from rankfall.theory.modes import mode_time
from rankfall.theory.progress import check_contraction, check_decrease, check_margin
from rankfall.theory.singular import check_sign, singular_value_velocity
from rankfall.trajectory.events import Crossing
from rankfall.trajectory.record import Record

# Deviations measured on completions and factorizations of 12 × 12 to 100 × 100, depths 1 to 4, rtol 1e-8 to 1e-3, stay
# below _LAW N rtol^{2/3}, mostly by far; quadrature between records resolves no more than _RESOLUTION; and a law that
# allows a deviation of _MOST says nothing.
_LAW, _RESOLUTION, _MOST = 10.0, 1e-3, 0.5
# Descent has no tolerance: it is asked whether it follows the flow as well as a flow of this rtol.
_RTOL_OF_OTHERS = 1e-3
# Balanced to rounding, relative to the size of the layers.
_BALANCED = 1e-9
# Turning counts as over when it is this many times slower than the residual's own decay allows.
_REST = 10.0


def rtol_of(path: CheckedPath) -> float:
    """The integrator's tolerance of a step."""
    return float(getattr(path.run.integrator, "rtol", _RTOL_OF_OTHERS))


def accuracy(path: CheckedPath) -> float:
    """rtol^{2/3}, what that promises of the whole path."""
    return rtol_of(path) ** (2 / 3)


def has_equal_rates(path: CheckedPath) -> bool:
    """Whether all layers move at the same rate, as every law assumes."""
    rates = getattr(path.run.model, "rates", None)
    return rates is None or all(rate == 1 for rate in rates)


def relative_imbalance(path: CheckedPath, record: int = 0) -> float:
    """δ/σ_1^{2/N}, the imbalance in units of the largest W_jW_jᵀ that the run will see."""
    return float(path.imbalances[record]) / np.abs(path.paths.values).max() ** (2 / path.depth)


def law_tolerance(path: CheckedPath) -> float:
    """The deviation from a law of singular values, relative to the largest, that the integrator can be blamed for."""
    return max(min(_LAW * path.depth * accuracy(path), _MOST), _RESOLUTION)


def check_values(path: CheckedPath) -> list[Claim]:
    """σ_r(t) − σ_r(0) = ∫₀ᵗ −λNσ_r − N(σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩ dt along every path, balanced.   [arora2019]"""
    unbalanced = relative_imbalance(path)
    if not has_equal_rates(path) or unbalanced > _MOST:
        return []
    velocity = singular_value_velocity(path.paths.values, path.drives, path.depth, path.decay)
    moved = path.paths.values[path.ends[1:]] - path.paths.values[0]
    deviation = np.abs(moved - path.integral(velocity)) / np.abs(path.paths.values).max()
    when, which = np.unravel_index(np.argmax(deviation), deviation.shape)
    bound = law_tolerance(path) + unbalanced
    detail = f"worst for σ_{which + 1} at time {path.times[path.ends[when + 1]]:.4g}"
    detail += f", imbalance {unbalanced:.2g} allowed for" if unbalanced > _BALANCED else ""
    if deviation[when, which] > bound and isinstance(path.run.integrator, Flow):
        detail += "; a smaller rtol follows the law more closely"
    claim, source = "σ̇_r = −N (σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩", "arora2019, singular values"
    return [Claim.at_most(claim, source, deviation[when, which], bound, detail)]


def check_imbalance(path: CheckedPath) -> list[Claim]:
    """W_{j+1}ᵀW_{j+1} − W_jW_jᵀ is conserved, or dies like e^{−2λt}.   [arora2018]"""
    if not isinstance(path.run.model, Chain) or path.depth < 2 or not has_equal_rates(path):
        return []
    history = [path.layers(record) for record in path.ends]
    size = max(float(np.sum(layer**2)) for layers in history for layer in layers)
    return [check_balance(path.times[path.ends], history, path.decay, tolerance=size * max(accuracy(path), _BALANCED))]


def check_descent(path: CheckedPath) -> list[Claim]:
    """The loss never rises from one step to the next; with weight decay it may.   [arora2018]"""
    if path.decay:
        return []
    rises = np.diff(path.losses) / path.losses[0]
    worst = int(np.argmax(rises))
    rise = max(float(rises[worst]), 0.0)
    return [
        Claim.at_most("ℓ(W) never rises", "arora2018, Theorem 1", rise, rtol_of(path), f"worst at step {worst + 1}")
    ]


def check_determinant(path: CheckedPath) -> list[Claim]:
    """det W keeps its sign, for square W, balanced layers and N ≥ 2, while it can be told from 0.   [razin2020]"""
    m, n = path.product(0).shape
    sizes = np.abs(path.paths.values)
    told = sizes.shape[1] == m and (sizes.min(axis=1) > 1e-10 * sizes.max(axis=1)).all()
    if m != n or path.depth < 2 or not told or relative_imbalance(path) > _BALANCED or not has_equal_rates(path):
        return []
    signs = np.asarray([np.linalg.slogdet(path.product(record))[0] for record in path.ends])
    return [check_sign(signs, path.depth)]


def check_product(path: CheckedPath) -> list[Claim]:
    """Where W moves fastest, the layers move it by the end-to-end law.   [arora2018]"""
    if not isinstance(path.run.model, Chain) or not has_equal_rates(path):
        return []
    speeds = np.linalg.norm(singular_value_velocity(path.paths.values, path.drives, path.depth), axis=1)
    fastest = int(np.argmax(speeds))
    allowed = _BALANCED + path.depth * relative_imbalance(path, fastest)
    if allowed > _MOST:
        return []
    return [check_end_to_end(path.layers(fastest), path.gradients[fastest], path.decay, tolerance=allowed)]


def check_alignment(path: CheckedPath) -> list[Claim]:
    """The gradient makes singular values grow more than it turns their vectors, which come to rest.   [arora2019]

    With Y = Uᵀ∇ℓ(W)V the diagonal of K ⊙ Y moves the values, the rest turns the vectors; once they stand still, Y is
    diagonal on the range of W.
    """
    if path.paths.values.shape[1] < 2 or path.decay or not has_equal_rates(path):
        return []
    growths, turns = np.transpose([_growth_and_turn(path, record) for record in range(path.times.size)])
    grown, turned = path.integral(np.stack([growths, turns], axis=1))[-1]
    source = "arora2019, alignment"
    reports = [Claim.at_most("the gradient lets values grow more than vectors turn", source, turned / grown, 1.0)]
    if path.losses[-1] < 1e-2 * path.losses[0]:
        bound = _REST * float(np.sqrt(path.losses[-1] / path.losses[0]))
        rest = turns[-1] / growths.max()
        reports.append(Claim.at_most("singular vectors of W are at rest at the end", source, rest, bound))
    return reports


def _growth_and_turn(path: CheckedPath, record: int) -> tuple[float, float]:
    paths = path.paths
    core = paths.left[record].T @ path.gradients[record] @ paths.right[record]
    values = np.abs(paths.values[record])
    moved = np.abs(preconditioner_eigenvalues(values, core.shape, path.depth) * core)
    growth = float(np.diagonal(moved).max())
    np.fill_diagonal(moved, 0.0)
    return growth, float(moved.max())


def check_certificate(path: CheckedPath) -> list[Claim]:
    """Convergence promised by the start of a factorization, and the promise kept.   [arora2018convergence]"""
    run = path.run
    if not isinstance(run.problem, Factorization) or not isinstance(run.model, Chain) or path.decay:
        return []
    is_descent = isinstance(run.integrator, Descent)
    if (is_descent and not isinstance(run.integrator.update, Gradient)) or not has_equal_rates(path):
        return []
    target = to_numpy(run.problem.target).astype(np.float64)
    if run.model.rank < min(target.shape):
        return []
    step = float(run.integrator.update.rate) if is_descent else 0.0
    certificate = certify_convergence(path.layers(0), target, step or None)
    # the theorem's step is far below what works: a report on it would fail every real run
    if not all(report.holds for report in certificate.hypotheses[:2]):
        return []
    times = path.times[path.ends]
    losses = np.asarray([run.problem.loss(path.product(record)) for record in path.ends])
    smallest = np.abs(path.paths.values[path.ends]).min(axis=1)
    # a flow knows its residual up to N rtol^{2/3} ‖Φ‖, descent exactly
    unknown = 0.0 if is_descent else path.depth * accuracy(path) * float(np.linalg.norm(target)) / np.sqrt(2)
    promised = np.append(losses[0], np.maximum(np.sqrt(losses[1:]) - unknown, 0.0) ** 2)
    reports = [
        *certificate.hypotheses[:2],
        check_margin(smallest, losses, certificate.margin),
        check_contraction(times, promised, certificate.margin, run.model.depth, step, accuracy=run.loss),
    ]
    if is_descent and path.ends.size == path.losses.size:
        norms = np.linalg.norm(path.gradients[path.ends], axis=(1, 2))
        reports.append(check_decrease(losses, norms, smallest, step, run.model.depth))
    return reports


def check_escapes(path: CheckedPath) -> list[Claim]:
    """Modes that never mix escape when the closed form says so, the strongest first.   [li2021], [arora2019]

    They do not mix where W(0) is diagonal in the singular bases of the target; escape means half the target.
    """
    run = path.run
    if not isinstance(run.problem, Factorization) or path.decay or not has_equal_rates(path):
        return []
    target = to_numpy(run.problem.target).astype(np.float64)
    left, strengths, right = np.linalg.svd(target, full_matrices=False)
    core = left.T @ path.product(0) @ right.T
    starts = np.diagonal(core)
    mixed = np.abs(core - np.diag(starts)).max() > _BALANCED * np.abs(starts).max()
    if mixed or relative_imbalance(path) > _BALANCED:
        return []
    halves = strengths / 2
    escape = Crossing(
        "half", lambda problem, model, weights: _along(left, to_numpy(model.product(weights)), right) - halves
    )
    happened = {event.index: event.time for event in walked_again(run, Record(events=[escape])).events}
    grown = [mode for mode in range(halves.size) if mode in happened and 0 < starts[mode] < strengths[mode] / 4]
    times = np.asarray([happened[mode] for mode in grown])
    expected = [
        float(mode_time(np.asarray(halves[mode]), float(strengths[mode]), float(starts[mode]), path.depth))
        for mode in grown
    ]
    if not grown:
        return []
    tolerance = law_tolerance(path)
    late = np.abs(times / np.asarray(expected) - 1)
    worst = int(np.argmax(late))
    claim, where = "modes reach half their target when the closed form does", f"worst for mode {grown[worst] + 1}"
    reports = [Claim.at_most(claim, "arora2019, singular values", late[worst], tolerance, where)]
    if times.size > 1:
        early = max(0.0, float(np.max(-np.diff(times) / times[1:])))
        reports.append(Claim.at_most("strong modes escape first", "li2021", early, tolerance, f"{times.size} escapes"))
    return reports


def _along(left: np.ndarray, products: np.ndarray, right: np.ndarray) -> np.ndarray:
    """u_rᵀ W v_r of each product, (batch, q)."""
    return np.einsum("mr,bmn,rn->br", left, products, right, optimize=True)

"""The laws by which depth moves W, its singular values and its singular vectors, along a run.

Each says how a quantity moves while the layers are balanced and share one rate. The quantity is compared with the
integral of its velocity; how far the two may be apart is the integrator's accuracy plus what a small imbalance adds.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from rankfall.theory.check_path import LOBATTO, CheckedPath
from rankfall.theory.claim import Claim
from rankfall.theory.laws import end_to_end_velocity, preconditioner, single_output_velocity
from rankfall.theory.singular import singular_motion, singular_value_velocity

# Balanced to rounding, relative to the size of the layers.
BALANCED = 1e-9
# Laws are judged up to this relative imbalance, which they allow for N-fold.
_SLIGHT = 0.02
# The preconditioner is a matrix of (mn)² numbers.
_ENTRIES = 400
# Vectors are judged over an interval that turns them by less than this angle.
_TURN = 0.1
# Values nearer to each other than this, relative to the largest, leave their vectors undetermined.
_APART = 1e-3
# How many times the error of W a gap must be for the vectors beside it to be known.
_RESOLVED = 5.0

# Near a crossing the law of vectors has a pole, which quadrature misses by this share of a turn.
_VECTORS = 0.02

HYPOTHESES = "balanced layers of one rate"


def first_of(*reasons: tuple[bool, str]) -> str:
    """The first reason that applies, or nothing."""
    return next((why for applies, why in reasons if applies), "")


def unmet(path: CheckedPath, most: float = _SLIGHT) -> str:
    """Why the laws of balanced layers do not apply to a run; empty where they do."""
    return first_of(
        (not path.has_equal_rates, "the layers move at different rates"),
        (path.relative_imbalance > most, f"the start is unbalanced by {path.relative_imbalance:.2g} of σ_1^(2/N)"),
    )


def check_values(path: CheckedPath) -> list[Claim]:
    """σ̇_r = −λNσ_r − N(σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩ along every path.   [arora2019]"""
    statement, source = "σ̇_r = −N (σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩", "arora2019, singular values"
    why = unmet(path)
    if why:
        return [Claim.not_applicable(statement, source, why, HYPOTHESES)]
    velocity = singular_value_velocity(path.paths.values, path.drives, path.depth, path.decay)
    if path.is_discrete:
        return [_law(path, statement, source, *_step_values(path, velocity))]
    return [_law(path, statement, source, path.deviations(path.paths.values, velocity), "σ_")]


def _step_values(path: CheckedPath, velocity: Float[np.ndarray, "t q"]) -> tuple[np.ndarray, str]:
    """How far u_rᵀ(W(k+1) − W(k))v_r is from the step times σ̇_r, as a share of the step of all values."""
    first, last = path.spans.T
    moved = np.einsum(
        "sik,sij,sjk->sk", path.paths.left[first], path.products[last] - path.products[first], path.paths.right[first],
        optimize=True,
    )  # fmt: skip
    steps = (path.times[last] - path.times[first])[:, None] * velocity[first]
    off = np.abs(moved - steps) - path.rounding * np.abs(path.paths.values).max()
    sizes = np.linalg.norm(steps, axis=1)[:, None]
    return np.maximum(off, 0) / np.where(sizes > 0, sizes, np.inf), "σ_"


def _law(path: CheckedPath, statement: str, source: str, off: Float[np.ndarray, "s k"], what: str) -> Claim:
    """The claim that nothing is farther from its law than the integrator and a slight imbalance account for."""
    when, which = np.unravel_index(int(np.argmax(off)), off.shape)
    bound = path.tolerance + path.depth * path.relative_imbalance
    named = f" for {what}{which + 1}" if what else ""
    why = f"worst{named} at time {path.times[path.spans[when, 1]]:.4g}"
    if path.relative_imbalance > BALANCED:
        why += f", imbalance {path.relative_imbalance:.2g} allowed for"
    if not off[when, which] <= bound:
        why += "; " + _remedy(path)
    return Claim.at_most(statement, source, off[when, which], bound, why).assuming(HYPOTHESES)


def _remedy(path: CheckedPath) -> str:
    """What would bring the run closer to its law."""
    if not path.is_discrete:
        return "a smaller rtol helps"
    if path.gradient_rate is not None:
        return "a smaller step follows the law more closely"
    return f"gradient descent approaches the flow as its rate falls, this run moves by {path.run.integrator}"


def _of_products(path: CheckedPath, velocity: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """How far W is from the integral of its velocity, entry by entry."""
    velocities = [velocity(*pair) for pair in zip(path.products, path.gradients, strict=True)]
    flat = path.products.reshape(path.times.size, -1)
    return path.deviations(flat, np.asarray(velocities).reshape(flat.shape))


def check_product(path: CheckedPath) -> list[Claim]:
    """Ẇ = −λN W − Σ_j [WWᵀ]^{(j−1)/N} ∇ℓ(W) [WᵀW]^{(N−j)/N}.   [arora2018]"""
    statement, source = "W moves by the end-to-end law", "arora2018, Theorem 1"
    why = unmet(path)
    if why:
        return [Claim.not_applicable(statement, source, why, HYPOTHESES)]
    off = _of_products(path, lambda product, gradient: end_to_end_velocity(product, gradient, path.depth, path.decay))
    return [_law(path, statement, source, off, "entry ")]


def check_preconditioner(path: CheckedPath) -> list[Claim]:
    """vec Ẇ = −λN vec W − P_W vec ∇ℓ(W).   [arora2018, Claim 1]"""
    statement, source = "vec Ẇ = −P_W vec ∇ℓ(W)", "arora2018, Claim 1"
    entries, is_whole = path.products[0].size, path.depth == int(path.depth)
    why = unmet(path) or first_of(
        (not is_whole, f"a sum over layers needs a whole depth, got {path.depth:g}"),
        (entries > _ENTRIES, f"P_W is formed for at most {_ENTRIES} entries of W, got {entries}"),
    )
    if why:
        return [Claim.not_applicable(statement, source, why, HYPOTHESES)]

    def velocity(product: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        moved = preconditioner(product, path.depth) @ gradient.ravel(order="F")
        return -path.decay * path.depth * product - moved.reshape(product.shape, order="F")

    return [_law(path, statement, source, _of_products(path, velocity), "entry ")]


def check_single_output(path: CheckedPath) -> list[Claim]:
    """Ẇ = −λN W − ‖W‖^{2−2/N} (∇ℓ + (N−1) Pr_W{∇ℓ}) where W has one row or one column.   [arora2018, Claim 2]"""
    statement, source = "Ẇ = −‖W‖^{2−2/N} (∇ℓ + (N−1) Pr_W{∇ℓ})", "arora2018, Claim 2"
    m, n = path.products[0].shape
    why = first_of((min(m, n) > 1, f"W has {m} rows and {n} columns, the law is of a single output")) or unmet(path)
    if why:
        return [Claim.not_applicable(statement, source, why, HYPOTHESES)]

    def velocity(product: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        row, slope = product.reshape(1, -1), gradient.reshape(1, -1)
        return single_output_velocity(row, slope, path.depth, path.decay).reshape(product.shape)

    return [_law(path, statement, source, _of_products(path, velocity), "entry ")]


def check_vectors(path: CheckedPath) -> list[Claim]:
    """U̇ and V̇ by their law, where singular values are apart: the share of a turn that the law misses.   [arora2019]

    Judged over resolved intervals in which a vector turns by a small angle, and whose value is so large that the layers
    are balanced at its size; it is worst where values come near.
    """
    statement, source = "singular vectors turn by their law", "arora2019, singular vectors"
    hypotheses = f"{HYPOTHESES}, distinct singular values"
    values = np.abs(path.paths.values)
    why = unmet(path) or first_of((values.shape[1] < 2, "W has a single singular value"))
    if why:
        return [Claim.not_applicable(statement, source, why, hypotheses)]
    turned, off = np.transpose([_turn(path, a, b) for a, b in path.spans.tolist()], (1, 0, 2))
    judged = turned > path.rounding * 10
    if not judged.any():
        why = "no vector turns measurably while its value is apart from the others"
        return [Claim.not_applicable(statement, source, why, hypotheses)]
    missed = np.where(judged, off, 0.0).sum(axis=0) / np.maximum(np.where(judged, turned, 0.0).sum(axis=0), 1e-300)
    lowest = np.asarray([values[a : b + 1].min(axis=0) for a, b in path.spans.tolist()])
    slack = path.depth * np.where(judged, _imbalance_at(path, lowest), 0.0).max(axis=0)
    which = int(np.argmax(np.where(judged.any(axis=0), missed - slack, -np.inf)))
    bound = _VECTORS + 3 * path.tolerance + slack[which]
    why = f"worst for the vectors of σ_{which + 1}, judged over {int(judged[:, which].sum())} intervals"
    return [Claim.at_most(statement, source, missed[which], bound, why).assuming(hypotheses)]


def _imbalance_at(path: CheckedPath, values: np.ndarray) -> np.ndarray:
    """The imbalance at the start in units of W_jW_jᵀ in the direction of a singular value, σ^{2/N}."""
    return path.imbalances[0] / np.maximum(values, 1e-300) ** (2 / path.depth)


def _turn(path: CheckedPath, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """How far the vectors of each path turn over one interval, and what the law misses of it; zeros if not judged."""
    nothing = np.zeros(path.paths.values.shape[1])
    if b - a == 1 and not path.is_discrete:
        return nothing, nothing
    nodes = list(range(a, b + 1))
    values = np.abs(path.paths.values[nodes])
    gaps = np.abs(values[:, :, None] - values[:, None, :])
    gaps[:, np.arange(gaps.shape[1]), np.arange(gaps.shape[1])] = np.inf
    # a vector is known to the error of W over the gap to the next value, so the run must resolve the gap
    resolved = max(_APART, _RESOLVED * path.accuracy) * values.max()
    lowest = values.min(axis=0)
    apart = (gaps.min(axis=(0, 2)) > resolved) & (lowest > resolved) & (_imbalance_at(path, lowest) <= _SLIGHT)
    if not apart.any() or (np.diff(np.sort(values, axis=1), axis=1) == 0).any() or (values == 0).any():
        return nothing, nothing
    velocities = [_vector_velocity(path, node) for node in nodes]
    weights = np.asarray([1.0, 0.0]) if path.is_discrete else LOBATTO
    step = (path.times[b] - path.times[a]) * np.tensordot(weights, velocities, axes=1)
    stacked = np.concatenate([path.paths.left, path.paths.right], axis=1)
    moved = stacked[b] - stacked[a]
    turned, off = np.linalg.norm(step, axis=0), np.linalg.norm(moved - step, axis=0)
    judged = apart & (np.linalg.norm(moved, axis=0) < _TURN) & (turned < _TURN)
    return np.where(judged, turned, 0.0), np.where(judged, off, 0.0)


def _vector_velocity(path: CheckedPath, node: int) -> Float[np.ndarray, "mn q"]:
    """U̇ above V̇ at a record, column by column in the order and with the signs of the paths."""
    motion = singular_motion(path.products[node], path.gradients[node], path.depth, path.decay)
    left, right = path.paths.left[node], path.paths.right[node]
    order = np.argmax(np.abs(motion.left.T @ left) * np.abs(motion.right.T @ right), axis=0)
    on_left = np.sign(np.sum(motion.left[:, order] * left, axis=0))
    on_right = np.sign(np.sum(motion.right[:, order] * right, axis=0))
    return np.concatenate([motion.left_velocity[:, order] * on_left, motion.right_velocity[:, order] * on_right])

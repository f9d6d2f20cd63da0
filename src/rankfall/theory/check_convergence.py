"""Claims on factorizations: convergence certified by the start, and escape times of the modes."""

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.theory.certificates import certify_convergence
from rankfall.theory.check_laws import BALANCED, first_of
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.claim import Claim
from rankfall.theory.modes import mode_time
from rankfall.theory.progress import check_contraction, check_decrease, check_margin
from rankfall.theory.run_again import followed_again
from rankfall.trajectory.events import Crossing
from rankfall.trajectory.record import Record

_PROMISE = "the loss contracts at the rate of the margin"
_ESCAPES = "modes reach half their target when the closed form does"


def check_certificate(path: CheckedPath) -> list[Claim]:
    """The certificate of a factorization's start, and whether the run satisfies it.   [arora2018convergence]"""
    run, source = path.run, "arora2018convergence, Theorem 1"
    hypotheses = "a factorization, δ-balanced layers of full width, a positive margin"
    target, rate = path.target, path.gradient_rate
    why = first_of(
        (target is None, f"{type(path.problem).__name__} is no factorization"),
        (not run.model.is_chain or run.model.is_symmetric, f"{type(run.model).__name__} is no chain of layers"),
        (path.decay > 0, "weight decay moves the minimum"),
        (not path.has_equal_rates, "the layers move at different rates"),
        (path.is_discrete and rate is None, "the theorem is of gradient descent and its flow"),
        (run.model.rank < min(path.problem.shape), "a hidden width is below min(m, n)"),
    )
    if why:
        return [Claim.not_applicable(_PROMISE, source, why, hypotheses)]
    assert target is not None
    step = rate or 0.0
    certificate = certify_convergence(path.layers(0), target, step or None)
    # the step that the theorem admits is far below what works, and its absence refutes no run
    missing = [str(claim) for claim in certificate.hypotheses[:2] if not claim.holds]
    if missing:
        return [Claim.not_applicable(_PROMISE, source, "; ".join(missing), hypotheses)]
    records = np.unique(path.spans)
    times = path.times[records]
    losses = np.asarray([path.problem.loss(path.products[record]) for record in records])
    smallest = np.abs(path.paths.values[records]).min(axis=1)
    # a flow knows its residual up to N rtol^{2/3} ‖Φ‖, descent exactly
    unknown = path.depth * path.accuracy * float(np.linalg.norm(target)) / np.sqrt(2)
    promised = np.append(losses[0], np.maximum(np.sqrt(losses[1:]) - unknown, 0.0) ** 2)
    reached = float(run.loss) if path.is_discrete else 0.0
    found = [
        check_margin(smallest, certificate.margin - np.sqrt(2) * unknown),
        check_contraction(times, promised, certificate.margin, int(path.depth), step, accuracy=reached),
    ]
    if rate is not None:
        found.append(_decrease(path, losses, smallest, records, step))
    return [claim.assuming(hypotheses) for claim in found]


def _decrease(path: CheckedPath, losses: np.ndarray, smallest: np.ndarray, records: np.ndarray, step: float) -> Claim:
    """The worst of the single steps that were looked at."""
    first, last = (np.searchsorted(records, side) for side in path.spans.T)
    norms = np.linalg.norm(path.gradients[path.spans[:, 0]], axis=(1, 2))
    depth, start = int(path.depth), float(path.steps["loss"][0])
    claims = [
        check_decrease(losses[[a, b]], norms[[k, k]], smallest[[a, b]], step, depth, start)
        for k, (a, b) in enumerate(zip(first, last, strict=True))
    ]
    return max(claims, key=lambda claim: float(claim.measured))


def check_escapes(path: CheckedPath) -> list[Claim]:
    """Modes that do not mix escape at the times of the closed form, the strongest first.   [li2021], [arora2019]

    They do not mix where W(0) is diagonal in the singular bases of the target; escape means half the target.
    """
    run, source = path.run, "arora2019, singular values"
    hypotheses = "a factorization, W(0) diagonal in the bases of the target, balanced layers of one rate"
    why = first_of(
        (path.target is None, f"{type(path.problem).__name__} is no factorization"),
        (path.decay > 0, "weight decay shifts the targets"),
        (not path.has_equal_rates, "the layers move at different rates"),
        (path.relative_imbalance > BALANCED, f"the start is unbalanced by {path.relative_imbalance:.2g}"),
    )
    if why:
        return [Claim.not_applicable(_ESCAPES, source, why, hypotheses)]
    assert path.target is not None
    target = path.target
    left, strengths, right = np.linalg.svd(target, full_matrices=False)
    core = left.T @ path.products[0] @ right.T
    starts = np.diagonal(core)
    if np.abs(core - np.diag(starts)).max() > BALANCED * np.abs(starts).max():
        return [Claim.not_applicable(_ESCAPES, source, "the modes mix at the start", hypotheses)]
    halves = strengths / 2
    escape = Crossing(
        "half", lambda problem, model, weights: _along(left, to_numpy(model.product(weights)), right) - halves
    )
    happened = {event.index: event.time for event in followed_again(run, Record(events=[escape]), run.time).events}
    grown = [mode for mode in range(halves.size) if mode in happened and 0 < starts[mode] < strengths[mode] / 4]
    if not grown:
        return [Claim.not_applicable(_ESCAPES, source, "no mode has grown to half its target", hypotheses)]
    times = np.asarray([happened[mode] for mode in grown])
    expected = [
        float(mode_time(np.asarray(halves[mode]), float(strengths[mode]), float(starts[mode]), path.depth))
        for mode in grown
    ]
    late = np.abs(times / np.asarray(expected) - 1)
    worst = int(np.argmax(late))
    found = [Claim.at_most(_ESCAPES, source, late[worst], path.tolerance, f"worst for mode {grown[worst] + 1}")]
    if times.size > 1:
        early = max(0.0, float(np.max(-np.diff(times) / times[1:])))
        why = f"{times.size} escapes"
        found.append(Claim.at_most("strong modes escape first", "li2021", early, path.tolerance, why))
    return [claim.assuming(hypotheses) for claim in found]


def _along(left: np.ndarray, products: np.ndarray, right: np.ndarray) -> np.ndarray:
    """u_rᵀ W v_r of each product, (batch, q)."""
    return np.einsum("mr,bmn,rn->br", left, products, right, optimize=True)

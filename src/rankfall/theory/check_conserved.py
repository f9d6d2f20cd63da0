"""What the flow keeps: the imbalance of the layers, a loss that never rises, and the sign of the determinant."""

import numpy as np

from rankfall.theory.check_laws import BALANCED, first_of
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.claim import Claim
from rankfall.theory.factors import check_balance
from rankfall.theory.singular import check_sign

# Determinants are told from 0 while the smallest singular value is above this share of the largest.
_TOLD = 1e-10


def check_imbalance(path: CheckedPath) -> list[Claim]:
    """W_{j+1}ᵀW_{j+1} − W_jW_jᵀ is conserved, or dies like e^{−2λt}; a step of descent adds η²(GᵀG − GGᵀ).

    Over a descent whose loss falls by η/2 ‖∇φ‖² a step that amounts to 2η (φ(0) − φ(T)) at most.   [arora2018]
    """
    statement, source = "W_{j+1}ᵀW_{j+1} − W_jW_jᵀ is conserved", "arora2018, Theorem 1"
    hypotheses = "layers of one rate"
    why = first_of(
        (
            not path.run.model.is_chain or path.run.model.is_symmetric,
            f"{type(path.run.model).__name__} has no layers of its own",
        ),
        (path.depth < 2, "one layer has no neighbor"),
        (not path.has_equal_rates, "the layers move at different rates"),
    )
    if why:
        return [Claim.not_applicable(statement, source, why, hypotheses)]
    ends = np.unique(path.spans)
    history = [path.layers(record) for record in ends]
    size = max(float(np.sum(layer**2)) for layers in history for layer in layers)
    tolerance = size * max(path.accuracy, path.rounding)
    if path.is_discrete:
        step = float(np.diff(path.steps["time"]).max())
        total = path.steps["loss"] + path.steps["penalty"]
        decayed = 2 * path.decay * step * float(path.imbalances[0])
        tolerance += 2 * step * max(float(total[0] - total[-1]), 0.0) + decayed
    return [check_balance(path.times[ends], history, path.decay, tolerance).assuming(hypotheses)]


def check_descent(path: CheckedPath) -> list[Claim]:
    """The loss, with weight decay ℓ + λ/2 ‖w‖², never rises from one step to the next.   [arora2018]"""
    statement = "ℓ(W) + λ/2 Σ‖W_j‖² never rises" if path.decay else "ℓ(W) never rises"
    source, hypotheses = "arora2018, Theorem 1", "gradient flow, or descent with a step below 2/curvature"
    total = path.steps["loss"] + path.steps["penalty"]
    rises = np.diff(total) / np.abs(total).max()
    worst = int(np.argmax(rises))
    bound = path.rounding if path.is_discrete else max(path.rtol, path.rounding)
    why = f"worst at step {worst + 1}"
    return [Claim.at_most(statement, source, max(float(rises[worst]), 0.0), bound, why, hypotheses)]


def check_determinant(path: CheckedPath) -> list[Claim]:
    """det W keeps its sign, for square W, balanced layers and N ≥ 2.   [razin2020]"""
    statement, source = "det W(t) keeps its sign", "razin2020, sign of the determinant"
    hypotheses = "square W, balanced layers of one rate, N ≥ 2"
    m, n = path.products[0].shape
    values = np.abs(path.paths.values)
    is_singular = values.shape[1] < m or bool((values.min(axis=1) <= _TOLD * values.max(axis=1)).any())
    why = first_of(
        (m != n, f"W is {m} × {n}"),
        (path.depth < 2, "at depth 1 singular values may cross zero"),
        (not path.has_equal_rates, "the layers move at different rates"),
        (path.relative_imbalance > BALANCED, f"the start is unbalanced by {path.relative_imbalance:.2g}"),
        (is_singular, f"a singular value falls below {_TOLD:g} of the largest, where the sign is rounding"),
    )
    if why:
        return [Claim.not_applicable(statement, source, why, hypotheses)]
    signs = np.asarray([np.linalg.slogdet(path.products[record])[0] for record in np.unique(path.spans)])
    return [check_sign(signs, path.depth).assuming(hypotheses)]

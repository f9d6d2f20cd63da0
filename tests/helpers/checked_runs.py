"""Runs that the checks are made on, and how their reports are read."""

import numpy as np

import rankfall as rf
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.run_again import every_step
from tests.helpers.planted import planted_problem

LAW = "σ̇_r = −N (σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩"
BALANCE = "W_{j+1}ᵀW_{j+1} − W_jW_jᵀ is conserved"
FALL = "ℓ(W) never rises"
SIGN = "det W(t) keeps its sign"
PRODUCT = "W moves by the end-to-end law"
VECTORS = "singular vectors turn by their law"
MATRIX = "vec Ẇ = −P_W vec ∇ℓ(W)"
PENALIZED = "ℓ(W) + λ/2 Σ‖W_j‖² never rises"
OUTPUT = "Ẇ = −‖W‖^{2−2/N} (∇ℓ + (N−1) Pr_W{∇ℓ})"
TIMES = "modes reach half their target when the closed form does"
ORDER = "strong modes escape first"
MARGIN = "σ_min(W(t)) stays above the margin"
CONTRACTION = "the loss contracts at the rate of the margin"
ZERO = "θ_N(σ_1) gains at most N ∫‖∇ℓ(W)‖_2: zero is left no sooner"
CONVEX = "e(t) ≤ e(0)/(1 + e(0) c^{2−2/N} t/D²), ℓ convex"

SQUARE, OBLONG = planted_problem((8, 8)), planted_problem((12, 9))
STAIRS = rf.problems.Factorization(np.diag([3.0, 2.0, 1.0, 0.5]))


def walked(problem=SQUARE, depth=3, start=None, integrator=None, loss=1e-5, **model):
    return rf.evolve(
        problem, rf.Chain(depth, **model), start or rf.Balanced(1e-2), integrator or rf.Flow(1e-4),
        stop=rf.LossBelow(loss) | rf.StepLimit(400),
    )  # fmt: skip


def claims(report):
    """The claims that were judged, except those of the run's identity, by their statement."""
    return {claim.statement: claim for claim in report.judged if claim.source != "the run itself"}


def identity(report):
    """The claims of the run's identity, by their statement."""
    return {claim.statement: claim for claim in report if claim.source == "the run itself"}


def why_not(report, statement):
    """Why a claim does not apply."""
    (claim,) = [claim for claim in report if claim.statement == statement]
    assert claim.holds is None
    return claim.why


def path_of(run, intervals):
    """The run followed again, as the checks read it."""
    return CheckedPath.of(run, intervals, every_step(run).history)

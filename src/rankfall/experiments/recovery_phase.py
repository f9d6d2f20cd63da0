"""Who recovers a matrix from how few entries: depth, the nuclear norm, solvers told the rank, and the limit of all.

Planted n × n matrices of rank r, condition number 10, with ρ r (2n − r) entries observed, uniformly drawn. A method
succeeds where it is within 1 % of the truth over all entries. A draw is identifiable where the certificate, computed at
the truth, determines every cell: no method can do better, but by luck. `rankfall.recovery.recover` is not told the
rank; flows of depth 2, 3 and 4 and the nuclear norm are not either; the others are.

No paper has this picture. What it claims is ours: derived where the certificate says so, and shown otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.baselines import GNMR, R2RILS, MatrixIRLS, NuclearNorm, RiemannianCG
from rankfall.datasets import planted, uniform_entries
from rankfall.experiments.arora2019_sensing import transition
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import ordering, statement
from rankfall.integrators import Flow
from rankfall.models import Chain, Gaussian
from rankfall.problems import Completion
from rankfall.recovery import recover
from rankfall.recovery.certify_truth import certify_truth
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, StepLimit, evolve

CONDITION, ACCURACY = 10.0, 1e-2
FLOWS = {"depth 2": 2, "depth 3": 3, "depth 4": 4}
TOLD = {"R2RILS": R2RILS, "MatrixIRLS": MatrixIRLS, "GNMR": GNMR, "Riemannian CG": RiemannianCG}
METHODS = ("rankfall", *FLOWS, "nuclear norm", *TOLD)


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    size : int
        n.
    ranks : tuple[int, ...]
        r.
    oversamplings : tuple[float, ...]
        Ρ.
    draws : int
        Of matrix and entries in each place.
    """

    size: int
    ranks: tuple[int, ...]
    oversamplings: tuple[float, ...]
    draws: int


def drawn(size: int, rank: int, oversampling: float, draw: int) -> Completion:
    """One instance."""
    truth = planted((size, size), rank, condition=CONDITION, seed=draw)
    count = min(round(oversampling * rank * (2 * size - rank)), size * size)
    rows, cols = uniform_entries(truth.shape, count, seed=1000 + draw)
    return Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)


def identify(size: int, rank: int, oversampling: float, draws: int) -> Arrays:
    """Which draws are identifiable, (draws,)."""
    found = []
    for draw in range(draws):
        problem = drawn(size, rank, oversampling, draw)
        found.append(certify_truth(problem, np.asarray(problem.truth), rank).is_complete)
    return {"identifiable": np.asarray(found)}


def solve(method: str, size: int, rank: int, oversampling: float, draws: int) -> Arrays:
    """Relative errors of one method, (draws,)."""
    errors = []
    for draw in range(draws):
        problem = drawn(size, rank, oversampling, draw)
        truth = np.asarray(problem.truth)
        errors.append(np.linalg.norm(_product(method, problem, rank, draw) - truth) / np.linalg.norm(truth))
    return {"error": np.asarray(errors)}


def _product(method: str, problem: Completion, rank: int, draw: int) -> Float[np.ndarray, "m n"]:
    if method == "rankfall":
        return recover(problem).product.product
    if method in FLOWS:
        run = evolve(
            problem, Chain(FLOWS[method]), Gaussian(1e-3), Flow(1e-3), stop=LossBelow(1e-9) | StepLimit(4000),
            record=Record(every=10**9), seed=draw,
        )  # fmt: skip
        return np.asarray(run.product)
    if method == "nuclear norm":
        return NuclearNorm(gap=1e-5, iterations=2000).solve(problem).product
    return TOLD[method](rank).solve(problem).product


def _places(setup: Setup) -> list[dict]:
    return [
        {"size": setup.size, "rank": rank, "oversampling": rho, "draws": setup.draws}
        for rank in setup.ranks
        for rho in setup.oversamplings
    ]


def parts(setup: Setup) -> list[Part]:
    places = _places(setup)
    return [Part(identify, place) for place in places] + [
        Part(solve, {"method": method, **place}) for method in METHODS for place in places
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    grid = (len(setup.ranks), len(setup.oversamplings), setup.draws)
    places = grid[0] * grid[1]
    identifiable = np.reshape([result["identifiable"] for result in results[:places]], grid)
    errors = np.reshape([result["error"] for result in results[places:]], (len(METHODS), *grid))
    axes = ("rank", "oversampling", "draw")
    return xarray.Dataset(
        {"identifiable": (axes, identifiable), "error": (("solver", *axes), errors)},
        {"solver": list(METHODS), "rank": list(setup.ranks), "oversampling": list(setup.oversamplings)},
        {"size": setup.size},
    )


def claims(data) -> list[Claim]:
    solved, can = data.error < ACCURACY, data.identifiable
    ours = solved.sel(solver="rankfall")
    found = []
    for least in (1.5, 1.3):
        near = can.sel(oversampling=slice(least, None))
        missed = int((near & ~ours).sum())
        told = f"{int(near.sum()) - missed} of {int(near.sum())}"
        found.append(
            statement(f"rankfall: identifiable draws solved at ρ ≥ {least}", "95 % of them", told,
                      missed <= 0.05 * float(near.sum()), "D")
        )  # fmt: skip
    shares = {name: float(solved.sel(solver=name).mean()) for name in METHODS}
    for name in ("nuclear norm", "depth 2"):
        found.append(ordering("share of all draws solved", {name: shares[name], "rankfall": shares["rankfall"]}, "D"))
    for name in ("depth 3", "depth 4"):
        told = f"{shares['rankfall']:.3g} and {shares[name]:.3g}"
        holds = shares["rankfall"] >= shares[name]
        found.append(
            statement(f"share of all draws solved, rankfall and {name}", "at least as large", told, holds, "D")
        )
    for name in TOLD:
        pair = {f"{name}, told the rank": shares[name], "rankfall, not told": shares["rankfall"]}
        found.append(ordering("share of all draws solved", pair, "NF"))
    return found


def half_success(oversamplings: Float[np.ndarray, " s"], success: Float[np.ndarray, " s"]) -> float:
    """The oversampling from which on at least half of the draws succeed, between the grid's; NaN where none does."""
    failing = np.flatnonzero(success < 0.5)
    if not failing.size:
        return float(oversamplings[0])
    last = int(failing[-1])
    if last == len(success) - 1:
        return float("nan")
    share = (0.5 - success[last]) / (success[last + 1] - success[last])
    return float(oversamplings[last] + share * (oversamplings[last + 1] - oversamplings[last]))


def _own_last() -> list[tuple[int, str]]:
    """Colors and methods, rankfall last."""
    first, *others = enumerate(METHODS)
    return [*others, first]


def panels(data) -> list[Panel]:
    size, ranks, oversamplings = data.attrs["size"], data["rank"].values, data.oversampling.values
    success = (data.error < ACCURACY).mean("draw")
    limit = data.identifiable.mean("draw")
    drawn_panels = []
    for number, rank in enumerate(ranks.tolist()):
        # colors are the same in all panels: one legend, where no curve is; rankfall's own curve comes last, on top
        curves = [
            Curve(
                oversamplings, success.sel(solver=name, rank=rank).values, "" if number else name, "marked", color=place
            )
            for place, name in _own_last()
        ]
        curves.append(Curve(oversamplings, limit.sel(rank=rank).values, "" if number else "identifiable", "dashed"))
        drawn_panels.append(
            Panel(f"Rank {rank} of {size}", "oversampling ρ", "share of draws solved", curves, limits=(-0.03, 1.03))
        )
    freedom = ranks * (2 * size - ranks) / size**2
    curves = [
        Curve(ranks, freedom * [half_success(oversamplings, row) for row in success.sel(solver=name).values], "",
              "marked", color=place)
        for place, name in _own_last()
    ]  # fmt: skip
    curves += [
        Curve(ranks, freedom * [half_success(oversamplings, row) for row in limit.values], "identifiable",
              "dashed", color=9),
        Curve(ranks, freedom, "as many entries as unknowns", "dashed", color=7),
        Curve(ranks, [transition(size, rank) / size**2 for rank in ranks.tolist()],
              "nuclear norm, statistical dimension", "dashed",
              color=METHODS.index("nuclear norm")),
    ]  # fmt: skip
    drawn_panels.append(
        Panel("Half of the draws solved", "rank", "share of entries observed", curves, limits=(0.0, 1.0))
    )
    return drawn_panels


EXPERIMENT = Experiment(
    name="recovery-phase",
    title="Exact recovery: depth against the nuclear norm, solvers told the rank, and the limit",
    source="recovery of ours, beside amelunxen2014",
    quick=Setup(30, (1, 3), (1.2, 1.6, 2.2, 3.0), 2),
    full=Setup(40, (1, 2, 4, 6), (1.1, 1.3, 1.6, 2.0, 2.5, 3.2), 5),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
    columns=3,
)

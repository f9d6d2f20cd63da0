"""Where exact recovery is harder: rank 1, sparse rows, long tables, uneven masks, each beside even ones of the same ρ.

Planted matrices, condition number 10, ρ r (m + n − r) entries observed. Seldom is every cell of such a draw determined.
So the certificate at the true matrix says which block is. A draw counts where that has more than half of all rows and
columns, and is solved where the answer is within 1 % of the truth on it. `rankfall.recovery.recover` is not told the
rank; MatrixIRLS is.

No paper has this picture. What it claims is ours: derived where the certificate says so, and shown otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.baselines import MatrixIRLS
from rankfall.datasets import planted
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import ordering, statement
from rankfall.problems import Completion
from rankfall.recovery import recover
from rankfall.recovery.certify_truth import certify_truth
from rankfall.theory.claim import Claim

CONDITION, ACCURACY, MOST = 10.0, 1e-2, 0.5
POWER, LONG, SPARSE = 0.7, 10, 0.3
KINDS = ("uniform", "rank 1", "sparse rows", "10:1", "power law")
METHODS = ("rankfall", "MatrixIRLS")


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    size : int
        n of the square ones; the long ones have as many rows and columns together.
    rank : int
        r of all kinds but that of rank 1.
    oversamplings : tuple[float, ...]
        Ρ.
    draws : int
        Of matrix and entries in each place.
    """

    size: int
    rank: int
    oversamplings: tuple[float, ...]
    draws: int


def drawn(kind: str, size: int, rank: int, oversampling: float, draw: int) -> tuple[Completion, int]:
    """One instance, and its rank."""
    rank = 1 if kind == "rank 1" else rank
    cols = max(round(2 * size / (LONG + 1)), rank + 1) if kind == "10:1" else size
    shape = (2 * size - cols, cols)
    truth = planted(shape, rank, condition=CONDITION, seed=draw)
    count = min(round(oversampling * rank * (sum(shape) - rank)), truth.size)
    places = _places(kind, shape, rank, count, np.random.default_rng([draw, 31]))
    i, j = np.divmod(np.sort(places), cols)
    return Completion.from_triplets(i, j, truth[i, j], shape, truth=truth), rank


def _places(
    kind: str, shape: tuple[int, int], rank: int, count: int, rng: np.random.Generator
) -> Int[np.ndarray, " count"]:
    """The cells that are observed, row by row."""
    m, n = shape
    if kind == "power law":
        chances = np.outer(np.arange(1.0, m + 1) ** -POWER, np.arange(1.0, n + 1) ** -POWER).ravel()
        return rng.choice(m * n, count, replace=False, p=chances / chances.sum())
    if kind != "sparse rows":
        return rng.choice(m * n, count, replace=False)
    few = round(SPARSE * m)
    sparse = [i * n + rng.choice(n, rank + 1, replace=False) for i in range(few)]
    rest = min(count - few * (rank + 1), (m - few) * n)
    return np.concatenate([*sparse, few * n + rng.choice((m - few) * n, rest, replace=False)])


def solve(kind: str, size: int, rank: int, oversampling: float, draws: int) -> Arrays:
    """Share of lines that are determined, (draws,), and relative errors on their block, (methods, draws)."""
    shares, errors = np.zeros(draws), np.full((len(METHODS), draws), np.nan)
    for draw in range(draws):
        problem, told = drawn(kind, size, rank, oversampling, draw)
        certificate = certify_truth(problem, np.asarray(problem.truth), told)
        shares[draw] = certificate.count / sum(problem.shape)
        if shares[draw] <= MOST:
            continue
        block = np.ix_(certificate.rows, certificate.cols)
        truth = np.asarray(problem.truth)[block]
        answers = (recover(problem).product.product, MatrixIRLS(told).solve(problem).product)
        for place, answer in enumerate(answers):
            errors[place, draw] = np.linalg.norm(answer[block] - truth) / np.linalg.norm(truth)
    return {"share": shares, "error": errors}


def parts(setup: Setup) -> list[Part]:
    return [
        Part(solve, {"kind": kind, "size": setup.size, "rank": setup.rank, "oversampling": rho, "draws": setup.draws})
        for kind in KINDS
        for rho in setup.oversamplings
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    grid = (len(KINDS), len(setup.oversamplings))
    share = np.reshape([result["share"] for result in results], (*grid, setup.draws))
    error = np.reshape([result["error"] for result in results], (*grid, len(METHODS), setup.draws))
    axes = ("kind", "oversampling")
    return xarray.Dataset(
        {"share": ((*axes, "draw"), share), "error": ((*axes, "solver", "draw"), error)},
        {"kind": list(KINDS), "oversampling": list(setup.oversamplings), "solver": list(METHODS)},
        {"size": setup.size, "rank": setup.rank},
    )


def _counts(data, kind: str, solver: str) -> tuple[int, int]:
    """Draws solved, and draws that count."""
    errors = data.error.sel(kind=kind, solver=solver)
    return int((errors < ACCURACY).sum()), int(errors.notnull().sum())


def claims(data) -> list[Claim]:
    found = []
    for kind in KINDS:
        solved, counted = _counts(data, kind, "rankfall")
        told = f"{solved} of {counted}"
        found.append(
            statement(f"{kind}: draws solved by rankfall", "90 % of them", told, 0 < 0.9 * counted <= solved, "D")
        )
    shares = {solver: _share(data, solver) for solver in METHODS}
    pair = {"MatrixIRLS, told the rank": shares["MatrixIRLS"], "rankfall, not told": shares["rankfall"]}
    found.append(ordering("share of all draws that count solved", pair, "NF"))
    low = data.share.isel(oversampling=0).mean("draw")
    for kind in KINDS[1:]:
        pair = {kind: float(low.sel(kind=kind)), "uniform": float(low.sel(kind="uniform"))}
        found.append(
            ordering(f"share of rows and columns determined at ρ = {data.oversampling.values[0]:g}", pair, "NF")
        )
    return found


def _share(data, solver: str) -> float:
    counts = [_counts(data, kind, solver) for kind in KINDS]
    return sum(solved for solved, _ in counts) / max(sum(counted for _, counted in counts), 1)


def _success(data, kind: str, solver: str) -> Float[np.ndarray, " s"]:
    """Share of the draws that count which are solved, NaN where none counts."""
    errors = data.error.sel(kind=kind, solver=solver)
    counted = errors.notnull().sum("draw").values
    return np.where(counted > 0, (errors < ACCURACY).sum("draw").values / np.maximum(counted, 1), np.nan)


def panels(data) -> list[Panel]:
    oversamplings = data.oversampling.values
    drawn_panels = []
    for number, kind in enumerate(KINDS):
        # colors are the same in all panels: one legend is enough
        curves = [
            Curve(oversamplings, _success(data, kind, solver), "" if number else solver, "marked", color=place)
            for place, solver in reversed(list(enumerate(METHODS)))
        ]
        share = data.share.sel(kind=kind).mean("draw").values
        curves.append(Curve(oversamplings, share, "" if number else "rows and columns determined", "dashed", color=2))
        title = kind if kind == "rank 1" else f"{kind}, rank {data.attrs['rank']}"
        drawn_panels.append(Panel(title, "oversampling ρ", "share", curves, limits=(-0.03, 1.03)))
    return drawn_panels


EXPERIMENT = Experiment(
    name="recovery-weak",
    title="Exact recovery where it is harder: rank 1, sparse rows, long tables, uneven masks",
    source="recovery of ours",
    quick=Setup(30, 3, (1.2, 1.5, 2.0), 4),
    full=Setup(60, 3, (1.1, 1.2, 1.3, 1.5, 2.0, 3.0), 12),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
    columns=3,
)

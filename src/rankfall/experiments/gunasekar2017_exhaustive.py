"""Every small problem there is: 3 × 3 symmetric matrices with four known entries, each on a grid of values.

A symmetric 3 × 3 matrix has six entries, four of which can be known in 15 ways; each is filled with all combinations
of uniformly spaced values in [−1, 1]. Problems without a positive semidefinite completion are dropped. For the others
U Uᵀ follows the gradient flow from a random U(0) of prescribed norm, and what is counted is the excess of the trace
that it ends at over the least possible one,

    Δ = (tr X − min tr)/min tr,        min tr in closed form (`least_trace`).

At small starts most problems end near the least trace. The rest do not come nearer as the start shrinks: what they
tend to is the end of the greedy rank-by-rank path, which is another matrix [li2021]. One such problem is followed to
starts far smaller than the paper's.

[gunasekar2017, Figure 4]. That four entries are known, the ten values each and the norms 1e-5, 1e-3 and 1 are
recalled, not found in the text. All problems of a mask run in lockstep.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, product

import numpy as np
from jaxtyping import Float

from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, statement
from rankfall.experiments.semidefinite_problem import OfNorm
from rankfall.integrators import Flow
from rankfall.models import Symmetric
from rankfall.problems import Completion
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, Status, StepLimit, Trajectories, evolve, greedy

SIDE, KNOWN = 3, 4
ENTRIES = tuple(combinations_with_replacement(range(SIDE), 2))
MASKS = tuple(combinations(range(len(ENTRIES)), KNOWN))
NEAR = (0.01, 0.05, 0.1)
# A loss of 1e-10 leaves entries 1e-5 off, and a trace up to a hundred times that where min tr divides by 1/9 squared.
_HIDDEN = 1e-3
# X_11, X_12, X_13, X_22: the first direction that escapes costs more trace than it needs to.
STUBBORN = (0.5, 0.5, -1.0, 1.0)
_ROUNDING = 1e-12
_ENDS = Record(every=10**9)


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    values : int
        How many on the grid of each entry.
    norms : tuple[float, ...]
        ‖U(0)‖_F.
    loss : float
        Where a run ends, of mean squares.
    """

    values: int
    norms: tuple[float, ...] = (1e-5, 1e-3, 1.0)
    loss: float = 1e-10
    steps: int = 2000
    vanishing: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-7, 1e-9, 1e-12, 1e-15)
    draws: int = 5


def least_trace(known: Sequence[int], values: Float[np.ndarray, "tables 4"]) -> Float[np.ndarray, " tables"]:
    """min tr X over X ⪰ 0 with those of `ENTRIES` known; infinite where there is none.

    Where an off-diagonal entry is unknown the graph of known ones is chordal, and a completion exists exactly when
    each known 2 × 2 block can be semidefinite [grone1984]: an unknown X_ii need only reach X_ik²/X_kk for each known
    X_ik. Where all are known, two diagonals, of j and k say, are not, and the Schur complement of the third leaves
    min u + v over u v ≥ c², that is 2|c|:

        tr = X_ii + (X_ij² + X_ik²)/X_ii + 2 |X_jk − X_ij X_ik/X_ii|
    """
    entry = {ENTRIES[place]: values[:, column] for column, place in enumerate(known)}
    diagonal = {i: x for (i, j), x in entry.items() if i == j}
    links = {(i, j): x for (i, j), x in entry.items() if i != j}
    if len(links) == SIDE:
        ((i, own),) = diagonal.items()
        spokes = [x for pair, x in links.items() if i in pair]
        (across,) = (x for pair, x in links.items() if i not in pair)
        reached = _ratio(spokes[0] ** 2, own) + _ratio(spokes[1] ** 2, own)
        return own + reached + 2 * np.abs(across - _ratio(spokes[0] * spokes[1], own))
    total = np.sum([np.where(x >= -_ROUNDING, x, np.inf) for x in diagonal.values()], axis=0)
    for i in set(range(SIDE)) - set(diagonal):
        spokes = {j + k - i: x for (j, k), x in links.items() if i in (j, k)}
        total = total + np.max([_ratio(x**2, diagonal[k]) for k, x in spokes.items()], axis=0)
    for (i, j), x in links.items():
        if i in diagonal and j in diagonal:
            total = np.where(x**2 <= diagonal[i] * diagonal[j] + _ROUNDING, total, np.inf)
    return total


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top/bottom for bottom > 0; at bottom = 0 it is 0 where top is, else infinite, and below 0 infinite."""
    positive = bottom > _ROUNDING
    at_rest = (np.abs(bottom) <= _ROUNDING) & (np.abs(top) <= _ROUNDING)
    return np.where(positive, top / np.where(positive, bottom, 1), np.where(at_rest, 0, np.inf))


def grid(values: int) -> Float[np.ndarray, "tables 4"]:
    """All ways to fill four entries with uniformly spaced values in [−1, 1]."""
    return np.array(list(product(np.linspace(-1, 1, values), repeat=KNOWN)))


def problem_of(known: Sequence[int], values: Float[np.ndarray, "tables 4"]) -> Completion:
    """The completion problems of one mask, an unordered pair of positions counted once, as half of either."""
    pairs = {pair: column for column, place in enumerate(known) for pair in (ENTRIES[place], ENTRIES[place][::-1])}
    rows, cols, columns = np.array([(*pair, pairs[pair]) for pair in sorted(pairs)]).T
    weights = np.where(rows == cols, 1.0, 0.5)
    return Completion(rows, cols, values[:, columns], (SIDE, SIDE), weights)


def measure(mask: int, values: int, norm: float, loss: float, steps: int) -> Arrays:
    """Δ of every problem of one mask, NaN where no semidefinite completion exists; and whether the run fitted."""
    known, tables = MASKS[mask], grid(values)
    least = least_trace(known, tables)
    places = np.flatnonzero(np.isfinite(least) & (least > 0))
    runs = evolve(
        problem_of(known, tables[places]), Symmetric(), OfNorm(norm**2), Flow(1e-3),
        stop=LossBelow(loss) | StepLimit(steps), record=_ENDS, seed=mask * len(tables) + places,
    )  # fmt: skip
    excess, fitted = np.full((2, len(tables)), np.nan)
    excess[places] = _traces(runs) / least[places] - 1
    fitted[places] = [run.status == Status.CONVERGED for run in runs]
    return {"excess": excess, "fitted": fitted}


def vanish(norms: list[float], draws: int) -> Arrays:
    """Δ of the stubborn problem from ever smaller starts, (norms, draws), and of its greedy path."""
    values = np.array([STUBBORN])
    problem, least = problem_of(MASKS[0], values).of_runs(0), least_trace(MASKS[0], values)
    size = {"scale": np.repeat(np.square(norms), draws), "seed": np.tile(np.arange(draws), len(norms))}
    runs = evolve(
        problem, Symmetric(), OfNorm(size["scale"]), Flow(1e-6), stop=LossBelow(1e-12), record=_ENDS, seed=size["seed"]
    )
    greedily = greedy(problem, Symmetric())
    return {
        "stubborn": _traces(runs).reshape(len(norms), draws) / least - 1,
        "greedy": greedily.nuclear_norm / least[0] - 1,
    }


def _traces(runs: Trajectories) -> Float[np.ndarray, " runs"]:
    """tr U Uᵀ = ‖U‖_F²."""
    return np.array([np.sum(run.weights**2) for run in runs])


def parts(setup: Setup) -> list[Part]:
    fixed = {"values": setup.values, "loss": setup.loss, "steps": setup.steps}
    counted = [
        Part(measure, {"mask": mask, "norm": norm, **fixed}) for mask in range(len(MASKS)) for norm in setup.norms
    ]
    return [*counted, Part(vanish, {"norms": list(setup.vanishing), "draws": setup.draws})]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    *counted, followed = results
    shape = (len(MASKS), len(setup.norms), setup.values**KNOWN)
    variables = {
        name: (("mask", "norm", "instance"), np.reshape([r[name] for r in counted], shape)) for name in counted[0]
    }
    variables |= {"stubborn": (("vanishing", "draw"), followed["stubborn"]), "greedy": ((), followed["greedy"])}
    names = ["".join(f"{i + 1}{j + 1} " for i, j in (ENTRIES[place] for place in mask)).strip() for mask in MASKS]
    return xarray.Dataset(
        variables, coords={"mask": names, "norm": list(setup.norms), "vanishing": list(setup.vanishing)}
    )


def claims(data) -> list[Claim]:
    fitted = data.excess.where(data.fitted == 1)
    count = int(data.excess.isel(norm=0).notnull().sum())
    near = {
        norm: {bound: float((fitted.sel(norm=norm) < bound).sum()) / count for bound in NEAR}
        for norm in sorted(data.norm.values)
    }
    *small, large = near
    found = [
        number(f"norm {norm:g}: share of {count} problems fitted", 1, float(share), "NF")
        for norm, share in zip(data.norm.values, data.fitted.sum(["mask", "instance"]).values / count, strict=True)
    ]
    least = float(fitted.min())
    found.append(statement("no trace below the least", f"Δ ≥ −{_HIDDEN:g}", f"{least:.2g}", least >= -_HIDDEN, "D"))
    for norm in small:
        shares = ", ".join(f"{share:.3f} below {bound:g}" for bound, share in near[norm].items())
        bound, most = NEAR[0], near[norm][NEAR[0]] > 0.5
        found.append(
            statement(
                f"norm {norm:g}: most near least nuclear norm", f"over half with Δ < {bound:g}", shares, most, "P"
            )
        )
    for bound in NEAR:
        shares = {f"norm {norm:g}": near[norm][bound] for norm in (large, small[-1])}
        found.append(ordering(f"share with Δ < {bound:g}: less at the largest start", shares, "P"))
    tail = {f"norm {norm:g}": float(fitted.sel(norm=norm).quantile(0.9)) for norm in near}
    note = "the tail grows again below 1e-3: these problems tend to their greedy path, not to the least trace"
    found.append(ordering("Δ that a tenth of the problems exceed", tail, "NF", note=note))
    end = float(data.stubborn.mean("draw")[-1])
    note = "Δ grows as the start shrinks, to that of rank-by-rank learning: a counterexample of size 3 × 3"
    path = "one problem as its start vanishes: Δ of the greedy path"
    found.append(number(path, float(data.greedy), end, "D", within=0.02, note=note))
    return found


def panels(data) -> list[Panel]:
    edges = np.linspace(0, 1, 26)
    drawn = []
    for norm in sorted(data.norm.values):
        values = data.excess.sel(norm=norm).values
        values = np.clip(values[np.isfinite(values)], 0, 1)
        shares = np.histogram(values, edges)[0] / values.size
        drawn.append(
            Panel(
                f"‖U(0)‖ = {norm:g}",
                "Δ = excess of the trace, relative",
                "share of problems",
                [Curve(edges, np.append(shares, shares[-1]), "", "steps", color=0)],
                logs="y",
                limits=(3e-5, 1.0),
            )
        )
    ends = data.stubborn
    curve = Curve(
        data.vanishing.values, ends.mean("draw").values, "one problem", "marked", spread=ends.std("draw").values
    )
    drawn.append(
        Panel("As the start vanishes", "‖U(0)‖", "Δ", [curve], "x", levels={"greedy path": float(data.greedy)})
    )
    return drawn


EXPERIMENT = Experiment(
    name="gunasekar2017-exhaustive",
    title="All 3 × 3 completions on a grid: how far from least nuclear norm",
    source="gunasekar2017, Figure 4",
    quick=Setup(values=5),
    full=Setup(values=10),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

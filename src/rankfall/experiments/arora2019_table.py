"""Few entries: depth against the convex optimum.

100 × 100 of rank 5, 5000 or 2000 entries observed. With many, least nuclear norm and all depths recover the matrix.
With few, the convex optimum fails; depth 2 does better and depth 3 and 4 recover it, at a *larger* nuclear norm and a
smaller effective rank. The table does not say where it starts. Its depth 2 is that of the smallest start of Figure 1,
whose product has Frobenius norm 1e-5 (scale 1e-6), which we take for depth 3 too; depth 4 starts at 1e-4. From smaller
starts its escapes lie so far apart that on some draws the product rests at rank 3 where no finite matrix fits best, and
runs off: `arora2019-scale` shows it, and the papers' own program does the same.

The digits are judged on positions drawn with replacement, which is what they belong to (`standard_problem`); the same
on as many distinct entries, an easier problem, is shown beside them, and the orderings are judged on both.

[arora2019, the tables of the talk]; the papers' conic solver allows a slack of 1e-3, and so do we.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rankfall.baselines import NuclearNorm
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, statement
from rankfall.experiments.standard_problem import error_of, run_to_loss, standard_problem
from rankfall.models import Chain, Gaussian
from rankfall.theory.claim import Claim, Finding

METHODS = ("nuclear norm", "depth 2", "depth 3", "depth 4")
# Twice what a run takes that recovers the matrix; one that runs off takes thousands, and is over either way.
_STEPS = 300
# A draw counts as recovered below this error; one that goes astray, along a rank at which no finite matrix fits best,
# ends far above it. The median of two such groups belongs to neither: deep products are judged on the recovered draws.
_RECOVERED = 1e-3
ONE_DRAW = (
    "the published digit is of one draw. A rewrite of the authors' program ends between 2.0e-5 and 1.3e-4 on draws "
    "with replacement, between 1.7e-5 and 1.9e-5 on distinct entries, and goes astray on the same draw as we do"
)
QUANTITIES = {"error": "reconstruction error", "nuclear_norm": "nuclear norm", "effective_rank": "effective rank"}
DRAWN, DISTINCT = "drawn", "distinct"
# error, nuclear norm, effective rank                                            [arora2019, talk: P]
PUBLISHED = {
    (5000, "nuclear norm"): (8e-7, 221, 5), (5000, "depth 2"): (5e-6, 221, 5),
    (5000, "depth 3"): (4e-6, 221, 5), (5000, "depth 4"): (4e-6, 221, 5),
    (2000, "nuclear norm"): (1e-1, 210, 9), (2000, "depth 2"): (2e-2, 217, 7),
    (2000, "depth 3"): (3e-5, 221, 5), (2000, "depth 4"): (2e-5, 221, 5),
}  # fmt: skip
# error with 2000 entries and the factor allowed, of a table whose start is not stated: depth 2 is from a scale of 1e-4,
# ‖W(0)‖_F = 1e-3, where the published sweep has 6.5e-2                                            [arora2019, blog: P]
BLOG = {"nuclear norm": (1.06e-1, 1.25), "depth 2": (5.92e-2, 1.5), "depth 3": (2.58e-5, 2.5)}


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    draws : int
        Matrices with masks and starts of their own; their medians are compared.
    scales : tuple[float, ...]
        Of depths 2, 3 and 4.
    larger : float
        Scale of a second start of depth 2, with 2000 entries drawn.
    """

    draws: int
    observed: tuple[int, ...] = (5000, 2000)
    larger: float = 1e-4
    scales: tuple[float, ...] = (1e-6, 1e-6, 1e-4)
    slack: float = 1e-3


def measure(method: str, observed: int, sampling: str, start: float, draw: int) -> Arrays:
    """Error over all entries, nuclear norm and effective rank of one completion; `start` is a scale, or the slack."""
    problem = standard_problem(observed, draw, repeats=sampling == DRAWN)
    if method == "nuclear norm":
        found = NuclearNorm(slack=start, gap=1e-4).solve(problem)
    else:
        found = run_to_loss(problem, Chain(int(method[-1])), Gaussian(start), 1e-6, seed=2000 + draw, steps=_STEPS)
    return {
        "error": np.asarray(error_of(found.product, problem)),
        "nuclear_norm": np.asarray(found.nuclear_norm),
        "effective_rank": np.asarray(found.effective_rank),
    }


def parts(setup: Setup) -> list[Part]:
    starts = dict(zip(METHODS, (setup.slack, *setup.scales), strict=True))
    return [
        Part(
            measure, {"method": method, "observed": count, "sampling": sampling, "start": starts[method], "draw": draw}
        )
        for sampling in (DRAWN, DISTINCT)
        for count in setup.observed
        for method in METHODS
        for draw in range(setup.draws)
    ] + [
        Part(measure, {"method": "depth 2", "observed": 2000, "sampling": DRAWN, "start": setup.larger, "draw": draw})
        for draw in range(setup.draws)
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    results, larger = results[: -setup.draws], results[-setup.draws :]
    axes = ("sampling", "observed", "solver", "draw")
    shape = (2, len(setup.observed), len(METHODS), setup.draws)
    variables: dict[str, tuple[tuple[str, ...], Any]] = {
        name: (axes, np.reshape([float(r[name]) for r in results], shape)) for name in QUANTITIES
    }
    variables["larger_error"] = (("draw",), [float(each["error"]) for each in larger])
    places = {
        "sampling": [DRAWN, DISTINCT], "observed": list(setup.observed), "solver": list(METHODS),
        "draw": np.arange(setup.draws),
    }  # fmt: skip
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    middle = data.median("draw")
    found = []
    for (count, method), (error, norm, rank) in PUBLISHED.items():
        drawn, easier = (data.sel(sampling=way, observed=count, solver=method) for way in (DRAWN, DISTINCT))
        where, which, draws = f"{count} entries, {method}", "", drawn
        if error < _RECOVERED:
            draws, which = drawn.where(drawn.error < _RECOVERED), " of the recovered draws"
            found.append(_recovered(f"{where}: draws recovered", drawn.error.values))
            found.append(_recovered(f"{where}: draws recovered, all distinct", easier.error.values))
        cell = draws.median("draw")
        is_known = (count, method) == (2000, "depth 4")
        finding = Finding(ONE_DRAW, float(cell.error), 2.0e-5, 1.3e-4) if is_known else None
        found.append(number(f"{where}: error{which}", error, float(cell.error), "P", factor=2, finding=finding))
        found.append(number(f"{where}: error, all distinct", error, float(easier.error.median()), "P"))
        found.append(number(f"{where}: nuclear norm{which}", norm, float(cell.nuclear_norm), "P", within=0.02))
        # published as a whole number
        half = 0.5 / rank
        found.append(number(f"{where}: effective rank{which}", rank, float(cell.effective_rank), "P", within=half))
    drawn = data.sel(sampling=DRAWN, observed=2000)
    errors = {method: drawn.error.sel(solver=method) for method in BLOG} | {"depth 2": data.larger_error}
    errors["depth 3"] = errors["depth 3"].where(errors["depth 3"] < _RECOVERED)
    for method, (error, factor) in BLOG.items():
        which = {"depth 2": ", scale 1e-4", "depth 3": ", recovered draws"}.get(method, "")
        found.append(number(f"blog, {method}{which}: error", error, float(errors[method].median()), "P", factor=factor))
    for way in (DRAWN, DISTINCT):
        few = {method: middle.sel(sampling=way, observed=2000, solver=method) for method in METHODS}

        def of(name, *methods, few=few):
            return {method: float(few[method][name]) for method in methods}

        where = f"2000 entries, {way}"
        falling = of("error", "depth 3", "depth 2", "nuclear norm")
        found.append(ordering(f"{where}: error", falling, "P", by=2))
        found.append(ordering(f"{where}: nuclear norm", of("nuclear_norm", "nuclear norm", "depth 2", "depth 3"), "P"))
        found.append(
            ordering(f"{where}: effective rank", of("effective_rank", "depth 3", "depth 2", "nuclear norm"), "P")
        )
    return found


def _recovered(quantity: str, errors: np.ndarray) -> Claim:
    """How many draws recover the matrix; most of them have to."""
    count = int(np.count_nonzero(errors < _RECOVERED))
    worst = f"{count} of {errors.size}, the worst error {errors.max():.2g}"
    return statement(quantity, f"more than half below {_RECOVERED:g}", worst, 2 * count > errors.size, "D")


def panels(data) -> list[Panel]:
    places = np.arange(len(METHODS))
    ticks = {float(place): name for place, name in enumerate(METHODS)}
    drawn = data.sel(sampling=DRAWN)

    def curve(name: str, count: int) -> Curve:
        values = drawn[name].sel(observed=count)
        spread = values.std("draw").values
        return Curve(places, values.mean("draw").values, f"{count} entries", "dots", spread=spread)

    return [
        Panel(
            title,
            "",
            title,
            [curve(name, c) for c in data.observed.values],
            "y" if name == "error" else "",
            ticks=ticks,
        )
        for name, title in QUANTITIES.items()
    ]


EXPERIMENT = Experiment(
    name="arora2019-table",
    title="Few entries: depth against the convex optimum",
    source="arora2019, tables of the talk",
    quick=Setup(draws=5),
    full=Setup(draws=5),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

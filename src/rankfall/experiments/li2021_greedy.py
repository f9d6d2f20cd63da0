"""From a vanishing start the flow learns rank by rank, and so ends away from the least nuclear norm.

Greedy low-rank learning adds one direction at a time, the one in which the loss falls fastest, and follows the flow to
its end before the next. On a planted positive semidefinite completion the flow of U Uᵀ from a start of scale α passes
each of the greedy saddles at a distance that vanishes with α; at depth 4 sooner.

The 4 × 4 counterexample observes W_13 = 1, W_14 = W_23 = R. Rank one fits it with nuclear norm 2R² + 2, rank two with
4R, which is less. The flow goes to rank one as α → 0: what it leaves in the second direction is α^{1−λ_2/λ_1}, λ the
eigenvalues that pull at zero.

[li2021]; the counterexample and its numbers are recalled and derived, sizes of the planted problem our own
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.datasets import planted
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, series, statement
from rankfall.integrators import Flow
from rankfall.models import Gaussian, Symmetric
from rankfall.problems import Completion, Sensing
from rankfall.theory import certify_nuclear_norm, nuclear_norm_instance
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, evolve, greedy

R, DEPTHS, RANK = 2.0, (2, 4), 3
SCALES = (1e-2, 1e-4, 1e-6, 1e-8)
VANISHING = (1e-2, 1e-6, 1e-12, 1e-18, 1e-24)
# traces at scales 1e-2, 1e-6, 1e-12, 1e-24 from one Gaussian start                          [derived, checked]
TRACES = (8.400, 9.662, 9.998, 10.000)
FITTED = 1e-10


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    size : int
        Of the planted matrix, of which half is observed.
    starts : int
        On the counterexample.
    """

    size: int
    starts: int
    points: int = 200


def _planted(size: int) -> Completion:
    """Half the entries, with their mirror images, of a positive semidefinite matrix whose eigenvalues are apart."""
    truth = planted((size, size), spectrum=[3.0, 2.0, 1.0], kind="psd", norm=float(size), seed=0)
    upper = np.triu(np.random.default_rng(1).random((size, size)) < 0.5)
    rows, cols = np.nonzero(upper | upper.T)
    return Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)


def saddles(size: int) -> Arrays:
    """The products at the end of each greedy stage, and what the next direction was pulled by."""
    path = greedy(_planted(size), Symmetric(), max_rank=RANK)
    return {"products": np.stack(path.products), "drives": np.asarray(path.drives), "losses": path.losses}


def passing(size: int, depth: int, scale: float, points: int) -> Arrays:
    """The least distance of a flow from each greedy saddle, relative to it; and its leading values along the way."""
    problem = _planted(size)
    stages = saddles(size)["products"]

    def distances(problem, model, weights):
        gaps = model.product(weights)[:, None] - stages
        return np.linalg.norm(gaps, axis=(-2, -1)) / np.linalg.norm(stages, axis=(-2, -1))

    record = Record(singular_values=RANK + 1, functions={"distances": distances})
    run = evolve(problem, Symmetric(depth=depth), Gaussian(scale), Flow(1e-5), stop=LossBelow(FITTED), record=record)
    history = run.history
    # to a little after the last saddle has come near
    near = history["time"][int(np.argmax(history["distances"][:, -1] < 0.01))]
    times = np.linspace(0, 1.2 * float(near), points)
    curves = [np.interp(times, history["time"], values) for values in history["singular_values"].T]
    return {"nearest": history["distances"].min(axis=0), "times": times, "values": np.stack(curves, axis=1)}


def counterexample(starts: int) -> Arrays:
    """Trace and second eigenvalue at the end, for every scale and start at once; and of the greedy path."""
    instance = nuclear_norm_instance(R)
    problem = Sensing.from_matrices(instance.matrices, instance.values, symmetric=True)
    scales, seeds = np.repeat(VANISHING, starts), np.tile(np.arange(starts), len(VANISHING))
    runs = evolve(problem, Symmetric(), Gaussian(scales.tolist()), Flow(1e-6), stop=LossBelow(1e-13), seed=seeds)
    values = np.linalg.eigvalsh(runs.product).reshape(len(VANISHING), starts, 4)
    path = greedy(problem, Symmetric())
    return {
        "trace": values.sum(axis=-1),
        "second": values[..., -2],
        "greedy": np.asarray([np.trace(path.product), path.rank]),
        "apart": np.asarray(np.linalg.norm(path.product - instance.rival)),
    }


def parts(setup: Setup) -> list[Part]:
    shared = {"size": setup.size, "points": setup.points}
    return [
        Part(saddles, {"size": setup.size}),
        *(Part(passing, {"depth": depth, "scale": scale, **shared}) for depth in DEPTHS for scale in SCALES),
        Part(counterexample, {"starts": setup.starts}),
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    stages, *passed, small = results

    def of_all(name: str) -> np.ndarray:
        stacked = np.stack([each[name] for each in passed])
        return stacked.reshape(len(DEPTHS), len(SCALES), *stacked.shape[1:])

    variables = {
        "nearest": (("depth", "scale", "rank"), of_all("nearest")),
        "times": (("depth", "scale", "point"), of_all("times")),
        "values": (("depth", "scale", "point", "value"), of_all("values")),
        "saddle": (("rank", "value"), np.linalg.eigvalsh(stages["products"])[:, ::-1][:, : RANK + 1]),
        "loss": ("rank", stages["losses"]),
        "trace": (("vanishing", "start"), small["trace"]),
        "second": (("vanishing", "start"), small["second"]),
        "greedy": ("end", small["greedy"]),
        "apart": ((), small["apart"]),
    }
    places = {
        "depth": list(DEPTHS), "scale": list(SCALES), "rank": np.arange(1, RANK + 1), "vanishing": list(VANISHING),
        "end": ["trace", "rank"],
    }  # fmt: skip
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    found = []
    for depth in DEPTHS:
        for rank in range(1, RANK):
            nearest = data.nearest.sel(depth=depth, rank=rank)
            falling = {f"{scale:g}": float(nearest.sel(scale=scale)) for scale in SCALES[::-1]}
            found.append(ordering(f"depth {depth}: distance passed from greedy saddle {rank}, by start", falling, "P"))
        ends = float(data.nearest.sel(depth=depth, rank=RANK, scale=SCALES[-1]))
        found.append(_small(f"depth {depth}: the flow ends where the greedy path does", ends, 1e-3, "P"))
    for rank in range(1, RANK):
        pair = {f"depth {depth}": float(data.nearest.sel(depth=depth, rank=rank, scale=1e-4)) for depth in DEPTHS[::-1]}
        found.append(ordering(f"distance passed from greedy saddle {rank}, from 1e-4", pair, "P"))
    instance = nuclear_norm_instance(R)
    least = certify_nuclear_norm(instance.matrices, instance.values, instance.minimizer, instance.dual)
    found.append(
        statement(
            "4R is the least nuclear norm", "certified", f"{len(least)} conditions of optimality", least.holds, "D"
        )
    )
    trace = data.trace.mean("start")
    rank_found = int(data.greedy.sel(end="rank"))
    rank_one = float(np.trace(instance.rival))
    found.append(number("greedy: nuclear norm", rank_one, float(data.greedy.sel(end="trace")), "D", within=1e-4))
    found.append(statement("greedy: rank", "1", f"{rank_found}", rank_found == 1, "P"))
    found.append(_small("greedy: distance from vvᵀ", float(data.apart), 1e-3, "D"))
    rising = {f"{scale:g}": float(trace.sel(vanishing=scale)) for scale in VANISHING}
    found.append(ordering("nuclear norm at the end, by start", {"least": 4 * R, **rising}, "P"))
    last = trace.sel(vanishing=VANISHING[-1])
    found.append(number("nuclear norm from 1e-24", rank_one, float(last), "D", within=1e-4))
    ours = [float(trace.sel(vanishing=scale)) for scale in (1e-2, 1e-6, 1e-12, 1e-24)]
    found.append(series("nuclear norm from 1e-2, 1e-6, 1e-12, 1e-24, one start", TRACES, ours, "D"))
    # λ of the observed matrix [[·, B], [Bᵀ, ·]], B = [[1, R], [R, 0]]: the singular values of B
    pulls = np.linalg.svd([[1, R], [R, 0]], compute_uv=False)
    second = data.second.sel(vanishing=[1e-12, 1e-18]).mean("start").values
    power = float(np.log(second[1] / second[0]) / np.log(1e-6))
    expected = 1 - pulls[1] / pulls[0]
    found.append(number("power of the start left in the second direction", expected, power, "D", within=0.05))
    return found


def _small(quantity: str, off: float, tolerance: float, provenance: str) -> Claim:
    return statement(quantity, f"within {tolerance:g}", f"{off:.2g} off", off < tolerance, provenance)


def panels(data) -> list[Panel]:
    def staircase(depth: int) -> Panel:
        here = data.sel(depth=depth, scale=SCALES[-1])
        curves = [
            Curve(here.times.values, here["values"].isel(value=place).values, f"σ_{place + 1}") for place in range(RANK)
        ]
        levels = {"greedy saddle 1": float(data.saddle.isel(rank=0, value=0))}
        return Panel(f"depth {depth}, start {SCALES[-1]:g}", "time", "eigenvalues", curves, levels=levels)

    passed = [
        Curve(
            list(SCALES), data.nearest.sel(depth=depth, rank=rank).values, f"depth {depth}, saddle {rank}",
            "marked" if depth == 2 else "dashed", color=rank - 1,
        )
        for depth in DEPTHS for rank in range(1, RANK)
    ]  # fmt: skip
    spread = np.stack(
        [data.trace.mean("start") - data.trace.min("start"), data.trace.max("start") - data.trace.mean("start")]
    )
    traces = [Curve(list(VANISHING), data.trace.mean("start").values, "flow", "marked", spread=spread)]
    levels = {"rank one": 2 * R**2 + 2, "least nuclear norm": 4 * R}
    return [
        *(staircase(depth) for depth in DEPTHS),
        Panel("greedy saddles passed", "scale of the start", "relative distance", passed, "xy"),
        Panel("counterexample", "scale of the start", "nuclear norm at the end", traces, "x", levels),
    ]


EXPERIMENT = Experiment(
    name="li2021-greedy",
    title="From a vanishing start, rank by rank; not the least nuclear norm",
    source="li2021",
    quick=Setup(size=20, starts=4),
    full=Setup(size=50, starts=20),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

"""The same trade with Gaussian measurements: error, nuclear norm and effective rank against the start's scale.

A planted matrix of rank 5, seen through 2000 or 5000 inner products with Gaussian matrices instead of entries. Few
measurements suffice the convex optimum here, so depth 2 from a large start is worse than it on all three axes and
overtakes it only from a tiny one; depths 3 and 4 recover the matrix from any start. With many all agree.

The full setup is the published size, 100 × 100, where an operator has 2000 × 10,000 numbers and reading it is what a
step costs: the runs of all scales share each reading, in lockstep. The quick setup is 40 × 40 of rank 3, with as many
measurements as leave the convex optimum just short of recovery, as 2000 do there. What a run has reached is read where
its loss passes 1e-6.

[arora2019, appendix on matrix sensing, and code]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.baselines import NuclearNorm
from rankfall.datasets import planted
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import ordering, series, statement
from rankfall.experiments.standard_problem import error_of
from rankfall.integrators import Flow
from rankfall.models import Chain, Gaussian
from rankfall.problems import Sensing
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, StepLimit, evolve

DEPTHS, SCALES = (2, 3, 4), (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
QUANTITIES = {"error": "reconstruction error", "nuclear_norm": "nuclear norm", "effective_rank": "effective rank"}
LOSS = 1e-6
# depth 2 at product norms 1e-6 … 1e-2, 2000 measurements; the others hardly move with the scale    [arora2019: F]
FEW, DEEP, CONVEX = (4.5e-4, 1.5e-3, 4e-3, 1.3e-2, 3.8e-2), 9e-6, 8e-4
MANY_DEEP = 2.6e-6


@dataclass(frozen=True)
class Setup:
    """size and rank of the matrix; few and many: how many measurements; draws: of matrix, measurements and start."""

    size: int
    rank: int
    few: int
    many: int
    draws: int
    scales: tuple[float, ...] = SCALES


def transition(size: int, rank: int) -> float:
    """How many Gaussian measurements least nuclear norm needs for an n × n matrix of a rank, about.

        δ = inf_τ r(2n − r + τ²) + (n − r) ∫ (√(n−r) u − τ)₊² √(4 − u²)/π du,    u from 0 to 2

    The statistical dimension of its descent cone: exact recovery fails below and succeeds above, within some √n.
    [amelunxen2014, Proposition 4.7]
    """
    rest, u = size - rank, np.linspace(0.0, 2.0, 2001)
    density = np.sqrt(4 - u**2) / np.pi

    def dimension(level: float) -> float:
        above = np.maximum(np.sqrt(rest) * u - level, 0.0) ** 2
        return rank * (2 * size - rank + level**2) + rest * float(np.trapezoid(above * density, u))

    return min(dimension(level) for level in np.linspace(0.0, 2 * np.sqrt(rest), 801))


def _problem(size: int, rank: int, count: int, draw: int) -> Sensing:
    return Sensing.gaussian(planted((size, size), rank, seed=draw), count, seed=1000 + draw)


def completion(depth: int, size: int, rank: int, count: int, scales: Sequence[float], draw: int) -> Arrays:
    """What runs from every scale have reached where their loss passes 1e-6."""
    problem = _problem(size, rank, count, draw)
    rtol = 1e-4 if depth > 3 else 1e-3
    runs = evolve(
        problem, Chain(depth), Gaussian(list(scales)), Flow(rtol), stop=LossBelow(LOSS) | StepLimit(3000),
        seed=[2000 + draw] * len(scales), record=Record(nuclear_norm=True, effective_rank=True),
    )  # fmt: skip
    histories = [run.history | {"error": run.history["test_error"]} for run in runs]
    return {name: np.asarray([_passing(history, name) for history in histories]) for name in QUANTITIES}


def _passing(history: dict[str, np.ndarray], name: str) -> float:
    """A recorded quantity at the loss of 1e-6, along a straight line in logarithms between the last two records."""
    fallen = -np.log(history["loss"][-2:] / LOSS)
    return float(np.exp(np.interp(0.0, fallen, np.log(history[name][-2:]))))


def convex(size: int, rank: int, count: int, draw: int) -> Arrays:
    """What the least nuclear norm is."""
    problem = _problem(size, rank, count, draw)
    found = NuclearNorm(gap=1e-5).solve(problem)
    return {
        "error": np.asarray(error_of(found.product, problem)),
        "nuclear_norm": np.asarray(found.nuclear_norm),
        "effective_rank": np.asarray(found.effective_rank),
    }


def parts(setup: Setup) -> list[Part]:
    places = [
        {"size": setup.size, "rank": setup.rank, "count": count, "draw": draw}
        for count in (setup.few, setup.many)
        for draw in range(setup.draws)
    ]
    scales = {"scales": list(setup.scales)}
    runs = [Part(completion, {"depth": depth, **place, **scales}) for place in places for depth in DEPTHS]
    return [*runs, *(Part(convex, place) for place in places)]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    axes, shape = ("measurements", "draw"), (2, setup.draws)
    runs, solved = results[: -2 * setup.draws], results[-2 * setup.draws :]
    more = (len(DEPTHS), len(setup.scales))
    variables = {
        name: ((*axes, "depth", "scale"), np.reshape([run[name] for run in runs], (*shape, *more)))
        for name in QUANTITIES
    }
    variables |= {f"convex_{name}": (axes, np.reshape([each[name] for each in solved], shape)) for name in QUANTITIES}
    places = {
        "measurements": ["few", "many"], "draw": np.arange(setup.draws), "depth": list(DEPTHS),
        "scale": list(setup.scales),
    }  # fmt: skip
    return xarray.Dataset(
        variables, coords=places, attrs={"size": setup.size, "rank": setup.rank, "few": setup.few, "many": setup.many}
    )


def claims(data) -> list[Claim]:
    means = data.mean("draw")
    few, many = means.sel(measurements="few"), means.sel(measurements="many")
    scales = data.scale.values.tolist()
    two, large, small = few.sel(depth=2), few.isel(scale=-1), few.isel(scale=0)
    found = [
        ordering(f"few, depth 2: {title} by scale", {f"{s:g}": float(two[name].sel(scale=s)) for s in scales}, "F")
        for name, title in QUANTITIES.items()
    ]
    found += [
        ordering(
            f"few, largest start: {title}",
            {"least nuclear norm": float(large[f"convex_{name}"]), "depth 2": float(large[name].sel(depth=2))}, "D",
        )
        for name, title in QUANTITIES.items()
    ]  # fmt: skip
    pair = {"depth 2": float(small.error.sel(depth=2)), "least nuclear norm": float(small.convex_error)}
    found.append(ordering("few, smallest start: error", pair, "D"))
    for scale in scales:
        for depth in DEPTHS[1:]:
            pair = {f"depth {deep}": float(few.error.sel(depth=deep, scale=scale)) for deep in (depth, 2)}
            found.append(ordering(f"few, scale {scale:g}: error", pair, "F", by=5))
    off = float(abs(many.isel(scale=0).nuclear_norm / many.convex_nuclear_norm - 1).max())
    found.append(statement("many: nuclear norm is the least", "within 1 %", f"{100 * off:.2g} % off", off < 0.01, "P"))
    needed = transition(data.attrs["size"], data.attrs["rank"])
    at = f"{data.few} are {data.few / needed:.3f} of it, {data.many} {data.many / needed:.2f}"
    is_near = abs(data.few / needed - 1) < 0.02 and data.many > 2 * needed
    found.append(statement("few are at the transition of least nuclear norm", f"about {needed:.0f}", at, is_near, "D"))
    ours = f" ({data.size} × {data.size}, {data.few} and {data.many} here)" if data.size != 100 else ""
    found.append(_beside(f"few, depth 2: error by scale{ours}", FEW, two.error))
    for depth in DEPTHS[1:]:
        found.append(_beside(f"few, depth {depth}: error by scale{ours}", (DEEP,) * 5, few.error.sel(depth=depth)))
        found.append(
            _beside(f"many, depth {depth}: error by scale{ours}", (MANY_DEEP,) * 5, many.error.sel(depth=depth))
        )
    found.append(series(f"few, least nuclear norm: error{ours}", [CONVEX], [float(few.convex_error)], "F"))
    return found


def _beside(quantity: str, published: Sequence[float], here) -> Claim:
    expected = [value for scale, value in zip(SCALES, published, strict=True) if scale in here.scale]
    return series(quantity, expected, here.values.tolist(), "F")


def panels(data) -> list[Panel]:
    # the figures' axis: ‖W(0)‖_F = scale √n
    across = np.sqrt(data.size) * data.scale.values
    found = []
    for which in ("few", "many"):
        here = data.sel(measurements=which)
        for name, title in QUANTITIES.items():
            lines = [(depth, here[name].sel(depth=depth)) for depth in DEPTHS]
            curves = [
                Curve(across, line.mean("draw").values, f"depth {depth}", "marked", spread=line.std("draw").values)
                for depth, line in lines
            ]
            levels = {"least nuclear norm": float(here[f"convex_{name}"].mean("draw"))}
            logs = "xy" if name == "error" else "x"
            where = f"{data.attrs[which]} measurements"
            found.append(Panel(where, "norm of the start", title, curves, logs, levels))
    return found


EXPERIMENT = Experiment(
    name="arora2019-sensing",
    title="Gaussian measurements: error, nuclear norm and effective rank against the scale of the start",
    source="arora2019, appendix",
    quick=Setup(size=40, rank=3, few=450, many=1180, draws=3, scales=(1e-7, 1e-5, 1e-3)),
    full=Setup(size=100, rank=5, few=2000, many=5000, draws=3),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
    columns=3,
)

"""What depth does to one singular value, and to two that share a measurement.

The law σ̇_r = −N σ_r^{2−2/N} ⟨∇ℓ, u_r v_rᵀ⟩ multiplies the drive of plain descent by N σ^{2−2/N}: far above 1 for large
values, near 0 for small ones, the more so the deeper. With a single measurement ℓ = (⟨A, W⟩ − y)² whose singular values
have the ratio α < 1, time drops out, and the lagging value is a line, a power, or bounded as the leading one grows.

Multipliers are measured along a completion run from balanced layers: how fast the layers move σ_r, over its drive. The
curves of two values are runs from scaled identities, held against the closed forms of `theory`; a literal single entry
has rank one and no second value, so A = diag(α, 1, 0).

[arora2019, blog Figure 1 and the slides on a single measurement]; sizes are our own
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.datasets import planted, uniform_entries
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, statement
from rankfall.integrators import Flow
from rankfall.models import Balanced, Chain, Identity
from rankfall.problems import Completion, Sensing
from rankfall.theory import check_measurement_curve, curve_ceiling, measurement_curve, multiplier
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, TimeReached, evolve
from rankfall.trajectory.observables import value_velocities

DEPTHS, RATIO, START = (1, 2, 3, 4), 0.6, 1e-3
NEAR, FAR = 1.0, 1e4
# the lagging value when the leading one has come to 1, both from 1e-3 at α = 0.6                         [derived]
AT_ONE = {1: 0.600, 2: 0.0631, 3: 0.01027, 4: 0.00570}
CEILINGS = {3: 0.015625, 4: 0.00625}


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    size : int
        Of the matrix on which multipliers are measured.
    points : int
        On each curve.
    rtol : float
        Of every run; balance is kept to that share of the largest layer, which small singular values feel first.
    """

    size: int
    points: int
    rtol: float = 1e-9


def multipliers(depth: int, size: int, points: int, rtol: float) -> Arrays:
    """Singular values along a run, and by what their drives are multiplied: u_rᵀẆv_r / −⟨∇ℓ, u_r v_rᵀ⟩."""
    truth = planted((size, size), 2, seed=0)
    rows, cols = uniform_entries(truth.shape, size * size // 2, seed=1)
    problem = Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape)
    horizon = float(size * size)
    record = Record(
        singular_values=True, drives=True, functions={"velocities": value_velocities},
        times=np.geomspace(1e-3 * horizon, horizon, points),
    )  # fmt: skip
    run = evolve(
        problem, Chain(depth), Balanced(0.1), Flow(rtol), stop=TimeReached(horizon), seed=2, record=record
    )  # fmt: skip
    drives, values = run.history["drives"], run.history["singular_values"]
    # where next to nothing pulls, the quotient is one of rounding errors
    told = np.abs(drives) > 1e-6 * np.abs(drives).max()
    return {"values": values[told], "multipliers": -run.history["velocities"][:, 1][told] / drives[told]}


def curve(depth: int, end: float, rtol: float) -> Arrays:
    """Two values that share a measurement, from equal starts until the leading one comes to `end`."""
    lagging = float(measurement_curve(np.float64(end), RATIO, depth, START))
    problem = Sensing.from_diagonals(np.asarray([[RATIO, 1.0, 0.0]]), np.asarray([RATIO * lagging + end]))

    def diagonal(problem, model, weights):
        return np.diagonal(model.product(weights), axis1=-2, axis2=-1)[..., :2]

    record = Record(functions={"diagonal": diagonal})
    stop = LossBelow((1e-6 * end) ** 2)
    run = evolve(problem, Chain(depth), Identity(START), Flow(rtol), stop=stop, record=record)
    return {"diagonal": run.history["diagonal"]}


def parts(setup: Setup) -> list[Part]:
    measured = {"size": setup.size, "points": setup.points, "rtol": setup.rtol}
    return [
        *(Part(multipliers, {"depth": depth, **measured}) for depth in DEPTHS),
        *(Part(curve, {"depth": depth, "end": end, "rtol": setup.rtol}) for end in (NEAR, FAR) for depth in DEPTHS),
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    count = len(DEPTHS)
    told, near, far = results[:count], results[count : 2 * count], results[2 * count :]

    def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
        """Rows of several lengths side by side, NaN beyond their ends."""
        table = np.full((len(rows), max(len(row) for row in rows)), np.nan)
        for place, row in enumerate(rows):
            table[place, : len(row)] = row
        return table

    variables = {
        name: (("depth", "point"), stacked([each[name] for each in told])) for name in ("values", "multipliers")
    }
    for reach, runs in (("near", near), ("far", far)):
        for place, name in enumerate(("lagging", "leading")):
            rows = stacked([run["diagonal"][:, place] for run in runs])
            variables[f"{reach}_{name}"] = (("depth", f"{reach}_record"), rows)
    return xarray.Dataset(variables, coords={"depth": list(DEPTHS)})


def claims(data) -> list[Claim]:
    found, ends = [], {}
    for depth in DEPTHS:
        here = data.sel(depth=depth)
        told = here.dropna("point")
        off = np.abs(told.multipliers / multiplier(told["values"].values, depth) - 1).values
        found.append(_small(f"depth {depth}: the drive is multiplied by N σ^(2−2/N)", off, 1e-6))
        logs = np.log(told["values"].values), np.log(told.multipliers.values)
        slope, height = np.polyfit(*logs, 1)
        found.append(_exponent(depth, float(slope)))
        found.append(number(f"depth {depth}: multiplier at σ = 1", depth, float(np.exp(height)), "D", within=0.001))
        near, far = (here[[f"{r}_lagging", f"{r}_leading"]].dropna(f"{r}_record") for r in ("near", "far"))
        report = check_measurement_curve(far.far_lagging.values, far.far_leading.values, RATIO, depth)
        found.append(_small(f"depth {depth}: two values of one measurement keep to their curve", report.measured, 1e-3))
        ends[depth] = float(near.near_lagging[-1])
        where = f"depth {depth}: lagging value where the leading one is 1"
        found.append(number(where, AT_ONE[depth], ends[depth], "D", within=0.01))
        if depth in CEILINGS:
            ceiling = curve_ceiling(RATIO, depth, START)
            found.append(
                number(f"depth {depth}: ceiling of the lagging value", CEILINGS[depth], ceiling, "D", within=1e-6)
            )
            rising = {"at 1": ends[depth], "at 10⁴": float(far.far_lagging[-1]), "ceiling": ceiling}
            found.append(ordering(f"depth {depth}: lagging value below its ceiling", rising, "P"))
    lagging = {f"depth {depth}": ends[depth] for depth in reversed(DEPTHS)}
    found.append(ordering("lagging value where the leading one is 1", lagging, "P"))
    for value, depths in ((0.1, DEPTHS[::-1]), (2.0, DEPTHS)):
        factors = {f"depth {depth}": float(multiplier(np.float64(value), depth)) for depth in depths}
        found.append(ordering(f"multiplier at σ = {value:g}", factors, "P"))
    return found


def _exponent(depth: int, slope: float) -> Claim:
    exponent = 2 - 2 / depth
    return statement(
        f"depth {depth}: exponent of the multiplier", f"{exponent:.4g} ± 0.001", f"{slope:.4f}",
        abs(slope - exponent) < 1e-3, "D",
    )  # fmt: skip


def _small(quantity: str, off, tolerance: float) -> Claim:
    worst = float(np.max(off))
    return statement(quantity, f"within {tolerance:g}", f"{worst:.2g} off at most", worst < tolerance, "D")


def panels(data) -> list[Panel]:
    sizes, reach = np.linspace(0.0, 3.0, 100), np.geomspace(START, FAR, 100)
    laws, measured, closed, runs = [], [], [], []
    for color, depth in enumerate(DEPTHS):
        here = data.sel(depth=depth)
        told, far = here.dropna("point"), here[["far_lagging", "far_leading"]].dropna("far_record")
        laws.append(Curve(sizes, multiplier(sizes, depth), f"depth {depth}", color=color))
        spread = np.geomspace(told["values"].min(), told["values"].max(), 100)
        measured.append(Curve(spread, multiplier(spread, depth), f"depth {depth}", color=color))
        measured.append(Curve(told["values"].values, told.multipliers.values, "", "dots", color=color))
        closed.append(Curve(reach, measurement_curve(reach, RATIO, depth, START), f"depth {depth}", color=color))
        runs.append(Curve(far.far_leading.values[::4], far.far_lagging.values[::4], "", "dots", color=color))
    ceilings = {f"ceiling, depth {depth}": curve_ceiling(RATIO, depth, START) for depth in CEILINGS}
    return [
        Panel("multiplier of the drive", "singular value", "N σ^(2−2/N)", laws, limits=(0.0, 12.0)),
        Panel("measured along a run", "singular value", "multiplier", measured, "xy"),
        Panel(f"one measurement, α = {RATIO:g}", "leading value", "lagging value", [*closed, *runs], "xy", ceilings),
    ]


EXPERIMENT = Experiment(
    name="arora2019-factors",
    title="What depth multiplies the drive of a singular value by, and two values of one measurement",
    source="arora2019, blog Figure 1 and slides",
    quick=Setup(size=12, points=30),
    full=Setup(size=40, points=100, rtol=1e-12),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

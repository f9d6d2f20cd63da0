"""Where measurements commute, every depth finds the least nuclear norm; and no Schatten quasi-norm explains it.

Symmetric commuting measurements of a positive semidefinite matrix, layers started at multiples of the identity: as the
start shrinks, the flow ends at the solution of least nuclear norm at every depth N ≥ 2. What is left over tells depths
apart: with one constraint w_1 + a w_2 = 1 it is start^{1−a} at depth 2, but proportional to the start beyond. The ends
are computed twice, by following the flow of full layers and by the convex problem that the law reduces to. Random
diagonal instances are held against the linear program, the limit itself by the convex problem at a start that no run
could afford at depth 2, where the excess falls slowly. (Measurements diagonal in another basis are the same problem in
exact arithmetic; in floating point their off-diagonal rounding grows at depth 3 and beyond, and from starts of 1e-6 and
less a run leaves the commuting path for another solution, as much as 18 % larger in nuclear norm.)

The instance W_11 = W_22 = W_kk + 1 has its least nuclear norm where no Schatten-p sum with p < 1 has even a local
minimum, and the flow goes there at every depth all the same.

[arora2019, Theorems 1 and 2, proposition on Schatten quasi-norms]; sizes of the random instances are our own
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, statement
from rankfall.integrators import Flow
from rankfall.models import Chain, Identity
from rankfall.problems import Sensing
from rankfall.theory import (
    commuting_solution,
    minimum_trace,
    schatten_instance,
    schatten_sum,
)
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, evolve

DEPTHS, SCALES = (2, 3, 4), (1e-2, 1e-4, 1e-6, 1e-8)
# starts that stand for none at all, as far as floating point goes; at depth 2 the excess is a small power of the start
LIMIT, EXCESS = {2: 1e-30, 3: 1e-10, 4: 1e-10}, {2: 0.01, 3: 1e-4, 4: 1e-4}
SLOPE = 0.5
# w_1 and w_2 of w_1 + w_2/2 = 1 by depth and scale of the start                              [derived, checked]
ONE = {
    (2, 1e-4): (0.99501, 9.98e-3), (2, 1e-8): (0.99995, 1.0e-4),
    (3, 1e-4): (0.99965, 6.98e-4), (4, 1e-4): (0.99980, 3.92e-4),
}  # fmt: skip
# Σσ^p of the rival at ε = 0.1; that of the solution of least nuclear norm is 2                [derived, checked]
EPSILON, SUMS = 0.1, {0.1: 1.99910, 0.5: 1.99749, 0.9: 1.99910}


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    instances : int
        Random ones, of `size` with `count` measurements.
    rtol : float
        Of the flow.
    """

    instances: int
    size: int = 10
    count: int = 3
    rtol: float = 1e-6


def one_constraint(depth: int, scale: float, rtol: float) -> Arrays:
    """w of w_1 + w_2/2 = 1 at the end of the flow, and as the convex problem has it."""
    rows, values = np.asarray([[1.0, SLOPE]]), np.ones(1)
    run = _flow(np.diag(rows[0])[None], values, depth, scale, rtol)
    return {
        "flow": np.diagonal(run.product),
        "closed": commuting_solution(rows, values, depth, scale).spectrum,
    }


def random_instance(seed: int, depth: int, scale: float, size: int, count: int, rtol: float) -> Arrays:
    """The nuclear norm at the end on diagonal measurements, as the convex problem has it, and the least there is."""
    rng = np.random.default_rng(seed)
    rows = rng.uniform(0.2, 1.0, (count, size))
    # measured on a positive semidefinite matrix of rank 2 that is not diagonal
    root = rng.standard_normal((size, 2)) / np.sqrt(size)
    values = rows @ np.sum(root**2, axis=1)
    run = _flow(np.einsum("kr,rs->krs", rows, np.eye(size)), values, depth, scale, rtol)

    def closed(start: float) -> np.ndarray:
        return np.asarray(np.sum(commuting_solution(rows, values, depth, start).spectrum))

    least = np.asarray(np.sum(minimum_trace(rows, values).spectrum))
    return {
        "flow": np.asarray(run.nuclear_norm),
        "closed": closed(scale),
        "limit": closed(LIMIT[depth]),
        "least": least,
    }


def schatten(depth: int, scale: float, rtol: float) -> Arrays:
    """How far the flow ends from the solution of least nuclear norm that no Schatten sum favors."""
    instance = schatten_instance(3, EPSILON)
    run = _flow(instance.matrices, instance.values, depth, scale, rtol)
    return {"distance": np.asarray(np.linalg.norm(run.product - instance.minimizer))}


def _flow(matrices: np.ndarray, values: np.ndarray, depth: int, scale: float, rtol: float):
    problem = Sensing.from_matrices(matrices, values)
    return evolve(problem, Chain(depth), Identity(scale), Flow(rtol), stop=LossBelow(1e-14))


def parts(setup: Setup) -> list[Part]:
    fixed = {"size": setup.size, "count": setup.count, "rtol": setup.rtol}
    pairs = [{"depth": depth, "scale": scale} for depth in DEPTHS for scale in SCALES]
    return [
        *(Part(one_constraint, pair | {"rtol": setup.rtol}) for pair in pairs),
        *(Part(random_instance, {"seed": seed, **pair, **fixed}) for seed in range(setup.instances) for pair in pairs),
        *(Part(schatten, pair | {"rtol": setup.rtol}) for pair in pairs),
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    shape = (len(DEPTHS), len(SCALES))
    pairs = int(np.prod(shape))
    ones, randoms, schattens = results[:pairs], results[pairs:-pairs], results[-pairs:]
    variables = {
        **{f"one_{name}": (("depth", "scale", "entry"), np.reshape([r[name] for r in ones], (*shape, 2)))
           for name in ("flow", "closed")},
        **{f"norm_{name}": (("seed", "depth", "scale"), np.reshape([r[name] for r in randoms], (-1, *shape)))
           for name in ("flow", "closed", "limit", "least")},
        "distance": (("depth", "scale"), np.reshape([r["distance"] for r in schattens], shape)),
    }  # fmt: skip
    places = {"depth": list(DEPTHS), "scale": list(SCALES), "seed": np.arange(setup.instances), "entry": [1, 2]}
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    found = []
    for (depth, scale), published in ONE.items():
        ended = data.one_flow.sel(depth=depth, scale=scale).values
        for entry, value in enumerate(published):
            where = f"depth {depth}, start {scale:g}: w_{entry + 1}"
            # the table has three digits
            found.append(number(where, value, float(ended[entry]), "D", within=0.005 if entry else 1e-5))
    apart = np.abs(data.one_flow / data.one_closed - 1)
    found.append(_small("the flow ends where the convex problem does", apart, 1e-4, "D"))
    for depth in DEPTHS:
        left = data.one_flow.sel(depth=depth, entry=2)
        slope = np.polyfit(np.log(SCALES[1:]), np.log(left.values[1:]), 1)[0]
        expected = 1 - SLOPE if depth == 2 else 1.0
        found.append(number(f"depth {depth}: power of the start that is left over", expected, slope, "D", within=0.02))
    apart = np.abs(data.norm_flow / data.norm_closed - 1)
    found.append(_small("and so it does on random instances, in nuclear norm", apart, 1e-4, "D"))
    gaps, limits = data.norm_flow / data.norm_least - 1, data.norm_limit / data.norm_least - 1
    for depth in DEPTHS:
        worst = gaps.sel(depth=depth).max("seed")
        where = f"depth {depth}: least nuclear norm on random instances, in the limit"
        found.append(_small(where, np.abs(limits.sel(depth=depth)), EXCESS[depth], "P"))
        falling = {f"{scale:g}": float(worst.sel(scale=scale)) for scale in SCALES[::-1]}
        found.append(ordering(f"depth {depth}: largest excess of nuclear norm by start", falling, "P"))
    smallest = {f"depth {depth}": float(gaps.sel(depth=depth, scale=1e-4).mean()) for depth in DEPTHS[::-1]}
    found.append(ordering("mean excess of nuclear norm from 1e-4", smallest, "D"))
    instance = schatten_instance(3, EPSILON)
    for p, value in SUMS.items():
        here = schatten_sum(instance.rival, p)
        found.append(number(f"Σσ^p of a solution nearby, p = {p:g}", value, here, "D", within=1e-5))
        pair = {"nearby": here, "least nuclear norm": schatten_sum(instance.minimizer, p)}
        found.append(ordering(f"Σσ^p, p = {p:g}", pair, "P"))
    for depth in DEPTHS:
        where = f"depth {depth}: the flow ends at the solution of least nuclear norm"
        found.append(_small(where, data.distance.sel(depth=depth)[-1], 1e-3, "P"))
    return found


def _small(quantity: str, off, tolerance: float, provenance: str) -> Claim:
    worst = float(np.max(off))
    return statement(quantity, f"within {tolerance:g}", f"{worst:.2g} off at most", worst < tolerance, provenance)


def panels(data) -> list[Panel]:
    def by_depth(values, label: str = "depth {}") -> list[Curve]:
        lines = [(depth, values.sel(depth=depth).values) for depth in DEPTHS]
        return [Curve(list(SCALES), line, label.format(depth), "marked") for depth, line in lines]

    left, closed = (data[f"one_{name}"].sel(entry=2) for name in ("flow", "closed"))
    followed = [
        Curve(list(SCALES), left.sel(depth=depth).values, f"depth {depth}", "dots", color=k)
        for k, depth in enumerate(DEPTHS)
    ]
    solved = [Curve(list(SCALES), closed.sel(depth=depth).values, color=k) for k, depth in enumerate(DEPTHS)]
    gaps = (data.norm_flow / data.norm_least - 1).mean("seed")
    epsilons = np.linspace(0, 0.5, 26)
    sums = [
        Curve(epsilons, [schatten_sum(schatten_instance(3, e).rival, p) if e else 2.0 for e in epsilons], f"p = {p:g}")
        for p in SUMS
    ]
    return [
        Panel("one constraint: what is left over", "scale of the start", "w_2", [*followed, *solved], "xy"),
        Panel("random instances", "scale of the start", "relative excess of nuclear norm", by_depth(gaps), "xy"),
        Panel("Schatten sums beside the least nuclear norm", "ε", "Σσ^p", sums),
        Panel("the flow goes there", "scale of the start", "distance at the end", by_depth(data.distance), "xy"),
    ]


EXPERIMENT = Experiment(
    name="arora2019-norms",
    title="The same least nuclear norm at every depth, where measurements commute",
    source="arora2019, Theorems 1 and 2, Schatten quasi-norms",
    quick=Setup(instances=3),
    full=Setup(instances=20),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

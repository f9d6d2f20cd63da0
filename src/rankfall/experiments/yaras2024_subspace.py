"""A deep factorization moves in a block of twice the rank: the theorem, and what it saves.

1. Descent with weight decay on a known matrix of rank r, from orthogonal layers: outside a block of size 2r each layer
   stays a multiple ρ_j of an isometry, and the ρ_j follow a scalar recursion, to rounding.
2. On a fifth of the entries the wide chain is set beside the compressed one (2r × 2r layers between outer factors that
   move at γ times the rate), at the same rate and number of iterations in less time; with outer factors at rest
   (γ = 0); and beside a narrow chain of width 2r from a random start.
3. Width against depth: at depth 2 the error grows with the width, at depth 3 it does not, and more width needs less
   flow time.

[yaras2024; figures and settings from the code of its predecessor]. The figure's side is 1000, as in the full setup; the
quick one has 100. At 1000 the wide chain is trained in single precision, which favors it where seconds are compared.
Rates are ours, since the scale of the authors' matrix was not found, and so is the reading of width in 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rankfall.datasets import planted
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, statement
from rankfall.experiments.recovery import followed, planted_completion, stable_rate
from rankfall.integrators import Descent, Flow, Gradient
from rankfall.models import Chain, Gaussian, Orthogonal, compressed
from rankfall.problems import Factorization
from rankfall.theory import check_invariant_block, idle_scales, invariant_block
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, Snapshot, StepLimit, evolve

NETWORKS = ("wide", "compressed", "outer at rest", "narrow")
_DEPTH, _LAYER = 3, 1e-3
_ENDS = Record(every=10**9)


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    size, rank, share : int
        Of the completion.
    widths : tuple[int, ...]
        Of the study, on 30 % of a square matrix of side `studied`.
    dtype : str
        Precision of the wide chain: at side 1000 a step takes half as long in float32. The others stall in it.
    """

    size: int
    rank: int
    draws: int
    widths: tuple[int, ...]
    share: float = 0.2
    loss: float = 1e-10
    steps: int = 40_000
    studied: int = 100
    studied_rank: int = 10
    dtype: str = "float64"


def block(size: int, rank: int, scale: float, rate: float, decay: float, steps: int, seed: int) -> Arrays:
    """The largest deviation from the splitting, and each layer's singular values at the end beside ρ."""
    truth = planted((size, size), rank, norm=1.0, seed=seed)
    chain = Chain(_DEPTH, decay=decay)
    problem = Factorization(truth)
    start = Orthogonal(scale**_DEPTH)
    ends = {}

    def keep(now: Snapshot) -> None:
        ends[now.step] = [layer[0].copy() for layer in now.layers]

    evolve(
        problem, chain, start, Descent(Gradient(rate)), stop=StepLimit(steps), record=_ENDS, seed=seed, callback=keep
    )
    sized = chain.sized(truth.shape)
    first = sized.layers(sized.draw(problem, start, [scale**_DEPTH], [seed]))
    layers = [layer[0] for layer in first]
    split = invariant_block(layers, truth, rank)
    scales = idle_scales(split.scales, rate, steps, decay)
    defects = [check_invariant_block(ends[step], split, scales[step]).measured for step in range(1, steps + 1)]
    values = np.array([np.linalg.svd(layer, compute_uv=False) for layer in ends[steps]])
    idle = np.sum(np.abs(values - scales[-1][:, None]) < 1e-9, axis=1)
    return {"defect": np.array(defects), "idle": idle, "values": values, "scales": scales[-1]}


def train(network: str, size: int, rank: int, share: float, loss: float, steps: int, draw: int, dtype: str) -> Arrays:
    """One network on the completion problem, to a loss that is `loss` of its first."""
    problem, truth = planted_completion(size, rank, share, draw, dtype)
    scale = _LAYER**_DEPTH
    rate = stable_rate(truth, 2 / truth.size, _DEPTH)
    if network == "wide":
        model, start = Chain(_DEPTH), Orthogonal(scale)
    elif network == "narrow":
        model, start = Chain(_DEPTH, 2 * rank), Orthogonal(scale)
    else:
        outer = 1e-2 if network == "compressed" else 0.0
        model = Chain(_DEPTH + 2, rates=(outer, *[1.0] * _DEPTH, outer))
        start = compressed(problem, rank, depth=_DEPTH, scale=scale, seed=draw)
    below = loss * float(problem.loss(np.zeros(problem.shape)))
    return followed(problem, model, start, rate, below, steps, seed=draw)


def widen(depth: int, width: int, size: int, rank: int, loss: float, draws: int) -> Arrays:
    """Error and flow time of a random chain of that depth and width, (draws,)."""
    errors, times = [], []
    for draw in range(draws):
        problem, truth = planted_completion(size, rank, 0.3, draw)
        start = Gaussian(_LAYER**depth)
        run = evolve(problem, Chain(depth, width), start, Flow(1e-4), stop=LossBelow(loss), record=_ENDS, seed=draw)
        errors.append(np.mean((run.product - truth) ** 2))
        times.append(run.time)
    return {"error": np.array(errors), "time": np.array(times)}


def parts(setup: Setup) -> list[Part]:
    found = [Part(block, {"size": 12, "rank": 2, "scale": 0.3, "rate": 0.05, "decay": 0.01, "steps": 300, "seed": 0})]
    fixed = {"size": setup.size, "rank": setup.rank, "share": setup.share, "loss": setup.loss, "steps": setup.steps}
    found += [
        Part(train, {"network": name, "draw": draw, **fixed, "dtype": setup.dtype if name == "wide" else "float64"})
        for name in NETWORKS for draw in range(setup.draws)
    ]  # fmt: skip
    study = {"size": setup.studied, "rank": setup.studied_rank, "loss": 1e-6, "draws": setup.draws}
    return found + [
        Part(widen, {"depth": depth, "width": width, **study}) for depth in (2, 3) for width in setup.widths
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    first, trained = results[0], results[1 : 1 + len(NETWORKS) * setup.draws]
    widened = results[1 + len(trained) :]
    shape = (len(NETWORKS), setup.draws)
    axes = ("network", "draw", "record")
    variables: dict[str, Any] = {
        name: (
            axes[: 2 + trained[0][name].ndim],
            np.reshape([r[name] for r in trained], (*shape, *trained[0][name].shape)),
        )
        for name in trained[0]
    }
    for name in ("error", "time"):
        values = np.reshape([r[name] for r in widened], (2, len(setup.widths), setup.draws))
        variables[f"width_{name}"] = (("depth", "width", "draw"), values)
    variables |= {
        "defect": (("step",), first["defect"]), "idle": (("layer",), first["idle"]),
        "layer_values": (("layer", "rank"), first["values"]), "idle_scale": (("layer",), first["scales"]),
    }  # fmt: skip
    places = {"network": list(NETWORKS), "depth": [2, 3], "width": list(setup.widths)}
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    means = data.mean("draw")
    at = {name: means.sel(network=name) for name in NETWORKS}
    ends = {name: float(at[name].path[-1]) for name in NETWORKS}
    worst = float(data.defect.max())
    found = [
        statement(
            "layers split along the block at every step", "deviation at most 1e-9", f"{worst:.2g}", worst <= 1e-9, "D"
        )
    ]
    idle = data["idle"].values
    expected = data["rank"].size - 4
    found.append(
        statement(
            "singular values that follow the recursion, each layer",
            f"{expected} = d − 2r",
            ", ".join(map(str, idle)),
            bool((idle == expected).all()),
            "D",
        )
    )
    iterations = {name: float(at[name].iterations) for name in NETWORKS}
    seconds = {name: float(at[name].seconds) for name in NETWORKS}
    found.append(
        number("compressed: iterations over the wide chain's", 1, iterations["compressed"] / iterations["wide"], "F")
    )
    found.append(ordering("seconds", {name: seconds[name] for name in ("compressed", "wide")}, "F", by=2))
    found.append(
        number("seconds of the wide chain over the compressed", 7, seconds["wide"] / seconds["compressed"], "F")
    )
    found.append(
        ordering(
            "error: outer factors must move",
            {name: ends[name] for name in ("compressed", "outer at rest")},
            "F",
            by=100,
        )
    )
    found.append(
        ordering(
            "iterations: a narrow random chain needs more",
            {name: iterations[name] for name in ("compressed", "narrow")},
            "F",
        )
    )
    low, high = int(data.width.min()), int(data.width.max())
    errors, times = means.width_error, means.width_time
    two = {f"width {width}": float(errors.sel(depth=2, width=width)) for width in (low, high)}
    found.append(ordering("depth 2: error grows with width", two, "F", by=10))
    both = {f"depth {depth}": float(errors.sel(depth=depth, width=high)) for depth in (3, 2)}
    found.append(ordering(f"width {high}: error", both, "F", by=10))
    paces = {f"width {width}": float(times.sel(depth=3, width=width)) for width in (high, low)}
    found.append(ordering("depth 3: flow time falls with width", paces, "F"))
    return found


def panels(data) -> list[Panel]:
    drawn = []
    steps = np.arange(data.defect.size) + 1
    drawn.append(
        Panel(
            "The block",
            "iterations",
            "deviation of the layers",
            [Curve(steps, data.defect.values)],
            "y",
            limits=(1e-17, 1e-6),
            levels={"tolerance": 1e-9},
        )
    )
    for x_label in ("iterations", "seconds"):
        curves = []
        for name in NETWORKS:
            at = data.sel(network=name).isel(draw=0)
            path = at.path.values[:-1]
            iterations = np.arange(path.size) * float(at.every)
            taken = np.max(iterations[np.isfinite(path)])
            x = iterations if x_label == "iterations" else iterations * float(at.seconds) / taken
            curves.append(Curve(x, path, name))
        drawn.append(Panel("A fifth of the entries", x_label, "error, mean square", curves, "y"))
    for quantity, label in (("error", "error, mean square"), ("time", "flow time")):
        values = data[f"width_{quantity}"].mean("draw")
        curves = [
            Curve(data.width.values, values.sel(depth=depth).values, f"depth {depth}", "marked") for depth in (2, 3)
        ]
        drawn.append(Panel("Width", "width", label, curves, "y"))
    return drawn


EXPERIMENT = Experiment(
    name="yaras2024-subspace",
    title="A deep factorization moves in a block of twice the rank",
    source="yaras2024, theorem and figures",
    quick=Setup(size=100, rank=3, draws=1, widths=(10, 30, 100)),
    full=Setup(size=1000, rank=5, draws=1, widths=(10, 15, 20, 30, 50, 70, 100), steps=60_000, dtype="float32"),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

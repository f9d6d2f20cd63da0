"""When descent on a deep linear network converges: balance and margin at the start, and what happens without.

Features of ethanol are whitened and the targets rescaled so that ‖Φ‖_F = 1, which makes the loss ½‖W − Φ‖² and a
constant, W a chain from 128 features through hidden layers of 32 to one output.

1. Layers drawn independently converge fast in a range of deviations: wide for three layers, narrow for eight. A
   balanced start, the product drawn and shared out evenly, converges fast over far more. Of a grid of rates the best is
   taken; converged is 1e-5 above the optimum.
2. From small layers the imbalance stays far below the layers' own size, min_j ‖W_j W_jᵀ‖.
3. Either hypothesis missing, descent fails: an unbalanced start explodes, a balanced one without margin stalls.
4. Where the hypotheses hold, the loss is below the promised one when it is promised.

[arora2018convergence, Figure 1 and Claims 4, 5]. The deviations and the curves' values were not found: orderings are
judged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.datasets import gas_ethanol
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, statement
from rankfall.integrators import Descent, Flow, Gradient, Rates
from rankfall.models import Balanced, Chain, FromLayers, Gaussian, Model
from rankfall.models.starts import split_evenly
from rankfall.problems import Factorization, Regression
from rankfall.problems.problem import Problem
from rankfall.theory import certify_convergence, check_explosion, check_stall, descend, stalled_loss, unbalanced_start
from rankfall.theory.claim import Claim, Finding
from rankfall.trajectory import LossBelow, Record, Status, StepLimit, TimeReached, evolve

KINDS = ("layer-wise", "balanced")
_NEAR = 1e-5
_HIDDEN = 32
# "A few hundred iterations or fewer."
_FAST = 500
_ENDS = Record(every=10**9)


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    deviations : tuple[float, ...]
        s, of the entries of each layer.
    rates : tuple[float, ...]
        η.
    steps : int
        The budget.
    draws : int
        Starts, of which the median.
    """

    deviations: tuple[float, ...]
    rates: tuple[float, ...]
    steps: int
    draws: int
    depths: tuple[int, ...] = (3, 8)


def target(data: Path | str | None) -> np.ndarray:
    """Φ of whitened ethanol, ‖Φ‖_F = 1."""
    gas = gas_ethanol(None if data is None else Path(data) / "gas-ethanol")
    return Regression.whitened(gas.X, gas.y, normalize=True).correlation


def start_of(kind: str, depth: int, inputs: int, deviation: float) -> Gaussian | Balanced:
    """Entries N(0, s²): of every layer, or of a product that is then shared out evenly."""
    dimensions = Chain(depth, _HIDDEN).sized((1, inputs)).dimensions
    if kind == "balanced":
        return Balanced(deviation * np.sqrt(inputs))
    return Gaussian(deviation**depth * np.sqrt(math.prod(dimensions)))


def count(
    kind: str, depth: int, deviation: float, rates: list[float], steps: int, draws: int, data: Path | str | None
) -> Arrays:
    """Iterations to within 1e-5 of the optimum at the best rate, (draws,); infinite where none gets there."""
    wanted = target(data)
    start = start_of(kind, depth, wanted.size, deviation)
    runs = evolve(
        Factorization(wanted), Chain(depth, _HIDDEN), start, Descent(Rates(Gradient(1.0), np.repeat(rates, draws))),
        stop=LossBelow(_NEAR) | StepLimit(steps), record=_ENDS, seed=np.tile(np.arange(draws), len(rates)),
    )  # fmt: skip
    taken = [run.steps if run.status == Status.CONVERGED else np.inf for run in runs]
    return {"iterations": np.reshape(taken, (len(rates), draws)).min(axis=0)}


def balance(deviation: float, rate: float, steps: int, data: Path | str | None) -> Arrays:
    """Imbalance and the least layer's size along a run from small independent layers, at a hundred iterations."""

    def least_layer(problem: Problem, model: Model, weights: np.ndarray) -> np.ndarray:
        return np.min([np.linalg.norm(layer @ layer.mT, axis=(-2, -1)) for layer in model.layers(weights)], axis=0)

    wanted = target(data)
    run = evolve(
        Factorization(wanted), Chain(3, _HIDDEN), start_of("layer-wise", 3, wanted.size, deviation),
        Descent(Gradient(rate)), stop=StepLimit(steps),
        record=Record(every=steps // 100, imbalance=True, functions={"least_layer": least_layer}),
    )  # fmt: skip
    kept = {name: run.history[name] for name in ("loss", "imbalance", "least_layer")}
    return {**kept, "iteration": np.minimum(np.arange(len(kept["loss"])) * (steps // 100), run.steps)}


def fail() -> Arrays:
    """Losses of both failures: six steps from unbalanced layers, and five thousand from identities."""
    stalling = np.diag([1.0, -0.5])
    exploding = {
        f"exploding_{depth}": descend(unbalanced_start(0.1, 0.8, depth), np.eye(1), 0.1, 4)[1] for depth in (2, 4)
    }
    return {**exploding, "stalling": descend([np.eye(2)] * 2, stalling, 0.1, 5000)[1]}


def promise(depth: int, accuracy: float, data: Path | str | None) -> Arrays:
    """The loss when the theorem has it below `accuracy`, from balanced layers near Φ.

    The admissible step is about 1e-6 and takes a hundred million iterations; the flow stands for it.
    """
    wanted = target(data)
    rng = np.random.default_rng(0)
    aside = rng.standard_normal(wanted.shape)
    product = 0.7 * wanted + 0.3 * aside / np.linalg.norm(aside)
    u, values, v = np.linalg.svd(product, full_matrices=False)
    layers = split_evenly(u, values, v, Chain(depth, _HIDDEN).sized(wanted.shape).form())
    certificate = certify_convergence(layers, wanted, accuracy=accuracy)
    time = certificate.step * certificate.iterations
    run = evolve(
        Factorization(wanted),
        Chain(depth, _HIDDEN),
        FromLayers(layers),
        Flow(1e-6),
        stop=TimeReached(time),
        record=_ENDS,
    )
    return {
        "held": np.asarray(certificate.holds),
        "margin": np.asarray(certificate.margin),
        "step": np.asarray(certificate.step),
        "iterations": np.asarray(certificate.iterations),
        "end": np.asarray(run.loss),
    }


def parts(setup: Setup) -> list[Part]:
    fixed = {"rates": list(setup.rates), "steps": setup.steps, "draws": setup.draws}
    counted = [
        Part(count, {"kind": kind, "depth": depth, "deviation": s, **fixed}, needs_data=True)
        for kind in KINDS for depth in setup.depths for s in setup.deviations
    ]  # fmt: skip
    along = Part(balance, {"deviation": 1e-3, "rate": 0.1, "steps": 4000}, needs_data=True)
    promised = [Part(promise, {"depth": depth, "accuracy": _NEAR}, needs_data=True) for depth in setup.depths]
    return [*counted, along, Part(fail), *promised]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    promised = results[-len(setup.depths) :]
    along, failed = results[-len(setup.depths) - 2 : -len(setup.depths)]
    shape = (len(KINDS), len(setup.depths), len(setup.deviations), setup.draws)
    counted = [r["iterations"] for r in results[: math.prod(shape[:-1])]]
    variables: dict[str, Any] = {"iterations": (("start", "depth", "deviation", "draw"), np.reshape(counted, shape))}
    variables |= {name: (("record",), values) for name, values in along.items()}
    variables |= {name: ((f"{name}_step",), values) for name, values in failed.items()}
    variables |= {f"promised_{name}": (("depth",), [r[name].item() for r in promised]) for name in promised[0]}
    places = {"start": list(KINDS), "depth": list(setup.depths), "deviation": list(setup.deviations)}
    return xarray.Dataset(variables, coords=places, attrs={"steps": setup.steps})


def claims(data) -> list[Claim]:
    fast = (data.iterations.median("draw") <= _FAST).sum("deviation")
    wide = {
        (kind, depth): float(fast.sel(start=kind, depth=depth))
        for kind in KINDS
        for depth in data.depth.values.tolist()
    }
    shallow, deep = data.depth.values.tolist()
    note = f"of {data.deviation.size} deviations on a logarithmic grid"
    fewer = {f"{deep} layers": wide["layer-wise", deep], f"{shallow} layers": wide["layer-wise", shallow]}
    found = [ordering(f"layer-wise: deviations that converge within {_FAST} iterations", fewer, "P", note=note)]
    for depth in (shallow, deep):
        pair = {kind: wide[kind, depth] for kind in KINDS}
        found.append(
            ordering(f"{depth} layers: deviations that converge within {_FAST} iterations", pair, "P", note=note)
        )
    ratio = (data.imbalance / data.least_layer).values
    begun = int(np.argmax(ratio < 0.1)) if (ratio < 0.1).any() else -1
    # ‖W_2ᵀW_2 − W_1W_1ᵀ‖ ≈ (128 − 32) √32 s² against ‖W_3‖² ≈ 32 s²
    why = (
        "independent layers of widths 128, 32, 32, 1 begin 17 times more unbalanced than their least layer is large, "
        f"at any s; the ratio is below a tenth from iteration {int(data.iteration[begun])} on, when W has grown"
    )
    found.append(
        statement(
            "small layers: imbalance far below the least layer throughout",
            "ratio below 0.1",
            f"{ratio.max():.3g} at most, {ratio[-1]:.2g} at the end",
            bool(ratio.max() < 0.1),
            "P",
            finding=Finding(why, float(ratio.max()), 10.0, 25.0),
        )
    )
    for depth in (2, 4):
        report = check_explosion(data[f"exploding_{depth}"].values, depth)
        found.append(
            statement(
                f"unbalanced start, depth {depth}: explodes",
                f"loss grows {4**depth}-fold a step",
                f"{report.measured:.3g}-fold at least",
                bool(report.holds),
                "P",
            )
        )
    stalling = np.diag([1.0, -0.5])
    held = bool(check_stall(data.stalling.values, stalling, 2).holds)
    end = float(data.stalling[-1])
    found.append(
        statement("no margin, balanced: never below λ²/2", f"{stalled_loss(stalling):g}", f"{end:.6g}", held, "P")
    )
    found.append(number("no margin, balanced: loss at the end", stalled_loss(stalling), end, "D", within=1e-6))
    for depth in data.depth.values.tolist():
        at = data.sel(depth=depth)
        found.append(
            statement(
                f"certified start, {depth} layers: loss when promised",
                f"≤ {_NEAR:g} after {float(at.promised_iterations):.2g} steps of {float(at.promised_step):.2g}",
                f"{float(at.promised_end):.2g}",
                bool(at.promised_held) and float(at.promised_end) <= _NEAR,
                "D",
            )
        )
    return found


def panels(data) -> list[Panel]:
    drawn = []
    for kind in KINDS:
        values = data.iterations.sel(start=kind).median("draw")
        reached = values.where(np.isfinite(values))
        curves = [
            Curve(data.deviation.values, reached.sel(depth=depth).values, f"{depth} layers", "marked")
            for depth in data.depth.values
        ]
        drawn.append(
            Panel(
                f"{kind} start",
                "standard deviation s",
                "iterations to converge",
                curves,
                "xy",
                limits=(1.0, 2.0 * data.attrs["steps"]),
                levels={"budget": float(data.attrs["steps"])},
            )
        )
    sizes = [
        Curve(data.iteration.values, data[name].values, label)
        for name, label in (("imbalance", "imbalance"), ("least_layer", "least layer"))
    ]
    drawn.append(Panel("From small layers, s = 1e-3", "iterations", "Frobenius norm", sizes, "y"))
    exploding = [
        Curve(
            np.arange(data[f"exploding_{depth}"].size), data[f"exploding_{depth}"].values, f"{depth} layers", "marked"
        )
        for depth in (2, 4)
    ]
    drawn.append(Panel("Unbalanced: explodes", "iterations", "loss", exploding, "y"))
    drawn.append(
        Panel(
            "No margin: stalls",
            "iterations",
            "loss",
            [Curve(np.arange(data.stalling.size) + 1, data.stalling.values)],
            "x",
            levels={"λ²/2": 0.125},
        )
    )
    return drawn


EXPERIMENT = Experiment(
    name="arora2018-convergence",
    title="When descent converges: balance, margin, and what happens without",
    source="arora2018convergence, Figure 1, Claims 4 and 5",
    quick=Setup(
        deviations=tuple(np.geomspace(1e-2, 1, 7).tolist()),
        rates=tuple(np.geomspace(1e-3, 1, 7).tolist()),
        steps=2000,
        draws=3,
    ),
    full=Setup(
        deviations=tuple(np.geomspace(1e-3, 10, 17).tolist()),
        rates=tuple(np.geomspace(1e-4, 1, 13).tolist()),
        steps=20_000,
        draws=5,
    ),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

"""Chains and the end-to-end rule trained on the ethanol data: many rates in lockstep, the best kept.

The features and the target are standardized. Least squares is run on the triangle R of a QR decomposition, X = QR: the
same loss but for its least value, which is what is subtracted anyway, and the same path.   [arora2018, experiments]
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.datasets import gas_ethanol
from rankfall.experiments.experiment import Arrays
from rankfall.integrators import AdaDelta, AdaGrad, Adam, Descent, Gradient, Rates
from rankfall.models import Balanced, Chain, EndToEnd, Gaussian, Identity, Start
from rankfall.problems import Regression
from rankfall.trajectory import Record, StepLimit, Trajectory, evolve

RULES: dict[str, Callable[[], Any]] = {
    "descent": lambda: Gradient(1.0), "AdaGrad": lambda: AdaGrad(1.0), "AdaDelta": lambda: AdaDelta(1.0),
    "Adam": lambda: Adam(1.0),
}  # fmt: skip
RECORDS = 100
_STILL = 1e-13
# How far a finer grid of rates reaches below and above the best of a coarse one. The largest stable rate falls as W
# grows, by a factor of 2.3 while the steps grow tenfold; the next of the coarse grid, a fifth larger, has diverged.
_BELOW, _ABOVE = 2.6, 1.2


def ethanol(exponent: int, samples: int | None, data: Path | str | None) -> Regression:
    """Features and target standardized; for least squares the triangle of X = QR, its least loss taken off."""
    gas = gas_ethanol(None if data is None else Path(data) / "gas-ethanol")
    chosen = np.random.default_rng(0).permutation(len(gas.y))[:samples]
    inputs, targets = gas.X[chosen], gas.y[chosen]
    inputs = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    targets = (targets - targets.mean()) / targets.std()
    if exponent != 2:
        return Regression(inputs, targets, exponent)
    across, triangle = np.linalg.qr(inputs)
    # a mean over 128 rows in the place of one over all samples
    share = np.sqrt(len(triangle) / len(inputs))
    return Regression(share * triangle, share * (across.T @ targets), 2)


def least_loss(problem: Regression) -> float:
    """min ℓ, by Newton's method, whose steps are halved where the loss would rise."""
    p, inputs, targets = problem.exponent, problem.inputs, problem.targets
    weights = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    loss, before = float(problem.loss(weights.T)), np.inf
    while loss < before * (1 - 1e-14):
        residual = inputs @ weights - targets
        curvature = inputs.T @ ((p - 1) * np.abs(residual) ** (p - 2) * inputs) / problem.samples
        step = np.linalg.lstsq(curvature, problem.gradient(weights.T).T, rcond=1e-15)[0]
        while float(problem.loss((weights - step).T)) > loss and np.linalg.norm(step) > _STILL * np.linalg.norm(
            weights
        ):
            step = step / 2
        weights, before = weights - step, loss
        loss = float(problem.loss(weights.T))
    return min(loss, before)


def model_of(depth: int, form: str) -> Chain | EndToEnd:
    """The chain of one width, or the rule without layers."""
    if form == "end to end":
        return EndToEnd(depth)
    return Chain(depth, 100 if form == "width 100" else 1 if depth > 1 else None)


def start_of(depth: int, start: str) -> Start:
    """Where layers begin: a product of size 1e-3, layers of deviation 1e-2 each, or identities."""
    return {"small": Balanced(1e-3), "near zero": Gaussian(1e-2**depth), "identity": Identity(1.0)}[start]


def train(
    exponent: int,
    samples: int | None,
    depth: int,
    form: str,
    rule: str,
    start: str,
    rates: list[float],
    steps: int,
    refined: int,
    data: Path | str | None,
) -> Arrays:
    """The loss above its optimum at a hundred iterations, of the rate that ended lowest; and that rate.

    With `refined` rates the grid is walked for a tenth of the steps, and so many around its best to the end.
    """
    problem = ethanol(exponent, samples, data)

    def walked(chosen: list[float], last: int, every: int) -> tuple[Trajectory, float]:
        runs = evolve(
            problem, model_of(depth, form), start_of(depth, start), Descent(Rates(RULES[rule](), chosen)),
            seed=[0] * len(chosen), stop=StepLimit(last), record=Record(every=every),
        )  # fmt: skip
        ends = [run.loss if run.steps == last else np.inf for run in runs]
        best = int(np.argmin(ends))
        return runs[best], chosen[best]

    if refined:
        _, best = walked(rates, steps // 10, steps)
        rates = np.geomspace(best / _BELOW, best * _ABOVE, refined).tolist()
    run, rate = walked(rates, steps, steps // RECORDS)
    gap = run.history["loss"] - least_loss(problem) if run.steps == steps else np.full(RECORDS + 1, np.inf)
    return {"gap": gap, "rate": np.asarray(rate)}

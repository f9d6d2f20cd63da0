"""Compressed deep linear networks: layers of twice the rank do what layers of full width do, sooner.

A chain of three 100 × 100 layers from small orthogonal ones is set beside the compressed chain, whose outer layers are
the leading 2r singular vectors of the back-projected data and whose middle layer is 2r × 2r; its outer layers learn α
times as fast. Three problems: a known matrix, 30 % of its entries, Gaussian measurements. All by gradient descent, to
the same loss; errors are compared when the first of two is done. An ablation completes a fifth of the entries with α
from a half to nine; it ends at a millionth of the first loss, in three times as many steps: at the tolerance and steps
of the others, tried first, no α ends in time.

[kwon2024, figures; settings from the authors' code]: layers begin at size 1e-2 each, α = 1, 5, 1. The rates are ours,
half of what is stable for the wide chain, since the scale of the authors' data was not found; errors here are means
over all entries, theirs over the unobserved ones and halved. Their sensing has side 200 and 4000 measurements. Of their
run on MovieLens only the width and the curves are known, not the split and the rate: it is not repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, statement
from rankfall.experiments.recovery import RECORDS, completion_of, followed, spread_target, stable_rate
from rankfall.models import Chain, Orthogonal, Spectral
from rankfall.problems import Factorization, Sensing
from rankfall.theory.claim import Claim

NETWORKS = ("compressed", "wide")
# problem → α and the ratio of seconds on the paper's figures                                  [kwon2024: C, F]
PROBLEMS = {"factorization": (1.0, 2.5), "completion": (5.0, 5.7), "sensing": (1.0, 1.3)}
_DEPTH, _SCALE = 3, 1e-2**3
# the authors' ablation: α in [0.5, 10) on a fifth of the entries of a matrix of rank 5               [kwon2024: C]
FACTORS, ABLATED_SHARE, ABLATED_RANK, CHOSEN = (0.5, 1.0, 2.0, 5.0, 9.0), 0.2, 5, 5.0


_ABLATED_LOSS = 1e-6


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    size, rank : int
        Of the matrix.
    sensed : int
        The side of the matrix that is measured, by 4 r n measurements.
    """

    size: int
    rank: int
    sensed: int
    draws: int
    loss: float = 1e-10
    steps: int = 40_000


def problem_of(name: str, size: int, rank: int, seed: int) -> tuple[Any, float]:
    """The problem and the rate at which the wide chain descends."""
    truth = spread_target(size, rank, seed)
    if name == "factorization":
        return Factorization(truth), stable_rate(truth, 1.0, _DEPTH)
    if name == "completion":
        problem = completion_of(truth, 0.3, seed + 1000)
        return problem, stable_rate(truth, 2 / problem.values.size, _DEPTH)
    # entries of A_i are N(0, 1)/n: the mean square of A(W) is ‖W‖²/n², up to the spread of A's singular values
    problem = Sensing.gaussian(truth, 4 * rank * size, seed=seed + 1000)
    return problem, stable_rate(truth, 2 * (1 + np.sqrt(size**2 / problem.count)) ** 2 / size**2, _DEPTH)


def train(name: str, network: str, size: int, rank: int, loss: float, steps: int, draw: int) -> Arrays:
    """One network on one problem, to a loss that is `loss` of its first."""
    problem, rate = problem_of(name, size, rank, draw)
    start = Orthogonal(_SCALE) if network == "wide" else Spectral(2 * rank, _SCALE)
    rates = None if network == "wide" else (PROBLEMS[name][0], 1.0, PROBLEMS[name][0])
    below = loss * float(problem.loss(np.zeros(problem.shape)))
    return followed(problem, Chain(_DEPTH, rates=rates), start, rate, below, steps, seed=draw)


def ablate(factor: float, size: int, loss: float, steps: int, draw: int) -> Arrays:
    """The compressed chain with outer layers that learn `factor` times as fast."""
    truth = spread_target(size, ABLATED_RANK, draw)
    problem = completion_of(truth, ABLATED_SHARE, draw + 1000)
    rate = stable_rate(truth, 2 / problem.values.size, _DEPTH)
    below = loss * float(problem.loss(np.zeros(problem.shape)))
    chain, start = Chain(_DEPTH, rates=(factor, 1.0, factor)), Spectral(2 * ABLATED_RANK, _SCALE)
    return followed(problem, chain, start, rate, below, steps, seed=draw)


def parts(setup: Setup) -> list[Part]:
    fixed = {"size": setup.size, "loss": _ABLATED_LOSS, "steps": 3 * setup.steps}
    ablated = [
        Part(ablate, {"factor": factor, "draw": draw, **fixed}) for factor in FACTORS for draw in range(setup.draws)
    ]
    return ablated + [
        Part(train, {
            "name": name, "network": network, "size": setup.sensed if name == "sensing" else setup.size,
            "rank": setup.rank, "loss": setup.loss, "steps": setup.steps, "draw": draw,
        })
        for name in PROBLEMS for network in NETWORKS for draw in range(setup.draws)
    ]  # fmt: skip


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    ablated, results = results[: len(FACTORS) * setup.draws], results[len(FACTORS) * setup.draws :]
    axes = ("problem", "network", "draw", "record")
    shape = (len(PROBLEMS), len(NETWORKS), setup.draws)
    variables: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        name: (
            axes[: 3 + results[0][name].ndim],
            np.reshape([r[name] for r in results], (*shape, *results[0][name].shape)),
        )
        for name in results[0]
    }
    for name in ("iterations", "path"):
        values = np.reshape([r[name] for r in ablated], (len(FACTORS), setup.draws, *ablated[0][name].shape))
        variables[f"ablated_{name}"] = (("factor", "draw", "record")[: values.ndim], values)
    places = {"problem": list(PROBLEMS), "network": list(NETWORKS), "factor": list(FACTORS)}
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    found = []
    means = data.mean("draw")
    for name, (_, ratio) in PROBLEMS.items():
        at = {network: means.sel(problem=name, network=network) for network in NETWORKS}

        def of(quantity: str, at=at) -> dict[str, float]:
            return {network: float(at[network][quantity]) for network in NETWORKS}

        found.append(ordering(f"{name}: iterations", of("iterations"), "P"))
        # dense measurements cost both chains the same
        by = 1 if name == "sensing" else 2
        found.append(ordering(f"{name}: seconds of the processor", of("seconds"), "P", by=by))
        seconds = of("seconds")
        found.append(
            number(
                f"{name}: seconds of the wide chain over the compressed",
                ratio,
                seconds["wide"] / seconds["compressed"],
                "F",
            )
        )
        # both stop at one loss, so that errors differ where one is done and the other is not
        done = {network: [] for network in NETWORKS}
        for draw in range(data.sizes["draw"]):
            run = data.sel(problem=name).isel(draw=draw)
            every = float(run.every.min())
            last = int(min(float(run.iterations.min()), RECORDS * every) // every)
            for network in NETWORKS:
                done[network].append(float(run.path.sel(network=network)[last]))
        errors = {network: float(np.mean(each)) for network, each in done.items()}
        found.append(ordering(f"{name}: error when the first is done", errors, "P"))
        paths = [data.path.sel(problem=name, network=network).values[:, :-1] for network in NETWORKS]
        both = np.isfinite(paths[0]) & np.isfinite(paths[1])
        worst = float(np.max(paths[0][both] / paths[1][both]))
        quantity = f"{name}: largest error over the wide chain's at the same iteration"
        if name == "factorization":
            found.append(statement(quantity, "at most 1", f"{worst:.6g}", worst <= 1, "T"))
        else:
            found.append(number(quantity, 1, worst, "NF", note="the theorem is about factorization"))
    taken = {f"α = {factor:g}": float(means.ablated_iterations.sel(factor=factor)) for factor in FACTORS}
    chosen = {name: taken[name] for name in (f"α = {CHOSEN:g}", "α = 1", "α = 0.5")}
    found.append(ordering("a fifth of the entries: iterations of the compressed chain", chosen, "C"))
    ends = np.asarray(data.ablated_path[..., -1])
    found.append(
        statement(
            "a fifth of the entries: every α recovers the matrix", "error at most 1e-4 of the mean square",
            f"{float(np.max(ends / data.ablated_path.values[..., 0])):.2g}",
            bool(np.all(ends <= 1e-4 * data.ablated_path.values[..., 0])), "D",
        )
    )  # fmt: skip
    return found


def panels(data) -> list[Panel]:
    drawn = []
    for x_label in ("iterations", "seconds"):
        for name in PROBLEMS:
            curves = []
            for color, network in enumerate(NETWORKS):
                at = data.sel(problem=name, network=network).isel(draw=0)
                iterations = np.arange(at.path.size - 1) * float(at.every)
                path = at.path.values[:-1]
                taken = np.nanmax(np.where(np.isfinite(path), iterations, np.nan))
                x = iterations if x_label == "iterations" else iterations * float(at.seconds) / taken
                curves.append(Curve(x, path, network, color=color))
            drawn.append(Panel(name, x_label, "error, mean square", curves, "y"))
    taken = data.ablated_iterations.mean("draw").values
    drawn.append(Panel("A fifth of the entries", "α", "iterations", [Curve(list(FACTORS), taken, "", "marked")], "x"))
    return drawn


EXPERIMENT = Experiment(
    name="kwon2024-compressed",
    title="Compressed deep linear networks: layers of twice the rank, the same answer sooner",
    source="kwon2024, figures",
    quick=Setup(size=100, rank=5, sensed=30, draws=1),
    full=Setup(size=100, rank=10, sensed=60, draws=3, loss=1e-12, steps=200_000),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

"""A deep convolutional network needs an exponentially wide shallow one: ranks of random trees of matrices.

The matricization of W that separates odd from even axes has rank at most R for a sum of R components, and r^{N/2} for
almost every tree whose r local components reach every node, r ≤ d.   [cohen2016, Theorem 1]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import statement
from rankfall.models import CP, Train, Tree
from rankfall.problems.matricization import matricize
from rankfall.theory.claim import Claim

FAMILIES = {"tree": lambda width: Tree(None, width), "train": Train, "sum of components": CP}


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    orders, widths : tuple[int, ...]
        N and r.
    draws : int
        Random weights of each. Sides are as long as the width.
    """

    orders: tuple[int, ...]
    widths: tuple[int, ...]
    draws: int


def ranks(family: str, order: int, width: int, draws: int) -> Arrays:
    """Rank of the odd–even matricization of each draw."""
    model = FAMILIES[family](width).sized((width,) * order)
    tensors = [model.product(np.random.default_rng(seed).standard_normal(model.size)) for seed in range(draws)]
    odd = tuple(range(0, order, 2))
    return {"rank": np.asarray([float(np.linalg.matrix_rank(matricize(tensor, odd))) for tensor in tensors])}


def parts(setup: Setup) -> list[Part]:
    return [
        Part(ranks, {"family": family, "order": order, "width": width, "draws": setup.draws})
        for family in FAMILIES
        for order in setup.orders
        for width in setup.widths
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    shape = (len(FAMILIES), len(setup.orders), len(setup.widths), setup.draws)
    values = np.stack([result["rank"] for result in results]).reshape(shape)
    places = {"family": list(FAMILIES), "order": list(setup.orders), "width": list(setup.widths)}
    return xarray.Dataset({"rank": (("family", "order", "width", "draw"), values)}, coords=places)


def claims(data) -> list[Claim]:
    found = []
    for order in data.order.values.tolist():
        for width in data.width.values.tolist():
            lowest = data["rank"].sel(order=order, width=width).min("draw")
            bound, tree, train = (
                width ** (order // 2),
                float(lowest.sel(family="tree")),
                float(lowest.sel(family="train")),
            )
            found.append(
                statement(
                    f"components that a random tree needs, N = {order}, r = {width}", f"at least r^(N/2) = {bound}",
                    f"{tree:g}", tree >= bound, "P",
                )
            )  # fmt: skip
            found.append(
                statement(
                    f"components that a random train needs, N = {order}, r = {width}", f"at least r^(N/2) = {bound}",
                    f"{train:g}", train >= bound, "D",
                )
            )  # fmt: skip
            most = float(data["rank"].sel(order=order, width=width, family="sum of components").max())
            found.append(
                statement(
                    f"rank of a sum of {width} components, N = {order}", f"{width}", f"{most:g}", most == width, "P"
                )
            )
    return found


def panels(data) -> list[Panel]:
    return [
        Panel(
            f"N = {order}", "width r", "rank, odd against even axes",
            [Curve(data.width.values, data["rank"].sel(order=order, family=family).min("draw").values, family, "marked")
             for family in FAMILIES], "y",
        )
        for order in data.order.values.tolist()
    ]  # fmt: skip


EXPERIMENT = Experiment(
    name="cohen2016-expressiveness",
    title="Trees and trains need exponentially wide sums of components",
    source="cohen2016, Theorem 1; trains as in khrulkov2018",
    quick=Setup(orders=(4, 6), widths=(2, 3), draws=3),
    full=Setup(orders=(4, 6, 8), widths=(2, 3, 4), draws=5),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
    columns=3,
)

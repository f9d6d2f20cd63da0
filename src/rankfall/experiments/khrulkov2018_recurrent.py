"""A recurrent network needs an exponentially wide shallow one: ranks of random trains, and what short sums miss.

A train of rank r over d axes of length n is a recurrent network with a multiplicative cell. The matricization of W that
separates odd from even axes has rank q^{d/2}, q = min(n, r), for almost every train: the product of d/2 identities is
one, and full rank is an open condition. A sum of R components has rank at most R there, so no shorter sum equals the
train, and its relative error is at least the singular values from R + 1 on over all of them. The authors' theorem
is recalled, and the bound is derived. Cells with the same weights at every step are shown.

[khrulkov2018, theorem on the expressive power of trains]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.baselines.tensor_least_squares import TensorLeastSquares
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import series, statement
from rankfall.models import CP, Train
from rankfall.problems import TensorCompletion
from rankfall.problems.matricization import matricize
from rankfall.theory.claim import Claim
from rankfall.theory.networks import network_of, score

_SWEEPS = 200
# Of a fit, an error below its bound by more than this share would contradict it.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    orders : tuple[int, ...]
        d, even.
    sizes : tuple[tuple[int, int], ...]
        Sides n and ranks r.
    draws : int
        Random weights of each.
    fitted : tuple[int, int, int]
        d, n and r of the train that sums of components are fitted to.
    """

    orders: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    draws: int
    fitted: tuple[int, int, int]


def bound(order: int, side: int, rank: int) -> int:
    """q^{d/2}."""
    return min(side, rank) ** (order // 2)


def drawn(order: int, side: int, rank: int, is_shared: bool, seed: int) -> tuple[Train, np.ndarray]:
    """A random train and its weights, with one core for all inner steps where shared."""
    model = Train(rank).sized((side,) * order)
    layers = model.layers(np.random.default_rng(seed).standard_normal(model.size))
    if is_shared:
        cell = np.random.default_rng([seed, 1]).standard_normal((side, rank, rank))
        shapes = model.layer_shapes
        # ranks that the ends of the train allow
        layers = [layers[0], *(cell[tuple(slice(k) for k in shape)] for shape in shapes[1:-1]), layers[-1]]
    return model, model.join(layers)


def interleaved(tensor: np.ndarray) -> np.ndarray:
    """The matricization with the odd axes as rows."""
    return matricize(tensor, tuple(range(0, tensor.ndim, 2)))


def ranks(order: int, side: int, rank: int, is_shared: bool, draws: int) -> Arrays:
    """Ranks of each draw: odd against even axes, and the first half of the axes against the second."""
    found = []
    for seed in range(draws):
        model, weights = drawn(order, side, rank, is_shared, seed)
        tensor = model.product(weights)
        halves = matricize(tensor, tuple(range(order // 2)))
        found.append([np.linalg.matrix_rank(interleaved(tensor)), np.linalg.matrix_rank(halves)])
    return {"rank": np.asarray(found, dtype=float)}


def network(order: int, side: int, rank: int) -> Arrays:
    """The largest difference between a recurrent network and the scores of its train, relative to the scores."""
    model, weights = drawn(order, side, rank, False, 0)
    inputs = [np.random.default_rng([1, axis]).standard_normal((20, side)) for axis in range(order)]
    expected = score(model.product(weights), inputs)
    off = np.abs(network_of(model, weights)(inputs) - expected).max()
    return {"off": np.asarray(off / np.abs(expected).max())}


def fits(order: int, side: int, rank: int) -> Arrays:
    """Relative errors of sums of 1, 2, … components fitted to a train, and what each must miss."""
    model, weights = drawn(order, side, rank, False, 0)
    tensor = model.product(weights)
    problem, size = TensorCompletion.from_array(tensor), np.linalg.norm(tensor)
    squares = np.linalg.svd(interleaved(tensor), compute_uv=False) ** 2
    counts = np.arange(1, bound(order, side, rank) + 1)
    errors = []
    for count in counts:
        shorter = CP(int(count)).sized(tensor.shape)
        start = np.random.default_rng(int(count)).standard_normal(shorter.size)
        sweeps = TensorLeastSquares(problem, shorter).sweeps(start)
        for _ in range(_SWEEPS):
            start = next(sweeps)
        errors.append(np.linalg.norm(shorter.product(start) - tensor) / size)
    missed = np.sqrt([squares[count:].sum() / squares.sum() for count in counts])
    return {"components": counts.astype(float), "error": np.asarray(errors), "missed": missed}


def parts(setup: Setup) -> list[Part]:
    of_ranks = [
        Part(ranks, {"order": order, "side": side, "rank": rank, "is_shared": is_shared, "draws": setup.draws})
        for is_shared in (False, True)
        for order in setup.orders
        for side, rank in setup.sizes
    ]
    order, side, rank = setup.fitted
    return [*of_ranks, *(Part(each, {"order": order, "side": side, "rank": rank}) for each in (network, fits))]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    *of_ranks, compared, fitted = results
    shape = (2, len(setup.orders), len(setup.sizes), setup.draws, 2)
    variables = {
        "rank": (("cell", "order", "size", "draw", "cut"), np.stack([r["rank"] for r in of_ranks]).reshape(shape)),
        "off": ((), compared["off"]),
        "error": ("components", fitted["error"]),
        "missed": ("components", fitted["missed"]),
    }
    places = {
        "cell": ["independent", "shared"], "order": list(setup.orders), "cut": ["interleaved", "halves"],
        "side": ("size", [side for side, _ in setup.sizes]), "width": ("size", [rank for _, rank in setup.sizes]),
        "components": fitted["components"].astype(int),
    }  # fmt: skip
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    found = []
    for order in data.order.values.tolist():
        for place in range(data.sizes["size"]):
            at = data["rank"].sel(order=order).isel(size=place)
            side, rank = int(data.side[place]), int(data.width[place])
            least, where = bound(order, side, rank), f"d = {order}, n = {side}, r = {rank}"
            trains = at.sel(cell="independent")
            needed = float(trains.sel(cut="interleaved").min())
            found.append(
                statement(f"components that a random train needs, {where}", f"at least q^(d/2) = {least}",
                          f"{needed:g}", needed >= least, "D")
            )  # fmt: skip
            halves = float(trains.sel(cut="halves").max())
            found.append(
                statement(
                    f"rank between the halves, {where}", f"at most r = {rank}", f"{halves:g}", halves <= rank, "D"
                )
            )
            shared = float(at.sel(cell="shared", cut="interleaved").min())
            found.append(
                statement(f"the same with one cell for all steps, {where}", f"at least q^(d/2) = {least}",
                          f"{shared:g}", shared >= least, "NF")
            )  # fmt: skip
    off = float(data.off)
    found.append(
        statement(
            "recurrent network against the scores of its train", "equal to 1e-12", f"{off:.1g}", off <= 1e-12, "D"
        )
    )
    short = data.isel(components=slice(-1))
    margin = float((short.error / short.missed).min())
    found.append(
        statement("fitted sums that are too short, error over its lower bound", "at least 1", f"{margin:.4g}",
                  margin >= 1 - _ROUNDING, "D")
    )  # fmt: skip
    found.append(
        series(
            "relative errors of sums of 1, 2, …, below their lower bounds",
            short.missed.values.tolist(),
            short.error.values.tolist(),
            "D",
        )
    )
    return found


def panels(data) -> list[Panel]:
    orders = data.order.values
    needed = data["rank"].sel(cut="interleaved").min("draw")
    drawn_panels = []
    for place in range(data.sizes["size"]):
        side, rank = int(data.side[place]), int(data.width[place])
        curves = [Curve(orders, needed.isel(size=place).sel(cell=cell).values, f"{cell} cells", "marked")
                  for cell in data.cell.values.tolist()]  # fmt: skip
        curves.append(Curve(orders, [bound(int(order), side, rank) for order in orders], "q^(d/2)", "dashed"))
        drawn_panels.append(Panel(f"n = {side}, r = {rank}", "order d", "rank, odd against even axes", curves, "y"))
    # the last bound is zero, which a logarithmic axis does not have
    short = data.isel(components=slice(-1))
    curves = [
        Curve(data.components.values, data.error.values, "fitted", "marked"),
        Curve(short.components.values, short.missed.values, "lower bound", "dashed"),
    ]
    return [*drawn_panels, Panel("sums of components for a train", "components R", "relative error", curves, "y")]


EXPERIMENT = Experiment(
    name="khrulkov2018-recurrent",
    title="A recurrent network needs an exponentially wide shallow one",
    source="khrulkov2018, abstract; the bound is derived",
    quick=Setup(orders=(4, 6), sizes=((2, 2), (3, 3), (4, 2), (2, 4)), draws=3, fitted=(4, 3, 3)),
    full=Setup(orders=(4, 6, 8), sizes=((2, 2), (3, 3), (4, 2), (2, 4)), draws=10, fitted=(6, 3, 3)),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
    columns=3,
)

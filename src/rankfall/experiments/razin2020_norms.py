"""Every norm to infinity while the loss goes to zero: [[∗, 1], [1, 0]].

All completions have rank 2, and every norm is least at ∗ = 0. But the flow cannot change the sign of det W, and where
that is positive at the start, W_12 W_21 → 1 and W_22 → 0 leave no way but |W_11| → ∞, at the rate 1/√ℓ: rank falls
towards 1 at the expense of every norm. Balanced layers of depth 2, 3 and 4, drawn until det W > 0, are followed to the
paper's loss of 1e-4. With z, z' and ε in the place of 1, 1 and 0 the norm stays finite, and is larger for smaller ε,
from starts where W_11 has the sign that zz'/ε has; from others a small ε cannot be fitted, for W_22 would have to pass
zero.

At depth 2 the small singular value decays exponentially instead of as a power and falls below rounding, which loses
the sign: such a run goes on as if its determinant were negative, and levels off.

[razin2020, Theorem 1, its perturbed form, experiments and code]; ℓ is half the sum over the three entries, as there
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, series, statement
from rankfall.integrators import Flow
from rankfall.low_rank import effective_rank
from rankfall.models import Balanced, Chain, Identity
from rankfall.problems import Completion
from rankfall.theory import check_divergence, divergence_bound
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, StepLimit, TimeReached, evolve
from rankfall.trajectory.observables import schatten_norm

# ½ Σ over three entries is 3/2 of their mean, and its flow is that much faster
HALVES = 1.5
LOSSES = np.geomspace(0.2, 1e-4, 60)
SCALES = {2: 1e-5, 3: 1e-5, 4: 1e-3}  # of the authors' runs
CORNERS = (0.0, 0.01, 0.05, 0.1, 0.5)
FIRST, SECOND = -2.0, 0.5
# |W_11| at some losses, depths 3 and 4                                                          [razin2020: F]
READ = {0.13: 1.6, 0.013: 6.0, 1.3e-3: 19.5, 1.3e-4: 62.0}
# depth 3, layers (1e-4)^{1/3} I, 150,000 steps of 6e-3                                          [derived, checked]
CHECKED_TIME, CHECKED_LOSS, CHECKED_ENTRY = 900.0, 6.6e-4, 27.40


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    seeds : int
        How many starts a depth.
    """

    seeds: int
    rtol: float = 1e-6


def _problem(values: np.ndarray) -> Completion:
    """W_12, W_21, W_22; a row of values a table."""
    rows, cols = np.asarray([0, 1, 1]), np.asarray([1, 0, 1])
    return Completion(rows, cols, values, (2, 2))


def _products(problem, model, weights):
    return np.asarray(model.product(weights))


def _signed(sign: float, depth: int, count: int, *, entry: bool = False) -> list[int]:
    """The first seeds of balanced starts whose determinant has this sign, and W_11 too if `entry`."""
    problem, model, found, seed = _problem(np.zeros(3)), Chain(depth).sized((2, 2)), [], 0
    while len(found) < count:
        product = model.product(model.draw(problem, Balanced(1.0), [1.0], [seed]))[0]
        if sign * np.linalg.det(product) > 0 and (not entry or sign * product[0, 0] > 0):
            found.append(seed)
        seed += 1
    return found


def divergence(depth: int, seeds: int, rtol: float) -> Arrays:
    """|W_11|, norms and ranks where the loss passes each of `LOSSES`, and the determinant, for all starts at once."""
    record = Record(singular_values=True, functions={"products": _products})
    runs = evolve(
        _problem(np.asarray([1.0, 1.0, 0.0])), Chain(depth), Balanced(SCALES[depth]), Flow(rtol),
        stop=LossBelow(LOSSES[-1] / HALVES) | StepLimit(20_000), seed=_signed(1.0, depth, seeds), record=record,
    )  # fmt: skip
    found: dict[str, list] = {"entry": [], "nuclear": [], "half": [], "rank": [], "least": [], "ratio": [], "sign": []}
    for run in runs:
        losses, values = HALVES * run.history["loss"], run.history["singular_values"]
        products = run.history["products"]
        # over the whole path: while det W > 0 the bound follows by algebra, so that only a loss of the sign breaks it
        bounds = divergence_bound(losses)
        found["ratio"].append(float(np.min(np.abs(products[bounds > 0, 0, 0]) / bounds[bounds > 0])))
        found["sign"].append(float((np.linalg.det(products) > 0).all()))
        described = {
            "entry": np.abs(products[:, 0, 0]), "nuclear": values.sum(axis=1), "half": schatten_norm(values, 0.5),
            "rank": effective_rank(values), "least": values[:, -1],
        }  # fmt: skip
        for name, series_ in described.items():
            found[name].append(_where(losses, series_))
    return {name: np.asarray(rows) for name, rows in found.items()}


def _where(losses: np.ndarray, series_: np.ndarray) -> np.ndarray:
    """A series at `LOSSES`, along straight lines in logarithms; NaN where the run never came."""
    # a singular value may be zero to rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.interp(-np.log(LOSSES), -np.log(losses), np.log(series_), right=np.nan)
    return np.exp(logs)


def checked(rtol: float) -> Arrays:
    """The run from a scaled identity at depth 3."""
    record = Record(every=10**9)
    stop = TimeReached(HALVES * CHECKED_TIME)
    run = evolve(_problem(np.asarray([1.0, 1.0, 0.0])), Chain(3), Identity(1e-4), Flow(rtol), stop=stop, record=record)
    return {"loss": np.asarray(HALVES * run.loss), "entry": np.asarray(run.product[0, 0])}


def perturbed(rtol: float) -> Arrays:
    """|W_11| at the end and its least ratio to the bound for z = −2, z' = ½ and every ε, one table each."""
    values = np.asarray([[FIRST, SECOND, corner] for corner in CORNERS])
    runs = evolve(
        _problem(values), Chain(3), Balanced(SCALES[3]), Flow(rtol), stop=LossBelow(LOSSES[-1] / HALVES),
        seed=_signed(-1.0, 3, 1, entry=True), record=Record(functions={"products": _products}),
    )  # fmt: skip
    ratios = [
        check_divergence(HALVES * run.history["loss"], run.history["products"], FIRST, SECOND, corner).measured
        for run, corner in zip(runs, CORNERS, strict=True)
    ]
    return {"entry": np.abs(runs.product[:, 0, 0]), "ratio": np.asarray(ratios)}


def parts(setup: Setup) -> list[Part]:
    return [
        *(Part(divergence, {"depth": depth, "seeds": setup.seeds, "rtol": setup.rtol}) for depth in SCALES),
        Part(checked, {"rtol": setup.rtol}),
        Part(perturbed, {"rtol": setup.rtol}),
    ]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    *runs, one, moved = results
    variables = {
        name: (("depth", "seed", "loss"), np.stack([run[name] for run in runs]))
        for name in ("entry", "nuclear", "half", "rank", "least")
    }
    variables |= {name: (("depth", "seed"), np.stack([run[name] for run in runs])) for name in ("ratio", "sign")}
    variables |= {"checked_loss": ((), one["loss"]), "checked_entry": ((), one["entry"])}
    variables |= {f"corner_{name}": ("corner", moved[name]) for name in ("entry", "ratio")}
    places = {"depth": list(SCALES), "seed": np.arange(setup.seeds), "loss": LOSSES, "corner": list(CORNERS)}
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    found = [
        number("depth 3, identity, time 900: loss", CHECKED_LOSS, float(data.checked_loss), "D", within=0.01),
        number("depth 3, identity, time 900: W_11", CHECKED_ENTRY, float(data.checked_entry), "D", within=0.001),
    ]
    for depth in (3, 4):
        here = data.sel(depth=depth)
        ratio = float(here.ratio.min())
        found.append(_at_least(f"depth {depth}: |W_11| over (1 − √(2ℓ))²/√(2ℓ), all along", ratio, 1.0, "P"))
        found.append(_at_least(f"depth {depth}: share of runs that keep the sign", float(here.sign.mean()), 1.0, "P"))
        last = here.entry.isel(loss=-1) * np.sqrt(2 * LOSSES[-1])
        found.append(number(f"depth {depth}: |W_11| √(2ℓ) at the end", 1.0, float(last.mean()), "D", within=0.02))
        for name, title in (("nuclear", "nuclear norm"), ("half", "Schatten-½ quasi-norm")):
            found.append(ordering(f"depth {depth}: {title} at falling losses", _by_loss(here[name]), "P", by=2))
        for name, title in (("least", "distance from rank 1"), ("rank", "effective rank")):
            rising = dict(reversed(_by_loss(here[name]).items()))
            found.append(ordering(f"depth {depth}: {title} at falling losses, read backwards", rising, "P"))
        read = [float(np.interp(-np.log(loss), -np.log(LOSSES), here.entry.mean("seed"))) for loss in READ]
        found.append(
            series(
                f"depth {depth}: |W_11| at losses of {', '.join(f'{x:g}' for x in READ)}",
                list(READ.values()),
                read,
                "F",
            )
        )
        # ‖W − W_1‖ ≤ 3√2 √ℓ
        shares = (here.least / np.sqrt(LOSSES)).max()
        found.append(
            number(f"depth {depth}: largest distance from rank 1 over √ℓ", 3 * np.sqrt(2), float(shares), "NF")
        )
    two = data.sel(depth=2)
    kept = float(two.sign.mean())
    found.append(
        statement("depth 2: every run loses the sign to rounding", "none keeps it", f"{kept:g}", kept == 0, "D")
    )
    found.append(number("depth 2: |W_11| where it levels off", 7.1, float(two.entry.max("loss").mean()), "F"))
    growth = float((two.entry.isel(loss=-1) / two.entry.sel(loss=1e-3, method="nearest")).max())
    said = f"by {100 * (growth - 1):.2g} % at most"
    found.append(
        statement("depth 2: |W_11| from a loss of 1e-3 to 1e-4", "below 10 %, not ×√10", said, growth < 1.1, "D")
    )
    broken = float(two.ratio.max())
    found.append(statement("depth 2: |W_11| ends below the bound", "below half", f"{broken:.3g}", broken < 0.5, "D"))
    entries = {f"ε = {corner:g}": float(data.corner_entry.sel(corner=corner)) for corner in CORNERS[::-1]}
    found.append(ordering(f"z = {FIRST:g}, z' = {SECOND:g}: |W_11| at the end", entries, "P"))
    ratio = float(data.corner_ratio.min())
    found.append(_at_least("every ε: |W_11| over its bound", ratio, 1.0, "P"))
    return found


def _by_loss(values) -> dict[str, float]:
    return {f"{loss:g}": float(values.sel(loss=loss, method="nearest").mean()) for loss in (1e-1, 1e-2, 1e-3, 1e-4)}


def _at_least(quantity: str, measured: float, bound: float, provenance: str) -> Claim:
    return statement(quantity, f"at least {bound:g}", f"{measured:.6g} at least", measured >= bound - 1e-9, provenance)


def panels(data) -> list[Panel]:
    def lines(name: str) -> list[Curve]:
        return [
            Curve(LOSSES, line.values, f"depth {depth}" if place == 0 else "", color=color)
            for color, depth in enumerate(SCALES)
            for place, line in enumerate(data[name].sel(depth=depth))
        ]

    bound = Curve(LOSSES, divergence_bound(LOSSES), "bound", "dashed", color=7)
    positive = np.asarray(CORNERS[1:])
    corners = Curve(positive, data.corner_entry.values[1:], "at the end", "marked")
    slack = np.sqrt(2 * LOSSES[-1])
    floor = (abs(FIRST) - slack) * (abs(SECOND) - slack) / (positive + slack)
    return [
        Panel("the unobserved entry", "loss", "|W_11|", [*lines("entry"), bound], "xy"),
        Panel("nuclear norm", "loss", "‖W‖_*", lines("nuclear"), "xy"),
        Panel("distance from rank 1", "loss", "σ_2", lines("least"), "xy"),
        Panel("another corner", "ε", "|W_11|", [corners, Curve(positive, floor, "bound", "dashed", color=7)], "xy"),
    ]


EXPERIMENT = Experiment(
    name="razin2020-norms",
    title="Norms to infinity while the loss goes to zero",
    source="razin2020, Theorem 1 and experiments",
    quick=Setup(seeds=4),
    full=Setup(seeds=32),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

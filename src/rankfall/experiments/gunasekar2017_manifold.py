"""What keeps to the manifold of the flow, and what leaves it: minibatches, other losses, random controls, momentum.

The flow of U Uᵀ on measurements that commute stays on M = {exp(A*(s)) X_0 exp(A*(s))}, whatever the control s(t): the
proof of least nuclear norm does not use that the control is the residual. So minibatches of the measurements, other
losses of the residual, random weights, and a random walk before the fit all end at the one point of M with A(X) = y.
Finite steps leave M by O(rate), and momentum or rules that rescale each entry leave it further. How far an end X is
from M is what no s explains of log X − log X_0 in the common eigenbasis.

Measurements of general matrices have no such M in closed form; there the trace at the end is compared with the least.

[gunasekar2017, remarks after Theorem 1, and Figure 1 for the training error]. Settings are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.baselines import NuclearNorm
from rankfall.datasets import planted
from rankfall.experiments.controls import (
    Bounded,
    Control,
    Controlled,
    Minibatch,
    RandomWalk,
    RandomWeights,
    Whole,
)
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, statement
from rankfall.integrators import Adam, Descent, Flow, Momentum, Update
from rankfall.models import Identity, Symmetric
from rankfall.problems import Sensing
from rankfall.theory import minimum_trace
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, StepLimit, evolve

PROBLEMS = ("commuting", "Gaussian")
SIZE, RANK, COMMUTING, GENERAL = 20, 2, 6, 80
SCALES = (1e-2, 1e-4, 1e-6)
# of the largest stable rate; distances from the manifold are judged at the first two
SHARES = (0.1, 0.05)
CONTROLLED = ("descent", "minibatches", "another loss", "random weights", "random walk")
WAYS = (*CONTROLLED, "momentum", "Adam")
# of a random walk, in units of the largest stable rate: 200 steps at the first share
_WALK = 20
_ADAM = 1e-2
RECORDS = 120


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    draws : int
        Of measurements and matrix.
    steps : int
        Of the longest run.
    residual : float
        ‖A(X) − y‖/‖y‖ where a run ends.
    """

    draws: int
    steps: int
    residual: float = 1e-2


def commuting(seed: int) -> tuple[Sensing, Float[np.ndarray, "n n"], Float[np.ndarray, "m n"]]:
    """Measurements that share an eigenbasis, the basis, and their eigenvalues, of orthonormal rows."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))[0]
    rows = np.linalg.qr(rng.standard_normal((SIZE, COMMUTING)))[0].T
    spectrum = np.zeros(SIZE)
    spectrum[:RANK] = 1.0, 0.6
    matrices = np.array([(basis * row) @ basis.T for row in rows])
    return Sensing.from_matrices(matrices, rows @ spectrum, symmetric=True), basis, rows


def general(seed: int) -> Sensing:
    """Gaussian measurements, which do not commute."""
    truth = planted((SIZE, SIZE), RANK, kind="psd", norm=1.0, seed=seed)
    return Sensing.gaussian(truth, GENERAL, seed=seed + 100, symmetric=True)


def stable(problem: Sensing) -> float:
    """The largest rate at which U Uᵀ descends near a solution of size 1: 2 over the curvature, (2/M) ‖A‖² 2."""
    operator = problem.operator
    units = np.eye(SIZE * SIZE).reshape(-1, SIZE, SIZE)
    return operator.count / (2 * float(np.linalg.norm(np.asarray(operator.apply(units)), 2)) ** 2)


def update_of(way: str, rate: float, size: float, walk: float) -> Update:
    """The rule of that name; `size` is the root mean square of the values, `walk` the time of a random walk."""
    controls: dict[str, Control] = {
        "descent": Whole(), "minibatches": Minibatch(), "another loss": Bounded(size / 4),
        "random weights": RandomWeights(), "random walk": RandomWalk(size, round(walk / rate)),
    }  # fmt: skip
    if way in controls:
        return Controlled(rate, controls[way])
    return Momentum(rate) if way == "momentum" else Adam(_ADAM)


def follow(name: str, way: str, share: float, steps: int, residual: float, draw: int) -> Arrays:
    """The gap to least nuclear norm, the distance from the manifold, and the training error along the way, by scale."""
    if name == "commuting":
        problem, basis, rows = commuting(draw)
        least = float(minimum_trace(rows, np.asarray(problem.values)).spectrum.sum())
    else:
        problem, basis, rows = general(draw), None, None
        least = NuclearNorm(positive=True).solve(problem).nuclear_norm
    size = float(np.sqrt(np.mean(np.asarray(problem.values) ** 2)))
    rate = stable(problem)
    integrator = Flow(1e-5) if way == "flow" else Descent(update_of(way, share * rate, size, _WALK * rate))
    runs = evolve(
        problem, Symmetric(), Identity(np.asarray(SCALES)), integrator, seed=[draw] * len(SCALES),
        stop=LossBelow((residual * size) ** 2) | StepLimit(steps), record=Record(every=max(1, steps // 2000)),
    )  # fmt: skip
    places = np.geomspace(1, steps, RECORDS)
    found = {"gap": [], "off": [], "training": [], "fit": []}
    for scale, run in zip(SCALES, runs, strict=True):
        found["gap"].append(run.nuclear_norm / least - 1)
        found["off"].append(np.nan if basis is None or rows is None else off_manifold(run.product, scale, basis, rows))
        errors = np.sqrt(run.history["loss"]) / size
        at = np.linspace(0, run.steps, errors.size)
        found["training"].append(np.interp(places, at, errors, right=np.nan))
        found["fit"].append(np.sqrt(run.loss) / size)
    return {key: np.asarray(values) for key, values in found.items()}


def off_manifold(
    product: Float[np.ndarray, "n n"], scale: float, basis: Float[np.ndarray, "n n"], rows: Float[np.ndarray, "m n"]
) -> float:
    """The share of log X − log X_0 that no control explains: outside of the span of the A_i, in their eigenbasis."""
    moved = np.log(np.diagonal(basis.T @ product @ basis) / scale)
    explained = rows.T @ np.linalg.lstsq(rows.T, moved, rcond=None)[0]
    return float(np.linalg.norm(moved - explained) / np.linalg.norm(moved))


def _runs() -> list[tuple[str, str, float]]:
    found = [(name, way, SHARES[0]) for name in PROBLEMS for way in ("flow", *WAYS)]
    return found + [("commuting", way, SHARES[1]) for way in CONTROLLED]


def parts(setup: Setup) -> list[Part]:
    return [
        Part(follow, {
            "name": name, "way": way, "share": share if name == "commuting" else 5 * share, "steps": setup.steps,
            "residual": setup.residual, "draw": draw,
        })
        for name, way, share in _runs() for draw in range(setup.draws)
    ]  # fmt: skip


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    names = [f"{name}, {way}" + ", half the rate" * (share != SHARES[0]) for name, way, share in _runs()]
    axes = ("run", "draw", "scale", "step")
    variables = {
        key: (axes[: 2 + results[0][key].ndim],
              np.reshape([r[key] for r in results], (len(names), setup.draws, *results[0][key].shape)))
        for key in results[0]
    }  # fmt: skip
    places = {"run": names, "scale": list(SCALES), "step": np.geomspace(1, setup.steps, RECORDS)}
    return xarray.Dataset(variables, coords=places)


def claims(data) -> list[Claim]:
    middle = data.sel(scale=SCALES[1]).mean("draw")
    off = {way: float(middle.off.sel(run=f"commuting, {way}")) for way in WAYS}
    found = []
    for way in CONTROLLED:
        found.append(
            statement(
                f"commuting: {way} stays on the manifold", "at most 3 % of log X/X_0 off it", f"{100 * off[way]:.2g} %",
                off[way] <= 0.03, "P",
            )
        )  # fmt: skip
        half = float(middle.off.sel(run=f"commuting, {way}, half the rate"))
        found.append(
            number(f"commuting, {way}: distance at half the rate over that at the rate", 0.5, half / off[way], "D",
                   within=0.2)
        )  # fmt: skip
    for way, by in (("momentum", 3), ("Adam", 10)):
        provenance = "P" if way == "momentum" else "D"
        pair = {"descent": off["descent"], way: off[way]}
        found.append(ordering(f"commuting: {way} leaves the manifold", pair, provenance, by=by))
    for name in PROBLEMS:
        ends = {way: float(middle.gap.sel(run=f"{name}, {way}")) for way in ("flow", *WAYS)}
        for way in CONTROLLED:
            quotient = (1 + ends[way]) / (1 + ends["flow"])
            found.append(number(f"{name}: nuclear norm by {way} over that of the flow", 1, quotient, "P", within=0.02))
        small = data.gap.sel(scale=SCALES[-1]).mean("draw")
        worst = max(abs(float(small.sel(run=f"{name}, {way}"))) for way in CONTROLLED)
        found.append(
            statement(
                f"{name}: least nuclear norm from {SCALES[-1]:g}, every control", "within 2 %", f"{100 * worst:.2g} %",
                worst < 0.02, "P",
            )
        )  # fmt: skip
        found.append(ordering(f"{name}: gap", {"descent": ends["descent"], "Adam": ends["Adam"]}, "D", by=2))
    return found


def panels(data) -> list[Panel]:
    drawn = []
    for name in PROBLEMS:
        curves = [
            Curve(data.step.values, data.training.sel(run=f"{name}, {way}", scale=SCALES[1]).isel(draw=0).values, way)
            for way in WAYS
        ]
        drawn.append(Panel(f"{name}: training error", "steps", "‖A(X) − y‖/‖y‖", curves, "xy"))
    for name in PROBLEMS:
        gaps = data.gap.mean("draw")
        curves = [
            Curve(data.scale.values, np.maximum(gaps.sel(run=f"{name}, {way}").values, 1e-4), way, "marked")
            for way in WAYS
        ]
        drawn.append(Panel(f"{name}: gap to least nuclear norm", "scale of X_0", "gap", curves, "xy"))
    places = np.arange(len(WAYS))
    ticks: dict[float, str] = dict(zip(places.astype(float).tolist(), WAYS, strict=True))
    off = [data.off.sel(run=f"commuting, {way}", scale=SCALES[1]).mean("draw") for way in WAYS]
    drawn.append(Panel("commuting: off the manifold", "", "share of log X/X_0", [Curve(places, off, "", "dots")],
                       "y", ticks=ticks))  # fmt: skip
    return drawn


EXPERIMENT = Experiment(
    name="gunasekar2017-manifold",
    title="What keeps to the manifold of the flow: minibatches, other losses, random controls; not momentum",
    source="gunasekar2017, remarks after Theorem 1",
    quick=Setup(draws=1, steps=20_000),
    full=Setup(draws=5, steps=100_000),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
    columns=3,
)

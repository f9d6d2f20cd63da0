"""Components of a tensor factorization are learned one by one, and a small start recovers the tensor.

Completion of a tensor of order 4, CP rank 5 and Frobenius norm 1 by a sum of many components, from Gaussian layers of
three sizes. From the smallest start one component after another leaves its plateau and as many as the truth has take
part; from the largest, more are active and more of the hidden entries is missed.

The full setup is the authors': sides of 10, a fifth of the entries observed, 1000 components. The quick one has sides
of 7, half of the entries and 100 components, from deviations larger by 10^{1/8}, which make a sum of the same size.
With a fifth of the entries 100 components are too few: on three of eight draws a component found a few observed
entries alone, and grew along hidden ones to norms of up to 67. Two of those three were tried again with 300
components or more and are recovered; draw 4 was not tried again.

The authors step by GroupRMSprop at rate 1e-2; here the gradient flow itself is followed, which that rule approximates.
The rule was tried first: its steps of nearly constant length 1e-2 go back and forth between the jumps, so that the
loss stays orders of magnitude above the stop.

Bounds were set on draws 0 to 9 of the quick setup; other draws judge them. Versions of the quick setup before this one
failed: draw 2 of the authors' tensor with 200 components, draw 3 with enlarged deviations, draws 5 to 7 with 100. The
bound on the ratio of errors, first 5, was lowered to 2 in one of these versions; it is 5 again. Runs of the quick setup
end at a residual of 2e-4: at 1e-3 the error from the smallest start was that of the stop, and the ratio of draws 10 to
12 fell from 8.5 to 4.4 when the rounding of the loops changed; it is 21 now.

[razin2021, figures]
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.incremental import law_factor, rising_at_once
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, series, statement
from rankfall.integrators import Flow
from rankfall.models import CP, FromLayers
from rankfall.problems import TensorCompletion
from rankfall.theory.claim import Claim
from rankfall.theory.tensor_laws import component_velocities
from rankfall.trajectory import ComponentEscape, LossBelow, Record, StepLimit, evolve

_ORDER, _RANK, _KEPT = 4, 5, 10
DEVIATIONS = (0.005, 0.01, 0.05)
# What the authors' figures show at these deviations, and the component norms at the end from the smallest.
_ERRORS, _NORMS = (7e-6, 3e-2, 8e-2), (0.60, 0.59, 0.41, 0.31, 0.21)
_AUTHORS = 1000
# The norm that an escape passes, and the norm above which a component is active at the end.
_ESCAPED, _ACTIVE = 0.05, 0.01


@dataclass(frozen=True)
class Setup:
    """What the experiment is made with.

    Parameters
    ----------
    side, observed : int
        Of the tensor: its sides, and how many entries are known.
    components : int
        R of the model.
    residual : float
        Root mean squared residual at which a run ends, relative to the root mean square of the entries.
    rtol : float
        Relative tolerance of the flow.
    draws : tuple[int, ...]
        Truths and starts.
    """

    side: int
    observed: int
    components: int
    residual: float
    rtol: float
    draws: tuple[int, ...]
    points: int = 300


def planted(side: int, observed: int, draw: int) -> TensorCompletion:
    """The observed entries of a tensor of rank 5."""
    shape = (side,) * _ORDER
    rng = np.random.default_rng(draw)
    model = CP(_RANK).sized(shape)
    truth = model.product(rng.standard_normal(model.size))
    truth /= np.linalg.norm(truth)
    indices = np.unravel_index(np.sort(rng.permutation(truth.size)[:observed]), shape)
    return TensorCompletion.from_coordinates(indices, truth[indices], shape, truth=truth)


def follow(
    deviation: float, side: int, observed: int, components: int, residual: float, rtol: float, draw: int, points: int
) -> Arrays:
    """Component norms, the largest at the end first, and the relative error along one run; events; the law's factor."""
    problem, rng = planted(side, observed, draw), np.random.default_rng([draw, 1])
    sized = deviation * (_AUTHORS / components) ** (1 / (2 * _ORDER))
    layers = [sized * rng.standard_normal((side, components)) for _ in range(_ORDER)]
    model = CP(components).sized(problem.shape)
    record = Record(
        functions={
            "norms": lambda problem, _, weights: model.component_norms(to_numpy(weights)),
            "law": lambda problem, _, weights: component_velocities(problem, model, to_numpy(weights)),
        },
        events=[ComponentEscape(_ESCAPED)],
    )
    stop = LossBelow(residual**2 / side**_ORDER) | StepLimit(20_000)
    run = evolve(problem, model, FromLayers(layers), Flow(rtol), stop=stop, record=record)
    history = run.history
    leading = np.argsort(-history["norms"][-1])[:_KEPT]
    norms = history["norms"][:, leading]
    error = np.sqrt(history["test_error"] * side**_ORDER)
    times = np.linspace(0.0, history["time"][-1], points)
    escapes = np.full(_KEPT, np.nan)
    found = [event.time for event in run.events][:_KEPT]
    escapes[: len(found)] = found
    return {
        "times": times,
        "norms": np.stack([np.interp(times, history["time"], values) for values in norms.T], axis=1),
        "path": np.interp(times, history["time"], error),
        "end": norms[-1],
        "error": np.asarray(error[-1]),
        "loss": np.asarray(history["loss"][-1]),
        "escapes": escapes,
        "together": np.asarray(rising_at_once(history["time"], norms, _ESCAPED)),
        "factor": np.asarray(law_factor(_ORDER, norms, history["law"][:, :, leading], _ESCAPED)),
    }


def parts(setup: Setup) -> list[Part]:
    fixed = {name: value for name, value in asdict(setup).items() if name != "draws"}
    return [Part(follow, {"deviation": d, "draw": draw, **fixed}) for d in DEVIATIONS for draw in setup.draws]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    axes = {
        "times": ("point",), "norms": ("point", "component"), "path": ("point",), "end": ("component",), "error": (),
        "loss": (), "escapes": ("component",), "together": (), "factor": (),
    }  # fmt: skip
    shape = (len(DEVIATIONS), len(setup.draws))
    variables = {
        name: (
            ("deviation", "draw", *axis),
            np.stack([r[name] for r in results]).reshape(*shape, *results[0][name].shape),
        )
        for name, axis in axes.items()
    }
    places = {"deviation": list(DEVIATIONS), "draw": list(setup.draws)}
    return xarray.Dataset(variables, coords=places, attrs={"components": setup.components})


def claims(data) -> list[Claim]:
    middle = data[["error", "together", "factor"]].median("draw")
    active = (data.end > _ACTIVE).sum("component").median("draw")
    escapes = data.escapes.notnull().sum("component").median("draw")
    names = [f"deviation {deviation:g}" for deviation in DEVIATIONS]
    small, large = {"deviation": DEVIATIONS[0]}, {"deviation": DEVIATIONS[-1]}

    def both(quantity: str) -> dict[str, float]:
        return {name: float(middle[quantity].sel(place)) for name, place in ((names[0], small), (names[-1], large))}

    def counted(quantity: str, expected: str, measured: float, holds: bool) -> Claim:
        return statement(quantity, expected, f"{measured:g}", holds, "F")

    first, last = float(active.sel(small)), float(active.sel(large))
    error, rising = float(middle.error.sel(small)), float(middle.together.sel(small))
    passed = float(escapes.sel(small))
    return [
        ordering("relative error at the end: a smaller start", both("error"), "F", by=5),
        *(number(f"relative error, {name}", published, float(measured), "F")
          for published, name, measured in zip(_ERRORS, names, middle.error.values, strict=True)),
        statement(
            f"the tensor is recovered, {names[0]}", "relative error at most 2e-3", f"{error:.2g}", error <= 2e-3, "F"
        ),
        series(f"component norms at the end, {names[0]}", _NORMS, data.end.sel(small).values[0, :_RANK].tolist(), "F"),
        counted(f"active components, {names[0]}", f"{_RANK}, the rank of the truth", first, first == _RANK),
        counted(f"active components, {names[-1]}", f"more than {_RANK}", last, last > _RANK),
        counted(f"escapes, {names[0]}", f"{_RANK}, each component once", passed, passed == _RANK),
        counted(f"components that rise at once, {names[0]}", "at most 1.5 on average", rising, rising <= 1.5),
        ordering("components that rise at once", both("together"), "F"),
        number(
            f"factor N in dσ/dt = N σ^(2−2/N) γ, {names[0]}", _ORDER, float(middle.factor.sel(small)), "D",
            within=0.02,
        ),
    ]  # fmt: skip


def panels(data) -> list[Panel]:
    first, drawn = data.isel(draw=0), []
    for deviation in DEVIATIONS:
        run = first.sel(deviation=deviation)
        curves = [Curve(run.times.values, run.norms.values[:, k]) for k in range(_KEPT)]
        drawn.append(Panel(f"deviation {deviation:g}", "flow time", "component norms", curves))
    # every run in units of its own length: the times differ by orders of magnitude
    shares = np.linspace(0, 1, data.sizes["point"])
    curves = [Curve(shares, first.path.sel(deviation=d).values, f"deviation {d:g}") for d in DEVIATIONS]
    return [*drawn, Panel("error", "share of the run", "relative error", curves, "y")]


EXPERIMENT = Experiment(
    name="razin2021-components",
    title="Components of a tensor factorization are learned one by one",
    source="razin2021, figures",
    quick=Setup(side=7, observed=1200, components=100, residual=2e-4, rtol=1e-2, draws=(10, 11, 12)),
    full=Setup(side=10, observed=2000, components=1000, residual=1e-3, rtol=1e-2, draws=(10, 11, 12)),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

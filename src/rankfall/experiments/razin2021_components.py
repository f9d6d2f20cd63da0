"""Components of a tensor factorization are learned one by one, and the smaller the start, the more so.

Tensor completion of order 4: 10⁴ entries of CP rank 5, a fifth observed, a sum of many components from Gaussian layers
of three sizes, followed by GroupRMSprop. From the smallest start the components escape one after another and the error
goes down a staircase; from the largest, more components are active than the truth has.   [razin2021, figures]

The authors use 1000 components; the quick setup has fewer, which changes what the start's components sum to.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.experiments.experiment import Arrays, Experiment, Part
from rankfall.experiments.panel import Curve, Panel
from rankfall.experiments.published import number, ordering, series, statement
from rankfall.integrators import Descent, GroupRMSprop
from rankfall.models import CP, FromLayers
from rankfall.problems import TensorCompletion
from rankfall.theory.claim import Claim
from rankfall.trajectory import LossBelow, Record, StepLimit, evolve

_SHAPE, _RANK, _OBSERVED, _KEPT = (10, 10, 10, 10), 5, 2000, 10
_DEVIATIONS = (0.05, 0.01, 0.005)
# What the authors' figures show at these deviations, and the component norms at the end from the smallest.
_ERRORS, _NORMS = (8e-2, 3e-2, 7e-6), (0.60, 0.59, 0.41, 0.31, 0.21)


@dataclass(frozen=True)
class Setup:
    """components: R. loss: mean squared residual to stop at. steps: at most. every: steps between records."""

    components: int
    loss: float
    steps: int
    every: int = 50


def follow(deviation: float, components: int, loss: float, steps: int, every: int, seed: int) -> Arrays:
    """Time, the leading component norms and the relative error along one run."""
    rng = np.random.default_rng(seed)
    planted = CP(_RANK).sized(_SHAPE)
    truth = planted.product(rng.standard_normal(planted.size))
    truth /= np.linalg.norm(truth)
    chosen = np.sort(rng.permutation(truth.size)[:_OBSERVED])
    indices = np.unravel_index(chosen, _SHAPE)
    problem = TensorCompletion.from_coordinates(indices, truth[indices], _SHAPE, truth=truth)

    def norms(problem, model, weights):
        return -np.sort(-model.component_norms(weights), axis=1)[:, :_KEPT]

    layers = [deviation * rng.standard_normal((side, components)) for side in _SHAPE]
    run = evolve(
        problem, CP(components), FromLayers(layers), Descent(GroupRMSprop(1e-2, epsilon=1e-6)),
        stop=LossBelow(loss) | StepLimit(steps), record=Record(every=every, functions={"norms": norms}),
    )  # fmt: skip
    history = run.history
    padded = np.full((steps // every + 2, _KEPT + 1), np.nan)
    rows = np.column_stack([np.sqrt(history["test_error"] * truth.size), history["norms"]])
    padded[: rows.shape[0]] = rows
    return {"path": padded, "end": rows[-1], "steps": np.asarray(float(run.steps))}


def parts(setup: Setup) -> list[Part]:
    fixed = {"components": setup.components, "loss": setup.loss, "steps": setup.steps, "every": setup.every, "seed": 0}
    return [Part(follow, {"deviation": deviation, **fixed}) for deviation in _DEVIATIONS]


def gather(setup: Setup, results: Sequence[Arrays]):
    import xarray

    return xarray.Dataset(
        {
            "path": (("deviation", "record", "number"), np.stack([r["path"] for r in results])),
            "end": (("deviation", "number"), np.stack([r["end"] for r in results])),
            "steps": (("deviation",), np.stack([r["steps"] for r in results])),
        },
        coords={"deviation": list(_DEVIATIONS)},
        attrs={"every": setup.every},
    )


def claims(data) -> list[Claim]:
    ends = data.end.values
    errors = {f"deviation {d:g}": float(end[0]) for d, end in zip(_DEVIATIONS, ends, strict=True)}
    found = [ordering("relative error: smaller starts", dict(reversed(errors.items())), "F")]
    found += [
        number(f"relative error, {name}", _ERRORS[k], error, "F") for k, (name, error) in enumerate(errors.items())
    ]
    found.append(series("component norms at the end, deviation 0.005", _NORMS, ends[-1, 1:6], "F"))
    active = int(np.sum(ends[-1, 1:] > 0.05))
    found.append(
        statement("components above 0.05, deviation 0.005", "5, the rank of the truth", str(active), active == 5, "F")
    )
    path = data.path.values[-1]
    # the record at which each component of the smallest start passes half of its end
    passed = [int(np.argmax(path[:, k] > 0.5 * ends[-1, k])) for k in range(1, 6)]
    apart = len(set(passed)) == 5
    steps = ", ".join(f"{step * data.attrs['every']}" for step in passed)
    found.append(
        statement("components escape one by one, deviation 0.005", "at five different times", steps, apart, "F")
    )
    return found


def panels(data) -> list[Panel]:
    drawn = []
    for place, deviation in enumerate(_DEVIATIONS):
        path = data.path.values[place]
        steps = np.arange(path.shape[0]) * float(data.attrs["every"])
        kept = np.isfinite(path[:, 0])
        curves = [Curve(steps[kept], path[kept, k]) for k in range(1, _KEPT + 1)]
        drawn.append(Panel(f"deviation {deviation:g}", "iterations", "component norms", curves))
    curves = [
        Curve(np.arange(path.shape[0]) * float(data.attrs["every"]), path[:, 0], f"deviation {deviation:g}")
        for deviation, path in zip(_DEVIATIONS, data.path.values, strict=True)
    ]
    return [*drawn, Panel("Error", "iterations", "relative error", curves, "y")]


EXPERIMENT = Experiment(
    name="razin2021-components",
    title="Components of a tensor factorization are learned one by one",
    source="razin2021, figures",
    quick=Setup(components=100, loss=1e-10, steps=25_000),
    full=Setup(components=1000, loss=1e-12, steps=40_000),
    parts=parts,
    gather=gather,
    claims=claims,
    panels=panels,
)

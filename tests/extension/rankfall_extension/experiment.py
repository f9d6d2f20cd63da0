"""An experiment of your own: log cosh completes a planted matrix with outliers better than squares."""

from dataclasses import dataclass

import numpy as np

import rankfall as rf
from rankfall.experiments import Curve, Experiment, Panel, Part
from rankfall.experiments.published import ordering
from rankfall_extension.loss import LogCosh


@dataclass(frozen=True)
class Setup:
    seeds: int


def errors(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((20, 2)) @ rng.standard_normal((2, 15))
    seen = np.where(rng.random(truth.shape) < 0.7, truth, np.nan)
    seen[rng.random(truth.shape) < 0.05] += 30.0
    found = []
    for loss in (rf.problems.Squared(), LogCosh(0.3)):
        problem = rf.Completion.from_array(seen, truth=truth, loss=loss)
        run = rf.evolve(problem, rf.Chain(2), rf.Spectral(4, 1e-3), rf.Flow(1e-2), stop=rf.StepLimit(60))
        found.append(run.history["test_error"].min())
    return {"errors": np.asarray(found)}


def gather(setup, results):
    import xarray

    values = np.stack([result["errors"] for result in results])
    return xarray.Dataset({"error": (("seed", "loss"), values)})


EXPERIMENT = Experiment(
    name="mine-cosh",
    title="Log cosh withstands outliers",
    source="of our own",
    quick=Setup(1),
    full=Setup(5),
    parts=lambda setup: [Part(errors, {"seed": seed}) for seed in range(setup.seeds)],
    gather=gather,
    claims=lambda data: [
        ordering("log cosh errs less", dict(zip(("log cosh", "squares"), data.error.values[0, ::-1], strict=True)), "F")
    ],
    panels=lambda data: [Panel("errors", "loss", "error", [Curve(np.arange(2), data.error.values[0], "ours")])],
)

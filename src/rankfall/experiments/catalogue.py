"""Which experiments there are, by the names the command line knows; each is loaded when it is asked for."""

import importlib

from rankfall.errors import InputError
from rankfall.experiments.experiment import Experiment

NAMES = (
    "arora2019-table",
    "arora2019-scale",
    "arora2019-dynamics",
    "arora2019-factors",
    "arora2019-norms",
    "arora2019-sensing",
    "gunasekar2017-width",
    "gunasekar2017-gap",
    "gunasekar2017-exhaustive",
    "arora2018-acceleration",
    "arora2018-convergence",
    "razin2020-norms",
    "li2021-greedy",
    "kwon2024-compressed",
    "yaras2024-subspace",
)


def experiment(name: str) -> Experiment:
    """The experiment of that name. Raises InputError for one that does not exist."""
    if name not in NAMES:
        raise InputError(f"an experiment must be one of {', '.join(NAMES)}, got {name!r}; --list describes them")
    module = importlib.import_module(f"rankfall.experiments.{name.replace('-', '_')}")
    return module.EXPERIMENT


def experiments() -> list[Experiment]:
    """All of them, in the order of the papers."""
    return [experiment(name) for name in NAMES]

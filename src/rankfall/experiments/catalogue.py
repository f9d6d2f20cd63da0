"""Which experiments there are, by the names that the command line knows; each is loaded when it is needed.

Another package adds its own by an entry point of the group `rankfall.experiments`: a name, and the `Experiment`.
"""

import importlib
from importlib.metadata import EntryPoint, entry_points

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
    "gunasekar2017-manifold",
    "arora2018-acceleration",
    "arora2018-convergence",
    "razin2020-norms",
    "li2021-greedy",
    "kwon2024-compressed",
    "yaras2024-subspace",
    "cohen2016-expressiveness",
    "razin2021-components",
    "razin2021-rank-of-data",
    "razin2022-hierarchical",
    "khrulkov2018-recurrent",
    "chou2020-intervals",
    "stoger2021-phases",
    "recovery-phase",
    "recovery-weak",
)


def experiment(name: str) -> Experiment:
    """The experiment of that name. Raises InputError for one that does not exist."""
    others = _of_other_packages()
    if name in others:
        return others[name].load()
    if name not in NAMES:
        known = ", ".join([*NAMES, *others])
        raise InputError(f"an experiment must be one of {known}, got {name!r}; --list describes them")
    module = importlib.import_module(f"rankfall.experiments.{name.replace('-', '_')}")
    return module.EXPERIMENT


def experiments() -> list[Experiment]:
    """All of them: those of the papers in their order, then those of other packages."""
    return [experiment(name) for name in [*NAMES, *_of_other_packages()]]


def _of_other_packages() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="rankfall.experiments")}

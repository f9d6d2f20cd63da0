"""rankfall: matrix completion by deep matrix factorization, and a laboratory for its implicit bias.

    import rankfall as rf
    filled = rf.DeepMatrixFactorization().fit_transform(X)            # NaN marks the unknown entries
    run = rf.evolve(problem, rf.Chain(depth=3), rf.Gaussian(scale=1e-3), rf.Flow(rtol=1e-3))

Names are loaded on first use: importing rankfall costs next to nothing.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "rankfall.errors": ["InputError", "RunWarning"],
    "rankfall.problems": [
        "Absolute", "Completion", "Factorization", "Huber", "Logistic", "Regression", "Sensing", "Squared",
    ],
    "rankfall.models": [
        "Balanced", "Chain", "Diagonal", "EndToEnd", "Gaussian", "Given", "Identity", "Orthogonal", "Residual",
        "Spectral", "Symmetric", "Uniform", "compressed",
    ],
    "rankfall.integrators": [
        "AdaDelta", "AdaGrad", "Adam", "Descent", "Flow", "Gradient", "GroupRMSprop", "Momentum", "ProjectedGradient",
        "Rates", "Reference", "TimeOrderedExponential",
    ],
    "rankfall.trajectory": [
        "Crossing", "Escape", "GreedyPath", "HeldOutRise", "LossBelow", "Record", "GradientBelow", "SingularPaths",
        "Snapshot", "Status", "StepLimit", "TimeReached", "Trajectories", "Trajectory", "evolve", "greedy",
    ],
    "rankfall.estimators": ["DeepMatrixFactorization"],
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'rankfall' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

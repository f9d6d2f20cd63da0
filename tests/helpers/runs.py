"""Small runs: one problem, a chain of depth two, and the integrators that follow it."""

import rankfall as rf
from tests.helpers.planted import planted_problem

SHAPE = (10, 8)
CHAIN = rf.Chain(2)
START = rf.Gaussian(0.1)
DESCENT = rf.Descent(rf.Gradient(0.5))
INTEGRATORS = [
    rf.Flow(rtol=3e-4),
    rf.Flow(rtol=3e-7),
    DESCENT,
    rf.Descent(rf.integrators.GroupRMSprop(2e-2)),
    rf.Reference(rtol=1e-6),
]


def evolve(problem=None, model=CHAIN, start=START, integrator=None, stop=None, verb=rf.evolve, **more):
    return verb(
        problem or planted_problem(SHAPE),
        model,
        start,
        integrator or rf.Flow(),
        stop=stop or rf.LossBelow(1e-4),
        **more,
    )


def evolve_batch(problem=None, **more):
    return evolve(problem, verb=rf.evolve_batch, **more)

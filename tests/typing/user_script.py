"""A user's script: what a type checker learns about a run and about the packages behind `import rankfall as rf`."""

from typing import reveal_type

import numpy as np

import rankfall as rf

table = np.arange(12.0).reshape(4, 3)
problem = rf.Completion.from_array(table)
run = rf.evolve(problem, rf.Chain(depth=3), rf.Gaussian(scale=1e-3), rf.Flow(rtol=1e-3), stop=rf.LossBelow(1e-6))
runs = rf.evolve(problem, rf.Chain(depth=3), rf.Gaussian(scale=1e-3), rf.Flow(rtol=1e-3), seed=[0, 1])
sizes = rf.evolve_batch(problem, rf.Chain(depth=3), rf.Gaussian(scale=[1e-3, 1e-2]), rf.Flow(rtol=1e-3), seed=0)
reveal_type(run)
reveal_type(runs)
reveal_type(sizes)
reveal_type(run.history)
reveal_type(rf.theory.check)
reveal_type(rf.trajectory.Escape)
reveal_type(rf.Chain(depth=3))

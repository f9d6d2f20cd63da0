from . import (
    baselines as baselines,
    cluster as cluster,
    comparison as comparison,
    datasets as datasets,
    estimators as estimators,
    experiments as experiments,
    integrators as integrators,
    models as models,
    pictures as pictures,
    problems as problems,
    recovery as recovery,
    report as report,
    tables as tables,
    theory as theory,
    trajectory as trajectory,
)
from .errors import InputError as InputError, RunWarning as RunWarning
from .estimators import (
    DeepMatrixFactorization as DeepMatrixFactorization,
    DeepTensorCompletion as DeepTensorCompletion,
)
from .integrators import (
    Descent as Descent,
    Flow as Flow,
    Gradient as Gradient,
    Reference as Reference,
)
from .models import (
    CP as CP,
    Balanced as Balanced,
    Chain as Chain,
    Gaussian as Gaussian,
    Identity as Identity,
    Spectral as Spectral,
    Symmetric as Symmetric,
    Train as Train,
    Tree as Tree,
)
from .problems import (
    Completion as Completion,
    Sensing as Sensing,
    TensorCompletion as TensorCompletion,
)
from .recovery import recover as recover
from .trajectory import (
    HeldOutRise as HeldOutRise,
    LossBelow as LossBelow,
    Record as Record,
    StepLimit as StepLimit,
    TimeReached as TimeReached,
    Trajectories as Trajectories,
    Trajectory as Trajectory,
    evolve as evolve,
    evolve_batch as evolve_batch,
)

__version__: str

from . import (
    baselines as baselines,
)
from . import (
    comparison as comparison,
)
from . import (
    datasets as datasets,
)
from . import (
    estimators as estimators,
)
from . import (
    experiments as experiments,
)
from . import (
    integrators as integrators,
)
from . import (
    models as models,
)
from . import (
    pictures as pictures,
)
from . import (
    problems as problems,
    report as report,
)
from . import (
    tables as tables,
)
from . import (
    theory as theory,
)
from . import (
    trajectory as trajectory,
)
from .errors import InputError as InputError
from .errors import RunWarning as RunWarning
from .estimators import DeepMatrixFactorization as DeepMatrixFactorization
from .integrators import (
    Adam as Adam,
)
from .integrators import (
    Descent as Descent,
)
from .integrators import (
    Flow as Flow,
)
from .integrators import (
    Gradient as Gradient,
)
from .integrators import (
    GroupRMSprop as GroupRMSprop,
)
from .integrators import (
    Momentum as Momentum,
)
from .integrators import (
    Reference as Reference,
)
from .models import (
    Balanced as Balanced,
)
from .models import (
    Chain as Chain,
)
from .models import (
    Diagonal as Diagonal,
)
from .models import (
    EndToEnd as EndToEnd,
)
from .models import (
    Gaussian as Gaussian,
)
from .models import (
    Given as Given,
)
from .models import (
    Identity as Identity,
)
from .models import (
    Orthogonal as Orthogonal,
)
from .models import (
    Spectral as Spectral,
)
from .models import (
    Symmetric as Symmetric,
)
from .problems import Completion as Completion
from .problems import Regression as Regression
from .problems import Sensing as Sensing
from .trajectory import (
    HeldOutRise as HeldOutRise,
)
from .trajectory import (
    LossBelow as LossBelow,
)
from .trajectory import (
    Record as Record,
)
from .trajectory import (
    StepLimit as StepLimit,
)
from .trajectory import (
    TimeReached as TimeReached,
)
from .trajectory import (
    Trajectories as Trajectories,
)
from .trajectory import (
    Trajectory as Trajectory,
)
from .trajectory import (
    evolve as evolve,
)

__version__: str

"""The losses that the package carries. Squares are not halved, so that ℓ is the mean squared residual."""

from rankfall.problems.loss import Kernel, Loss
from rankfall.problems.losses.absolute import Absolute
from rankfall.problems.losses.huber import Huber
from rankfall.problems.losses.logistic import Logistic
from rankfall.problems.losses.squared import Squared

__all__ = ["Absolute", "Huber", "Kernel", "Logistic", "Loss", "Squared"]

"""What there is to choose from, and what holding out found of it."""

from dataclasses import dataclass

from rankfall.models.chain import Chain
from rankfall.models.features import observed_features
from rankfall.models.lifted import Lifted
from rankfall.models.model import Model
from rankfall.problems.completion import Completion


@dataclass(frozen=True)
class Candidate:
    """One way to complete the table: a chain, the size of its start, the popularity exponent, and the size of features.

    Parameters
    ----------
    features : float
        Of `observed_features`, 0 for none.
    scaling : str
        How the table is read, of `rankfall.estimators.scalings`.
    """

    depth: int
    width: int
    scale: float
    popularity: float
    features: float = 0.0
    scaling: str = "auto"

    def model(self, problem: Completion) -> Model:
        """The chain, with the features of the problem's own mask where there are any."""
        chain = Chain(self.depth, min(self.width, *problem.shape))
        return Lifted(chain, *observed_features(problem, self.features)) if self.features else chain


@dataclass(frozen=True)
class Trial:
    """What holding out found for a candidate: the best time, and the error there.

    That is the root mean squared error in spreads of the columns, or, for other losses than squares, their mean in
    units.

    Parameters
    ----------
    is_given_up : bool
        Whether it fell behind another and was not followed to its best.
    curve : tuple[tuple[float, float], ...]
        Times and errors on the held-out entries along the run, in the times and the measure of `time` and `error`.
    """

    candidate: Candidate
    time: float
    error: float
    seconds: float
    evaluations: int
    is_given_up: bool = False
    curve: tuple[tuple[float, float], ...] = ()

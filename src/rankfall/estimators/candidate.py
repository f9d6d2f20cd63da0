"""What there is to choose from, and what holding out found of it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """One way to complete the table: a chain, the size of its start, the popularity exponent, and the size of features.

    Parameters
    ----------
    depth : int or float
        Layers of the chain; infinity for the limit of depth and time (`rankfall.estimators.limit`), whose width is the
        rank found, and whose scale the smallest on its path.
    features : float
        Of `observed_features`, 0 for none.
    scaling : str
        How the table is read, of `rankfall.estimators.scalings`.
    """

    depth: int | float
    width: int
    scale: float
    popularity: float
    features: float = 0.0
    scaling: str = "auto"

    @property
    def is_limit(self) -> bool:
        """Whether it is the limit of depth and time."""
        return math.isinf(self.depth)


@dataclass(frozen=True)
class Trial:
    """What holding out found for a candidate: the best time, and the error there.

    That is the root mean squared error in spreads of the columns, or, for other losses than squares, their mean in
    units.

    Parameters
    ----------
    time : float
        Of the lowest held-out error; infinity for the limit.
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

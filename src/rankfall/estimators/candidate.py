"""What there is to choose from, and what holding out found of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """One way to complete the table: a chain, the size of its start, the popularity exponent, and the size of features.

    features: of `observed_features`, 0 for none.
    """

    depth: int
    width: int
    scale: float
    popularity: float
    features: float = 0.0


@dataclass(frozen=True)
class Trial:
    """What holding out found for a candidate: the best time, and the error there.

    That is the root mean squared error in input units, or, for other losses than squares, their mean in units.
    is_given_up: whether it fell behind another and was not followed to its best.
    """

    candidate: Candidate
    time: float
    error: float
    seconds: float
    evaluations: int
    is_given_up: bool = False

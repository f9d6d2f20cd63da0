"""What an event reports."""

from typing import NamedTuple


class Occurrence(NamedTuple):
    """What happened (`name`), to which component (`index`, from 0), and when (`time`, flow time)."""

    name: str
    index: int
    time: float

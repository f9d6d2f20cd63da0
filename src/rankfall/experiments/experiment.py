"""An experiment: one table or figure of a paper, as parts to compute, data to gather, claims to judge, panels to draw.

A part is a pure function of plain parameters, seeds among them, and returns arrays. Parts know nothing of each other,
so they may run in any order, in several processes, today and tomorrow; `store` keeps what each returned. Everything
else is derived from the arrays and costs nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from rankfall.experiments.panel import Panel
from rankfall.theory.claim import Claim

if TYPE_CHECKING:
    import xarray

Arrays = dict[str, np.ndarray]

S = TypeVar("S")


@dataclass(frozen=True)
class Part:
    """One unit of work: `function(**parameters)`, a module's own function of JSON values, returning arrays by name.

    Parameters
    ----------
    needs_data : bool
        The function also takes `data`, the folder with real data sets (None: cache or download).
    """

    function: Callable[..., Arrays]
    parameters: dict[str, Any] = field(default_factory=dict)
    needs_data: bool = False


@dataclass(frozen=True)
class Experiment(Generic[S]):
    """One table or figure.

    Parameters
    ----------
    name : str
        As the command line knows it.
    title : str
        What it shows, in a line.
    source : str
        Key and place in the paper.
    quick, full : S
        Two setups, frozen dataclasses of the experiment's own; the quick one takes minutes at most.
    parts : Callable[[S], Sequence[Part]]
        Setup → the parts, in the order in which `gather` gets their results.
    gather : Callable[[S, Sequence[Arrays]], 'xarray.Dataset']
        Setup, results → labelled data.
    claims, panels : Callable[['xarray.Dataset'], Sequence[Claim]]
        From that data alone.
    columns : int
        Panels in a row of the figure.
    """

    name: str
    title: str
    source: str
    quick: S
    full: S
    parts: Callable[[S], Sequence[Part]]
    gather: Callable[[S, Sequence[Arrays]], "xarray.Dataset"]
    claims: Callable[["xarray.Dataset"], Sequence[Claim]]
    panels: Callable[["xarray.Dataset"], Sequence[Panel]]
    columns: int = 4

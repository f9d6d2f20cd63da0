"""What all pictures share: paper to draw on, a color for every depth, and the problem most of them run on."""

from typing import Any

from matplotlib.figure import Figure

import rankfall as rf
from rankfall.datasets import planted, uniform_entries

COLORS = {1: "#8a8f98", 2: "#37618e", 3: "#c4442a", 4: "#3f8f5b", 5: "#a8792b"}
RUN, SECOND, THIRD, FAINT = COLORS[2], COLORS[3], COLORS[4], "0.75"
THEORY: dict[str, Any] = {"color": "black", "linewidth": 1.1, "linestyle": (0, (4, 3)), "zorder": 4}


def axes(x: str, y: str, columns: int = 1, **settings: Any) -> tuple[Figure, Any]:
    """A figure and its axes; `x` and `y` label the first, `settings` go to every one."""
    figure = Figure(figsize=(6.4, 3.7), layout="constrained")
    drawn = figure.subplots(1, columns, squeeze=False)[0]
    for axis in drawn:
        axis.set(**settings)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.set_xlabel(x, fontsize=9)
    drawn[0].set_ylabel(y, fontsize=9)
    return figure, drawn[0] if columns == 1 else drawn


def legend(axis: Any, place: str = "best", **settings: Any) -> None:
    """A legend without a frame."""
    axis.legend(frameon=False, fontsize=8, loc=place, **settings)


def completion(shape: tuple[int, int] = (12, 10), rank: int = 2, share: float = 0.6, seed: int = 0) -> rf.Completion:
    """A planted matrix of which a share of the entries is observed."""
    truth = planted(shape, rank, seed=seed)
    rows, cols = uniform_entries(shape, round(share * truth.size), seed=seed + 1)
    return rf.Completion.from_triplets(rows, cols, truth[rows, cols], shape, truth=truth)

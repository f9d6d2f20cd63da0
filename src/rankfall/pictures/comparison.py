"""Methods compared: each one's error as a dot with its spread over repeats, best on top, its seconds beside it.

`frame` gives the numbers, `plot` draws them on two axes of yours or its own, `save` writes a PNG whole or not at all.
Methods without a measurement are not drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rankfall.comparison import Comparison
from rankfall.errors import InputError

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure


_OURS, _OTHERS = "#c4442a", "#37618e"
# Errors or seconds that span more than this are drawn on a logarithmic axis.
_WIDE = 10.0
_DPI = 150


@dataclass(frozen=True, eq=False)
class ComparisonPicture:
    """The measured rows of a `Comparison`.

    Raises InputError where no method was measured.
    """

    comparison: Comparison

    def __post_init__(self) -> None:
        if not self.comparison.measured:
            raise InputError("a picture of a comparison needs a method that was measured, got none; see their reasons")

    def frame(self) -> dict[str, Any]:
        """title → list of methods; error, spread (NaN for one repeat) and seconds → arrays, best first."""
        rows = self.comparison.measured
        numbers = {name: np.array([getattr(row, name) for row in rows]) for name in ("error", "spread", "seconds")}
        return {"title": [row.title for row in rows], **numbers}

    def plot(
        self, axes: "Sequence[matplotlib.axes.Axes] | np.ndarray | None" = None
    ) -> "matplotlib.figure.Figure | matplotlib.figure.SubFigure":
        """Draw the errors on the first of two axes and the seconds on the second; returns the figure."""
        drawn = self.frame()
        count = len(drawn["title"])
        left, right = _own_axes(count) if axes is None else axes
        places = np.arange(count)
        colors = [_OURS if row.method == "rankfall" else _OTHERS for row in self.comparison.measured]
        reach = np.nan_to_num(drawn["spread"])
        left.hlines(places, drawn["error"] - reach, drawn["error"] + reach, colors, linewidth=2)
        left.scatter(drawn["error"], places, c=colors, s=28, zorder=3)
        right.scatter(drawn["seconds"], places, c=colors, s=28, zorder=3)
        for place, seconds in zip(places, drawn["seconds"], strict=True):
            right.annotate(
                f"{seconds:.2g}", (seconds, place), (6, 0), textcoords="offset points", va="center", fontsize=7
            )
        for axis in (left, right):
            axis.set_ylim(count - 0.5, -0.5)
            axis.grid(axis="y", color="0.92")
            axis.tick_params(labelsize=8, length=0, axis="y")
            axis.tick_params(labelsize=8, axis="x")
            axis.spines[["top", "right", "left"]].set_visible(False)
        left.set_yticks(places, drawn["title"])
        right.set_yticks(places, [""] * count)
        if _is_wide(drawn["error"]):
            left.set_xscale("log")
        if _is_wide(drawn["seconds"]):
            right.set_xscale("log")
        right.margins(x=0.2)
        repeats = self.comparison.repeats
        spread = f", ± spread of {repeats}" if repeats > 1 else ""
        left.set_xlabel(f"root mean squared error, held out{spread}", fontsize=8)
        right.set_xlabel("seconds", fontsize=8)
        return left.figure

    def save(self, path: Path | str) -> None:
        """Draw to a PNG file."""
        from rankfall.tables import replacing

        figure = self.plot()
        with replacing(path) as scratch:
            figure.figure.savefig(scratch, format="png", dpi=_DPI)


def _own_axes(count: int) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 0.8 + 0.3 * count), layout="constrained")
    return figure.subplots(1, 2, width_ratios=[3, 1.6])


def _is_wide(values: np.ndarray) -> bool:
    return bool(values.min() > 0 and values.max() > _WIDE * values.min())

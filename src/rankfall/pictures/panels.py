"""A figure of a paper: the panels of an experiment side by side.

`frame` gives the numbers behind every curve, `plot` draws them, `save` writes PNG or SVG, whole or not at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rankfall.errors import InputError
from rankfall.experiments.panel import Curve, Panel

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure


FORMATS = (".png", ".svg")
_COLORS = ("#37618e", "#c4442a", "#4b8b4f", "#8a5ea3", "#b8860b", "#3b8f99", "#8c4b32", "#6b6b6b", "#c06c9b", "#93a846")
_LEVEL = "0.45"
_DPI = 150
_COLUMNS, _TICKS = 4, 5


@dataclass(frozen=True, eq=False)
class PanelsPicture:
    """The panels of an experiment, at most `columns` of them in a row."""

    panels: Sequence[Panel]
    columns: int = _COLUMNS

    def frame(self) -> dict[str, dict[str, dict[str, np.ndarray]]]:
        """Panel title → curve label → x, y, spread."""
        return {panel.title: panel.frame() for panel in self.panels}

    def plot(
        self, axes: "Sequence[matplotlib.axes.Axes] | np.ndarray | None" = None
    ) -> "matplotlib.figure.Figure | matplotlib.figure.SubFigure":
        """Draw each panel on one of `axes`, or on axes of its own; returns the figure."""
        axes = self._own_axes() if axes is None else np.asarray(axes, dtype=object).ravel()
        for axis, panel in zip(axes, self.panels, strict=True):
            _draw(axis, panel)
        return axes[0].figure

    def save(self, path: Path | str) -> None:
        """Draw to a PNG or SVG file, by its extension."""
        from rankfall.tables import replacing

        kind = Path(path).suffix.lower()
        if kind not in FORMATS:
            raise InputError(f"a figure is written as {' or '.join(FORMATS)}, got {str(path)!r}; rename it")
        figure = self.plot()
        with replacing(path) as scratch:
            figure.figure.savefig(scratch, format=kind[1:], dpi=_DPI)

    def _own_axes(self) -> np.ndarray:
        from matplotlib.figure import Figure

        down = math.ceil(len(self.panels) / self.columns)
        across = math.ceil(len(self.panels) / down)
        figure = Figure(figsize=(3.4 * across, 2.9 * down), layout="constrained")
        axes = np.ravel(figure.subplots(down, across, squeeze=False))
        for spare in axes[len(self.panels) :]:
            spare.remove()
        return axes[: len(self.panels)]


def _draw(axis: "matplotlib.axes.Axes", panel: Panel) -> None:
    for place, curve in enumerate(panel.curves):
        color = _COLORS[(place if curve.color is None else curve.color) % len(_COLORS)]
        _draw_curve(axis, curve, color)
    for label, height in panel.levels.items():
        axis.axhline(height, color=_LEVEL, linewidth=1, linestyle=(0, (4, 2)), label=label, zorder=1)
    axis.set_xscale("log" if "x" in panel.logs else "linear")
    axis.set_yscale("log" if "y" in panel.logs else "linear")
    if panel.limits is not None:
        axis.set_ylim(*panel.limits)
    if panel.ticks is None and "x" not in panel.logs:
        axis.locator_params(axis="x", nbins=5)
    if panel.ticks is not None:
        axis.set_xticks(list(panel.ticks), list(panel.ticks.values()), rotation=30, ha="right")
        axis.margins(x=0.15)
    elif "x" not in panel.logs:
        axis.locator_params(axis="x", nbins=_TICKS)
    axis.set_title(panel.title, fontsize=9)
    axis.set_xlabel(panel.x_label, fontsize=8)
    axis.set_ylabel(panel.y_label, fontsize=8)
    axis.tick_params(which="both", labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    if any(curve.label for curve in panel.curves) or panel.levels:
        axis.legend(fontsize=6.5, frameon=False)


def _draw_curve(axis: "matplotlib.axes.Axes", curve: Curve, color: str) -> None:
    looks: dict[str, Any] = {"color": color, "linewidth": 1.3, "label": curve.label or None}
    if curve.style in ("dots", "marked"):
        looks |= {"marker": "o", "markersize": 3.5}
    if curve.style == "dots":
        looks["linestyle"] = "none"
    elif curve.style == "dashed":
        looks["linestyle"] = (0, (4, 2))
    elif curve.style == "steps":
        looks["drawstyle"] = "steps-post"
    if curve.spread is None:
        axis.plot(curve.x, curve.y, **looks)
    else:
        axis.errorbar(curve.x, curve.y, curve.spread, capsize=2, elinewidth=0.8, **looks)

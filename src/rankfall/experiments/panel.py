"""What a figure of a paper shows, as numbers: panels of curves over named axes.

An experiment returns panels. They contain all numbers that are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

STYLES = ("line", "dashed", "dots", "marked", "steps")


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a panel.

    Parameters
    ----------
    x, y : ArrayLike
        Numbers of one length.
    label : str
        Its name in the legend, empty for none.
    style : str
        "line", "dashed", "dots" (points alone), "marked" (points joined by a line) or "steps".
    spread : ArrayLike, optional
        Half the length of an error bar at each point, or (2, points) below and above; None for none.
    color : int, optional
        Curves of one color number belong together; None takes the next.
    """

    x: ArrayLike
    y: ArrayLike
    label: str = ""
    style: str = "line"
    spread: ArrayLike | None = None
    color: int | None = None


@dataclass(frozen=True, eq=False)
class Panel:
    """A pair of axes with its curves.

    Parameters
    ----------
    logs : str
        Which axes are logarithmic, "", "x", "y" or "xy".
    levels : dict[str, float]
        Label → height of a horizontal reference line.
    limits : tuple[float, float], optional
        Of the y axis, where the data's own would hide the message.
    ticks : dict[float, str], optional
        Place on the x axis → its name.
    """

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    logs: str = ""
    levels: dict[str, float] = field(default_factory=dict)
    limits: tuple[float, float] | None = None
    ticks: dict[float, str] | None = None

    def frame(self) -> dict[str, dict[str, np.ndarray]]:
        """label (or the curve's number) → x, y and spread, as arrays."""
        frames = {}
        for place, curve in enumerate(self.curves):
            numbers = {"x": np.asarray(curve.x), "y": np.asarray(curve.y)}
            if curve.spread is not None:
                numbers["spread"] = np.asarray(curve.spread)
            frames[curve.label or str(place)] = numbers
        return frames

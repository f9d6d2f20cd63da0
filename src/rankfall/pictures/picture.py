"""What every picture can do: give its numbers, draw them on axes, and save them whole or not at all.

Colors are those of Okabe and Ito, told apart with any color vision; lines differ in dashes too, and so in grey. Words
of the user's are set as they are, without TeX.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rankfall.errors import InputError
from rankfall.trajectory import Trajectory

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure


# Blue, vermilion, green, purple, orange, sky, black.   [okabe2008]
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
LEVEL = "0.45"
FORMATS = (".png", ".svg", ".pdf")
_DPI = 150


class Picture(ABC):
    """A display: `frame` gives the numbers, `plot` draws them, `save` writes a file.

    Attributes
    ----------
    size : tuple[float, float]
        Width and height of a figure of its own, inches.
    """

    size: ClassVar[tuple[float, float]] = (6.4, 4.0)

    @abstractmethod
    def frame(self) -> dict[str, np.ndarray]:
        """The numbers that are drawn, by name."""

    @abstractmethod
    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """Draw on matplotlib axes."""

    def plot(self, ax: "matplotlib.axes.Axes | None" = None) -> "matplotlib.axes.Axes":
        """Draw on `ax`, or on axes of a new figure; returns the axes."""
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=self.size, layout="constrained").subplots()
        self.draw(ax)
        ax.tick_params(which="both", labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        return ax

    def save(self, path: Path | str) -> None:
        """Draw to a PNG, SVG or PDF file, by its extension."""
        save_figure(self.plot().figure, path)


def save_figure(figure: "matplotlib.figure.Figure | matplotlib.figure.SubFigure", path: Path | str) -> None:
    """Write a figure, whole or not at all. Raises InputError for a name that does not end in a known format."""
    from rankfall.tables import replacing

    kind = Path(path).suffix.lower()
    if kind not in FORMATS:
        raise InputError(f"a picture is written as one of {', '.join(FORMATS)}, got {str(path)!r}; rename it")
    with replacing(path) as scratch:
        figure.figure.savefig(scratch, format=kind[1:], dpi=_DPI)


def literal(text: object) -> str:
    """Text for matplotlib without TeX: dollar signs are escaped, control characters become spaces."""
    shown = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return shown.replace("$", r"\$")


def look(place: int) -> dict[str, Any]:
    """Color and dashes of the curve at a place: no two of the first seven share a color, no two of four dashes."""
    return {"color": COLORS[place % len(COLORS)], "linestyle": DASHES[place % len(DASHES)], "linewidth": 1.5}


def recorded(run: Trajectory, *names: str) -> dict[str, np.ndarray]:
    """Those of the names that a run recorded, with the time. Raises InputError where none of them is there."""
    found = {name: np.asarray(run.history[name], dtype=np.float64) for name in names if name in run.history}
    if not found:
        raise InputError(
            f"the picture needs {' or '.join(names)} recorded, got {', '.join(run.history)}; "
            f"run with Record({names[0]}=True)"
        )
    if run.history["time"].size < 2:
        raise InputError("a picture of a path needs two records or more, got 1; let the run move")
    return {"time": np.asarray(run.history["time"], dtype=np.float64), **found}


def curves(
    ax: "matplotlib.axes.Axes", drawn: dict[str, np.ndarray], labels: dict[str, str], *, log: bool = False
) -> None:
    """Draw the labelled of the numbers over their time, with a legend where there are several."""
    for place, name in enumerate(name for name in labels if name in drawn):
        ax.plot(drawn["time"], drawn[name], label=labels[name], **look(place))
    if log:
        ax.set_yscale("log")
    ax.set_xlabel("flow time", fontsize=9)
    ax.margins(x=0.01)
    if sum(name in drawn for name in labels) > 1:
        legend(ax)


def legend(ax: "matplotlib.axes.Axes") -> None:
    """A legend without a frame."""
    ax.legend(frameon=False, fontsize=8)

"""A table before and after: holes, completion, and the truth where it is known.

`frames` gives the numbers of each panel, `plot` draws them on axes of yours or its own, `save` writes a PNG whole or
not at all. In a figure of its own every entry is a whole number of pixels, and nothing is wasted on margins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure


_HIDDEN = "#a9c4de"
# Pixels: a panel's longer side if entries can be enlarged to it, the least height and width, the title, and the gap.
_SIDE, _LEAST, _TITLE, _GAP = 640, (96, 320), 36, 12
_LONGEST = 1280
_DPI = 150


@dataclass(frozen=True, eq=False)
class CompletionPicture:
    """Panels of one table: `holes` (m, n) with NaN, `filled` (m, n), and `truth` (m, n) or None.

    Raises InputError where the shapes differ.
    """

    holes: Float[np.ndarray, "m n"]
    filled: Float[np.ndarray, "_ _"]
    truth: Float[np.ndarray, "_ _"] | None = None

    def __post_init__(self) -> None:
        for name, values in (("filled", self.filled), ("truth", self.truth)):
            if values is not None and values.shape != self.holes.shape:
                raise InputError(
                    f"{name} must have the shape of the table, {self.holes.shape}, got {values.shape}; "
                    "panels show the same entries"
                )

    def frames(self) -> dict[str, Float[np.ndarray, "_ _"]]:
        """Title → the values drawn, thinned to at most 1280 rows and columns."""
        share = 100 * float(np.mean(~np.isnan(self.holes)))
        panels = {f"{share:.3g} % observed, hidden in blue": self.holes, "completed": self.filled}
        if self.truth is not None:
            panels["truth"] = self.truth
        row_step, column_step = (-(-size // _LONGEST) for size in self.holes.shape)
        return {title: values[::row_step, ::column_step] for title, values in panels.items()}

    def plot(
        self, axes: "Sequence[matplotlib.axes.Axes] | np.ndarray | None" = None
    ) -> "matplotlib.figure.Figure | matplotlib.figure.SubFigure":
        """Draw one panel an axis, all on one gray scale that spans the observed values; returns the figure."""
        panels = self.frames()
        axes = _tight_axes(panels) if axes is None else axes
        low, high = np.nanquantile(self.holes, [0.005, 0.995])
        for axis, (title, values) in zip(axes, panels.items(), strict=True):
            axis.imshow(
                np.ma.masked_invalid(values), cmap="gray", vmin=low, vmax=high, aspect="auto", interpolation="nearest"
            )
            axis.set_facecolor(_HIDDEN)
            axis.set_title(title, fontsize=9, pad=4)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(color="0.7", linewidth=0.5)
        return axes[0].figure

    def save(self, path: Path | str) -> None:
        """Draw to a PNG file."""
        from rankfall.tables import replacing

        figure = self.plot()
        with replacing(path) as scratch:
            figure.figure.savefig(scratch, format="png", dpi=_DPI)


def _tight_axes(panels: dict[str, np.ndarray]) -> list[Any]:
    """Axes side by side in a figure that fits them, each entry as many whole pixels high and wide as suit."""
    from matplotlib.figure import Figure

    rows, columns = next(iter(panels.values())).shape
    enlarged = max(1, _SIDE // max(rows, columns))
    # a short side is stretched beyond that, so that titles fit and single rows can be seen
    height, width = (
        size * max(enlarged, -(-least // size)) for size, least in zip((rows, columns), _LEAST, strict=True)
    )
    whole = (_GAP + len(panels) * (width + _GAP), _TITLE + height + _GAP)
    figure = Figure(figsize=(whole[0] / _DPI, whole[1] / _DPI))
    return [
        figure.add_axes(
            ((_GAP + place * (width + _GAP)) / whole[0], _GAP / whole[1], width / whole[0], height / whole[1])
        )
        for place in range(len(panels))
    ]

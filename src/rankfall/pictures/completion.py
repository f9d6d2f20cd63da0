"""A table before and after: holes, completion, and the truth where it is known.

`frames` gives the numbers of each panel, `plot` draws them on axes of yours or its own, `save` writes a PNG whole or
not at all.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

_LONGEST = 2000


@dataclass(frozen=True, eq=False)
class CompletionPicture:
    """Panels of one table: `holes` (m, n) with NaN, `filled` (m, n), and `truth` (m, n) or None."""

    holes: Float[np.ndarray, "m n"]
    filled: Float[np.ndarray, "m n"]
    truth: Float[np.ndarray, "m n"] | None = None

    def frames(self) -> dict[str, np.ndarray]:
        """Title → the values drawn, thinned to at most 2000 rows and columns."""
        shown = float(np.mean(~np.isnan(self.holes)))
        panels = {f"observed, {100 * shown:.0f} %": self.holes, "completed": self.filled}
        if self.truth is not None:
            panels["truth"] = self.truth
        steps = [-(-size // _LONGEST) for size in self.holes.shape]
        return {title: values[:: steps[0], :: steps[1]] for title, values in panels.items()}

    def plot(self, axes: Any = None) -> Any:
        """Draw one panel an axis, all on one color scale; returns the figure."""
        from matplotlib.figure import Figure

        panels = self.frames()
        if axes is None:
            m, n = self.holes.shape
            panel_height = float(np.clip(4 * m / n, 1.5, 8))
            figure = Figure(figsize=(4 * len(panels), panel_height + 0.4), layout="constrained")
            axes = figure.subplots(1, len(panels))
        low, high = np.nanquantile(self.holes, [0.005, 0.995])
        is_small = max(self.holes.shape) < 200
        for axis, (title, values) in zip(axes, panels.items(), strict=True):
            axis.imshow(
                np.ma.masked_invalid(values), cmap="gray", vmin=low, vmax=high, aspect="equal" if not is_small else "auto",
                interpolation="nearest",
            )  # fmt: skip
            axis.set_facecolor("#7a1f1f")
            axis.set_title(title)
            axis.set_xticks([])
            axis.set_yticks([])
        return axes[0].figure

    def save(self, path: Path | str) -> None:
        """Draw to a PNG file."""
        from rankfall.tables import replacing

        figure = self.plot()
        with replacing(path) as scratch:
            figure.savefig(scratch, format="png", dpi=150)

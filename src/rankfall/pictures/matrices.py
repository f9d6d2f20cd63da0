"""Matrices as heat maps: the layers of a chain, and a completion with its mask and its residual."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.pictures.picture import save_figure
from rankfall.trajectory import Trajectory

if TYPE_CHECKING:
    import matplotlib.axes


@dataclass(frozen=True, eq=False)
class LayersPicture:
    """The layers W_1 … W_N of a run side by side, on one scale."""

    run: Trajectory

    def frame(self) -> dict[str, Float[np.ndarray, "_ _"]]:
        """Title → layer, W_1 first."""
        return {f"W_{j}": to_numpy(layer) for j, layer in enumerate(self.run.layers, start=1)}

    def plot(
        self, axes: "Sequence[matplotlib.axes.Axes] | np.ndarray | None" = None
    ) -> "Sequence[matplotlib.axes.Axes] | np.ndarray":
        """One panel a layer; returns the axes."""
        panels = {f"$W_{{{j}}}$": layer for j, layer in enumerate(self.frame().values(), start=1)}
        return _heat_maps(panels, axes, {})

    def save(self, path: Path | str) -> None:
        """Draw to a PNG, SVG or PDF file."""
        save_figure(self.plot()[0].figure, path)


@dataclass(frozen=True, eq=False)
class ResidualPicture:
    """Observed entries, which they are, the completion, and what is left on them: observed − completed.

    Parameters
    ----------
    observed : ndarray
        (m, n) with NaN for the unknown.
    completed : ndarray
        (m, n).

    Raises
    ------
    InputError
        Where the shapes differ.
    """

    observed: Float[np.ndarray, "_ _"]
    completed: Float[np.ndarray, "_ _"]

    def __post_init__(self) -> None:
        if self.observed.shape != self.completed.shape:
            raise InputError(
                f"completed must have the shape of the observed, {self.observed.shape}, got {self.completed.shape}; "
                "panels show the same entries"
            )

    def frame(self) -> dict[str, Float[np.ndarray, "_ _"]]:
        """Title → values: observed, mask (1 where observed), completed, residual (NaN where unknown)."""
        return {
            "observed": self.observed, "mask": (~np.isnan(self.observed)).astype(float),
            "completed": self.completed, "residual": self.observed - self.completed,
        }  # fmt: skip

    def plot(
        self, axes: "Sequence[matplotlib.axes.Axes] | np.ndarray | None" = None
    ) -> "Sequence[matplotlib.axes.Axes] | np.ndarray":
        """Four panels; the residual on a scale of its own, around zero. Returns the axes."""
        drawn = self.frame()
        low, high = (float(limit(self.observed)) for limit in (np.nanmin, np.nanmax))
        reach = float(np.nanmax(np.abs(drawn["residual"]))) or 1.0
        limits = {"observed": (low, high), "completed": (low, high), "mask": (0.0, 1.0), "residual": (-reach, reach)}
        return _heat_maps(drawn, axes, limits)

    def save(self, path: Path | str) -> None:
        """Draw to a PNG, SVG or PDF file."""
        save_figure(self.plot()[0].figure, path)


def _heat_maps(
    panels: dict[str, np.ndarray],
    axes: "Sequence[matplotlib.axes.Axes] | np.ndarray | None",
    limits: dict[str, tuple[float, float]],
) -> "Sequence[matplotlib.axes.Axes] | np.ndarray":
    if axes is None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(2.4 * len(panels) + 0.6, 2.9), layout="constrained")
        axes = np.ravel(figure.subplots(1, len(panels), squeeze=False))
    reach = max(float(np.nanmax(np.abs(values))) for values in panels.values()) or 1.0
    for ax, (title, values) in zip(axes, panels.items(), strict=True):
        low, high = limits.get(title, (-reach, reach))
        # cividis: lightness rises with the value, with any color vision and in grey   [nunez2018]
        shown = ax.imshow(
            np.ma.masked_invalid(values), cmap="cividis", vmin=low, vmax=high, interpolation="nearest", aspect="auto"
        )
        ax.set_facecolor("0.9")
        ax.set_title(title, fontsize=9)
        ax.set(xticks=[], yticks=[])
        bar = ax.figure.colorbar(shown, ax=ax, orientation="horizontal", pad=0.03, ticks=[low, (low + high) / 2, high])
        bar.set_ticklabels([f"{value:.2g}" for value in (low, (low + high) / 2, high)], fontsize=7)
    return axes

"""A run as a moving picture: W(t) beside its singular values, as GIF or MP4."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.pictures.picture import COLORS, recorded
from rankfall.trajectory import Trajectory

_DPI = 90


@dataclass(frozen=True, eq=False)
class Animation:
    """W and its singular values over flow time; `run` is recorded with `Record(singular_values=True, vectors=True)`.

    Parameters
    ----------
    frames : int
        How many moments are drawn at most.

    Raises
    ------
    InputError
        Where the vectors were not recorded.
    """

    run: Trajectory
    frames: int = 60

    def __post_init__(self) -> None:
        recorded(self.run, "left_vectors")
        if self.frames < 2:
            raise InputError(f"an animation needs two frames or more, got {self.frames}; 60 is usual")

    def frame(self) -> dict[str, np.ndarray]:
        """time (f,), product (f, m, n), singular_values (f, k)."""
        history = self.run.history
        kept = np.unique(np.linspace(0, history["time"].size - 1, self.frames).round().astype(int))
        left, values, right = (history[name][kept] for name in ("left_vectors", "singular_values", "right_vectors"))
        product = (left * values[:, None, :]) @ np.swapaxes(right, -1, -2)
        return {"time": history["time"][kept], "product": product, "singular_values": values}

    def plot(self) -> Any:
        """A matplotlib animation."""
        from matplotlib.animation import FuncAnimation
        from matplotlib.figure import Figure

        drawn = self.frame()
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        image_axis, axis = figure.subplots(1, 2, width_ratios=[1, 1.5])
        reach = float(np.quantile(np.abs(drawn["product"][-1]), 0.99)) or 1.0
        image = image_axis.imshow(drawn["product"][0], cmap="cividis", vmin=-reach, vmax=reach, interpolation="nearest")
        image_axis.set(xticks=[], yticks=[], title="W")
        lines = [
            axis.plot([], [], color=COLORS[min(r, 5)], linewidth=1.8 if r < 5 else 0.8)[0]
            for r in range(drawn["singular_values"].shape[1])
        ]
        axis.set(xlim=(0, drawn["time"][-1]), ylim=(0, 1.05 * drawn["singular_values"].max()))
        axis.set_xlabel("flow time", fontsize=9)
        axis.set_ylabel("singular values of W", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)

        def show(k: int) -> list[Any]:
            image.set_data(drawn["product"][k])
            for r, line in enumerate(lines):
                line.set_data(drawn["time"][: k + 1], drawn["singular_values"][: k + 1, r])
            return [image, *lines]

        return FuncAnimation(figure, show, frames=drawn["time"].size, interval=60, blit=False)

    def save(self, path: Path | str) -> None:
        """Write a GIF, or an MP4 where FFmpeg is installed, whole or not at all."""
        from matplotlib.animation import FFMpegWriter, PillowWriter

        from rankfall.tables import replacing

        kind = Path(path).suffix.lower()
        if kind not in (".gif", ".mp4"):
            raise InputError(f"an animation is written as .gif or .mp4, got {str(path)!r}; rename it")
        if kind == ".mp4" and shutil.which("ffmpeg") is None:
            raise InputError("an MP4 needs FFmpeg, which is not installed; install it, or write a .gif")
        writer = PillowWriter(fps=15) if kind == ".gif" else FFMpegWriter(fps=15)
        with replacing(path) as scratch:
            self.plot().save(scratch, writer=writer, dpi=_DPI)

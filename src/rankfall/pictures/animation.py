"""A run as a moving picture: W(t) beside its singular values, as GIF or MP4."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rankfall.errors import InputError
from rankfall.pictures.picture import COLORS, recorded
from rankfall.trajectory import Trajectory

if TYPE_CHECKING:
    import matplotlib.figure

_DPI = 90
# How often the last frame is shown: once at the start, so that a picture that stands still shows the end, and for a
# second and a half before the animation begins anew.
_REST = 22


@dataclass(frozen=True, eq=False)
class Animation:
    """W and its singular values over flow time, beginning with the last frame.

    `run` is recorded with `Record(singular_values=True, vectors=True)`.

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

        figure, show, count = self._drawn()
        order = [count - 1, *range(count - 1), *[count - 1] * _REST]
        return FuncAnimation(figure, show, frames=order, init_func=lambda: show(count - 1), interval=60, blit=False)

    def _drawn(self) -> "tuple[matplotlib.figure.Figure, Callable[[int], list[Any]], int]":
        """A figure, a function that draws frame k on it, and the number of frames."""
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

        return figure, show, drawn["time"].size

    def save(self, path: Path | str) -> None:
        """Write a GIF, an MP4 where FFmpeg is installed, or the last frame as PNG; whole or not at all."""
        from matplotlib.animation import FFMpegWriter, PillowWriter

        from rankfall.tables import replacing

        kind = Path(path).suffix.lower()
        if kind not in (".gif", ".mp4", ".png"):
            raise InputError(f"an animation is written as .gif, .mp4 or .png, got {str(path)!r}; rename it")
        if kind == ".mp4" and shutil.which("ffmpeg") is None:
            raise InputError("an MP4 needs FFmpeg, which is not installed; install it, or write a .gif")
        with replacing(path) as scratch:
            if kind == ".png":
                figure, show, count = self._drawn()
                show(count - 1)
                figure.savefig(scratch, format="png", dpi=_DPI)
            else:
                writer = PillowWriter(fps=15) if kind == ".gif" else FFMpegWriter(fps=15)
                self.plot().save(scratch, writer=writer, dpi=_DPI)

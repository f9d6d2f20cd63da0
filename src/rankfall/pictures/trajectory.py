"""Singular values along a run: plateaus, escapes one by one, and where each ends.

`frame` gives the numbers, `plot` draws them on axes of yours or its own, `save` writes a PNG whole or not at all. Where
the run recorded vectors, each line is one triplet followed through crossings, with its sign; without, one rank in the
order of size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.trajectory import SingularPaths, Trajectory

_LEARNT, _REST, _MARK = "#37618e", "0.75", "#c4442a"
# A run that goes on for so many times its last escape is drawn on a logarithmic axis of time.
_LONG = 4.0
_DPI = 150


@dataclass(frozen=True, eq=False)
class SingularValuesPicture:
    """σ_r of W over flow time, escapes marked; `run` is recorded with `Record(singular_values=…)`.

    Escapes are those of `Record(events=[Escape()])`, and may be none. Raises InputError where no singular values were
    recorded, or at a single time.
    """

    run: Trajectory

    def __post_init__(self) -> None:
        if "singular_values" not in self.run.history:
            raise InputError(
                f"a picture of singular values needs them recorded, got {', '.join(self.run.history)}; "
                "run with Record(singular_values=True)"
            )
        if self.run.history["time"].size < 2:
            raise InputError("a picture of a path needs two records or more, got 1; let the run move")

    def frame(self) -> dict[str, np.ndarray]:
        """time (t,), singular_values (t, k), escape_time, escape_index and escape_value (one for each escape)."""
        history = self.run.history
        sizes = history["singular_values"]
        escapes = [event for event in self.run.events if event.name == "escape" and event.index < sizes.shape[1]]
        times = np.asarray([event.time for event in escapes])
        index = np.asarray([event.index for event in escapes], dtype=int)
        values = [np.interp(time, history["time"], sizes[:, r]) for time, r in zip(times, index, strict=True)]
        return {
            "time": history["time"],
            "singular_values": SingularPaths.of(self.run).values if "left_vectors" in history else sizes,
            "escape_time": times, "escape_index": index, "escape_value": np.asarray(values),
        }  # fmt: skip

    def plot(self, axis: Any = None) -> Any:
        """Draw on one axis; what never escaped is gray, where escapes were looked for. Returns the figure."""
        drawn = self.frame()
        axis = _own_axis() if axis is None else axis
        learnt = set(drawn["escape_index"].tolist())
        for r, values in enumerate(drawn["singular_values"].T):
            is_learnt = not learnt or r in learnt
            axis.plot(
                drawn["time"], values, color=_LEARNT if is_learnt else _REST, linewidth=1.4 if is_learnt else 0.7,
                zorder=2 if is_learnt else 1,
            )  # fmt: skip
        axis.scatter(drawn["escape_time"], drawn["escape_value"], s=22, color=_MARK, zorder=3)
        for time, value, r in zip(drawn["escape_time"], drawn["escape_value"], drawn["escape_index"], strict=True):
            axis.annotate(
                f"{r + 1}", (time, value), (-5, 4), textcoords="offset points", ha="right", fontsize=8, color=_MARK
            )
        if learnt and drawn["time"][-1] > _LONG * drawn["escape_time"].max():
            axis.set_xscale("log")
            axis.set_xlim(0.5 * drawn["escape_time"].min(), drawn["time"][-1])
        axis.set_xlabel("flow time", fontsize=9)
        axis.set_ylabel("singular values of W", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.01)
        return axis.figure

    def save(self, path: Path | str) -> None:
        """Draw to a PNG file."""
        from rankfall.tables import replacing

        figure = self.plot()
        with replacing(path) as scratch:
            figure.savefig(scratch, format="png", dpi=_DPI)


def _own_axis() -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(6.4, 4.0), layout="constrained").subplots()

"""Singular values along a run: plateaus, escapes one by one, and where each ends.

Where the run recorded vectors, each line is one triplet followed through crossings, with its sign; without, one rank
in the order of size. Where it recorded drives, the law of their speed is drawn over them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.pictures.picture import COLORS, Picture, legend, literal, look, recorded
from rankfall.trajectory import SingularPaths, Trajectory

if TYPE_CHECKING:
    import matplotlib.axes


_LEARNT, _REST, _MARK = COLORS[0], "0.75", COLORS[1]
# A run that goes on for so many times its last escape is drawn on a logarithmic axis of time.
_LONG = 4.0
_ARCS = 12


@dataclass(frozen=True, eq=False)
class SingularValuesPicture(Picture):
    """σ_r of W over flow time, escapes marked; `run` is recorded with `Record(singular_values=…)`.

    Escapes are those of `Record(events=[Escape()])`, and may be none. scale: "linear", or "log" for values that start
    far apart. Raises InputError where no singular values were recorded, or at a single time.
    """

    run: Trajectory
    scale: str = "linear"

    def __post_init__(self) -> None:
        recorded(self.run, "singular_values")
        if self.scale not in ("linear", "log"):
            raise InputError(f"scale must be 'linear' or 'log', got {self.scale!r}; linear shows the jumps")

    def frame(self) -> dict[str, np.ndarray]:
        """time (t,), singular_values and, with drives, law (t, k); escape_time, escape_index and escape_value (e,).

        The law starts anew from the measured value a dozen times, so that it shows speeds and not a sum of errors.
        """
        history = self.run.history
        sizes = history["singular_values"]
        escapes = [event for event in self.run.events if event.name == "escape" and event.index < sizes.shape[1]]
        times = np.asarray([event.time for event in escapes])
        index = np.asarray([event.index for event in escapes], dtype=int)
        values = [np.interp(time, history["time"], sizes[:, r]) for time, r in zip(times, index, strict=True)]
        drawn = {
            "time": history["time"],
            "singular_values": SingularPaths.of(self.run).values if "left_vectors" in history else sizes,
            "escape_time": times, "escape_index": index, "escape_value": np.asarray(values),
        }  # fmt: skip
        if "drives" in history:
            drawn["law"] = _law(history["time"], sizes, history["drives"], self.run.model.depth)
        return drawn

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """What never escaped is gray, where escapes were looked for."""
        drawn = self.frame()
        learnt = set(drawn["escape_index"].tolist())
        for r, values in enumerate(drawn["singular_values"].T):
            is_learnt = not learnt or r in learnt
            ax.plot(
                drawn["time"], values, color=_LEARNT if is_learnt else _REST, linewidth=1.4 if is_learnt else 0.7,
                zorder=2 if is_learnt else 1,
            )  # fmt: skip
        for r, values in enumerate(drawn.get("law", np.zeros((0, 0))).T):
            if not learnt or r in learnt:
                ax.plot(drawn["time"], values, color="black", linewidth=1, linestyle=(0, (4, 3)), zorder=4)
        ax.scatter(drawn["escape_time"], drawn["escape_value"], s=22, color=_MARK, zorder=3)
        for time, value, r in zip(drawn["escape_time"], drawn["escape_value"], drawn["escape_index"], strict=True):
            ax.annotate(
                f"{r + 1}", (time, value), (-5, 4), textcoords="offset points", ha="right", fontsize=8, color=_MARK
            )
        if learnt and drawn["time"][-1] > _LONG * drawn["escape_time"].max():
            ax.set_xscale("log")
            ax.set_xlim(0.5 * drawn["escape_time"].min(), drawn["time"][-1])
        ax.set_yscale(self.scale)
        ax.set_xlabel("flow time", fontsize=9)
        ax.set_ylabel("singular values of W", fontsize=9)
        ax.margins(x=0.01)


@dataclass(frozen=True, eq=False)
class SpectraPicture(Picture):
    """Final singular values of several runs: title → `Trajectory`, in the order drawn. Depths compared, for one."""

    runs: Mapping[str, Trajectory]

    def frame(self) -> dict[str, np.ndarray]:
        """title → singular values, descending."""
        return {title: np.asarray(run.singular_values) for title, run in self.runs.items()}

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """Value against rank, on a logarithmic axis."""
        from matplotlib.ticker import MaxNLocator

        marks = "osD^v"
        for place, (title, values) in enumerate(self.frame().items()):
            ranks = np.arange(1, values.size + 1)
            ax.plot(ranks, values, marker=marks[place % 5], markersize=4, label=literal(title), **look(place))
        ax.set_yscale("log")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("rank", fontsize=9)
        ax.set_ylabel("singular value of W", fontsize=9)
        legend(ax)


def _law(times: np.ndarray, values: np.ndarray, drives: np.ndarray, depth: float | int) -> np.ndarray:
    """σ̇_r = −N σ_r^{2−2/N} ⟨∇ℓ, u_r v_rᵀ⟩ by the trapezoidal rule, from the measured value a dozen times.

    d/dt log σ = 2 g at depth 2, and d/dt σ^{2/N−1} = (2 − N) g else, with g = −⟨∇ℓ, u_r v_rᵀ⟩.   [arora2019]
    """
    impulses = -np.diff(times)[:, None] * (drives[1:] + drives[:-1]) / 2
    power = 2 / depth - 1
    law = values.astype(np.float64)
    anew = set(np.linspace(0, times.size - 1, _ARCS + 1).round().astype(int).tolist())
    with np.errstate(invalid="ignore", divide="ignore"):
        for k in range(1, times.size):
            before = values[k - 1] if k - 1 in anew else law[k - 1]
            if depth == 2:
                law[k] = before * np.exp(2 * impulses[k - 1])
            else:
                law[k] = (before**power + (2 - depth) * impulses[k - 1]) ** (1 / power)
    return law

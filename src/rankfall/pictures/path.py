"""Curves along a run: errors, rank and norm, imbalance, alignment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankfall.pictures.picture import LEVEL, Picture, curves, look, recorded
from rankfall.trajectory import Trajectory

if TYPE_CHECKING:
    import matplotlib.axes


@dataclass(frozen=True, eq=False)
class ErrorsPicture(Picture):
    """Loss, held-out error and test error over flow time, with the best moment marked; `run` as `evolve` returns it."""

    run: Trajectory

    def frame(self) -> dict[str, np.ndarray]:
        """time, loss, held_out_error and test_error where recorded (t,), and best_time ()."""
        found = recorded(self.run, "loss", "held_out_error", "test_error")
        return {**found, "best_time": np.asarray(self.run.best_time)}

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """Errors on a logarithmic axis; the line stands at the best moment: lowest held-out error, or else loss."""
        drawn = self.frame()
        labels = {"loss": "loss", "held_out_error": "held-out error", "test_error": "error against the truth"}
        curves(ax, drawn, labels, log=True)
        ax.axvline(float(drawn["best_time"]), color=LEVEL, linewidth=1, linestyle=":", zorder=1)
        ax.set_ylabel("mean squared error", fontsize=9)


@dataclass(frozen=True, eq=False)
class RankPicture(Picture):
    """Effective rank and nuclear norm over flow time, on two axes; both recorded with `Record`."""

    run: Trajectory

    def frame(self) -> dict[str, np.ndarray]:
        """time, and effective_rank and nuclear_norm where recorded (t,)."""
        return recorded(self.run, "effective_rank", "nuclear_norm")

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """The effective rank on the left axis, the nuclear norm dashed on the right."""
        drawn = self.frame()
        both = "effective_rank" in drawn and "nuclear_norm" in drawn
        names = {"effective_rank": "effective rank", "nuclear_norm": "nuclear norm"}
        for place, name in enumerate(name for name in names if name in drawn):
            axis = ax.twinx() if both and place else ax
            axis.plot(drawn["time"], drawn[name], **look(place))
            axis.set_ylabel(names[name], fontsize=9, color=look(place)["color"])
            axis.set_ylim(bottom=0)
            axis.spines["top"].set_visible(False)
            axis.tick_params(labelsize=8)
        ax.set_xlabel("flow time", fontsize=9)
        ax.margins(x=0.01)


@dataclass(frozen=True, eq=False)
class ImbalancePicture(Picture):
    """max_j ‖W_{j+1}ᵀW_{j+1} − W_jW_jᵀ‖_F over flow time, which the flow conserves; recorded with `imbalance=True`."""

    run: Trajectory

    def frame(self) -> dict[str, np.ndarray]:
        """time and imbalance (t,)."""
        return recorded(self.run, "imbalance")

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """One curve from zero."""
        drawn = self.frame()
        curves(ax, drawn, {"imbalance": "imbalance"})
        ax.set_ylim(0, 1.2 * float(drawn["imbalance"].max()) or 1.0)
        ax.set_ylabel("imbalance of the layers", fontsize=9)


@dataclass(frozen=True, eq=False)
class AlignmentPicture(Picture):
    """Mean sizes on and off the diagonal of Uᵀ∇ℓ(W)V: how far W and its gradient share singular vectors.

    Recorded with `Record(alignment=True)`.   [arora2019, Figure 3]
    """

    run: Trajectory

    def frame(self) -> dict[str, np.ndarray]:
        """time, diagonal and off_diagonal (t,)."""
        found = recorded(self.run, "alignment")
        return {"time": found["time"], "diagonal": found["alignment"][:, 0], "off_diagonal": found["alignment"][:, 1]}

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """Both on a logarithmic axis."""
        curves(ax, self.frame(), {"diagonal": "on the diagonal", "off_diagonal": "off the diagonal"}, log=True)
        ax.set_ylabel("mean size in Uᵀ∇ℓ(W)V", fontsize=9)

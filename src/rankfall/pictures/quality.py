"""The quality of a completion: coverage of the intervals, and the error of each column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.pictures.picture import COLORS, LEVEL, Picture, legend, literal

if TYPE_CHECKING:
    import matplotlib.axes


@dataclass(frozen=True, eq=False)
class CoveragePicture(Picture):
    """Share of new entries inside their intervals against the nominal share 1 − α; exact coverage is the diagonal.

    Parameters
    ----------
    promised, covered : Sequence[float] or ndarray
        Lists of one length, between 0 and 1.

    Raises
    ------
    InputError
        Where they are not.
    """

    promised: Sequence[float] | np.ndarray
    covered: Sequence[float] | np.ndarray

    def __post_init__(self) -> None:
        drawn = self.frame()
        if drawn["promised"].shape != drawn["covered"].shape:
            raise InputError(
                f"a share is covered for each promised, got {drawn['covered'].size} for {drawn['promised'].size}; "
                "measure each level"
            )
        for values in drawn.values():
            if not ((values >= 0) & (values <= 1)).all():
                raise InputError(f"shares lie between 0 and 1, got {values}; divide by 100")

    def frame(self) -> dict[str, np.ndarray]:
        """promised and covered (l,)."""
        return {name: np.asarray(getattr(self, name), dtype=np.float64) for name in ("promised", "covered")}

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """Dots on the diagonal of the unit square."""
        drawn = self.frame()
        ax.plot([0, 1], [0, 1], color=LEVEL, linewidth=1, linestyle=":")
        ax.plot(drawn["promised"], drawn["covered"], "o-", color=COLORS[0], markersize=4)
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.set_xlabel("share promised, 1 − α", fontsize=9)
        ax.set_ylabel("share covered", fontsize=9)


@dataclass(frozen=True, eq=False)
class ColumnErrorsPicture(Picture):
    """Error of each column beside those of simple fills.

    Parameters
    ----------
    columns : Sequence[str]
        Names, shown as they are.
    errors : Mapping[str, Sequence[float] or ndarray]
        Method → one error a column, root mean squares as shares of the column's spread.

    Raises
    ------
    InputError
        Where the lengths differ.
    """

    columns: Sequence[str]
    errors: Mapping[str, Sequence[float] | np.ndarray]

    def __post_init__(self) -> None:
        for method, values in self.errors.items():
            if len(values) != len(self.columns):
                raise InputError(
                    f"a method has one error a column, {method!r} has {len(values)} for {len(self.columns)}; "
                    "measure each column"
                )

    def frame(self) -> dict[str, np.ndarray]:
        """column (names), and method → errors (n,)."""
        named = {method: np.asarray(values, dtype=np.float64) for method, values in self.errors.items()}
        return {"column": np.asarray(self.columns, dtype=object), **named}

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """One line a column, one mark a method; 1 is the error of knowing nothing but the mean."""
        drawn = self.frame()
        places = np.arange(len(self.columns))
        for place, (method, mark) in enumerate(zip(self.errors, "osD^vPX", strict=False)):
            ax.plot(drawn[method], places, mark, color=COLORS[place], markersize=5, label=literal(method))
        ax.axvline(1, color=LEVEL, linewidth=1, linestyle=":")
        ax.set_yticks(places, [literal(name) for name in self.columns])
        ax.set_ylim(len(self.columns) - 0.5, -0.5)
        ax.grid(axis="y", color="0.92")
        ax.set_xlim(left=0)
        ax.set_xlabel("error as a share of the column's spread", fontsize=9)
        legend(ax)

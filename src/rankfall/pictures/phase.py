"""When completion succeeds: share of entries observed against rank, and what theory says about both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.pictures.picture import COLORS, Picture

if TYPE_CHECKING:
    import matplotlib.axes


@dataclass(frozen=True, eq=False)
class PhasePicture(Picture):
    """Share of runs that recover an m × n matrix, by rank and share of entries observed.

    Parameters
    ----------
    shape : tuple[int, int]
        (m, n).
    ranks : Sequence[int] or ndarray
        (r,).
    shares : Sequence[float] or ndarray
        (s,), between 0 and 1.
    success : ndarray
        (s, r), between 0 and 1.

    Raises
    ------
    InputError
        Where the shapes do not match.
    """

    shape: tuple[int, int]
    ranks: Sequence[int] | np.ndarray
    shares: Sequence[float] | np.ndarray
    success: Float[np.ndarray, "_ _"]

    def __post_init__(self) -> None:
        expected = len(self.shares), len(self.ranks)
        if np.shape(self.success) != expected:
            raise InputError(
                f"success has a row for each share and a column for each rank, {expected}, got "
                f"{np.shape(self.success)}; transpose it"
            )

    def frame(self) -> dict[str, np.ndarray]:
        """rank (r,), share (s,), success (s, r), information_limit (r,), nuclear_norm_transition (r,)."""
        ranks = np.asarray(self.ranks)
        m, n = self.shape
        return {
            "rank": ranks, "share": np.asarray(self.shares, dtype=np.float64),
            "success": np.asarray(self.success, dtype=np.float64),
            "information_limit": ranks * (m + n - ranks) / (m * n),
            "nuclear_norm_transition": np.asarray([nuclear_norm_transition((m, n), int(rank)) for rank in ranks]),
        }  # fmt: skip

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """Light where all runs succeed; the curves are what any method and what the nuclear norm needs."""
        from matplotlib.ticker import MaxNLocator

        drawn = self.frame()
        ax.pcolormesh(
            drawn["rank"], drawn["share"], drawn["success"], cmap="cividis", vmin=0, vmax=1, shading="nearest"
        )
        ax.plot(
            drawn["rank"], drawn["information_limit"], color="white", linewidth=2, label="as many entries as unknowns"
        )
        ax.plot(
            drawn["rank"], drawn["nuclear_norm_transition"], color=COLORS[1], linewidth=2, linestyle=(0, (4, 2)),
            label="nuclear norm, Gaussian measurements",
        )  # fmt: skip
        ax.set(ylim=(drawn["share"].min(), drawn["share"].max()))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("rank", fontsize=9)
        ax.set_ylabel("share of entries observed", fontsize=9)
        ax.legend(fontsize=8, facecolor="0.25", labelcolor="white", framealpha=1)


def nuclear_norm_transition(shape: tuple[int, int], rank: int) -> float:
    """Measurements, as a share of m n, at which the smallest nuclear norm begins to find a matrix of that rank.

    The statistical dimension of its descent cone over m n, exact for Gaussian measurements of large matrices:

        inf_τ ρν + (1 − ρν) [ρ(1 + τ²) + (1 − ρ) ∫ (u ∨ τ − τ)² φ_y(u) du],   y = (ν − ρν)/(1 − ρν)

    with ρ = r/m, ν = m/n, m ≤ n, and φ_y the Marchenko–Pastur density of singular values.   [amelunxen2014, Prop. 4.7]

    Parameters
    ----------
    shape : (int, int)
        The two sides, in either order.
    rank : int
        r; 1.0 is returned where it is m or more.
    """
    from scipy.integrate import quad
    from scipy.optimize import minimize_scalar

    m, n = sorted(shape)
    rho, nu = rank / m, m / n
    if rank >= m:
        return 1.0
    y = (nu - rho * nu) / (1 - rho * nu)
    low, high = 1 - np.sqrt(y), 1 + np.sqrt(y)

    def density(u: float) -> float:
        return float(np.sqrt(max((u**2 - low**2) * (high**2 - u**2), 0.0)) / (np.pi * y * u))

    def dimension(tau: float) -> float:
        tail = quad(lambda u: (u - tau) ** 2 * density(u), max(low, tau, 1e-12), high)[0] if tau < high else 0.0
        return rho * nu + (1 - rho * nu) * (rho * (1 + tau**2) + (1 - rho) * tail)

    return float(minimize_scalar(dimension, bounds=(0.0, float(high)), method="bounded").fun)  # pyright: ignore[reportAttributeAccessIssue]

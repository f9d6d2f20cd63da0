"""A completion problem whose entries stay on the workers of a cluster."""

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse.linalg import LinearOperator

from rankfall.cluster.operators import BlockMatrix, scaled_pulls
from rankfall.errors import InputError
from rankfall.problems.completion import Completion
from rankfall.problems.layouts.row_blocks import RowBlocks, Workers
from rankfall.problems.loss import Loss
from rankfall.problems.losses import Squared


class ClusterCompletion(Completion):
    """The mean loss over entries in row blocks on workers: `Completion`, but for the list of entries.

    Parameters
    ----------
    stored : RowBlocks
        The blocks.
    degrees : tuple of ndarray of int, shapes (m,) and (n,)
        How many entries rows and columns have.
    dtype : type
        Of every computation.
    held_out : Completion, optional
        Entries kept from the loss.
    """

    stored: RowBlocks
    degrees: tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]]  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        stored: RowBlocks,
        degrees: tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]],
        dtype: type,
        held_out: Completion | None = None,
    ) -> None:
        fields = {
            "values": np.empty(0, dtype), "shape": (degrees[0].size, degrees[1].size), "weights": None, "truth": None,
            "held_out": held_out, "loss_function": stored.loss, "layout": RowBlocks, "degrees": degrees,
            "stored": stored,
        }  # fmt: skip
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(
        cls, workers: Workers, blocks: Sequence[object], bounds: Sequence[int],
        degrees: tuple[np.ndarray, np.ndarray], dtype: type, total_weight: float | None = None,
        loss: Loss | None = None, held_out: Completion | None = None,
    ) -> "ClusterCompletion":  # fmt: skip
        """The problem of some blocks; `total_weight` Σ w is their number of entries by default."""
        total = float(degrees[0].sum()) if total_weight is None else total_weight
        stored = RowBlocks(blocks, bounds, total, Squared() if loss is None else loss, workers)
        return cls(stored, degrees, dtype, held_out)

    @property
    def rows(self) -> NoReturn:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Refused: no list of entries is at hand."""
        raise _not_here()

    @property
    def cols(self) -> NoReturn:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Refused: no list of entries is at hand."""
        raise _not_here()

    @property
    def count(self) -> int:
        """How many entries are observed."""
        return int(self.degrees[0].sum())

    @property
    def share(self) -> float:
        """The observed share of all entries."""
        return self.count / (self.shape[0] * self.shape[1])

    @property
    def total_weight(self) -> np.floating:
        """Σ w."""
        return np.float64(self.stored.total_weight)

    @property
    def positions(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """None: the entrywise route would bring all entries here."""
        return None

    @property
    def listed(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        """None: no lists are at hand."""
        return None

    @property
    def layout_class(self) -> type[RowBlocks]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Row blocks."""
        return RowBlocks

    def of_runs(self, chosen: int | np.integer | np.ndarray) -> "ClusterCompletion":
        """The same problem for all runs."""
        return self

    def loss_and_factor_gradients(
        self, left: Float[np.ndarray, "*batch m k"], right: Float[np.ndarray, "*batch n k"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch m k"], Float[np.ndarray, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ, by the workers."""
        return self.stored.loss_and_factor_gradients(left, right)

    def factored_loss(
        self, left: Float[np.ndarray, "*batch m k"], right: Float[np.ndarray, "*batch n k"]
    ) -> Float[np.ndarray, "*batch"]:
        """ℓ(L Rᵀ), by the workers."""
        return self.stored.loss_and_factor_gradients(left, right)[0]

    def back_projection(self) -> LinearOperator:  # pyright: ignore[reportIncompatibleMethodOverride]
        """(1/p) P_Ω(b), by the workers: what multiplies it finds G(0) = −2/Σw P_Ω(w b)."""
        factor = self.shape[0] * self.shape[1] / self.stored.total_weight
        pulls = [
            self.stored.workers.apply(scaled_pulls, block, self.stored.loss, factor) for block in self.stored.blocks
        ]
        return BlockMatrix(pulls, self.stored, self.shape, np.float64)

    def __repr__(self) -> str:
        return (
            f"ClusterCompletion(m × n = {self.shape[0]} × {self.shape[1]}, |Ω| = {self.count} in "
            f"{len(self.stored.blocks)} row blocks, {self.loss_function})"
        )


def _not_here() -> InputError:
    return InputError(
        "the entries of this fit stay on the workers of its cluster, got a question that needs their list; predict, "
        "predict_interval and recommend answer without it"
    )

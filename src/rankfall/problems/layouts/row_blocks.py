"""Row blocks: the observed entries in pieces that may lie on many machines; the factors stay with the caller.

    G R = (G_I R of every block I, one below the other),    Gᵀ L = Σ_I G_Iᵀ L_I

Every gradient sends each block its rows of L, and R, and receives its rows of G R; the shares of Gᵀ L are summed in a
fixed tree over the blocks. Blocks depend on the data alone: the same bits for any number of workers. Workers hold data
and no state of a run, so that one that is lost costs the reading of its blocks, and nothing else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.kernels.observed import line_starts
from rankfall.problems.layout import Layout, Observed
from rankfall.problems.layouts.row_block import RowBlock, block_bounds, gradient_of, sum_in_order
from rankfall.problems.loss import Loss

# How many shares are added at a time on the way to their sum.
ARITY = 8


class Workers(ABC):
    """Who computes on blocks: this process (`InProcess`), or the workers of a cluster (`rankfall.cluster`)."""

    @abstractmethod
    def hold(self, blocks: Sequence[object]) -> list[object]:
        """Give blocks of the caller to the workers; what comes back stands for them in `map`."""

    @abstractmethod
    def apply(self, function: Callable[..., Any], *given: object) -> object:
        """What stands for `function(*given)`, which stays where it is computed: for `map`, or for `apply` again."""

    @abstractmethod
    def map(
        self, function: Callable[..., Any], blocks: Sequence[object], parts: Sequence[Sequence[object]] = (),
        shared: Sequence[object] = (),
    ) -> list[Any]:  # fmt: skip
        """`function(block, *part, *shared)` of every block, in the order of blocks.

        Parameters
        ----------
        function : callable
            From a module, so that workers can import it.
        blocks : sequence
            What `hold` gave, or what else stands for the blocks.
        parts : sequence of sequences
            What each block receives, in the order of blocks; nothing by default.
        shared : sequence
            What all receive.
        """

    @abstractmethod
    def map_sum(
        self, function: Callable[..., tuple[Any, np.ndarray]], blocks: Sequence[object],
        parts: Sequence[Sequence[object]] = (), shared: Sequence[object] = (),
    ) -> tuple[list[Any], np.ndarray]:  # fmt: skip
        """The same of a function that gives what is a block's own, and its share of a sum over blocks.

        Returns
        -------
        own : list
            In the order of blocks.
        total : array
            Σ of the shares, in a fixed tree: `ARITY` neighbors at a time, in order.
        """


class InProcess(Workers):
    """One block after the other, in this process: what a cluster must agree with to the bit."""

    def hold(self, blocks: Sequence[object]) -> list[object]:
        """The blocks themselves."""
        return list(blocks)

    def apply(self, function: Callable[..., Any], *given: object) -> object:
        """The result itself."""
        return function(*given)

    def map(
        self, function: Callable[..., Any], blocks: Sequence[object], parts: Sequence[Sequence[object]] = (),
        shared: Sequence[object] = (),
    ) -> list[Any]:  # fmt: skip
        """The function of every block, in turn."""
        given = parts or [()] * len(blocks)
        return [function(block, *part, *shared) for block, part in zip(blocks, given, strict=True)]

    def map_sum(
        self, function: Callable[..., tuple[Any, np.ndarray]], blocks: Sequence[object],
        parts: Sequence[Sequence[object]] = (), shared: Sequence[object] = (),
    ) -> tuple[list[Any], np.ndarray]:  # fmt: skip
        """The function of every block, in turn, and the tree of sums."""
        return split_and_sum(self.map(function, blocks, parts, shared))


def split_and_sum(found: Sequence[tuple[Any, np.ndarray]]) -> tuple[list[Any], np.ndarray]:
    """What is the blocks' own, and the sum of their shares in the tree of all workers."""
    shares = [share for _, share in found]
    while len(shares) > 1:
        shares = [sum_in_order(shares[k : k + ARITY]) for k in range(0, len(shares), ARITY)]
    return [own for own, _ in found], shares[0]


@dataclass(frozen=True, eq=False)
class RowBlocks(Layout):
    """Row blocks of one table on workers, who compute on them.

    Parameters
    ----------
    blocks : sequence
        What stands for the blocks, in the order of their rows.
    bounds : sequence of int
        Rows at which they begin, and the number of rows: (blocks + 1,).
    total_weight : float
        Σ w.
    loss : Loss
        ρ.
    workers : Workers
        Who computes; `RowBlocks.on(workers)` is a layout for others than this process.
    """

    is_looped = True
    default_workers: ClassVar[Workers] = InProcess()
    default_entries: ClassVar[int | None] = None

    blocks: Sequence[object]
    bounds: Sequence[int]
    total_weight: float
    loss: Loss
    workers: Workers

    @classmethod
    def on(cls, workers: Workers, block_entries: int | None = None) -> "type[RowBlocks]":
        """The layout on these workers: `Completion(..., layout=RowBlocks.on(workers))`.

        Parameters
        ----------
        workers : Workers
            Who holds the blocks and computes on them.
        block_entries : int, optional
            About how many entries a block has; between 250,000 and 4 million by default, so that there are many.
        """
        return type(cls.__name__, (cls,), {"default_workers": workers, "default_entries": block_entries})

    @classmethod
    def of(cls, observed: Observed) -> "RowBlocks":
        """Entries of the caller, dealt out to the workers.

        Raises
        ------
        InputError
            For many tables, or arrays of another library than NumPy.
        """
        if observed.values.ndim > 1 or not observed.is_numpy:
            raise InputError("row blocks are of one table of NumPy arrays, got many or another library; use 'auto'")
        starts = line_starts(observed.rows, observed.shape[0])
        bounds = block_bounds(np.diff(starts), cls.default_entries).tolist()
        made: list[object] = []
        for first, end in pairwise(bounds):
            piece = slice(starts[first], starts[end])
            weights = None if observed.weights is None else observed.weights[piece]
            shape = end - first, observed.shape[1]
            made.append(
                RowBlock.of(
                    first, observed.rows[piece] - first, observed.cols[piece], observed.values[piece], shape, weights
                )
            )
        workers = cls.default_workers
        return cls(workers.hold(made), bounds, float(observed.total_weight), observed.loss, workers)

    def loss_and_factor_gradients(
        self, left: Float[np.ndarray, "*batch m k"], right: Float[np.ndarray, "*batch n k"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch m k"], Float[np.ndarray, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ."""
        batch = left.shape[:-2]
        losses, row_gradients, column_gradients = np.empty(batch, left.dtype), np.empty_like(left), np.empty_like(right)
        # the loops return halves of Σ w ρ's derivatives: squares would carry a factor 2
        share = left.dtype.type(2 / self.total_weight)
        for run in np.ndindex(batch):
            own, cols = self.workers.map_sum(
                gradient_of, self.blocks, [(part,) for part in self.parts(left[run])], (right[run], self.loss)
            )
            losses[run] = 0.5 * share * sum(loss for loss, _ in own)
            for (_, rows), place in zip(own, self.parts(row_gradients[run]), strict=True):
                np.multiply(rows, share, out=place)
            np.multiply(cols, share, out=column_gradients[run])
        return losses, row_gradients, column_gradients

    def parts(self, rows: np.ndarray) -> list[np.ndarray]:
        """What belongs to the rows of each block, of an array with one line for each row of the table."""
        return [rows[first:end] for first, end in pairwise(self.bounds)]

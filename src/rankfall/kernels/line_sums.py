"""Weighted sums of rows of a matrix, list by list, in PyTorch on any device.

    S_l = Σ_{e ∈ list l} s_e D[p_e]                                 D (p, k), S (lists, k)

A long list is cut into blocks, whose sums are added in their order: lists of real tables differ in length by
thousands, and one block is the work of a few threads. Nothing of size (terms, k) is formed, no two threads add to the
same number, and a run repeats to the last bit.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, SparseArray
from rankfall.devices import Device, load_torch, place

# Terms of a block: enough that the sums of blocks cost little, and few enough that no thread has much to do.
_BLOCK = 256
# Positions up to here fit in 32 bits, which halves what is read of them.
_SHORT = 2**31 - 1


@dataclass(frozen=True, eq=False)
class LineSums:
    """The lists: places p of their terms, where each block begins among the terms, each list among the blocks.

    `order` (0, 1, 2 … over the blocks) and `lists` are None where every list is one block.
    """

    places: Int[Array, " terms"]
    blocks: Int[Array, " blocks_and_one"]
    order: Int[Array, " blocks"] | None
    lists: Int[Array, " lists_and_one"] | None

    @classmethod
    def of(
        cls, starts: Int[np.ndarray, " lists_and_one"], places: Int[np.ndarray, " terms"], device: Device
    ) -> "LineSums":
        """The sums of lists that begin at `starts` (the last is the number of terms), ready on a device."""
        counts = np.diff(starts)
        pieces = np.maximum(1, -(-counts // _BLOCK))
        lists = np.concatenate([[0], np.cumsum(pieces)])
        piece = np.arange(lists[-1]) - np.repeat(lists[:-1], pieces)
        blocks = np.concatenate([np.repeat(starts[:-1], pieces) + _BLOCK * piece, starts[-1:]])
        kind = index_type(max(starts[-1], places.max(initial=0)))
        put = [place(part.astype(kind), device) for part in (places, blocks, np.arange(lists[-1]), lists)]
        if lists[-1] == counts.size:
            return cls(put[0], put[1], None, None)
        return cls(put[0], put[1], put[2], put[3])

    def __call__(self, shares: Float[Array, " terms"] | None, dense: Float[Array, "p k"]) -> Float[Array, "lists k"]:
        """S, of the precision of `dense`, which is that of the shares s; None for ones."""
        sums = _bags(self.places, self.blocks, dense, shares)
        return sums if self.lists is None else _bags(self.order, self.lists, sums, None)


@dataclass(frozen=True, eq=False)
class TorchMultiplier:
    """A SciPy CSR matrix (lines, p) on a device, ready to multiply."""

    sums: LineSums
    data: Float[Array, " terms"]

    @classmethod
    def of(cls, matrix: SparseArray, like: Array) -> "TorchMultiplier":
        """The matrix on the device and in the precision of `like`."""
        sums = LineSums.of(matrix.indptr.astype(np.int64), matrix.indices, like.device)
        return cls(sums, place(matrix.data, like.device).to(like.dtype))

    def __call__(self, dense: Float[Array, "p k"]) -> Float[Array, "lines k"]:
        """The product with a dense matrix."""
        return self.sums(self.data, dense)


def index_type(largest: int | np.integer) -> type[np.signedinteger]:
    """The integers to number so many things by."""
    return np.int32 if largest <= _SHORT else np.int64


def _bags(places: Array, starts: Array, dense: Array, shares: Array | None) -> Array:
    return load_torch().nn.functional.embedding_bag(
        places, dense.contiguous(), starts, mode="sum", per_sample_weights=shares, include_last_offset=True
    )

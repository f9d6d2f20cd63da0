"""The nodes of a tree, and their matrices, as compiled loops read them."""

from dataclasses import dataclass

import numpy as np

from rankfall.kernels.lanes import LANES, aligned_zeros, tag_of


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of a tree as the loops read them: one integer a node.

    `parents[v]` is −1 for the root; `modes[v]` is the axis of a leaf and −1 for an inner node. The matrix of node v is
    (rows[v], cols[v]).
    """

    parents: np.ndarray
    modes: np.ndarray
    rows: np.ndarray
    cols: np.ndarray

    @property
    def work(self) -> int:
        """Multiplications of an entry."""
        return int(np.sum(np.where(self.modes < 0, self.rows, 1) * self.cols))

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(self.rows @ self.cols)

    @property
    def three(self) -> tuple[int, int, int, int]:
        """The inner node of a tree ((a, b), c), and the leaves c, a and b; −1 for any other tree."""
        root = self.parents.size - 1
        below = np.flatnonzero(self.parents == root)
        inner = [v for v in below if self.modes[v] < 0]
        leaves = np.flatnonzero(self.parents == inner[0]) if inner else below
        if root != 4 or below.size != 2 or leaves.size != 2 or (self.modes[leaves] < 0).any():
            return -1, -1, -1, -1
        return int(inner[0]), int(below.sum() - inner[0]), int(leaves[0]), int(leaves[1])


@dataclass(frozen=True, eq=False)
class PackedTree:
    """All matrices of a tree in one flat array for each run, with zeros up to the width of a row.

    `table` has a column for each node: parents, modes, rows, where the matrix begins, whether a node is the first of
    its siblings, where its transpose begins, where its siblings do in `siblings`, and columns. In `matrices` (batch, …)
    the transposes of the inner ones are behind them all. `tag` is that of the width (`lanes`).
    """

    nodes: Nodes
    table: np.ndarray
    siblings: np.ndarray
    matrices: np.ndarray
    tag: tuple[int, ...]

    @classmethod
    def of(cls, nodes: Nodes, layers: list[np.ndarray]) -> "PackedTree":
        """The matrix of each node, (batch, rows, cols), packed."""
        inner, count = nodes.modes < 0, nodes.parents.size
        tag = tag_of(int(max(nodes.cols.max(), nodes.rows[inner].max())))
        width = LANES * len(tag)
        parts = [layer.mT if v == count - 1 else layer for v, layer in enumerate(layers)]
        parts += [layer.mT for v, layer in enumerate(layers[:-1]) if inner[v]]
        sizes = [part.shape[1] * width for part in parts]
        packed = aligned_zeros((parts[0].shape[0], sum(sizes)), parts[0].dtype)
        offsets = np.cumsum([0, *sizes])[:-1]
        for part, begin, size in zip(parts, offsets, sizes, strict=True):
            packed[:, begin : begin + size].reshape(*part.shape[:-1], width)[..., : part.shape[-1]] = part
        families = [np.flatnonzero(nodes.parents == parent) for parent in nodes.parents]
        others = [family[family != v] for v, family in enumerate(families)]
        transposes = np.zeros(count, np.int64)
        transposes[:-1][inner[:-1]] = offsets[count:]
        firsts = [v == family[0] for v, family in enumerate(families)]
        table = np.stack([
            nodes.parents, nodes.modes, nodes.rows, offsets[:count], firsts, transposes,
            np.cumsum([0, *map(len, others)])[:-1], nodes.cols,
        ])  # fmt: skip
        return cls(nodes, table.astype(np.int64), np.concatenate(others).astype(np.int64), packed, tag)

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return LANES * len(self.tag)

    @property
    def size(self) -> int:
        """Numbers of all matrices without the transposes; the root's matrix is the last."""
        return int(self.table[3, -1]) + self.width

    def unpacked(self, flat: np.ndarray) -> list[np.ndarray]:
        """The matrix of each node from such a flat array, (batch, size), as views."""
        parts, root = [], self.nodes.parents.size - 1
        for v, (rows, cols, begin) in enumerate(zip(self.nodes.rows, self.nodes.cols, self.table[3], strict=True)):
            part = flat[:, begin : begin + (1 if v == root else rows) * self.width]
            part = part.reshape(len(flat), -1, self.width)
            parts.append(part[..., :rows].mT if v == root else part[..., :cols])
        return parts

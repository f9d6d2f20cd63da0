"""The layouts that the package carries, and the function that chooses one."""

from rankfall.problems.layouts.batched import Batched
from rankfall.problems.layouts.choose import choose_layout
from rankfall.problems.layouts.dense import Dense
from rankfall.problems.layouts.row_blocks import RowBlocks
from rankfall.problems.layouts.sparse import Sparse
from rankfall.problems.layouts.torch_sparse import TorchSparse

__all__ = ["Batched", "Dense", "RowBlocks", "Sparse", "TorchSparse", "choose_layout"]

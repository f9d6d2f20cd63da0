"""The default layout of a completion problem: one pure function of the observed entries."""

from rankfall.problems.layout import Layout, Observed
from rankfall.problems.layouts.batched import Batched
from rankfall.problems.layouts.dense import Dense
from rankfall.problems.layouts.sparse import Sparse
from rankfall.problems.layouts.torch_sparse import TorchSparse

# BLAS multiplies an entry of a dense product about this many times faster than a compiled pass treats an observed one.
_DENSE_SHARE = 0.1
_DENSE_SIZE, _SMALL_SIZE = 2**25, 4096
# Of many tables on a device, those that still run are stored anew whenever some have ended; sorting them would cost
# more than the entries that are not observed.
_BATCHED_SIZE = 2**18


def choose_layout(observed: Observed) -> type[Layout]:
    """The fastest layout for these entries on one machine.

    `Batched` for tables of NumPy arrays with masks of their own; `Dense` for small tables, where at least a tenth of
    the entries is observed, and for arrays of libraries without a sparse layout; otherwise `Sparse` for NumPy arrays
    and `TorchSparse` for PyTorch tensors.
    """
    if Batched.suits(observed):
        return Batched
    if not (observed.is_numpy or observed.is_torch):
        return Dense
    small = _BATCHED_SIZE if observed.is_torch and observed.values.ndim > 1 else _SMALL_SIZE
    is_dense = observed.share >= _DENSE_SHARE or observed.size <= small
    sparse = Sparse if observed.is_numpy else TorchSparse
    return Dense if is_dense and observed.size <= _DENSE_SIZE else sparse

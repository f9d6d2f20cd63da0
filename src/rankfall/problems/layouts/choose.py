"""The default layout of a completion problem: one pure function of the observed entries."""

from rankfall.problems.layout import Layout, Observed
from rankfall.problems.layouts.batched import Batched
from rankfall.problems.layouts.dense import Dense
from rankfall.problems.layouts.sparse import Sparse

# BLAS multiplies an entry of a dense product about this many times faster than a compiled pass treats an observed one.
_DENSE_SHARE = 0.1
_DENSE_SIZE, _SMALL_SIZE = 2**25, 4096


def choose_layout(observed: Observed) -> type[Layout]:
    """The fastest layout for these entries on one machine.

    `Batched` for tables with masks of their own; `Dense` for arrays of other libraries than NumPy, for small tables,
    and where at least a tenth of the entries is observed; `Sparse` otherwise.
    """
    if Batched.suits(observed):
        return Batched
    if not observed.is_numpy:
        return Dense
    is_dense = observed.share >= _DENSE_SHARE or observed.size <= _SMALL_SIZE
    return Dense if is_dense and observed.size <= _DENSE_SIZE else Sparse

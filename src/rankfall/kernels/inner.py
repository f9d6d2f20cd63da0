"""Functions that compiled loops alone call, and the memory that they work in."""

from typing import Any, cast, no_type_check

import numpy as np
from numba import njit

# Cached with the loops that call them: what Python would need to call them takes long to compile.
_HIDDEN = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner, fast_inner = cast(Any, njit)(**_HIDDEN), cast(Any, njit)(**_HIDDEN, fastmath={"reassoc", "contract", "nsz"})


@inner
@no_type_check
def aligned(size, like):
    """An empty array that begins where a cache line does."""
    whole = np.empty(size + 64 // like.itemsize, like.dtype)
    skipped = (-whole.ctypes.data % 64) // like.itemsize
    return whole[skipped : skipped + size]

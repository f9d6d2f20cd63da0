"""Tables larger than one machine: entries on the workers of a Dask cluster, factors and their motion here.

`DeepMatrixFactorization().fit(frame)` takes a Dask frame of row, column and value; `fit` here has more to say.
"""

from typing import Any

from rankfall.cluster.connection import connected, require_dask

__all__ = ["connected", "fit", "predict", "read_frame", "recommend", "require_dask", "write", "write_predictions"]


def __getattr__(name: str) -> Any:
    # what needs Dask is imported when it is asked for, after a sentence that says how to install it
    if name not in __all__:
        raise AttributeError(f"module 'rankfall.cluster' has no attribute {name!r}")
    require_dask()
    from rankfall.cluster import answers, frames

    return getattr(frames if name in ("fit", "read_frame") else answers, name)

"""A fit of a Dask frame: from an estimator and a frame of row, column and value to the fitted estimator."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankfall.cluster.checkpoints import Checkpoints
from rankfall.cluster.entries import ClusterEntries
from rankfall.cluster.fitting import fit_entries
from rankfall.cluster.partitions import entries_of, read_frame
from rankfall.cluster.readings import ReadBlocks
from rankfall.cluster.workers import DaskWorkers
from rankfall.errors import InputError
from rankfall.estimators.estimator import DeepMatrixFactorization
from rankfall.estimators.inputs import holds_entries
from rankfall.estimators.selection import Progress

if TYPE_CHECKING:
    import dask.dataframe as dd

__all__ = ["fit", "read_frame"]


def fit(
    estimator: DeepMatrixFactorization,
    frame: "dd.DataFrame",
    triplets: Sequence[str] | None = None,
    *,
    duplicates: str = "error",
    block_entries: int | None = None,
    checkpoint: Path | str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> DeepMatrixFactorization:
    """Fit an estimator to the entries of a Dask frame, on the cluster of the current `distributed.Client`.

    Every entry goes to the row block of its row on some worker; a gradient sends each block its rows of the factors
    and receives its rows of the gradient. The same data give the same bits on any number of workers.

    Parameters
    ----------
    estimator : DeepMatrixFactorization
        With the squared loss. It gets the attributes of any fit, and `row_labels_` and `column_labels_`: the sorted
        ids, whose places are the rows and columns that `predict` takes.
    frame : dask.dataframe.DataFrame
        One entry a line.
    triplets : sequence of str, optional
        Its columns of row ids, column ids and values; by default it has these three alone.
    duplicates : {"error", "mean", "last"}
        What a pair that comes twice means.
    block_entries : int, optional
        About how many entries a block has: what a worker needs at a time, about 24 bytes an entry, and what is read
        again when one is lost. Between 250,000 and 4 million by default, so that there are many blocks.
    checkpoint : path, optional
        A folder in which the fit is kept every few minutes.
    resume : bool
        Go on with what is kept there.
    progress : callable, optional
        Called as `progress(stage, fraction)`.

    Returns
    -------
    DeepMatrixFactorization
        The estimator. `predict`, `predict_interval` and `recommend` answer as ever; what needs the list of entries
        (`transform`, `complete`, `save`) is refused.

    Raises
    ------
    InputError
        Where there is no client, for partitions that cannot be read, ids or values that are missing, fewer than 1000
        entries, parameters that a cluster does not know, and checkpoints of other data.
    """
    if not holds_entries(frame):
        raise InputError(f"a cluster fits Dask frames, got {type(frame).__name__}; fit takes it on one machine")
    if resume and checkpoint is None:
        raise InputError("a fit resumes from its checkpoints, got no folder of any; pass checkpoint=")
    if block_entries is not None and block_entries < 1:
        raise InputError(f"block_entries must be at least 1, got {block_entries}; leave it out for the default")
    if duplicates not in ("error", "mean", "last"):
        raise InputError(f"duplicates must be one of error, mean, last, got {duplicates!r}; mean averages them")
    _check_parameters(estimator)
    listed = entries_of(frame, [str(name) for name in frame.columns] if triplets is None else list(triplets))
    kept = np.float64 if estimator.dtype == "float64" else np.float32
    entries = ClusterEntries.read(_workers(), listed, duplicates, kept, block_entries)
    settings = estimator.settings_for(ReadBlocks(entries).problem)
    keeper = None if checkpoint is None else Checkpoints(Path(checkpoint), entries, settings, resume)
    table = fit_entries(entries, settings, progress or (lambda stage, share: None), keeper)
    estimator.n_features_in_ = entries.shape[1]
    labels = entries.labels
    vars(estimator).update(row_labels_=labels.rows.to_numpy(), column_labels_=labels.cols.to_numpy())
    return estimator.keep_fitted(table)


def _workers() -> DaskWorkers:
    from distributed import default_client

    try:
        return DaskWorkers(default_client())
    except ValueError:
        raise InputError(
            "a Dask frame is fitted on a cluster, got no client; make one by distributed.Client(), or use "
            "rankfall.cluster.connected()"
        ) from None


def _check_parameters(estimator: DeepMatrixFactorization) -> None:
    """Refuse what a cluster does not know."""
    if np.ndim(np.asarray(estimator.bounds, dtype=object)) > 1:
        raise InputError("on a cluster, bounds are one pair for the table, got one for each column; leave them out")
    known = {
        "loss": ("auto", "squared"), "scaling": ("auto", "global", "columns"), "refine": ("auto", False),
        "order": (None,), "device": (None,), "categorical_features": (None,), "warm_start": (False,),
    }  # fmt: skip
    for name, allowed in known.items():
        value = estimator.get_params()[name]
        if not any(value is one or value == one for one in allowed):
            raise InputError(
                f"on a cluster, {name} must be {' or '.join(map(repr, allowed))}, got {value!r}; fit on one machine "
                "for others"
            )

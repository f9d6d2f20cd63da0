"""Predictions, recommendations and factors of a fit on a cluster, in bulk: computed and written by the workers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from dask import delayed

from rankfall.cluster.answering import Answering, table_of
from rankfall.cluster.entries import ClusterEntries
from rankfall.cluster.partitions import columns_of_part, reading_failed
from rankfall.cluster.workers import gathered
from rankfall.errors import InputError
from rankfall.estimators.estimator import DeepMatrixFactorization
from rankfall.files import replacing_folder
from rankfall.problems.layouts.row_block import RowBlock

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

# A folder that we wrote carries this file; readers of parquet leave out names that begin so.
MARK = "_rankfall.txt"


def predict(estimator: DeepMatrixFactorization, pairs: "dd.DataFrame", columns: Sequence[str]) -> "dd.DataFrame":
    """The pairs of a Dask frame with a column `predicted`, lazily: each partition by the worker that has it.

    Parameters
    ----------
    estimator : DeepMatrixFactorization
        Fitted on a cluster.
    pairs : dask.dataframe.DataFrame
        One pair of ids a line; an id that was never seen counts as average.
    columns : sequence of str
        Its columns of row ids and column ids.

    Returns
    -------
    dask.dataframe.DataFrame
    """
    row, col = columns[:2]
    for name in (row, col):
        if name not in pairs.columns:
            raise InputError(
                f"pairs must have the columns {row!r} and {col!r}, got {', '.join(map(str, pairs.columns))}"
            )
    entries = table_of(estimator).entries
    answering = entries.workers.client.scatter(Answering.of(estimator), broadcast=True, hash=False)
    meta = pairs._meta.assign(predicted=np.zeros(0))
    return pairs.map_partitions(_predicted, answering, row, col, meta=meta)


def write_predictions(
    estimator: DeepMatrixFactorization, pairs: "dd.DataFrame", columns: Sequence[str], path: Path | str
) -> Path:
    """Write the pairs of a Dask frame with their predictions to a folder of parquet files, one for each partition.

    Parameters
    ----------
    estimator : DeepMatrixFactorization
        Fitted on a cluster.
    pairs : dask.dataframe.DataFrame
        One pair of ids a line.
    columns : sequence of str
        Its columns of row ids and column ids.
    path : path
        A folder that this machine and the workers share; one that rankfall wrote is replaced.
    """
    entries = table_of(estimator).entries
    parts = predict(estimator, pairs, columns).to_delayed()
    with written_folder(path) as folder:
        places = [str(folder / f"part-{place:05}.parquet") for place in range(len(parts))]
        client = entries.workers.client
        writing = [delayed(_write_frame)(part, place) for part, place in zip(parts, places, strict=True)]
        _all(entries, list(client.compute(writing)))
    return Path(path)


def recommend(estimator: DeepMatrixFactorization, k: int, path: Path | str) -> Path:
    """Write the k best unobserved columns of every row to a folder of parquet files, one for each row block.

    Parameters
    ----------
    estimator : DeepMatrixFactorization
        Fitted on a cluster.
    k : int
        How many, at least 1.
    path : path
        A folder that this machine and the workers share; one that rankfall wrote is replaced.
    """
    if k < 1:
        raise InputError(f"k must be at least 1, got {k}; 10 is usual")
    entries = table_of(estimator).entries
    answering = entries.workers.client.scatter(Answering.of(estimator), broadcast=True, hash=False)
    with written_folder(path) as folder:
        _all(entries, [
            entries.workers.apply(_write_best, block, answering, k, str(folder / f"part-{place:05}.parquet"))
            for place, block in enumerate(entries.blocks)
        ])  # fmt: skip
    return Path(path)


def write(estimator: DeepMatrixFactorization, path: Path | str) -> Path:
    """Write labels, effects and factors to a folder of parquet files, rows/ and columns/.

    The prediction of a pair, in units of the table, is origin + unit · (mean + row effect + column effect + Σ_k row
    factor · column factor); origin, unit and mean are in columns/.

    Parameters
    ----------
    estimator : DeepMatrixFactorization
        Fitted on a cluster.
    path : path
        A folder that this machine and the workers share; one that rankfall wrote is replaced.
    """
    table = table_of(estimator)
    entries, shape = table.entries, table.standardization
    with written_folder(path) as folder:
        (folder / "rows").mkdir()
        (folder / "columns").mkdir()
        tasks = [
            entries.workers.apply(
                _write_lines, entries.labels.rows[first:end], {"effect": shape.row_effect[first:end]},
                table.left[first:end], str(folder / "rows" / f"part-{place:05}.parquet"),
            )
            for place, (first, end) in enumerate(zip(entries.bounds[:-1], entries.bounds[1:], strict=True))
        ]  # fmt: skip
        of_columns = {
            "effect": shape.column_effect, "origin": shape.origin, "unit": shape.unit,
            "mean": np.full(shape.origin.size, shape.mean),
        }  # fmt: skip
        place = str(folder / "columns" / "part-00000.parquet")
        tasks.append(entries.workers.apply(_write_lines, entries.labels.cols, of_columns, table.right, place))
        _all(entries, tasks)
    return Path(path)


@contextmanager
def written_folder(path: Path | str) -> Iterator[Path]:
    """A folder that appears whole, with our mark, in the place of nothing or of one that carries it.

    Raises
    ------
    InputError
        For a place that holds something else, or that cannot be written.
    """
    with replacing_folder(path, lambda old: (old / MARK).exists()) as folder:
        (folder / MARK).write_text("written by rankfall\n", encoding="utf-8")
        yield folder


def _all(entries: ClusterEntries, tasks: Sequence[object]) -> None:
    gathered(entries.workers, list(tasks), reading_failed, results=False)


def _predicted(frame: "pd.DataFrame", answering: Answering, row: str, col: str) -> "pd.DataFrame":
    columns_of_part(frame, (row, col))
    return answering(frame, row, col)


def _write_best(block: RowBlock, answering: Answering, k: int, path: str) -> None:
    answering.best(block, k).to_parquet(path, index=False)


def _write_frame(frame: "pd.DataFrame", path: str) -> None:
    frame.to_parquet(path, index=False)


def _write_lines(labels: "pd.Index", effects: dict[str, np.ndarray], factors: np.ndarray, path: str) -> None:
    import pandas as pd

    frame = pd.DataFrame({"id": labels, **effects})
    named = {f"factor_{k}": factors[:, k] for k in range(factors.shape[1])}
    pd.concat([frame, pd.DataFrame(named)], axis=1).to_parquet(path, index=False)

"""Completing a list of entries on a Dask cluster: factors, or predictions of pairs, written by the workers."""

import re
import sys
import time
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from rankfall.cli.console import Console
from rankfall.cli.edge import say
from rankfall.cli.options import FitOptions
from rankfall.cli.steps import beside
from rankfall.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

    from rankfall.estimators import DeepMatrixFactorization


def complete_on_cluster(
    source: str, columns: str | None, pairs: Path | None, output: Path | None, duplicates: str, options: FitOptions,
    console: Console, address: str, checkpoint: Path | None, resume: bool, block_entries: int | None,
) -> None:  # fmt: skip
    """Read partitioned entries on the workers, fit them, and write factors or predictions to a folder of parquet."""
    if columns is None:
        raise InputError("--dask needs --triplets, got none; name the columns row,column,value of INPUT")
    source = whole_url(source)
    output = output or default_folder(source, "factors" if pairs is None else "predictions")
    if output.suffix:
        raise InputError(f"a cluster writes a folder of parquet files, got {str(output)!r}; leave the extension out")
    from rankfall import cluster

    names = [name.strip() for name in columns.split(",")]
    cluster.require_dask()
    frame = cluster.read_frame(source, names)
    asked = None if pairs is None else cluster.read_frame(whole_url(str(pairs)), names[:2])
    estimator = options.estimator()
    begun = time.perf_counter()
    with cluster.connected(address) as client:
        _tell(client, console)
        with console.fitting() as progress:
            cluster.fit(
                estimator, frame, names, duplicates=duplicates, block_entries=block_entries, checkpoint=checkpoint,
                resume=resume, progress=progress,
            )  # fmt: skip
        console.diverged = estimator.status_ == "diverged"
        if asked is None:
            console.writing(lambda: cluster.write(estimator, output))
        else:
            console.writing(lambda: cluster.write_predictions(estimator, asked, names[:2], output))
        console.summary(_rows(estimator, time.perf_counter() - begun), "written", output)


def whole_url(source: str) -> str:
    """A URL with both of its slashes, of which a path keeps one; a file's has no host, and three."""
    return re.sub(r"^(\w[\w+.-]+):/(?!/)", lambda found: f"{found[1]}://{'/' * (found[1] == 'file')}", source)


def default_folder(source: str, word: str) -> Path:
    """Where results go by default: `ratings-factors` beside the folder or the file; here, where the source is a URL."""
    path = Path(source.split("://")[-1])
    while has_magic(path.name):
        path = path.parent
    if "://" in source:
        path = Path(path.name)
    return path / word if path.name in ("", "..") else beside(path, word, "")


def _tell(client: "Client", console: Console) -> None:
    if console.quiet:
        return
    workers = len(client.scheduler_info()["workers"])
    say(f"cluster: {workers} workers; dashboard: {client.dashboard_link}", sys.stderr)


def _rows(model: "DeepMatrixFactorization", seconds: float) -> list[tuple[str, str]]:
    problem = model.fitted_.problem
    return [
        ("size", " × ".join(map(str, problem.shape))),
        ("observed", f"{problem.count} entries ({100 * problem.share:.3g} %)"),
        ("depth", f"{model.depth_}"),
        ("stopping time", f"{model.stopping_time_:.4g}"),
        ("effective rank", f"{model.effective_rank_:.3g}"),
        ("held-out error", f"{model.held_out_error_:.4g} (column means {model.column_mean_error_:.4g})"),
        ("seconds", f"{seconds:.2f}"),
    ]

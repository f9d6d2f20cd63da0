"""The options of a command that fits on a Dask cluster."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Dask: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="[ADDRESS]",
        help="With --triplets: fit on a Dask cluster, a local one by default; INPUT may be 'folder/*.parquet'.",
    ),
]
Checkpoint: TypeAlias = Annotated[
    Path | None, typer.Option(help="With --dask: keep the fit in this folder every few minutes.")
]
BlockEntries: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--block-entries", help="With --dask: entries of a block, which a worker computes at a time; 250000 to 4000000."
    ),
]
Resume: TypeAlias = Annotated[bool, typer.Option("--resume", help="With --checkpoint: go on with the fit kept there.")]

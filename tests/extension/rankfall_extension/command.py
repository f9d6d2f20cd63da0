"""A command of your own: `rankfall spread TABLE` prints the standard deviation of each column."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer


def spread(table: Annotated[Path, typer.Argument(help="A table with holes.")]) -> None:
    """Print the spread of each column."""
    from rankfall.tables import read_table

    read = read_table(table)
    for name, deviation in zip(read.column_names, np.nanstd(read.values, axis=0), strict=True):
        print(f"{name}: {deviation:.4g}")

"""A grid: the cells of a file as strings, row by row, before anything in them is interpreted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from rankfall.tables.files import FilePath

if TYPE_CHECKING:
    import polars as pl

    from rankfall.tables.sheets import Sheet
    from rankfall.tables.text import Text


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells as a polars frame of strings with the columns "0", "1", …; the first row may hold names.

    `rows` are the places of its rows in the file, from zero; `source` is where they came from (text or a sheet).
    """

    cells: "pl.DataFrame"
    rows: Int[np.ndarray, " rows"]
    path: FilePath
    source: "Text | Sheet | None"

    def number(self, row: int) -> int:
        """The row as an editor or a spreadsheet counts it."""
        return int(self.rows[row]) + 1

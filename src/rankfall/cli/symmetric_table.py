"""Whether a table that is said to be symmetric can be: square, the same names on both sides, twins that agree."""

import numpy as np

from rankfall.cli.table import row_title
from rankfall.errors import InputError
from rankfall.tables import Table
from rankfall.tables.table import column_title


def check_symmetric(table: Table, option: str) -> None:
    """Raise InputError, naming the option that says so, where the table cannot be symmetric."""
    from rankfall.recovery.rounding import rounding_of

    values = table.values
    m, n = values.shape
    if m != n:
        raise InputError(
            f"a table with {option} must be square, got {m} rows and {n} columns; add those that are missing as empty "
            "ones, or leave the option out"
        )
    _check_names(table, option)
    apart = np.abs(values - values.T)
    if not (apart > rounding_of(values) * np.nanmax(np.abs(values))).any():
        return
    i, j = (int(place) for place in np.unravel_index(np.nanargmax(apart), apart.shape))
    one, other = (
        f"{values[a, b]:.6g} at {row_title(table, a)}, {column_title(table.column_names, b)}"
        for a, b in ((i, j), (j, i))
    )
    raise InputError(
        f"a table with {option} must have equal cells on both sides of the diagonal, got {one} and {other}; average "
        "them, or leave the option out"
    )


def _check_names(table: Table, option: str) -> None:
    """Where both rows and columns have names, they must be the same."""
    labels = next(iter((table.row_labels or {}).values()), None)
    if labels is None or table.column_names is None:
        return
    for row, name in enumerate(table.column_names):
        if str(labels[row]) != name:
            raise InputError(
                f"a table with {option} must name its rows as its columns, in the same order, got "
                f"{row_title(table, row)} beside column {name!r}; reorder them, or leave the option out"
            )

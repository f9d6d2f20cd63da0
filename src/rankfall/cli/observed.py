"""From a file to a completion problem: one path for every command that reads a table or a list of entries."""

from pathlib import Path
from typing import TYPE_CHECKING

from rankfall.errors import InputError
from rankfall.tables import Note, Reading, Table, Triplets, read_table, read_triplets
from rankfall.tables.triplets import check_merge

if TYPE_CHECKING:
    from rankfall.problems.completion import Completion


def read_observed(
    source: Path, columns: str | None, labels: str | None, header: bool | None, duplicates: str,
    reading: Reading | None = None,
) -> Table | Triplets:  # fmt: skip
    """The table in a file, or the entries that it lists where `columns` names those of row, column and value.

    Raises InputError for `labels` beside `columns`, and for what cannot be read.
    """
    check_merge(duplicates)
    if columns is None:
        return read_table(source, label_columns=labels, header=header, duplicates=duplicates, reading=reading)
    if labels is not None:
        raise InputError("--labels is for tables, got it for a list of entries; --triplets names its columns")
    return read_triplets(source, columns, duplicates=duplicates, reading=reading, header=header)


def notes_of(found: Table | Triplets) -> tuple[Note, ...]:
    """What the reader decided."""
    return found.notes if isinstance(found, Triplets) else found.layout.notes


def problem_of(found: Table | Triplets) -> "Completion":
    """The observed entries as a problem."""
    from rankfall.problems.completion import Completion

    if isinstance(found, Triplets):
        return Completion.from_triplets(found.rows, found.cols, found.values, found.shape)
    return Completion.from_array(found.values)

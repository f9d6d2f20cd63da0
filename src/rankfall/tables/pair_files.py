"""Files of pairs: one entry to predict a row, by the labels of training triplets."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.errors import InputError
from rankfall.tables.entry_columns import ColumnSpec, Wanted, asked_names, is_words, read_columns, split_spec
from rankfall.tables.files import FilePath, check_readable, extension
from rankfall.tables.options import Note, Notes, Reading
from rankfall.tables.triplets import Triplets


@dataclass(frozen=True, eq=False)
class Pairs:
    """Entries to predict, in the order of their file.

    Parameters
    ----------
    rows, cols : (pairs,) ndarray of int
        Codes of the training triplets, −1 for a label they do not have.
    row_labels, col_labels : (pairs,) ndarray
        The labels as read.
    values : (pairs,) ndarray, optional
        The file's own, NaN where unknown; None where it has no third column.
    names : (str, str, str)
        What the file calls rows, columns and values.
    notes : tuple of Note
        What the reader decided.
    """

    rows: Int[np.ndarray, " pairs"]
    cols: Int[np.ndarray, " pairs"]
    row_labels: np.ndarray
    col_labels: np.ndarray
    values: Float[np.ndarray, " pairs"] | None
    names: tuple[str, str, str]
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


def read_pairs(
    path: FilePath,
    triplets: Triplets,
    columns: ColumnSpec = None,
    reading: Reading | None = None,
    header: bool | None = None,
) -> Pairs:
    """Reads the entries to predict, one a row, as codes of `triplets`.

    Parameters
    ----------
    path : str or path
        A file of text, a spreadsheet, or one of `.parquet`, `.feather` and `.arrow`.
    triplets : Triplets
        The training entries, whose labels have the codes.
    columns : str or sequence, optional
        As for `read_triplets`, or two columns; a third that the file does not have is not asked for.
    reading : Reading, optional
        Overrules what the reader decides.
    header : bool, optional
        Whether the first line holds names. By default it does where it has the names in `columns`, or those of
        `triplets`, or cannot be a first pair: words in place of the value or of labels that are integers.

    Returns
    -------
    Pairs
        In the order of the file; the code is −1 for a label that `triplets` does not have.

    Raises
    ------
    InputError
        Where the file is missing, broken or of another format, a column is missing, a label is empty, or a value is
        words or infinite.
    """
    check_readable(path)
    if extension(path) in (".npz", ".mtx", ".mtx.gz", ".npy"):
        raise InputError(
            f"pairs must come as text or parquet, got {str(path)!r}; write one row and column label a line"
        )
    reading, notes = reading or Reading(), Notes()
    spec = split_spec(columns, (2, 3))
    expected = [name.lower() for name in asked_names(spec) or triplets.names]

    def cannot_be_pair(first: list[str], following: list[list[str]]) -> bool:
        if expected[:2] == [cell.lower() for cell in first[:2]]:
            return True
        if len(first) > 2 and is_words(first[2]):
            return True
        ways = ((triplets.row_labels, first[0]), (triplets.col_labels, first[1]))
        if all(known.dtype.kind == "i" and is_words(cell) for known, cell in ways):
            return True
        return _has_other_labels(triplets, first, following)

    wanted = Wanted(spec, 2, cannot_be_pair, header, expected)
    rows, cols, *rest = read_columns(path, wanted, reading, notes)
    row_labels, col_labels = rows.labels(), cols.labels()
    return Pairs(
        triplets.encode_rows(row_labels),
        triplets.encode_cols(col_labels),
        row_labels.to_numpy(),
        col_labels.to_numpy(),
        rest[0].numbers(reading, notes) if rest else None,
        (rows.name, cols.name, rest[0].name if rest else triplets.names[2]),
        tuple(notes.taken),
    )


def _has_other_labels(triplets: Triplets, first: list[str], following: list[list[str]]) -> bool:
    """Whether the first line has no known label, most others have two, and it has no digit where the labels have."""
    lines = [first, *following]
    is_known = (triplets.encode_rows([line[0] for line in lines]) >= 0) & (
        triplets.encode_cols([line[1] for line in lines]) >= 0
    )
    if is_known[0] or 2 * is_known[1:].sum() <= len(following):
        return False
    seen = {str(label) for label in (*triplets.row_labels[:1000], *triplets.col_labels[:1000])}
    if any(cell in seen for cell in first[:2]):
        return False
    with_digits = sum(any(sign.isdecimal() for sign in label) for label in seen)
    return 2 * with_digits > len(seen) and not any(sign.isdecimal() for cell in first[:2] for sign in cell)

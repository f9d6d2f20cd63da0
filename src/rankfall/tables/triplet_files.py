"""Files of triplets: one observed entry a row.

Any delimited text will do, with or without a header: MovieLens' tabs, its `::`, white space, commas. Three columns
are named, or given by their places; the rest of the file is not even parsed.
"""

from dataclasses import replace

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.array_files import read_mtx, read_npz
from rankfall.tables.entry_columns import ColumnSpec, Wanted, is_words, read_columns, split_spec
from rankfall.tables.files import FilePath, check_readable, extension
from rankfall.tables.options import Notes, Reading
from rankfall.tables.sentinels import warn_of_sentinels, without_codes
from rankfall.tables.triplets import Triplets, check_merge, encode_labels, merge_duplicates


def read_triplets(
    path: FilePath,
    columns: ColumnSpec = None,
    duplicates: str = "error",
    reading: Reading | None = None,
    header: bool | None = None,
) -> Triplets:
    """Reads observed entries given one a row, as `user,item,rating`.

    Rows with an unknown value are no entries, but their labels count. Numbers and labels are read as in a table.

    Parameters
    ----------
    path : str or path
        A file `.parquet`, `.feather`, `.arrow`, `.npz`, `.mtx` or a spreadsheet; all else is text.
    columns : str or sequence, optional
        The columns of the row label, the column label and the value: three names of the header, or three places from
        one, as "1,2,3" or a sequence; the first three by default. A file without a header takes three names as those
        of its first three columns.
    duplicates : {"error", "mean", "last"}
        What becomes of pairs that occur more than once.
    reading : Reading, optional
        Overrules what the reader decides.
    header : bool, optional
        Whether the first line holds names. By default it does where it has the names in `columns`, or words in place
        of the value.

    Raises
    ------
    InputError
        Where the file is missing or broken, a column is missing, a label is empty, a pair occurs twice against
        `duplicates`, or a value is words or infinite.
    """
    check_merge(duplicates)
    check_readable(path)
    reading, notes = reading or Reading(), Notes()
    spec = split_spec(columns, (3,))
    if extension(path) in (".npz", ".mtx", ".mtx.gz"):
        if extension(path) == ".npz":
            names = None if spec is None else [str(one) for one in spec]
            found = read_npz(path, names, duplicates)
        else:
            found = read_mtx(path, duplicates)
        if isinstance(found, Triplets):
            values = without_codes(found.values, reading, notes)
            known = ~np.isnan(values)
            warn_of_sentinels(values[:, None], [found.names[2]], notes)
            found = replace(found, rows=found.rows[known], cols=found.cols[known], values=values[known])
            return replace(found, notes=tuple(notes.taken))
        raise InputError(f"triplets must come as coordinates, {str(path)!r} holds a dense matrix; read it as a table")
    wanted = Wanted(spec, 3, lambda first, _: _has_words_for_value(first), header)
    rows, cols, values = read_columns(path, wanted, reading, notes)
    row_codes, row_labels = encode_labels(rows.labels())
    col_codes, col_labels = encode_labels(cols.labels())
    triplets = Triplets(
        row_codes,
        col_codes,
        values.numbers(reading, notes),
        (len(row_labels), len(col_labels)),
        row_labels,
        col_labels,
        (rows.name, cols.name, values.name),
    )
    warn_of_sentinels(triplets.values[:, None], [values.name], notes)
    return replace(merge_duplicates(triplets, duplicates, values.number), notes=tuple(notes.taken))


def _has_words_for_value(first: list[str]) -> bool:
    return len(first) > 2 and is_words(first[2])

"""What a grid's rows and columns are: names, units, totals and numbers; labels, and columns that are empty.

A spreadsheet's owner puts rows around the numbers that are no part of them. They are recognized by what stands in
them, left out of the table, noted, and written back where they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.categories import category_places, coded, repeats
from rankfall.tables.cells import Parsed
from rankfall.tables.columns import Column, columns_of
from rankfall.tables.detection import detect_labels, find_columns, is_header, is_index
from rankfall.tables.grid import Grid
from rankfall.tables.numerals import Numerals
from rankfall.tables.options import Notes, Reading
from rankfall.tables.sheets import Sheet
from rankfall.tables.table import column_title

_TOTALS = frozenset(
    [
        "total",
        "totals",
        "sum",
        "sums",
        "subtotal",
        "mean",
        "average",
        "avg",
        "median",
        "min",
        "max",
        "grand_total",
        "grand_mean",
        "column_total",
        "column_sum",
        "overall",
        "summe",
        "gesamt",
        "mittelwert",
        "insgesamt",
        "somme",
        "moyenne",
        "suma",
        "promedio",
        "totale",
        "media",
        "totaal",
    ]
)


@dataclass(frozen=True, eq=False)
class Structure:
    """A grid with its roles: `names` (None: no header), `rows` of data, `labels` and `numbers` among the columns.

    `columns[k]` is that of place `numbers[k]`, over the rows of data; `categories` are those k that are completed as
    categories.
    """

    grid: Grid
    names: list[str] | None
    rows: np.ndarray
    labels: list[int]
    numbers: list[int]
    columns: list[Column]
    numerals: Numerals
    categories: tuple[int, ...] = ()

    def number(self, row: int) -> int:
        """A row of data as the file's editor counts it."""
        return self.grid.number(int(self.rows[row]))


def structure_of(
    grid: Grid,
    label_columns: Sequence[str | int] | None,
    header: bool | None,
    reading: Reading,
    notes: Notes,
    separator: str | None,
) -> Structure:
    """The roles of a grid's rows and columns, detected where they are not given.

    Raises InputError where there are no rows or no column of numbers.
    """
    grid = _without_empty_columns(_without_titles(grid, header, reading, notes), notes)
    columns, numerals = columns_of(grid, reading, separator, notes)
    parsed = Parsed(
        np.column_stack([column.values for column in columns]), np.column_stack([one.is_text for one in columns])
    )
    first = [cell or "" for cell in grid.cells.row(0)]
    has_header = is_header(first, parsed) if header is None else header
    names = first if has_header else None
    if header is None:
        _note_header(has_header, parsed, grid, notes)
    rows = np.arange(1 if has_header else 0, grid.cells.height)
    if not len(rows):
        raise InputError(f"a table must have rows, {str(grid.path)!r} has a header only; add rows below it")
    if names is not None and reading.leave_out is None:
        names, rows = _without_units(grid, names, parsed, rows, notes)
    if not len(rows):
        raise InputError(f"a table must have rows, {str(grid.path)!r} has none below its header; add some")
    words = _words_of(grid, parsed)
    if label_columns is None:
        labels = detect_labels(names, words[rows])
    else:
        labels = sorted(set(find_columns(label_columns, names, grid.cells.width)))
    named = labels
    labels, categories = _without_categories(labels, label_columns, columns, words, rows, names, reading)
    if label_columns is None:
        _note_labels(labels, names, parsed[rows], grid.cells.width, notes)
    numbers = [place for place in range(grid.cells.width) if place not in labels]
    if not numbers:
        raise InputError(
            f"a table must have a column of numbers, {str(grid.path)!r} has none beside its labels; "
            "check its separator and its label columns"
        )
    if reading.leave_out is None:
        rows = _without_totals(grid, named, numbers, parsed, rows, notes)
    if label_columns is None:
        for place in labels:
            _warn_of_carried(columns[place].taken(rows), names, place, reading, notes)
    kept = [columns[place].taken(rows) for place in numbers]
    chosen = tuple(numbers.index(place) for place in categories)
    for k in chosen:
        kept[k] = coded(kept[k], column_title(names, numbers[k]), reading, notes)
    return Structure(grid, names, rows, labels, numbers, kept, numerals, chosen)


def _without_categories(
    labels: list[int], label_columns: Sequence[str | int] | None, columns: list[Column], words: Parsed,
    rows: np.ndarray, names: list[str] | None, reading: Reading,
) -> tuple[list[int], list[int]]:  # fmt: skip
    """The label columns that are left, and the columns to complete as categories."""
    if reading.categories is None:
        return labels, []
    candidates = detect_labels(names, words[rows]) if label_columns is None else [
        place for place in detect_labels(None, words[rows]) if place not in labels]  # fmt: skip
    of_words = {place: columns[place].taken(rows) for place in candidates if words.is_text[rows, place].any()}
    categories = category_places(reading, of_words, names, len(columns))
    both = [place for place in categories if place in labels]
    if label_columns is not None and both:
        raise InputError(
            f"a column is either a label or a category, got {column_title(names, both[0])} as both; leave it out of "
            "--labels or of --categories"
        )
    return [place for place in labels if place not in categories], categories


def _without_titles(grid: Grid, header: bool | None, reading: Reading, notes: Notes) -> Grid:
    """Without rows of a single cell above a table of several columns, and without empty rows around a sheet."""
    if reading.leave_out is not None or grid.cells.width < 3 or header is False:
        return grid
    head = grid.cells.head(20)
    filled = np.column_stack([~head[name].is_null().to_numpy() for name in head.columns]).sum(axis=1)
    is_title = filled <= 1
    begin = int(np.argmin(is_title)) if not is_title.all() else 0
    # A lone number may be an entry; a first row whose only cell is one is data.
    texts = [str(cell) for row in head.head(begin).rows() for cell in row if cell is not None]
    if begin and texts and not any(text.strip().replace(".", "", 1).isdecimal() for text in texts):
        shown = ", ".join(str(grid.number(row)) for row in range(begin))
        notes.decide(f"row {shown} above the table left out: a title, no names", "--leave-out")
        grid = replace(grid, cells=grid.cells.slice(begin), rows=grid.rows[begin:])
    if isinstance(grid.source, Sheet):
        is_empty = np.column_stack([one.is_null().to_numpy() for one in grid.cells.iter_columns()]).all(axis=1)
        if is_empty.any():
            kept = np.flatnonzero(~is_empty)
            notes.decide(f"{int(is_empty.sum())} empty rows of the sheet left out", "--leave-out")
            grid = replace(grid, cells=grid.cells[kept.tolist()], rows=grid.rows[kept])
    return grid


def _without_empty_columns(grid: Grid, notes: Notes) -> Grid:
    """Without columns at the end that have no cell and no name: what a separator at the end of each line makes."""
    width = grid.cells.width
    while width > 1:
        cells = grid.cells.to_series(width - 1)
        if not (cells.is_null() | (cells.str.strip_chars() == "")).all():
            break
        width -= 1
    if width == grid.cells.width or grid.cells.height < 2 or not _first_is_words(grid):
        return grid
    notes.decide(f"{grid.cells.width - width} empty column without a name at the end left out", "")
    return replace(grid, cells=grid.cells[:, :width])


def _first_is_words(grid: Grid) -> bool:
    return any(cell and not cell.strip().lstrip("+-").replace(".", "").isdecimal() for cell in grid.cells.row(0))


def _note_header(has_header: bool, parsed: Parsed, grid: Grid, notes: Notes) -> None:
    row, top = grid.number(0), parsed[0]
    if has_header and top.is_number.all():
        notes.warn(f"row {row} counts the columns and is read as their names; --no-header reads it as numbers")
    elif has_header:
        notes.decide(f"row {row} holds the names of the columns", "--no-header")
    else:
        notes.decide("there is no line of names", "--header")
        is_whole = top.is_number.all() and np.all(top.values == np.floor(top.values))
        below = parsed.values[1:]
        known = below[~np.isnan(below)]
        if (
            is_whole and len(top.values) > 1 and len(np.unique(top.values)) == len(top.values)
            and len(known) and np.mean(known != np.floor(known)) > 0.5
        ):  # fmt: skip
            notes.warn(f"row {row} has distinct whole numbers over decimals; --header reads it as names")


def _without_units(
    grid: Grid, names: list[str], parsed: Parsed, rows: np.ndarray, notes: Notes
) -> tuple[list[str], np.ndarray]:
    """The names, and the rows without those of words right below the header: units, or a second line of names."""
    while len(rows) > 2 and rows[0] < 4:
        below = parsed[rows[1:]]
        over_numbers = below.is_number.sum(axis=0) > below.is_text.sum(axis=0)
        row = int(rows[0])
        texts = [cell for cell, over in zip(grid.cells.row(row), over_numbers, strict=True) if over and cell]
        is_words = parsed.is_text[row] & over_numbers
        some = int(is_words.sum())
        if not some or 2 * some < over_numbers.sum() or (parsed.is_number[row] & over_numbers).any():
            break
        if not all(any(sign.isalnum() or sign in "%°µ$€£" for sign in text) for text in texts):
            break
        again = {cell for place in np.flatnonzero(over_numbers) for cell in grid.cells[rows[1:].tolist(), int(place)]}
        if again & set(texts):
            break
        second = [cell or "" for cell in grid.cells.row(row)]
        if len(set(filter(None, second))) > len(set(filter(None, names))):
            names = [new or old for old, new in zip(names, second, strict=True)]
            notes.decide(f"row {grid.number(row)} holds the names, those above it stand for groups", "--leave-out")
        else:
            notes.decide(f"row {grid.number(row)} left out: units or words, such as {texts[0]!r}", "--leave-out")
        rows = rows[1:]
    return names, rows


def _without_totals(
    grid: Grid, labels: list[int], numbers: list[int], parsed: Parsed, rows: np.ndarray, notes: Notes
) -> np.ndarray:
    """The rows without totals and means of the others: called so in a label column, or sums in every column."""
    left = []
    for row in (*rows[-3:], rows[0]) if len(rows) > 2 else ():
        cells = [grid.cells[int(row), place] for place in labels]
        words = ["_".join(str(cell).lower().strip(" :*").split()) for cell in cells if cell]
        if words and words[0] in _TOTALS:
            left.append(int(row))
    if not left and not labels and len(rows) > 3 and len(numbers) > 1:
        others, last = parsed.values[rows[:-1]][:, numbers], parsed.values[rows[-1], numbers]
        with np.errstate(over="ignore"):
            sums = np.nansum(others, axis=0)
        if np.abs(last).min(initial=np.inf) > 0 and np.allclose(sums, last, rtol=1e-9, atol=0):
            left = [int(rows[-1])]
    if left:
        shown = ", ".join(str(grid.number(row)) for row in sorted(left))
        notes.decide(f"row {shown} left out: a total or mean of the others; written back as it was", "--leave-out")
    return rows[~np.isin(rows, left)]


def _words_of(grid: Grid, parsed: Parsed) -> Parsed:
    """Parsed cells of which only those with a letter or digit are words: a column of `-` is none of labels."""
    is_text = parsed.is_text.copy()
    for place in np.flatnonzero(is_text.any(axis=0)):
        has_sign = grid.cells.to_series(int(place)).str.contains(r"[\p{L}\p{N}]").fill_null(False).to_numpy()
        is_text[:, place] &= has_sign
    return Parsed(parsed.values, is_text)


def _note_labels(labels: list[int], names: list[str] | None, parsed: Parsed, width: int, notes: Notes) -> None:
    if labels:
        titles = [column_title(names, place) for place in labels]
        shown = ", ".join(titles[:8]) + (", …" if len(titles) > 8 else "")
        notes.decide(f"{shown} carried along as labels", "--labels")
    if 0 not in labels and width > 1 and len(parsed.values) > 2 and is_index("id", parsed.values[:, 0]):
        others = parsed.values[:, 1:]
        known = others[~np.isnan(others)]
        is_telling = np.isnan(others).any() and (np.floor(known) != known).any()
        if is_telling or np.all(np.diff(parsed.values[:, 0]) == 1):
            notes.warn(
                f"{column_title(names, 0)} has distinct whole numbers and is completed from like the others; "
                "--labels 1 carries it along"
            )


def _warn_of_carried(column: Column, names: list[str] | None, place: int, reading: Reading, notes: Notes) -> None:
    # Numbers only are an index, recognized as such.
    empty, numeric = column.count_unknown(), column.count_numbers() if column.is_text.any() else 0
    faults = []
    if empty:
        faults.append(f"{empty} empty or unknown {'cell' if empty == 1 else 'cells'}")
    if numeric:
        faults.append(f"{numeric} {'cell' if numeric == 1 else 'cells'} like numbers")
    if faults:
        way = "; --categories auto fills it" if empty and repeats(column, reading) else ""
        notes.warn(f"{column_title(names, place)} is carried along unfilled, with {' and '.join(faults)}{way}")

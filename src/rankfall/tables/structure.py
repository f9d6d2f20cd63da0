"""What a grid's rows and columns are: names, data and what stands around it; labels, numbers and categories."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.categories import category_places, coded, repeats
from rankfall.tables.cells import Parsed, known_texts
from rankfall.tables.columns import Column, columns_of
from rankfall.tables.detection import detect_labels, find_columns, is_header, is_index
from rankfall.tables.grid import Grid
from rankfall.tables.identifiers import identifier_places
from rankfall.tables.numerals import Numerals
from rankfall.tables.options import Notes, Reading
from rankfall.tables.sheets import Sheet
from rankfall.tables.surroundings import (
    without_blanks,
    without_empty_columns,
    without_footnotes,
    without_groups,
    without_titles,
    without_totals,
    without_units,
)
from rankfall.tables.table import column_title

_TIME = r"^\d{1,3}(?::\d\d){1,2}(?:[.,]\d+)?$"


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
    grid = without_empty_columns(without_titles(grid, header, reading, notes), notes)
    columns, numerals = columns_of(grid, reading, separator, notes)
    parsed = Parsed(
        np.column_stack([column.values for column in columns]), np.column_stack([one.is_text for one in columns])
    )
    first = [cell or "" for cell in grid.cells.row(0)]
    has_header = is_header(first, parsed) if header is None else header
    if not has_header and header is None and reading.leave_out != ():
        below, others = without_groups(grid, parsed, notes)
        if below is not grid:
            grid, parsed, has_header = below, others, True
            columns = [column.taken(np.arange(1, len(column.values))) for column in columns]
            first = [cell or "" for cell in grid.cells.row(0)]
    names = first if has_header else None
    if header is None:
        _note_header(has_header, parsed, grid, notes)
    rows = np.arange(1 if has_header else 0, grid.cells.height)
    if not len(rows):
        raise InputError(f"a table must have rows, {str(grid.path)!r} has a header only; add rows below it")
    if names is not None and reading.leave_out != ():
        names, rows = without_units(grid, names, parsed, rows, notes)
    if not len(rows):
        raise InputError(f"a table must have rows, {str(grid.path)!r} has none below its header; add some")
    words = _words_of(grid, parsed)
    if label_columns is None:
        labels = detect_labels(names, words[rows])
        labels = sorted({*labels, *identifier_places(names, words[rows], grid.cells[rows.tolist()])})
    else:
        labels = sorted(set(find_columns(label_columns, names, grid.cells.width)))
    # A column of a spreadsheet without a name and without a cell is a gap between others.
    gaps = [] if names is None else [
        place for place, name in enumerate(names)
        if not name.strip() and place not in labels and parsed.is_unknown[rows, place].all()
    ]  # fmt: skip
    named = labels
    labels, categories = _without_categories(labels, label_columns, columns, words, rows, names, reading)
    if label_columns is None:
        _note_labels(labels, names, parsed[rows], grid.cells.width, notes)
    if gaps and len(gaps) + len(labels) < grid.cells.width:
        notes.decide(f"{_many(len(gaps), 'empty column')} without a name left out", "")
        labels = sorted({*labels, *gaps})
    numbers = [place for place in range(grid.cells.width) if place not in labels]
    if not numbers:
        raise InputError(
            f"a table must have a column of numbers, {str(grid.path)!r} has none beside its labels"
            f"{_shown(grid.cells.row(int(rows[0])))}; {_ways(grid, separator, any(map(_has_times, columns)))}"
        )
    if label_columns is None and reading.leave_out != ():
        rows = without_footnotes(grid, parsed, rows, notes)
    if reading.leave_out != ():
        rows = without_totals(grid, named, numbers, parsed, rows, notes)
    if label_columns is None and reading.leave_out != ():
        rows = without_blanks(grid, named, parsed, rows, notes)
    if label_columns is None:
        for place in labels:
            if place in gaps:
                continue
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


def _note_header(has_header: bool, parsed: Parsed, grid: Grid, notes: Notes) -> None:
    row, top = grid.number(0), parsed[0]
    if has_header and top.is_number.all():
        notes.warn(
            f"row {row} counts the columns or has years, and is read as their names; --no-header reads it as numbers"
        )
    elif has_header:
        notes.decide(f"row {row} holds the names of the columns", "--no-header")
    else:
        notes.decide("there is no line of names", "--header")
        numbers = top.values[top.is_number]
        is_whole = bool(top.is_number[1:].all() and np.all(numbers == np.floor(numbers)))
        below = parsed.values[1:][:, top.is_number]
        known = below[~np.isnan(below)]
        if (
            is_whole and len(numbers) > 1 and len(np.unique(numbers)) == len(numbers)
            and len(known) and np.mean(known != np.floor(known)) > 0.5
        ):  # fmt: skip
            notes.warn(f"row {row} has distinct whole numbers over decimals; --header reads it as names")


def _words_of(grid: Grid, parsed: Parsed) -> Parsed:
    """Parsed cells of which only those with a letter or digit are words: a column of `-` is none of labels."""
    is_text = parsed.is_text.copy()
    is_text[0] &= [any(map(str.isalnum, cell or "")) for cell in grid.cells.row(0)]
    for place in np.flatnonzero(is_text[1:].any(axis=0)):
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
        way = (
            "; written as numbers, of seconds for instance, its times are filled"
            if empty and _has_times(column)
            else way
        )
        notes.warn(f"{column_title(names, place)} is carried along unfilled, with {' and '.join(faults)}{way}")


def _has_times(column: Column) -> bool:
    """Whether most cells are times of the day or durations, 1:30:00 or 4:05.2."""
    known = known_texts(column.texts).drop_nulls()
    return 2 * int(known.str.contains(_TIME).sum()) > len(known)


def _shown(cells: Sequence[str | None]) -> str:
    """The first cells of a row, as a sentence shows them."""
    known = [repr(cell) for cell in cells if cell and cell.strip()]
    return f" (its first row is {', '.join(known[:3])}{', …' if len(known) > 3 else ''})" if known else ""


def _ways(grid: Grid, separator: str | None, has_times: bool) -> str:
    """What may be wrong with a grid that has no numbers."""
    if has_times:
        return "write times and durations as numbers, of seconds for instance"
    words = (
        "write units and factors alike in all cells of a column, fill columns of few words by --categories auto, and "
        "check its label columns"
    )
    if isinstance(grid.source, Sheet):
        return f"{words}; --sheet names another sheet than {grid.source.name!r}"
    return f"name the sign between its cells by --separator (read by {separator!r}), {words}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"

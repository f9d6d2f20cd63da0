"""Completing a table: its holes filled, written back in the layout it came in."""

from pathlib import Path

import numpy as np

from rankfall.cli.advice import column_rows
from rankfall.cli.console import Console
from rankfall.cli.observed import notes_of, problem_of
from rankfall.cli.options import FitOptions
from rankfall.cli.report_output import ReportOutput
from rankfall.cli.steps import beside, check_outputs, dense, draw, fit, warn_empty
from rankfall.errors import InputError
from rankfall.tables import READ_FORMATS, TABLE_FORMATS, Reading, Table, Triplets, read_table, rounded, write_table
from rankfall.tables.dates import dated_column, order_of
from rankfall.tables.files import SHEET_FORMATS, check_format, check_readable, extension, holds_text
from rankfall.tables.options import Note
from rankfall.tables.rounding import whole_columns
from rankfall.tables.table import column_title
from rankfall.tables.triplets import check_merge


def complete_table(
    source: Path, output: Path | None, plot: Path | None, labels: str | None, header: bool | None, duplicates: str,
    reading: Reading | None, digits: str, options: FitOptions, console: Console, page: ReportOutput,
) -> None:  # fmt: skip
    """Read a table, fill its holes, write it; coordinates become a table with row and column numbers for labels."""
    check_merge(duplicates)
    check_format(check_readable(source), READ_FORMATS)
    output = output or completed_name(source)
    check_outputs(output, TABLE_FORMATS, plot)
    found = read_table(source, label_columns=labels, header=header, duplicates=duplicates, reading=reading)
    notes = notes_of(found)
    table = found.table(dense(found)) if isinstance(found, Triplets) else found
    problem = problem_of(table)
    if problem.rows.size == table.values.size:
        console.warnings(notes)
        raise InputError(
            f"a table to complete must have unknown entries, {str(source)!r} has none; empty cells, NA and NaN mark "
            "them, and --triplets says that the file lists entries"
        )
    order, told = _order(table, options.order)
    console.notes((*notes, *told))
    warn_empty(problem, lambda row: row_title(table, row), lambda col: column_title(table.column_names, col), console)
    done = fit(problem, options, console, table.categories, order)
    filled = done.estimator.transform(table.values)
    is_bounded = options.min_value is not None or options.max_value is not None
    filled = rounded(table, filled, digits, not is_bounded and done.is_within_range() | whole_columns(table))
    console.writing(lambda: write_table(table.with_values(filled), output))
    if plot is not None:
        console.writing(lambda: draw(plot, table.values, filled))
    labels_of_rows = next((one for one in (table.row_labels or {}).values() if any(one)), None)
    words = {place: table.levels(place) for place in table.categories}
    told = console.writing(lambda: page.write(done.estimator, labels_of_rows, table.column_names, words))
    console.summary([*done.rows(), *column_rows(done.estimator, table.column_names or []), *told], "written", output)


def _order(table: Table, wanted: str | None) -> tuple[np.ndarray | str | None, tuple[Note, ...]]:
    """How rows are ordered in time, as the estimator takes it, and what was decided about it."""
    if wanted in ("rows", "none"):
        return ("rows" if wanted == "rows" else None), ()
    if wanted is not None:
        return order_of(table, wanted), ()
    column = dated_column(table)
    if column is None:
        return None, ()
    return "rows", (Note(f"rows are in the order of the dates in {column!r}", "--order"),)


def completed_name(source: Path, word: str = "completed") -> Path:
    """Where the completed table goes by default: beside the file, in its format where that can be written."""
    if extension(source) in SHEET_FORMATS:
        if holds_text(source):
            return beside(source, word, ".csv")
        if extension(source) not in TABLE_FORMATS:
            return beside(source, word, ".xlsx")
    return beside(source, word)


def row_title(table: Table, row: int) -> str:
    """How a sentence calls a row: by its first label, or by its place, counted as an editor counts lines."""
    for column in (table.row_labels or {}).values():
        if column[row] is not None:
            return f"row {str(column[row])!r}"
    return f"row {(row if table.layout.rows is None else int(table.layout.rows[row])) + 1}"

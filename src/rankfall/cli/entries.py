"""Completing a list of observed entries: the pairs asked for, or the whole matrix where that is small enough."""

from pathlib import Path

import numpy as np

from rankfall.cli.console import Console
from rankfall.cli.observed import problem_of
from rankfall.cli.options import FitOptions
from rankfall.cli.report_output import ReportOutput
from rankfall.cli.steps import beside, check_outputs, check_size, dense, draw, fit, warn_empty
from rankfall.errors import InputError
from rankfall.tables import (
    TABLE_FORMATS,
    TRIPLET_FORMATS,
    Pairs,
    Reading,
    Triplets,
    read_pairs,
    read_triplets,
    write_table,
    write_triplets,
)
from rankfall.tables.files import check_readable, extension

# These name their entries themselves.
_COORDINATES = (".npz", ".mtx", ".mtx.gz")


def complete_entries(
    source: Path, columns: str | None, pairs_file: Path | None, output: Path | None, plot: Path | None,
    header: bool | None, duplicates: str, reading: Reading | None, digits: str, options: FitOptions, console: Console,
    page: ReportOutput,
) -> None:  # fmt: skip
    """Read observed entries one a row; fill the pairs of a file, or everything where none is given."""
    if columns is None and extension(source) not in _COORDINATES:
        raise InputError(
            f"--predict needs --triplets, got only {str(pairs_file)!r}; say which columns of INPUT are row, column and "
            "value"
        )
    if pairs_file is None and output is None:
        raise InputError(
            "a list of entries needs --predict PAIRS or an output, got neither; name the pairs to fill, or -o for all"
        )
    check_readable(source)
    if pairs_file is not None:
        check_readable(pairs_file)
        output = output or beside(pairs_file, "predicted", ".csv")
    assert output is not None
    check_outputs(output, TABLE_FORMATS if pairs_file is None else TRIPLET_FORMATS, plot)
    entries = read_triplets(source, columns, duplicates=duplicates, reading=reading, header=header)
    pairs = None if pairs_file is None else _known_pairs(pairs_file, entries, columns, reading, console)
    if pairs is None or plot is not None:
        check_size(entries.shape)
    problem = problem_of(entries)
    if pairs is None and problem.share == 1:
        raise InputError(f"a matrix to complete must have unknown entries, {str(source)!r} lists all; there is no work")
    console.notes([*entries.notes, *(() if pairs is None else pairs.notes)])
    row, col, _ = entries.names
    warn_empty(
        problem,
        lambda place: f"{row} {str(entries.row_labels[place])!r}",
        lambda place: f"{col} {str(entries.col_labels[place])!r}",
        console,
    )
    done = fit(problem, options, console)
    rows = done.rows()
    if pairs is None or plot is not None:
        holes = dense(entries)
        filled = done.estimator.transform(holes)
        if pairs is None:
            whole = entries.table(filled)
            console.writing(lambda: write_table(whole, output))
        if plot is not None:
            console.writing(lambda: draw(plot, holes, filled))
    if pairs is not None:
        predicted = done.estimator.predict(pairs.rows, pairs.cols)
        if digits.isdecimal():
            predicted = np.round(predicted, int(digits))
        console.writing(
            lambda: write_triplets(output, pairs.row_labels, pairs.col_labels, predicted, names=pairs.names)
        )
        rows += _error_rows(pairs, predicted)
    rows += console.writing(lambda: page.write(done.estimator, entries.row_labels, entries.col_labels))
    console.summary(rows, "written", output)


def _known_pairs(
    path: Path, entries: Triplets, columns: str | None, reading: Reading | None, console: Console
) -> Pairs:
    """The pairs to fill, some of which have labels that were observed."""
    pairs = read_pairs(path, entries, columns, reading)
    unseen = (pairs.rows < 0) | (pairs.cols < 0)
    if ((pairs.rows < 0) & (pairs.cols < 0)).all():
        row, col = (str(labels[0]) for labels in (pairs.row_labels, pairs.col_labels))
        raise InputError(
            f"pairs must have labels of observed entries, none of {str(path)!r} has one ({pairs.names[0]} {row!r}, "
            f"{pairs.names[1]} {col!r}, …); check the order of its columns"
        )
    if unseen.any():
        console.warn(
            f"{int(unseen.sum())} of {len(pairs)} pairs have a label without observed entries; averages fill them"
        )
    return pairs


def _error_rows(pairs: Pairs, predicted: np.ndarray) -> list[tuple[str, str]]:
    """The error against values given with the pairs, if any are."""
    if pairs.values is None or np.isnan(pairs.values).all():
        return []
    given = ~np.isnan(pairs.values)
    error = float(np.sqrt(np.mean((predicted[given] - pairs.values[given]) ** 2)))
    return [("error on the pairs", f"{error:.4f} (root mean square, {int(given.sum())} given values)")]

"""Recovering a table: the determined cells filled, the others left empty and named."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankfall.cli.console import Console
from rankfall.cli.observed import notes_of, problem_of, read_observed
from rankfall.cli.steps import beside, check_size, dense
from rankfall.cli.symmetric_table import check_symmetric
from rankfall.cli.table import completed_name, row_title
from rankfall.errors import InputError
from rankfall.tables import (
    READ_FORMATS,
    TABLE_FORMATS,
    Reading,
    Table,
    Triplets,
    check_writable,
    write_table,
)
from rankfall.tables.files import check_format, check_readable
from rankfall.tables.table import column_title
from rankfall.tables.triplets import check_merge

if TYPE_CHECKING:
    from rankfall.recovery import PathStep

# Lines named in the summary; the rest is counted.
_NAMED = 6
_PLANTED = Path("rankfall-recovered.csv")


@dataclass(frozen=True)
class RecoverOptions:
    """How to recover: as for `rankfall.recovery.recover`; `measure` is how many cells to suggest.

    Raises InputError, naming the option, where one is out of range.
    """

    depth: float | None = None
    tolerance: float | None = None
    outliers: float = 0.0
    measure: int = 5
    seed: int = 0
    symmetric: bool | None = None
    semidefinite: bool = False

    def __post_init__(self) -> None:
        if self.depth is not None and not (self.depth == math.inf or (self.depth >= 2 and self.depth.is_integer())):
            raise InputError(
                f"--depth must be a whole number from 2 on, or inf, got {self.depth}; leave it out for 4, then inf"
            )
        if self.tolerance is not None and not 0 < self.tolerance < 1:
            raise InputError(f"--tolerance must lie between 0 and 1, got {self.tolerance}; 1e-6 suits six digits")
        if not 0 <= self.outliers < 0.25:
            raise InputError(
                f"--outliers must be a share from 0 to below 0.25, got {self.outliers}; 0.05 allows one cell in twenty"
            )
        if self.measure < 0:
            raise InputError(f"--measure must not be negative, got {self.measure}; 0 suggests nothing")
        if self.semidefinite and self.symmetric is False:
            raise InputError(
                "--semidefinite means a symmetric table, got it with --no-symmetric; leave one of them out"
            )
        if not 0 <= self.seed < 2**32:
            raise InputError(f"--seed must lie between 0 and {2**32 - 1}, got {self.seed}; 0 is as good as any")


def recover_table(
    source: Path, output: Path | None, columns: str | None, labels: str | None, header: bool | None, duplicates: str,
    reading: Reading | None, options: RecoverOptions, console: Console,
) -> bool:  # fmt: skip
    """Read a table or a list of entries, fill what is determined, write it; whether anything was."""
    check_merge(duplicates)
    check_readable(source)
    if columns is None:
        check_format(source, READ_FORMATS)
    output = output or (completed_name(source, "recovered") if columns is None else beside(source, "recovered", ".csv"))
    check_writable(output, TABLE_FORMATS)
    found = read_observed(source, columns, labels, header, duplicates, reading)
    notes = notes_of(found)
    if isinstance(found, Triplets):
        check_size(found.shape)
        found = found.table(dense(found))
    if not np.isnan(found.values).any():
        raise InputError(f"a table to recover must have unknown entries, {str(source)!r} has none; there is no work")
    console.notes(notes)
    return _recover(found, output, options, console)


def recover_planted(output: Path | None, options: RecoverOptions, console: Console) -> bool:
    """A 40 × 30 table of rank 2 with 40 % of its cells observed, and two rows of which too little is."""
    output = output or _PLANTED
    check_writable(output, TABLE_FORMATS)
    rng = np.random.default_rng(options.seed)
    truth = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 30))
    holes = np.where(rng.random(truth.shape) < 0.4, truth, np.nan)
    holes[7] = np.nan
    holes[11, np.flatnonzero(~np.isnan(holes[11]))[1:]] = np.nan
    names = {"row": [f"r{i + 1}" for i in range(40)]}
    return _recover(Table(holes, tuple(f"c{j + 1}" for j in range(30)), names), output, options, console)


def _recover(table: Table, output: Path, options: RecoverOptions, console: Console) -> bool:
    from rankfall.recovery import recover, suggest_cells

    problem = problem_of(table)
    if options.symmetric or options.semidefinite:
        check_symmetric(table, "--semidefinite" if options.semidefinite else "--symmetric")
    begun = time.perf_counter()
    with console.fitting() as bar:
        found = recover(
            problem, symmetric=options.symmetric, semidefinite=options.semidefinite, depth=options.depth,
            tolerance=options.tolerance, outliers=options.outliers, seed=options.seed, progress=_progress(bar),
        )  # fmt: skip
    seconds = time.perf_counter() - begun
    certified = found.certificate.rows[:, None] & found.certificate.cols[None, :]
    unknown = np.isnan(table.values)
    unknown[found.outliers[:, 0], found.outliers[:, 1]] = True
    trusted = np.where(unknown, np.nan, table.values)
    filled = table.with_values(np.where(unknown & certified, found.product.product, trusted))
    console.writing(lambda: write_table(filled, output))
    count, left = int((unknown & certified).sum()), int((unknown & ~certified).sum())
    rows: list[tuple[str, str]] = [
        ("size", " × ".join(map(str, problem.shape))),
        ("observed", f"{100 * problem.share:.3g} %"),
        ("found", found.status),
        ("filled", f"{count} of {count + left} unknown cells"),
    ]
    if found.noise:
        rows.append(("noise", f"{found.noise:.3g} (deviation)"))
    if options.outliers:
        wrong = [_cell(table, i, j) for i, j in found.outliers[:_NAMED].tolist()]
        more = f" and {len(found.outliers) - _NAMED} more" if len(found.outliers) > _NAMED else ""
        rows.append(("left out", f"{len(found.outliers)} cells: {'; '.join(wrong)}{more}" if wrong else "no cell"))
    if left:
        rows.append(("not determined", _names(found.certificate.rows, "rows", lambda i: row_title(table, i))))
        rows.append(("", _names(found.certificate.cols, "columns", lambda j: column_title(table.column_names, j))))
        wanted = options.measure and not found.interrupted
        cells = suggest_cells(problem, found, options.measure) if wanted else []
        for place, (i, j) in enumerate(cells):
            rows.append(("measure next" if place == 0 else "", _cell(table, i, j)))
    rows.append(("seconds", f"{seconds:.2f}"))
    console.summary(rows, "written", output)
    return found.certificate.count > 0


def _progress(bar: Callable[[str, float], None] | None) -> Callable[[str, "PathStep"], None] | None:
    """The bar, told how many of the eight digits of the residual are gone."""
    if bar is None:
        return None
    return lambda stage, step: bar(stage, min(0.99, max(0.0, -math.log10(max(step.residual, 1e-8)) / 8)))


def _cell(table: Table, i: int, j: int) -> str:
    return f"{row_title(table, i)}, {column_title(table.column_names, j)}"


def _names(certified: np.ndarray, what: str, title: Callable[[int], str]) -> str:
    """The lines that are not certified: how many, and the first of them by name."""
    lines = np.flatnonzero(~certified).tolist()
    if not lines:
        return f"no {what}"
    more = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return f"{len(lines)} {what}: {', '.join(title(line) for line in lines[:_NAMED])}{more}"

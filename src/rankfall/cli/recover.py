"""`rankfall recover`: what the observed cells of a table determine, exactly, and what to measure next."""

from pathlib import Path
from typing import Annotated

import typer

from rankfall.cli.reading_options import (
    Below,
    Comment,
    Decimal,
    Duplicates,
    Encoding,
    Header,
    Labels,
    LeaveOut,
    Marks,
    Separator,
    Sheet,
    Thousands,
    TripletColumns,
    Unknown,
)

EXIT_CODES = (
    "Exit codes: 0 done; 1 nothing but the observed cells is determined, which are written; 2 bad input, nothing "
    "written; 130 interrupted, what was determined until then is written."
)


def recover(
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            help="csv, tsv, xlsx, ods, parquet, feather, npy, npz or mtx; empty cells, NA and NaN are unknown. None: a "
            "planted table.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; the extension names the format.")
    ] = None,
    triplets: TripletColumns = None,
    duplicates: Duplicates = "error",
    labels: Labels = None,
    header: Header = None,
    unknown: Unknown = None,
    marks: Marks = None,
    below: Below = None,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    encoding: Encoding = None,
    comment: Comment = None,
    leave_out: LeaveOut = None,
    sheet: Sheet = None,
    depth: Annotated[
        float | None,
        typer.Option(help="Layers of the chain whose metric is frozen, or inf for the limit; by default 4, then inf."),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Relative residual that counts as exact; raise it for rounded values.")
    ] = None,
    outliers: Annotated[
        float,
        typer.Option(help="Largest share of grossly wrong cells, such as 0.05: they are found, named and left out."),
    ] = 0.0,
    symmetric: Annotated[
        bool | None,
        typer.Option(
            "--symmetric/--no-symmetric",
            help="Whether the table is symmetric, such as one of distances; then one triangle is as good as both. By "
            "default where all its observed cells are.",
        ),
    ] = None,
    semidefinite: Annotated[
        bool,
        typer.Option("--semidefinite", help="Symmetric and positive semidefinite, such as covariances and kernels."),
    ] = False,
    measure: Annotated[int, typer.Option(help="How many cells to suggest for measuring next; 0 for none.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of all random vectors.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> None:
    """Fill only the cells that the observed cells determine.

    The rank is found, not given. A cell is filled where a certificate shows
    that no other matrix of that rank nearby has the same observed cells.
    Cells that are not determined stay empty: the summary names their rows and
    columns, and the cells to measure next. With --outliers, cells found
    wrong count as unknown. Ctrl-C keeps what is determined by then.
    """
    from rankfall.cli.console import Console
    from rankfall.cli.reading import reading_of
    from rankfall.cli.recover_table import RecoverOptions, recover_planted, recover_table

    options = RecoverOptions(depth, tolerance, outliers, measure, seed, symmetric, semidefinite)
    console = Console(quiet)
    reading = reading_of(unknown, below, separator, decimal, thousands, encoding, comment, leave_out, sheet, marks)
    if table is None:
        done = recover_planted(output, options, console)
    else:
        done = recover_table(table, output, triplets, labels, header, duplicates, reading, options, console)
    raise typer.Exit(console.exit_code or (0 if done else 1))

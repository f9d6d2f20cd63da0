"""`rankfall complete`: a table with holes in, the completed table out."""

from pathlib import Path
from typing import Annotated

import typer

from rankfall.errors import InputError

EXIT_CODES = (
    "Exit codes: 0 done; 1 diverged, best state written; 2 bad input, nothing written; 130 interrupted, best so far "
    "written."
)


def complete(
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            help="csv, tsv, xlsx, ods, parquet, feather, npy, npz or mtx; empty cells, NA and NaN are unknown. None: a "
            "bundled photograph.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; the extension names the format.")
    ] = None,
    triplets: Annotated[
        str | None, typer.Option(help="INPUT lists entries: names or places of its columns row,col,value.")
    ] = None,
    predict: Annotated[
        Path | None, typer.Option(help="Fill the pairs row,col listed in this file, and no more.")
    ] = None,
    duplicates: Annotated[str, typer.Option(help="Entries listed twice: error, mean or last.")] = "error",
    labels: Annotated[
        str | None,
        typer.Option(help="Columns to carry along unread, as id,city or 1,3; words are found by themselves."),
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether the first row holds names; detected automatically."),
    ] = None,
    unknown: Annotated[
        str | None, typer.Option(help='Codes that mark unknown entries, as in --unknown="-,?,-999".')
    ] = None,
    below: Annotated[
        str | None, typer.Option(help="What a cell such as <0.5 counts as: half (the limit), limit or unknown.")
    ] = None,
    separator: Annotated[str | None, typer.Option(help="What separates cells, or 'tab'; detected.")] = None,
    decimal: Annotated[str | None, typer.Option(help="The decimal sign, . or , ; detected.")] = None,
    thousands: Annotated[
        str | None, typer.Option(help="What separates thousands: comma, point, space, apostrophe or none; detected.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="The encoding of text, as cp1252; detected.")] = None,
    comment: Annotated[str | None, typer.Option(help="The sign that begins comment lines, '' for none.")] = None,
    leave_out: Annotated[
        str | None,
        typer.Option(
            help="Rows that are no part of the table, as 2,22, counted from 1; 'none' keeps units and totals."
        ),
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of a spreadsheet, by name or place.")] = None,
    digits: Annotated[
        str, typer.Option("--round", help="Decimals of what is filled in: auto (as the column has), none, or a number.")
    ] = "auto",
    depth: Annotated[str, typer.Option(help="Number of layers, or 'auto': chosen by held-out entries.")] = "auto",
    width: Annotated[str, typer.Option(help="Bound on the rank, or 'auto'.")] = "auto",
    scale: Annotated[str, typer.Option(help="Size of the start, or 'auto'.")] = "auto",
    rtol: Annotated[str, typer.Option(help="Tolerance of the flow, or 'auto'.")] = "auto",
    holdout: Annotated[str, typer.Option(help="Share of the observed entries to choose on, or auto.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the held-out split.")] = 0,
    min_value: Annotated[float | None, typer.Option("--min", help="Lower bound on what is filled in.")] = None,
    max_value: Annotated[float | None, typer.Option("--max", help="Upper bound on what is filled in.")] = None,
    float32: Annotated[bool, typer.Option("--float32", help="Half the memory.")] = False,
    loss: Annotated[
        str,
        typer.Option(help="squared, huber or absolute (these two withstand outliers), or logistic (two values)."),
    ] = "squared",
    features: Annotated[
        bool | None,
        typer.Option(
            "--features/--no-features", help="Learn from which entries are observed, too; by held-out entries."
        ),
    ] = None,
    scaling: Annotated[str, typer.Option(help="auto, global (one unit), columns (each its own), log or raw.")] = "auto",
    order: Annotated[str | None, typer.Option(help="'rows': rows are in the order of time.")] = None,
    refine: Annotated[
        bool | None,
        typer.Option("--refine/--no-refine", help="Several methods weighed by held-out entries; on for small tables."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the table before and after to this PNG.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a report to this HTML file, with all there is to say.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a report that exists.")] = False,
) -> None:
    """Fill the holes of a table, and say how well.

    Held-out entries choose the depth and the stopping time; the error printed
    is theirs. Without INPUT, a photograph with 70 % of its pixels hidden is
    completed and drawn beside the truth. Ctrl-C keeps the best found so far.
    """
    from rankfall.cli.console import Console
    from rankfall.cli.options import FitOptions, number_or_auto, whole_or_auto
    from rankfall.cli.reading import digits_of, reading_of
    from rankfall.cli.report_output import ReportOutput

    options = FitOptions(
        whole_or_auto("depth", depth), whole_or_auto("width", width), number_or_auto("scale", scale),
        number_or_auto("rtol", rtol), number_or_auto("holdout", holdout), seed, min_value, max_value, float32, loss,
        features, scaling, order, refine,
    )  # fmt: skip
    console = Console(quiet)
    reading = reading_of(unknown, below, separator, decimal, thousands, encoding, comment, leave_out, sheet)
    digits_of(digits)
    page = ReportOutput(report, force)
    page.check()
    if table is None:
        _refuse(
            "needs an INPUT", "got none; name the file to complete", triplets=triplets, predict=predict, labels=labels
        )
        from rankfall.cli.example import complete_example

        complete_example(output, plot, options, console, page)
    elif triplets is None and predict is None:
        from rankfall.cli.table import complete_table

        complete_table(table, output, plot, labels, header, duplicates, reading, digits, options, console, page)
    else:
        _refuse("is for tables", "got it for a list of entries; --triplets names its columns", labels=labels)
        from rankfall.cli.entries import complete_entries

        complete_entries(
            table, triplets, predict, output, plot, header, duplicates, reading, digits, options, console, page
        )
    raise typer.Exit(console.exit_code)


def _refuse(rule: str, got: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputError(f"--{name} {rule}, {got}")

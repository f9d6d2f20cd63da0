"""`rankfall complete`: a table with holes in, the completed table out."""

from pathlib import Path
from typing import Annotated

import typer

from rankfall.cli.cluster_options import BlockEntries, Checkpoint, Dask, Resume
from rankfall.cli.reading_options import (
    Below,
    Categories,
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
from rankfall.cli.tensor_input import Index, Value, is_tensor, refuse

EXIT_CODES = (
    "Exit codes: 0 done; 1 diverged, best state written; 2 bad input, nothing written; 130 interrupted, best so far "
    "written."
)


def complete(
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            help="csv, tsv, xlsx, ods, parquet, feather, npy, npz or mtx; empty cells, NA and NaN are unknown. "
            "Tensors: npy, npz, nc, zarr, or a long table with --index. None: a bundled photograph.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; the extension names the format.")
    ] = None,
    triplets: TripletColumns = None,
    index: Index = None,
    value: Value = None,
    predict: Annotated[Path | None, typer.Option(help="Fill only the pairs row,col listed in this file.")] = None,
    duplicates: Duplicates = "error",
    labels: Labels = None,
    categories: Categories = None,
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
    digits: Annotated[
        str,
        typer.Option("--round", help="Decimals of the filled values: auto (those of the column), none, or a number."),
    ] = "auto",
    depth: Annotated[str, typer.Option(help="Number of layers, or 'auto': chosen on held-out entries.")] = "auto",
    width: Annotated[str, typer.Option(help="Bound on the rank, or 'auto'.")] = "auto",
    scale: Annotated[str, typer.Option(help="Size of the start, or 'auto'.")] = "auto",
    rtol: Annotated[str, typer.Option(help="Relative tolerance of the integrator, or 'auto'.")] = "auto",
    holdout: Annotated[str, typer.Option(help="Share of the observed entries to hold out, or 'auto'.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the held-out split.")] = 0,
    min_value: Annotated[float | None, typer.Option("--min", help="Lower bound on the filled values.")] = None,
    max_value: Annotated[float | None, typer.Option("--max", help="Upper bound on the filled values.")] = None,
    levels: Annotated[
        str | None, typer.Option(help="The values that can occur, as 1,2,3,4,5: filled cells are one of them.")
    ] = None,
    float32: Annotated[
        bool, typer.Option("--float32", help="Compute in single precision, with half the memory.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(help="Fit on a device of PyTorch, as cuda or cuda:1; by default on the processor without it."),
    ] = None,
    loss: Annotated[
        str,
        typer.Option(
            help="squared; huber or absolute, robust to outliers; logistic, for two values; or auto: huber where "
            "outliers are found."
        ),
    ] = "auto",
    features: Annotated[
        bool | None,
        typer.Option(
            "--features/--no-features",
            help="Also use the positions of the observed entries as features; chosen on held-out entries by default.",
        ),
    ] = None,
    scaling: Annotated[
        str,
        typer.Option(help="Unit of the values: auto, global (one for the table), columns (one for each), log or raw."),
    ] = "auto",
    order: Annotated[
        str | None,
        typer.Option(help="'rows' if they are in the order of time, a column of times, or 'none'; dates are detected."),
    ] = None,
    refine: Annotated[
        bool | None,
        typer.Option(
            "--refine/--no-refine",
            help="Combine several methods with weights from held-out entries; default: for small tables.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the table before and after to this PNG.")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="[FILE]", help="Write a report, one HTML page; without FILE: report.html.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a report that exists.")] = False,
    dask: Dask = None,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    block_entries: BlockEntries = None,
) -> None:
    """Fill the missing cells of a table and report the error.

    The depth and the stopping time are chosen on held-out entries; the error
    printed is measured on them. Without INPUT, a photograph with 70 % of its
    pixels hidden is completed and drawn beside the truth. Ctrl-C keeps the best
    found so far.
    """
    from rankfall.cli.console import Console
    from rankfall.cli.options import FitOptions, levels_of, number_or_auto, whole_or_auto
    from rankfall.cli.reading import digits_of, reading_of
    from rankfall.cli.report_output import ReportOutput

    options = FitOptions(
        whole_or_auto("depth", depth), whole_or_auto("width", width), number_or_auto("scale", scale),
        number_or_auto("rtol", rtol), number_or_auto("holdout", holdout), seed, min_value, max_value, float32, loss,
        features, scaling, order, refine, levels_of(levels), device,
    )  # fmt: skip
    console = Console(quiet)
    reading = reading_of(
        unknown, below, separator, decimal, thousands, encoding, comment, leave_out, sheet, marks, categories
    )
    digits_of(digits)
    page = ReportOutput(report, force)
    page.check()
    if dask is None:
        refuse(
            "goes with --dask", "got it alone; leave it out", resume=resume or None, checkpoint=checkpoint,
            block_entries=block_entries,
        )  # fmt: skip
    if table is None:
        refuse(
            "needs an INPUT", "got none; name the file to complete", triplets=triplets, predict=predict, labels=labels,
            categories=categories, order=order, dask=dask,
        )  # fmt: skip
        from rankfall.cli.example import complete_example

        complete_example(output, plot, options, console, page)
    elif dask is not None:
        refuse(
            "is for one machine", "got it with --dask; leave one of them out", labels=labels, categories=categories,
            order=order, plot=plot, refine=refine, header=header, unknown=unknown,
            marks=marks, below=below, separator=separator, decimal=decimal, thousands=thousands, encoding=encoding,
            comment=comment, leave_out=leave_out, sheet=sheet, index=index, value=value, report=report, levels=levels,
            round=_chosen(digits),
        )  # fmt: skip
        from rankfall.cli.cluster import complete_on_cluster

        complete_on_cluster(
            str(table), triplets, predict, output, duplicates, options, console, dask, checkpoint, resume, block_entries
        )
    elif is_tensor(table, index, value):
        refuse(
            "is for tables", "got it for a tensor; leave it out", triplets=triplets, predict=predict, labels=labels,
            categories=categories, order=order, plot=plot, levels=levels, features=features, refine=refine,
            device=device,
            header=header, unknown=unknown, marks=marks, below=below, separator=separator, decimal=decimal,
            thousands=thousands, encoding=encoding, comment=comment, leave_out=leave_out, sheet=sheet,
            depth=_chosen(depth), scale=_chosen(scale), rtol=_chosen(rtol), scaling=_chosen(scaling),
            round=_chosen(digits),
        )  # fmt: skip
        from rankfall.cli.tensor import complete_tensor

        complete_tensor(table, output, index, value, duplicates, options, console, page)
    elif triplets is None and predict is None:
        from rankfall.cli.table import complete_table

        complete_table(table, output, plot, labels, header, duplicates, reading, digits, options, console, page)
    else:
        refuse(
            "is for tables", "got it for a list of entries; --triplets names its columns", labels=labels,
            categories=categories, order=order,
        )  # fmt: skip
        from rankfall.cli.entries import complete_entries

        complete_entries(
            table, triplets, predict, output, plot, header, duplicates, reading, digits, options, console, page
        )
    raise typer.Exit(console.exit_code)


def _chosen(option: str) -> str | None:
    return None if option == "auto" else option

"""`rankfall complete`: a table with holes in, the completed table out."""

from pathlib import Path
from typing import Annotated

import typer

_Depth = Annotated[str, typer.Option(help="Number of layers, or 'auto': chosen by held-out entries.")]
_Width = Annotated[str, typer.Option(help="Bound on the rank, or 'auto'.")]
_Scale = Annotated[str, typer.Option(help="Size of the start, or 'auto'.")]


def complete(
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="[INPUT]",
            help="csv, tsv, parquet, npy, npz or mtx; empty cells, NA and NaN are unknown. Without it: a bundled photograph.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; the extension names the format.")
    ] = None,
    triplets: Annotated[
        str | None, typer.Option(help="INPUT lists entries: names or places of its columns row,col,value.")
    ] = None,
    predict: Annotated[Path | None, typer.Option(help="With --triplets: fill the pairs listed in this file.")] = None,
    duplicates: Annotated[str, typer.Option(help="Entries listed twice: error, mean or last.")] = "error",
    labels: Annotated[str | None, typer.Option(help="Columns to carry along unread: names or places.")] = None,
    depth: _Depth = "auto",
    width: _Width = "auto",
    scale: _Scale = "auto",
    rtol: Annotated[float, typer.Option(help="Tolerance of the flow.")] = 1e-2,
    holdout: Annotated[float, typer.Option(help="Share of the observed entries to choose on.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of the held-out split.")] = 0,
    min_value: Annotated[float | None, typer.Option("--min", help="Lower bound on what is filled in.")] = None,
    max_value: Annotated[float | None, typer.Option("--max", help="Upper bound on what is filled in.")] = None,
    float32: Annotated[bool, typer.Option("--float32", help="Half the memory.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the table before and after to this PNG.")] = None,
) -> None:
    """Fill the holes of a table, and say how well.

    Held-out entries choose the depth and the stopping time; the error printed is theirs. Without INPUT, a photograph
    with 70 % of its pixels hidden is completed and drawn beside the truth.
    """
    from rankfall.cli.console import Console
    from rankfall.cli.jobs import complete_example, complete_table, complete_triplets
    from rankfall.errors import InputError
    from rankfall.estimators import DeepMatrixFactorization

    console = Console(quiet)
    estimator = DeepMatrixFactorization(
        depth=_whole("depth", depth), width=_whole("width", width), scale=_number("scale", scale), rtol=rtol,
        holdout=holdout, random_state=seed, min_value=min_value, max_value=max_value,
        dtype="float32" if float32 else "float64",
    )  # fmt: skip
    if predict is not None and triplets is None:
        raise InputError(
            f"--predict needs --triplets, got only {str(predict)!r}; say which columns of INPUT are row, column and value"
        )
    if table is None:
        if triplets is not None:
            raise InputError("--triplets needs an INPUT, got none; name the file that lists the entries")
        complete_example(estimator, output or plot or Path("rankfall-example.png"), seed, console)
    elif triplets is not None:
        complete_triplets(table, triplets, predict, output, duplicates, plot, estimator, console)
    else:
        complete_table(table, output, labels, plot, estimator, console)
    if console.interrupted:
        raise typer.Exit(130)


def _whole(name: str, given: str) -> int | str:
    from rankfall.errors import InputError

    if given == "auto":
        return given
    try:
        return int(given)
    except ValueError:
        raise InputError(f"--{name} must be 'auto' or a whole number, got {given!r}; 'auto' chooses for you") from None


def _number(name: str, given: str) -> float | str:
    from rankfall.errors import InputError

    if given == "auto":
        return given
    try:
        return float(given)
    except ValueError:
        raise InputError(f"--{name} must be 'auto' or a number, got {given!r}; 'auto' chooses for you") from None

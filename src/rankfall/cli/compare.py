"""`rankfall compare`: compare completion methods on held-out entries of a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankfall.cli.reading_options import Duplicates, Header, Labels, TripletColumns
from rankfall.cli.tensor_input import Index, Value, is_tensor, refuse, tensor_of
from rankfall.errors import InputError

if TYPE_CHECKING:
    from rankfall.cli.console import Console
    from rankfall.comparison import Comparison
    from rankfall.problems import Completion, TensorCompletion

EXIT_CODES = "Exit codes: 0 done; 2 bad input, nothing written; 130 interrupted, nothing written."


def compare(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="csv, tsv, parquet, npy, npz or mtx; empty cells, NA and NaN are missing. "
            "Tensors: npy, npz, nc, zarr, or a long table with --index.",
            show_default=False,
        ),
    ],
    triplets: TripletColumns = None,
    index: Index = None,
    value: Value = None,
    duplicates: Duplicates = "error",
    labels: Labels = None,
    header: Header = None,
    methods: Annotated[
        str | None, typer.Option(help="Methods, as rankfall,als,knn; default: all installed.", show_default=False)
    ] = None,
    holdout: Annotated[float, typer.Option(help="Share of the observed entries to predict.")] = 0.1,
    repeats: Annotated[int, typer.Option(help="Number of repeats, each with different held-out entries.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the held-out entries and of the methods.")] = 0,
    min_value: Annotated[float | None, typer.Option("--min", help="Lower bound on all predictions.")] = None,
    max_value: Annotated[float | None, typer.Option("--max", help="Upper bound on all predictions.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Plot errors and seconds to this PNG file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the results of all repeats to this JSON file.")] = None,
) -> None:  # fmt: skip
    """Predict held-out entries of a table or tensor with several methods, and rank the methods.

    Every method gets the same training entries, chooses its settings on those
    alone, and runs in a process of its own. A method that fails, or for which
    the table is too large, is listed with the reason; the others continue. Of a
    tensor with whole fibers missing, whole fibers are held out.
    """
    from rankfall import comparison
    from rankfall.cli.console import Console

    _check_outputs(plot, json)
    names = None if methods is None else [name.strip() for name in methods.split(",")]
    console = Console(quiet)
    if is_tensor(table, index, value):
        refuse("is for tables", "got it for a tensor; leave it out", triplets=triplets, labels=labels, header=header)
        # a library that is missing has its reason below the table
        chosen = comparison.named(names or list(comparison.TENSOR_METHODS), comparison.TENSOR_METHODS)
        problem = _tensor_problem(table, index, value, duplicates)
    else:
        chosen = comparison.named(names)
        problem = _table_problem(table, triplets, labels, header, duplicates, console)
    with console.fitting() as progress:
        found = comparison.compare(
            problem, holdout, repeats, seed, chosen, bounds=(min_value, max_value), progress=progress
        )
    if found.best is None:
        why = "; ".join(f"{row.method}: {row.reason}" for row in found.rows)
        raise InputError(f"a comparison needs a method that can be measured, got none ({why})")
    if json is not None:
        console.writing(lambda: found.to_json(json))
    if plot is not None:
        from rankfall.pictures import ComparisonPicture

        console.writing(lambda: ComparisonPicture(found).save(plot))
    _show(found)
    raise typer.Exit(console.exit_code)


def _tensor_problem(path: Path, index: str | None, value: str | None, duplicates: str) -> "TensorCompletion":
    from rankfall.problems import TensorCompletion

    return TensorCompletion.from_array(tensor_of(path, index, value, duplicates).values)


def _table_problem(
    path: Path, triplets: str | None, labels: str | None, header: bool | None, duplicates: str, console: "Console"
) -> "Completion":
    from rankfall.cli.observed import notes_of, problem_of, read_observed

    observed = read_observed(path, triplets, labels, header, duplicates)
    console.warnings(notes_of(observed))
    return problem_of(observed)


def _check_outputs(plot: Path | None, json: Path | None) -> None:
    """Refuse outputs that could not be written, before any work."""
    from rankfall.cli.steps import check_picture
    from rankfall.tables import check_writable

    if plot is not None:
        check_picture(plot)
    if json is not None:
        if json.suffix.lower() != ".json":
            raise InputError(f"the table is written as JSON, got {str(json)!r}; let the name end in .json")
        check_writable(json)


def _show(found: "Comparison") -> None:
    """The table on stdout, and under it what became of the methods that have no row."""
    from math import isnan

    from rich import box
    from rich.table import Table

    from rankfall.cli.console import screen
    from rankfall.cli.edge import harmless

    paper, shape = screen(), " × ".join(map(str, found.shape))
    caption = f"{shape}, {found.observed} observed; {100 * found.holdout:.3g} % held out, {found.repeats} times"
    shown = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, caption=caption, caption_justify="left", caption_style=""
    )
    shown.add_column("method", no_wrap=True)
    for title in ("error", "absolute error", "seconds", "peak MB"):
        shown.add_column(title, justify="right", no_wrap=True)
    for row in found.measured:
        seconds = f"{row.seconds:.2f}" if row.seconds >= 0.005 else "< 0.01"
        memory = "" if isnan(row.peak_megabytes) else f"{row.peak_megabytes:.0f}"
        shown.add_row(
            row.title, _with_spread(row.error, row.spread), _with_spread(row.absolute_error, row.absolute_spread),
            seconds, memory, style="bold" if row.method == "rankfall" else "",
        )  # fmt: skip
    paper.print(shown)
    titles: dict[str, list[str]] = {}
    for row in found.rows:
        if row.reason is not None:
            titles.setdefault(row.reason, []).append(row.title)
    for reason, named in titles.items():
        paper.print(harmless(f"{', '.join(named)}: {reason}"), markup=False, soft_wrap=True)


def _with_spread(value: float, spread: float) -> str:
    """Four digits of the value, and its spread to the same place."""
    from math import floor, isnan, log10

    places = max(0, 3 - floor(log10(value))) if value > 0 else 4
    if not 1e-4 <= value < 1e5:
        return f"{value:.3g}" if isnan(spread) else f"{value:.3g} ± {spread:.1g}"
    return f"{value:.{places}f}" if isnan(spread) else f"{value:.{places}f} ± {spread:.{places}f}"

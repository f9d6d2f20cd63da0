"""The shell: strings into objects, nothing more.

Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 done, but the run diverged and its best state
stands in the output, or a published claim failed; 2 bad input, one sentence, nothing written; 130 interrupted, with
the best state so far in the output once there is one.
"""

from importlib.metadata import entry_points
from typing import Annotated

import typer

from rankfall.cli.commands import Commands
from rankfall.cli.compare import EXIT_CODES as COMPARE_EXIT_CODES, compare
from rankfall.cli.complete import EXIT_CODES, complete
from rankfall.cli.edge import at_the_edge
from rankfall.cli.flow import EXIT_CODES as FLOW_EXIT_CODES, flow
from rankfall.cli.optional_values import OptionalValues
from rankfall.cli.playground import EXIT_CODES as PLAYGROUND_EXIT_CODES, playground
from rankfall.cli.postponed import postpone
from rankfall.cli.recover import EXIT_CODES as RECOVER_EXIT_CODES, recover
from rankfall.cli.report import EXIT_CODES as REPORT_EXIT_CODES, report
from rankfall.cli.reproduce import EXIT_CODES as REPRODUCE_EXIT_CODES, reproduce
from rankfall.cli.streams import forgiving_streams, occupy_closed_descriptors

app = typer.Typer(
    name="rankfall", cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Matrix completion by deep matrix factorization.",
)  # fmt: skip
app.command(epilog=EXIT_CODES, cls=OptionalValues)(at_the_edge(complete))
app.command(epilog=COMPARE_EXIT_CODES)(at_the_edge(compare))
app.command(epilog=FLOW_EXIT_CODES)(at_the_edge(flow))
app.command(epilog=PLAYGROUND_EXIT_CODES)(at_the_edge(playground))
app.command(epilog=RECOVER_EXIT_CODES)(at_the_edge(recover))
app.command(epilog=REPORT_EXIT_CODES)(at_the_edge(report))
app.command(epilog=REPRODUCE_EXIT_CODES, cls=OptionalValues)(at_the_edge(reproduce))
for point in entry_points(group="rankfall.commands"):
    # another package's command: a function whose parameters are annotated as Typer needs them
    app.command(name=point.name)(at_the_edge(point.load()))


def _show_version(asked: bool) -> bool:
    if asked:
        from rankfall import __version__

        print(f"rankfall {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Matrix completion by deep matrix factorization."""


def main() -> None:
    """Run the command line on the arguments of the process."""
    occupy_closed_descriptors()
    postpone()
    with forgiving_streams():
        app(prog_name="rankfall")

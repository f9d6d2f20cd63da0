"""The shell: strings into objects, nothing more.

Every rule that the input can break is an `InputError` somewhere below; here it becomes one line on stderr and exit
code 2. Warnings become lines too. Results go to stdout, everything else to stderr.
"""

import sys

import typer

from rankfall.cli.complete import complete

app = typer.Typer(
    name="rankfall", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Matrix completion by deep matrix factorization.",
)  # fmt: skip
app.command()(complete)


@app.callback()
def _root() -> None:
    """Matrix completion by deep matrix factorization."""


def main() -> None:
    """Run the command line; bad input is one sentence and exit code 2."""
    from rankfall.errors import InputError

    try:
        app()
    except InputError as error:
        print(f"rankfall: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("rankfall: interrupted before there was anything to keep", file=sys.stderr)
        sys.exit(130)

"""The group of commands: what its parser says of words it does not know is shown without control characters."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from rankfall.cli.edge import harmless

if TYPE_CHECKING:
    from typer import Context

# Typer has no name for the errors of the parser that it brings along.
_PARSER_ERROR: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


class Commands(TyperGroup):
    """Words as they were typed are part of errors, and must not command a terminal."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """The arguments of the group itself."""
        with _harmless_errors():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: "Context") -> Any:
        """Parse the arguments of a command, and run it."""
        with _harmless_errors():
            return super().invoke(ctx)


@contextmanager
def _harmless_errors() -> Iterator[None]:
    try:
        yield
    except _PARSER_ERROR as error:
        error.message = harmless(error.message)
        raise

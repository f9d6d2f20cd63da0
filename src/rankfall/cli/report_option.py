"""`--report` with a file's name or without one: Typer has no option whose value may be left out."""

from typing import TYPE_CHECKING

from typer.core import TyperCommand

if TYPE_CHECKING:
    from typer import Context

DEFAULT_REPORT = "report.html"


class ReportMayBeUnnamed(TyperCommand):
    """A command whose `--report`, where no name follows, writes `report.html` in the working folder."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """The arguments, with the default name put in."""
        named: list[str] = []
        for place, word in enumerate(args):
            if word == "--":
                return super().parse_args(ctx, [*named, *args[place:]])
            named.append(word)
            follower = args[place + 1 : place + 2]
            if word == "--report" and (not follower or follower[0].startswith("-")):
                named.append(DEFAULT_REPORT)
        return super().parse_args(ctx, named)

"""`--report` and `--dask` with a value or without one: Typer has no option whose value may be left out."""

from typing import TYPE_CHECKING

from typer.core import TyperCommand

if TYPE_CHECKING:
    from typer import Context

# What such an option means where no value follows.
DEFAULTS = {"--report": "report.html", "--dask": "local"}


class OptionalValues(TyperCommand):
    """A command whose `--report` and `--dask` mean `DEFAULTS` where no value follows."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """The arguments, with the default values put in."""
        known = {name for parameter in self.params for name in parameter.opts}
        named: list[str] = []
        for place, word in enumerate(args):
            if word == "--":
                return super().parse_args(ctx, [*named, *args[place:]])
            named.append(word)
            follower = args[place + 1 : place + 2]
            if word in DEFAULTS and word in known and (not follower or follower[0].startswith("-")):
                named.append(DEFAULTS[word])
        return super().parse_args(ctx, named)

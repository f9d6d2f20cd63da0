"""The edge of a command: what it may raise, as what the shell sees of it."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import typer

from rankfall.errors import InputError

BAD_INPUT, INTERRUPTED = 2, 130


def at_the_edge(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with every error a user can cause told in one sentence on stderr, and an exit code.

    `InputError` and memory that does not suffice exit 2; Ctrl-C before there was a result exits 130. Anything else
    that is raised is a bug, and keeps its traceback.
    """

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except InputError as error:
            _end(str(error), BAD_INPUT)
        except MemoryError as error:
            _end(f"the work must fit in memory, it does not ({error}); try a smaller --width", BAD_INPUT)
        except KeyboardInterrupt:
            _end("interrupted before there was a result to keep", INTERRUPTED)

    return guarded


def _end(sentence: str, code: int) -> None:
    print(f"rankfall: {sentence}", file=sys.stderr)
    raise typer.Exit(code) from None

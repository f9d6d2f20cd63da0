"""The edge of a command: what it may raise, as what the shell sees of it, and lines that never end a run."""

import functools
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

from rankfall.cli.streams import Forgiving, forgiving_streams
from rankfall.errors import InputError

if TYPE_CHECKING:
    from typing import TextIO

BAD_INPUT, INTERRUPTED = 2, 130
# Escape sequences of terminals first, then whatever controls a terminal, turns text around, or breaks a line.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff]")


def say(line: str, stream: "TextIO | Forgiving | None") -> None:
    """Print one line; control characters are shown as escapes, and nothing about the stream ends a run."""
    stream = stream if isinstance(stream, Forgiving) else Forgiving(stream)
    stream.write(harmless(line) + "\n")


def harmless(line: str) -> str:
    """The line with control characters shown as escapes: names in files must not command a terminal."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), line)


@contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM inside are only noted, in the list that is yielded."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.signal(name, lambda number, frame: caught.append(number)) for name in names}
    try:
        yield caught
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def at_the_edge(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with every error a user can cause told in one sentence on stderr, and an exit code.

    `InputError` and memory that does not suffice exit 2; Ctrl-C or SIGTERM before there was a result exits 130.
    Anything else that is raised is a bug, and keeps its traceback.
    """

    @functools.wraps(command)
    def guarded(*arguments: object, **options: object) -> None:
        try:
            with forgiving_streams(), _terminable():
                command(*arguments, **options)
        except InputError as error:
            _end(str(error), BAD_INPUT)
        except MemoryError as error:
            _end(f"the work must fit in memory, it does not ({error}); try a smaller --width", BAD_INPUT)
        except KeyboardInterrupt:
            _end("interrupted before there was a result to keep", INTERRUPTED)

    return guarded


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does, so that the best found so far is written."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(sentence: str, code: int) -> None:
    say(f"rankfall: {sentence}", sys.stderr)
    raise typer.Exit(code) from None

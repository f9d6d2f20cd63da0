"""What the shell shows: progress and warnings on stderr, the summary on stdout."""

import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from rankfall.cli.edge import INTERRUPTED, deferred_signals, say
from rankfall.errors import RunWarning

if TYPE_CHECKING:
    import rich.console

    from rankfall.tables import Note

DIVERGED = 1

Progress = Callable[[str, float], None]
Written = TypeVar("Written")


# A pipe has no width, and digits must not be cut.
_PIPE_WIDTH = 160


def screen() -> "rich.console.Console":
    """Rich's console for stdout, wide enough for a table where nobody says how wide it is."""
    from rich.console import Console as Screen

    return Screen(highlight=False, width=None if sys.stdout is not None and sys.stdout.isatty() else _PIPE_WIDTH)


class Console:
    """Progress, warnings and summaries of one command; `quiet` silences all but warnings.

    interrupted: whether Ctrl-C ended a fit early. diverged: whether a fit diverged, and its best state was kept.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.interrupted = False
        self.diverged = False

    @property
    def exit_code(self) -> int:
        """What the process should end with."""
        if self.interrupted:
            return INTERRUPTED
        return DIVERGED if self.diverged else 0

    @contextmanager
    def fitting(self) -> Iterator[Progress | None]:
        """Around a fit: its progress as a function of stage and fraction, its warnings as lines, Ctrl-C noted."""
        with warnings.catch_warnings(record=True) as caught, self._noting_interrupts(), self._bar() as progress:
            warnings.simplefilter("always", RunWarning)
            yield progress
        # that a fit was interrupted is news to nobody; what became of it is told once it is written
        if not self.interrupted:
            for warning in caught:
                if issubclass(warning.category, RunWarning):
                    self.warn(str(warning.message))

    @contextmanager
    def _bar(self) -> Iterator[Progress | None]:
        """A bar with the time left, where somebody can see it."""
        if self.quiet or sys.stderr is None or not sys.stderr.isatty():
            yield None
            return
        from rich.console import Console as Screen
        from rich.progress import BarColumn, Progress as Bar, TextColumn

        bar = Bar(
            TextColumn("{task.description:<20}"), BarColumn(),
            TextColumn("{task.percentage:>3.0f} %, time left {task.fields[left]}"),
            console=Screen(stderr=True, highlight=False), transient=True,
        )  # fmt: skip
        begun = time.monotonic()
        with bar:
            task = bar.add_task("fitting", total=1.0, left="-:--")

            def progress(stage: str, fraction: float) -> None:
                left = time_left(time.monotonic() - begun, fraction)
                stage = "interrupted, ending" if self.interrupted else stage
                bar.update(task, description=stage, completed=fraction, left=left)

            yield progress

    @contextmanager
    def _noting_interrupts(self) -> Iterator[None]:
        """Ctrl-C means what it meant, and is remembered: a fit may end well after one, on fewer trials."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return

        def note(number: int, frame: FrameType | None) -> None:
            self.interrupted = True
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def warn(self, sentence: str) -> None:
        """A line on stderr."""
        say(f"warning: {sentence}", sys.stderr)

    def notes(self, notes: Sequence["Note"]) -> None:
        """What a reader decided, one line each on stderr; its warnings in any case."""
        for note in notes:
            if note.is_warning:
                self.warn(str(note))
            elif not self.quiet:
                say(f"read: {note}", sys.stderr)

    def warnings(self, notes: Sequence["Note"]) -> None:
        """Of what a reader decided, what should be looked at."""
        self.notes([note for note in notes if note.is_warning])

    def writing(self, write: Callable[[], Written]) -> Written:
        """Write a result to its end: Ctrl-C and SIGTERM meanwhile are obeyed when it is written."""
        with deferred_signals() as caught:
            written = write()
        if caught:
            self.interrupted = True
        return written

    def summary(self, rows: Sequence[tuple[str, str]], what: str, where: object) -> None:
        """The results on stdout, what was made and where in the last row; an early end is told in any case."""
        if not self.quiet:
            width = max(len(name) for name, _ in [*rows, (what, "")])
            for name, value in [*rows, (what, str(where))]:
                say(f"{name:<{width}}  {value}", sys.stdout)
        if self.interrupted:
            self.warn(f"interrupted, the best found so far is {what} to {str(where)!r}")


def time_left(elapsed: float, fraction: float) -> str:
    """Minutes and seconds until all is done, if the rest goes as fast as what is done."""
    if fraction <= 0:
        return "-:--"
    minutes, seconds = divmod(round(elapsed * (1 - fraction) / fraction), 60)
    return f"{minutes}:{seconds:02}"

"""What the shell shows: progress and warnings on stderr, the summary on stdout."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rankfall.errors import RunWarning


class Console:
    """Progress, warnings and summaries of one command; `quiet` silences all but warnings."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console as Screen

        self.quiet = quiet
        self.interrupted = False
        self._errors = Screen(stderr=True, highlight=False)
        self._screen = Screen(highlight=False)

    @contextmanager
    def fitting(self) -> Iterator[Callable[[str, float], None]]:
        """A progress bar with the time left, as a function of stage and fraction; warnings inside become lines."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("time left"), TimeRemainingColumn(), console=self._errors, transient=True,
            disable=self.quiet or not self._errors.is_terminal,
        )  # fmt: skip
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", RunWarning)
            with bar:
                task = bar.add_task("fitting", total=1.0)
                yield lambda stage, fraction: bar.update(task, description=stage, completed=fraction)
        for warning in caught:
            if issubclass(warning.category, RunWarning):
                self.warn(str(warning.message))

    def warn(self, sentence: str) -> None:
        """A line on stderr."""
        self._errors.print(f"warning: {sentence}", soft_wrap=True, markup=False)

    def summary(self, rows: Sequence[tuple[str, str]]) -> None:
        """Two columns on stdout."""
        if self.quiet:
            return
        from rich.table import Table

        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(style="dim")
        table.add_column()
        for name, value in rows:
            table.add_row(name, value)
        self._screen.print(table)


def fit_rows(estimator: Any, size: tuple[int, int], share: float, seconds: float) -> list[tuple[str, str]]:
    """The lines of a summary that every fit has."""
    return [
        ("size", f"{size[0]} × {size[1]}"),
        ("observed", f"{100 * share:.3g} %"),
        ("depth", f"{estimator.depth_}"),
        ("stopping time", f"{estimator.stopping_time_:.4g}"),
        ("effective rank", f"{estimator.effective_rank_:.3g}"),
        ("held-out error", f"{estimator.held_out_error_:.4g} (column means {estimator.column_mean_error_:.4g})"),
        ("seconds", f"{seconds:.2f}"),
    ]

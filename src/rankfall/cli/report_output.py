"""The report that a command writes beside its result: where, and under which names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rankfall.estimators import DeepMatrixFactorization, DeepTensorCompletion


@dataclass(frozen=True)
class ReportOutput:
    """A page at `path`, or none; `force` replaces one that exists."""

    path: Path | None = None
    force: bool = False

    def check(self) -> None:
        """Refuse a page that could not be written, before any work."""
        if self.path is not None:
            from rankfall.report.page import check_report_path

            check_report_path(self.path, self.force)

    def write(
        self,
        estimator: "DeepMatrixFactorization | DeepTensorCompletion",
        row_names: Iterable[object] | None = None,
        column_names: Iterable[object] | None = None,
        category_names: Mapping[int, Sequence[object]] | None = None,
        axis_names: Iterable[object] | None = None,
        labels: Mapping[int, Sequence[object]] | None = None,
    ) -> list[tuple[str, str]]:
        """Write the page; gives the line of the summary that names it."""
        if self.path is None:
            return []
        from rankfall.report import write_report

        write_report(
            estimator, self.path, force=True, row_names=row_names, column_names=column_names,
            category_names=category_names, axis_names=axis_names, labels=labels,
        )  # fmt: skip
        return [("report", str(self.path))]

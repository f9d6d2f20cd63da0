"""A fitted estimator as a page, and in short in a notebook.

The report stands above the estimator, which names it only when asked: imports run one way.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted


class Notebook(BaseEstimator):
    """What a fitted estimator shows in a notebook."""

    def _html_repr(self) -> str:
        """scikit-learn's diagram; after a fit also what was found, and the errors beside those of simple fills."""
        diagram = estimator_html_repr(self)
        if not hasattr(self, "held_out_error_"):
            return diagram
        return diagram + importlib.import_module("rankfall.report").short_html(self)


class Reporting(Notebook):
    """What a fitted estimator of tables tells about itself."""

    def report(
        self,
        path: Path | str = "report.html",
        *,
        force: bool = False,
        row_names: Iterable[object] | None = None,
        column_names: Iterable[object] | None = None,
        category_names: Mapping[int, Sequence[object]] | None = None,
    ) -> Path:
        """Write what the fit found and how good it is to one HTML page that needs no network; returns its path.

        Parameters
        ----------
        path : path, default="report.html"
            Where to write; the name ends in .html.
        force : bool, default=False
            Replace a file that exists.
        row_names, column_names : sequence of str or None
            How the table calls its rows and columns; by default the names it was fitted with, or numbers from 1.
        category_names : mapping of int to sequence of str or None
            Place of a column of categories, from 0, and the words that its codes 0, 1, … stand for.

        Raises
        ------
        InputError
            For a file that exists without `force`, or one that cannot be written.
        """
        check_is_fitted(self)
        page = importlib.import_module("rankfall.report")
        names = {"row_names": row_names, "column_names": column_names, "category_names": category_names}
        return page.write_report(self, path, force=force, **names)


class TensorReporting(Notebook):
    """What a fitted estimator of tensors tells about itself."""

    def report(
        self,
        path: Path | str = "report.html",
        *,
        force: bool = False,
        axis_names: Iterable[object] | None = None,
        labels: Mapping[int, Sequence[object]] | None = None,
    ) -> Path:
        """Write what the fit found and how good it is to one HTML page that needs no network; returns its path.

        Parameters
        ----------
        path : path, default="report.html"
            Where to write; the name ends in .html.
        force : bool, default=False
            Replace a file that exists.
        axis_names : sequence of str or None
            How the axes are called; numbers from 0 by default.
        labels : mapping of int to sequence of str or None
            Axis, and how the indices along it are called; numbers from 0 by default.

        Raises
        ------
        InputError
            For a file that exists without `force`, or one that cannot be written.
        """
        check_is_fitted(self)
        page = importlib.import_module("rankfall.report")
        return page.write_report(self, path, force=force, axis_names=axis_names, labels=labels)

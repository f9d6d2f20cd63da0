"""The summary as one HTML page: Jinja2 for the words, plotly for the figures, both inside the file.

Everything that came from the user is text: Jinja2 escapes it in the page, data for scripts is JSON in which <, > and &
are escapes, and no name of the user's enters a figure, where plotly would read markup.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.report.contents import Summary
from rankfall.report.motion import Motion
from rankfall.report.summary import summarize
from rankfall.report.words import in_digits, percent

_HERE = Path(__file__).parent / "templates"


def write_report(
    subject: object,
    path: Path | str = "report.html",
    *,
    force: bool = False,
    row_names: Iterable[object] | None = None,
    column_names: Iterable[object] | None = None,
    category_names: Mapping[int, Sequence[object]] | None = None,
    axis_names: Iterable[object] | None = None,
    labels: Mapping[int, Sequence[object]] | None = None,
) -> Path:
    """Write the report of a fitted estimator or a `Trajectory` to an HTML file, whole or not at all; returns its path.

    Parameters
    ----------
    subject : DeepMatrixFactorization, DeepTensorCompletion or Trajectory
        A fitted estimator, or a run.
    path : str or path
        The file, default report.html.
    force : bool
        Whether a file that exists is replaced; default False.
    row_names, column_names, category_names, axis_names, labels : optional
        As in `summarize`.

    Raises
    ------
    InputError
        For a file that exists without `force`, a name that ends in neither .html nor .htm, a folder that cannot be
        written, and what `summarize` refuses.
    """
    from rankfall.tables import replacing

    path = Path(path)
    check_report_path(path, force)
    summary = summarize(
        subject, row_names=row_names, column_names=column_names, category_names=category_names, axis_names=axis_names,
        labels=labels,
    )  # fmt: skip
    text = render(summary)
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path


def check_report_path(path: Path, force: bool) -> None:
    """Refuse a report that could not be written, before any work."""
    from rankfall.tables import check_writable

    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"a report is an HTML file, got {str(path)!r}; let the name end in .html")
    check_writable(path)
    if path.exists() and not force:
        raise InputError(f"a report is written to a new file, {str(path)!r} exists; name another, or use --force")


def render(summary: Summary) -> str:
    """The page as a string."""
    from plotly.offline import get_plotlyjs

    return _template("report.html.j2").render(
        summary=summary,
        style=(_HERE / "report.css").read_text(encoding="utf-8"),
        script=(_HERE / "report.js").read_text(encoding="utf-8"),
        plotly=get_plotlyjs() if summary.motion is not None else "",
        motion=None if summary.motion is None else _plain_motion(summary.motion),
        cells=None if summary.cells is None else _plain_cells(summary),
    )


def short_html(subject: object) -> str:
    """The report in a few lines, for a notebook: what was found, and the errors beside those of simple fills."""
    return _template("short.html.j2").render(summary=summarize(subject, whole=False))


def _template(name: str) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    environment.filters |= {"number": _number, "percent": _percent, "wrong": _wrong}
    return environment.get_template(name)


def _number(value: int | float | str) -> str:
    return value if isinstance(value, str) else in_digits(value)


def _percent(value: float) -> str:
    return "—" if np.isnan(value) else percent(value)


def _wrong(error: float) -> str:
    """The error of a column of categories, the root of the share of wrong levels, in words."""
    return "—" if np.isnan(error) else f"{100 * error**2:.0f} % wrong"


def _plain_motion(motion: Motion) -> dict[str, Any]:
    limit = None
    if motion.maps is not None:
        last = np.abs(motion.maps[-1])
        limit = float(np.quantile(last, 0.99)) or float(last.max()) or 1.0
    return {
        "times": _digits(motion.times), "values": _digits(motion.singular_values.T),
        "curves": {title: [_digits(part) for part in curve] for title, curve in motion.curves.items()},
        "stop": motion.stop,
        "maps": None if motion.maps is None else _digits(motion.maps, 3), "limit": limit, "blocks": list(motion.blocks),
    }  # fmt: skip


def _plain_cells(summary: Summary) -> dict[str, Any]:
    cells = summary.cells
    assert cells is not None
    values = _digits(cells.values)
    low, high = (None if one is None else _digits(one) for one in (cells.low, cells.high))
    if any(column.is_category for column in summary.columns):
        cols = cells.places[1]
        for place in np.flatnonzero([summary.columns[col].is_category for col in cols]).tolist():
            values[place] = _level(values[place], summary.category_names.get(int(cols[place]), []))
            if low is not None and high is not None:
                low[place] = high[place] = ""
    axes = []
    for (title, names), places in zip(summary.axes, cells.places, strict=True):
        shown, which = np.unique(places, return_inverse=True)
        axes.append({"title": title, "names": [names[k] for k in shown], "places": which.tolist()})
    return {"axes": axes, "values": values, "low": low, "high": high}


def _level(code: float, words: list[str]) -> str | float:
    """The word of a category's code; the code itself where it has none."""
    return words[int(code)] if code in range(len(words)) else code


def _digits(values: np.ndarray, digits: int = 4) -> Any:
    """Nested lists of numbers with so many digits; null where a number is not finite, as JSON has no other."""
    if values.ndim > 1:
        return [_digits(row, digits) for row in values]
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()]

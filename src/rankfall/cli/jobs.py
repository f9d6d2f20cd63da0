"""The three jobs of `rankfall complete`: a table, a list of entries, and the bundled example."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.cli.console import Console, fit_rows
from rankfall.errors import InputError
from rankfall.estimators import DeepMatrixFactorization
from rankfall.problems.completion import Completion
from rankfall.tables import check_writable, read_pairs, read_table, read_triplets, write_table, write_triplets
from rankfall.tables.triplets import Triplets

# The largest matrix that is written out whole from a list of entries.
_LARGEST_TABLE = 10**8
_HIDDEN = 0.7


def complete_table(
    source: Path, output: Path | None, labels: str | None, plot: Path | None, estimator: Any, console: Console
) -> None:
    """Read a table, fill its holes, write it back in the layout it came in."""
    found = read_table(source, label_columns=labels)
    output = output or source.with_name(f"{_stem(source)}-completed{source.name[len(_stem(source)):]}")
    _check_outputs(output, plot)
    if isinstance(found, Triplets):
        table = found.table(_dense(found))
    else:
        table = found
    known = ~np.isnan(table.values)
    if known.all():
        raise InputError(
            f"a table to complete must have unknown entries, {str(source)!r} has none; empty cells, NA and NaN mark them"
        )
    _warn_empty(known, table.column_names, console)
    seconds = _fit(estimator, Completion.from_array(table.values), console)
    filled = estimator.transform(table.values)
    write_table(table.with_values(filled), output)
    if plot is not None:
        _draw(plot, table.values, filled)
    console.summary([*fit_rows(estimator, table.shape, float(known.mean()), seconds), ("written", str(output))])


def complete_triplets(
    source: Path, columns: str, pairs_file: Path | None, output: Path | None, duplicates: str, plot: Path | None,
    estimator: Any, console: Console,
) -> None:  # fmt: skip
    """Read observed entries one a row; fill the pairs asked for, or the whole matrix where that is small enough."""
    if pairs_file is None and output is None:
        raise InputError(
            "a list of entries needs --predict PAIRS or an output, got neither; name the pairs to fill, or -o for all"
        )
    entries = read_triplets(source, columns, duplicates=duplicates)
    pairs = None if pairs_file is None else read_pairs(pairs_file, entries, columns)
    if pairs_file is not None:
        output = output or pairs_file.with_name(f"{_stem(pairs_file)}-predicted.csv")
    assert output is not None
    _check_outputs(output, plot)
    m, n = entries.shape
    if (pairs is None or plot is not None) and m * n > _LARGEST_TABLE:
        raise InputError(
            f"a matrix written or drawn whole has at most {_LARGEST_TABLE:.0e} entries, got {m} × {n}; "
            "name the pairs you need with --predict"
        )
    problem = Completion.from_triplets(entries.rows, entries.cols, entries.values, entries.shape)
    seconds = _fit(estimator, problem, console)
    rows = fit_rows(estimator, entries.shape, problem.share, seconds)
    if pairs is None or plot is not None:
        holes = _dense(entries)
        filled = estimator.transform(holes)
        if plot is not None:
            _draw(plot, holes, filled)
        if pairs is None:
            write_table(entries.table(filled), output)
    if pairs is not None:
        predicted = estimator.predict(pairs.rows, pairs.cols)
        unseen = int(((pairs.rows < 0) | (pairs.cols < 0)).sum())
        if unseen:
            console.warn(f"{unseen} of {len(pairs)} pairs have labels without observed entries; averages fill them")
        write_triplets(output, pairs.row_labels, pairs.col_labels, predicted, names=pairs.names)
        given = None if pairs.values is None else ~np.isnan(pairs.values)
        if pairs.values is not None and given is not None and given.any():
            error = float(np.sqrt(np.mean((predicted[given] - pairs.values[given]) ** 2)))
            rows.append(("error on the pairs", f"{error:.4f} (root mean square, {int(given.sum())} given values)"))
    console.summary([*rows, ("written", str(output))])


def complete_example(estimator: Any, output: Path, seed: int, console: Console) -> None:
    """The bundled photograph: hide most pixels, complete, draw masked, completed and true side by side."""
    from rankfall.datasets.samples import hide, photograph

    if output.suffix.lower() != ".png":
        raise InputError(f"the example is drawn as a PNG, got {str(output)!r}; let the name end in .png")
    check_writable(output)
    truth = photograph("china")
    holes = hide(truth, _HIDDEN, seed=seed)
    estimator.set_params(dtype="float32", min_value=0.0, max_value=255.0)
    seconds = _fit(estimator, Completion.from_array(holes), console)
    filled = estimator.transform(holes)
    _draw(output, holes, filled, truth)
    hidden = np.isnan(holes)
    columns, rows = np.nanmean(holes, axis=0), np.nanmean(holes, axis=1)
    fills = {
        "rankfall": filled,
        "row + column means": np.clip(rows[:, None] + columns - np.nanmean(holes), 0, 255),
        "column means": np.broadcast_to(columns, truth.shape),
    }
    console.summary([("photograph", f"china.jpg, {100 * _HIDDEN:.0f} % of the pixels hidden")])
    console.summary(fit_rows(estimator, (truth.shape[0], truth.shape[1]), 1 - float(hidden.mean()), seconds))
    for name, fill in fills.items():
        error = float(np.sqrt(np.mean((fill - truth)[hidden] ** 2)))
        console.summary([(f"error against the hidden truth, {name}", f"{error:.2f} of 255")])
    console.summary([("drawn", str(output))])


def _fit(estimator: DeepMatrixFactorization, problem: Completion, console: Console) -> float:
    begun = time.perf_counter()
    with console.fitting() as progress:
        estimator.set_params(progress=progress)
        estimator.fit_problem(problem)
    console.interrupted = estimator.status_ == "interrupted"
    return time.perf_counter() - begun


def _draw(path: Path, holes: np.ndarray, filled: np.ndarray, truth: np.ndarray | None = None) -> None:
    from rankfall.pictures import CompletionPicture

    CompletionPicture(holes, filled, truth).save(path)


def _dense(entries: Triplets) -> np.ndarray:
    if entries.shape[0] * entries.shape[1] > _LARGEST_TABLE:
        raise InputError(
            f"a matrix written or drawn whole has at most {_LARGEST_TABLE:.0e} entries, got "
            f"{entries.shape[0]} × {entries.shape[1]}; list the entries and name pairs with --predict"
        )
    dense = np.full(entries.shape, np.nan)
    dense[entries.rows, entries.cols] = entries.values
    return dense


def _warn_empty(known: np.ndarray, names: tuple[str, ...] | None, console: Console) -> None:
    for axis, what in ((1, "row"), (0, "column")):
        empty = np.flatnonzero(~known.any(axis=axis))
        if empty.size:
            first = repr(names[empty[0]]) if names is not None and axis == 0 else str(empty[0] + 1)
            console.warn(
                f"{empty.size} {what}{'s have' if empty.size > 1 else ' has'} no observed entry "
                f"(first: {what} {first}); averages fill {'them' if empty.size > 1 else 'it'}"
            )


def _check_outputs(output: Path, plot: Path | None) -> None:
    from rankfall.tables.files import TABLE_FORMATS, check_format

    check_format(output, TABLE_FORMATS)
    check_writable(output)
    if plot is not None:
        if plot.suffix.lower() != ".png":
            raise InputError(f"a picture is drawn as a PNG, got {str(plot)!r}; let the name end in .png")
        check_writable(plot)


def _stem(path: Path) -> str:
    return path.name.split(".")[0] or path.name

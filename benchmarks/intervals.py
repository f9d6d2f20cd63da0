"""Intervals of ordinary tables: how many of the hidden entries the 90 % intervals hold, by pattern and by column.

    python -m benchmarks.intervals [--half choosing] [--patterns 10,30,blocks,ends] [--rows 300]

A column counts with at least fifty hidden entries; its coverage is that of a binomial draw, to about 4 %.
"""

import argparse
import warnings

import numpy as np

import rankfall as rf
from benchmarks.table_sources import tables
from benchmarks.tables import hide

_LEVEL, _FEWEST = 0.9, 50


def coverage(values: np.ndarray, is_ordered: bool, pattern: str) -> tuple[np.ndarray, np.ndarray]:
    """Whether the interval of each hidden entry holds it, and the columns of the entries."""
    hidden = hide(values, pattern, 0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = rf.DeepMatrixFactorization(order="rows" if is_ordered else None)
        model.fit(np.where(hidden, np.nan, values))
    rows, cols = np.nonzero(hidden)
    low, high = model.predict_interval(rows, cols, 1 - _LEVEL)
    # numbers that were typed may lie on the end of an interval
    room = 1e-9 * np.abs(values).max()
    return (low - room <= values[rows, cols]) & (values[rows, cols] <= high + room), cols


def main() -> None:
    """Measure, and print a line for each pattern."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("choosing", "reporting"), default="choosing")
    parser.add_argument("--patterns", default="10,30,blocks,ends")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--columns", type=int, default=20)
    given = parser.parse_args()
    chosen = [table for table in tables(given.rows, given.columns) if table.half == given.half]
    print("pattern     tables    mean   tables from, to  columns      from, to  in 85-95 %")
    for pattern in given.patterns.split(","):
        by_table, by_column = [], []
        for table in chosen:
            inside, cols = coverage(table.values, table.is_ordered, pattern)
            by_table.append(inside.mean())
            counts = np.bincount(cols)
            by_column += [inside[cols == col].mean() for col in np.flatnonzero(counts >= _FEWEST)]
        columns = np.asarray(by_column)
        print(
            f"{pattern:<10}{len(by_table):>8}{np.mean(by_table):>8.3f}{min(by_table):>10.2f}{max(by_table):>8.2f}"
            f"{columns.size:>9}{columns.min():>8.2f}{columns.max():>6.2f}"
            f"{np.mean((columns >= 0.85) & (columns <= 0.95)):>12.0%}",
            flush=True,
        )


if __name__ == "__main__":
    main()

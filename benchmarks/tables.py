"""Ordinary tables: how well hidden entries are filled, against what people use now.

    python -m benchmarks.tables [--half reporting] [--patterns 10,30,60] [--rows 500] [--tables iris,wine] [--json FILE]

An error is the root mean squared error of the hidden entries in each column's standard deviation. A table's errors
are divided by the best among all methods; the geometric mean over tables is printed, with the median of seconds.
With --json the errors are kept in a file and methods that stand there already are not run again.
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.table_methods import METHODS
from benchmarks.table_sources import Table, tables

PATTERNS = ("10", "30", "60", "blocks", "ends", "larger")
_BLOCK, _FEWEST_LEFT = 10, 5


def hide(values: np.ndarray, pattern: str, seed: int) -> np.ndarray:
    """The mask (m, n) of what to hide.

    A number: that per cent at random. "blocks": runs of ten rows of a column, a fifth in all. "ends": the last fifth
    of the rows in half of the columns. "larger": 30 %, larger values more often. Every row keeps an entry, every
    column five.
    """
    rng = np.random.default_rng(seed)
    m, n = values.shape
    hidden = np.zeros((m, n), dtype=bool)
    if pattern.isdigit():
        hidden = rng.random((m, n)) < int(pattern) / 100
    elif pattern == "blocks":
        length = min(_BLOCK, m // 4)
        for _ in range(round(0.2 * m * n / length)):
            begin, col = rng.integers(m - length + 1), rng.integers(n)
            hidden[begin : begin + length, col] = True
    elif pattern == "ends":
        hidden[-(m // 5) :, rng.permutation(n)[: n // 2]] = True
    else:
        rank = values.argsort(axis=0).argsort(axis=0) / (m - 1)
        hidden = rng.random((m, n)) < 0.6 * rank
    hidden[np.arange(m), rng.integers(n, size=m)] = False
    for col in range(n):
        hidden[rng.permutation(m)[:_FEWEST_LEFT], col] = False
    return hidden


def measure(table: Table, pattern: str, method: str, seed: int = 0) -> tuple[float, float]:
    """Error in column standard deviations, and seconds."""
    hidden = hide(table.values, pattern, seed)
    begun = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        filled = METHODS[method](np.where(hidden, np.nan, table.values), table.is_ordered)
    seconds = time.perf_counter() - begun
    errors = ((filled - table.values) / table.values.std(axis=0))[hidden]
    return float(np.sqrt(np.mean(errors**2))), seconds


def report(errors: dict[str, dict[str, tuple[float, float]]], title: str) -> None:
    """Geometric mean over best, the largest ratio to column means, and the median of seconds, method by method."""
    print(f"\n{title}: {len(errors)} tables")
    print(f"{'method':<14}{'over best':>10}{'worst':>8}{'worst/means':>13}{'median s':>10}")
    for method in METHODS:
        found = {name: row for name, row in errors.items() if method in row}
        if not found:
            continue
        best = [min(error for error, _ in row.values()) for row in found.values()]
        over = np.asarray([row[method][0] for row in found.values()]) / np.maximum(best, 1e-12)
        beside = [row[method][0] / row["means"][0] if "means" in row else np.nan for row in found.values()]
        seconds = np.median([row[method][1] for row in found.values()])
        print(f"{method:<14}{np.exp(np.log(over).mean()):>10.3f}{over.max():>8.2f}{max(beside):>13.3f}{seconds:>10.2f}")


def main() -> None:
    """Measure, and print a table for each pattern."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("choosing", "reporting"), default="reporting")
    parser.add_argument("--patterns", default=",".join(PATTERNS))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--tables", default="")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--renew", default="", help="methods to measure again though they stand in the file")
    given = parser.parse_args()
    known = json.loads(given.json.read_text()) if given.json and given.json.is_file() else {}
    wanted = set(filter(None, given.tables.split(",")))
    chosen = [
        table for table in tables(given.rows, given.columns)
        if table.half == given.half and (not wanted or table.name in wanted)
    ]  # fmt: skip
    broken: set[str] = set()
    for pattern in given.patterns.split(","):
        for is_ordered in (False, True):
            errors = {}
            for table in chosen:
                if table.is_ordered is not is_ordered:
                    continue
                row = known.setdefault(f"{table.name}/{pattern}", {})
                for method in given.methods.split(","):
                    if method == "interpolation" and not is_ordered:
                        continue
                    if method in broken or (method in row and method not in given.renew.split(",")):
                        continue
                    try:
                        row[method] = measure(table, pattern, method)
                    except (ImportError, TypeError, ValueError) as error:
                        if method == "rankfall":
                            raise
                        broken.add(method)
                        print(f"{method} does not run here: {str(error).splitlines()[0]}")
                errors[table.name] = row
                if given.json:
                    scratch = given.json.with_suffix(".part")
                    scratch.write_text(json.dumps(known, indent=1))
                    os.replace(scratch, given.json)
            if errors:
                report(errors, f"{pattern}{', ordered rows' if is_ordered else ''}")


if __name__ == "__main__":
    main()

"""Random tables, ordinary and strange, from a seed: what the generators of commands and of fits begin with."""

import numpy as np


def some(rng: np.random.Generator, *choices):
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def random_table(rng: np.random.Generator, most_rows: int = 16, most_columns: int = 9) -> np.ndarray:
    """A table of random size and kind, with holes; every tenth one is degenerate."""
    m, n = int(rng.integers(1, most_rows + 1)), int(rng.integers(1, most_columns + 1))
    rank = int(rng.integers(1, 4))
    values = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
    kind = some(rng, "low rank", "low rank", "noise", "integers", "stars", "constant", "columns", "units", "binary")
    if kind == "noise":
        values = rng.standard_normal((m, n))
    elif kind == "integers":
        values = np.round(5 * values)
    elif kind == "stars":
        values = np.clip(np.round(3 + values), 1, 5)
    elif kind == "constant":
        values = np.full((m, n), float(some(rng, 0.0, 1.0, -7.5, 1e6, 1e-9)))
    elif kind == "columns":
        values = values * 10.0 ** rng.integers(-6, 7, size=n) + 10.0 ** rng.integers(-3, 9, size=n)
    elif kind == "units":
        values = values * 10.0 ** int(rng.integers(-200, 201))
    elif kind == "binary":
        values = (values > 0).astype(float) * some(rng, 1.0, 2.0, -1.0)
    hidden = some(rng, 0.1, 0.3, 0.5, 0.8)
    values = np.where(rng.random((m, n)) < hidden, np.nan, values)
    return _degenerate(rng, values) if rng.random() < 0.1 else values


def _degenerate(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    kind = some(rng, "empty", "full", "one", "empty row", "empty column", "infinite", "huge", "tiny", "nearly full")
    values = values.copy()
    if kind == "empty":
        values[:] = np.nan
    elif kind == "full":
        values[np.isnan(values)] = 1.0
    elif kind == "one":
        values[:] = np.nan
        values[-1, -1] = 3.0
    elif kind == "empty row":
        values[0] = np.nan
    elif kind == "empty column":
        values[:, -1] = np.nan
    elif kind == "nearly full":
        values[np.isnan(values)] = 0.5
        values[0, 0] = np.nan
    else:
        values[-1, 0] = {"infinite": np.inf, "huge": 1e300, "tiny": 5e-324}[kind]
    return values

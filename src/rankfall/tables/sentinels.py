"""Numbers that may stand for unknown entries: −999 and the like, recognized by where they lie."""

import numpy as np

from rankfall.tables.cells import is_code
from rankfall.tables.options import Notes, Reading
from rankfall.tables.table import column_title


def without_codes(values: np.ndarray, reading: Reading, notes: Notes) -> np.ndarray:
    """The numbers with NaN for those that a code names."""
    if not reading.unknown or not values.size:
        return values
    found = is_code(values, reading.unknown)
    if found.any():
        values = np.where(found, np.nan, values).astype(values.dtype)
    return values


def warn_of_sentinels(values: np.ndarray, names: tuple[str, ...] | list[str] | None, notes: Notes) -> None:
    """Warns of a number that is repeated and lies further from all others than these lie from one another.

    `values` are m × n. For a number of nines only (−999, 99, 9999) half that distance is far, since codes look so.
    """
    if len(values) < 3:
        return
    told: set[float] = set()
    for least in (True, False):
        flipped = values if least else -values
        padded = np.where(np.isnan(flipped), np.inf, flipped)
        ends = padded.min(axis=0)
        is_end = padded == ends
        counts = is_end.sum(axis=0)
        if not (counts[np.isfinite(ends)] >= 2).any():
            continue
        others = np.where(is_end, np.inf, padded)
        nearest = others.min(axis=0)
        farthest = np.where(np.isinf(others), -np.inf, others).max(axis=0)
        with np.errstate(invalid="ignore", over="ignore"):
            gaps, spreads = nearest - ends, farthest - nearest
        for place in np.flatnonzero((counts >= 2) & np.isfinite(ends) & (spreads > 0) & np.isfinite(gaps)):
            end = float(ends[place] if least else -ends[place])
            need = 0.5 if _is_nines(end) else 3.0
            if end == 0 or end in told or not gaps[place] / need > spreads[place]:
                continue
            told.add(end)
            total = int((values == end).sum())
            notes.warn(
                f"{end:.15g} occurs {total} times and lies far from all other numbers of "
                f'{column_title(names, int(place))}; if it marks unknown entries, say --unknown="{end:.15g}"'
            )


def _is_nines(number: float) -> bool:
    digits = f"{abs(number):.15g}".rstrip("0").replace(".", "")
    return len(digits) >= 2 and set(digits) == {"9"}

"""Numbers that may stand for unknown entries: −999 and the like, recognized by where they lie."""

import numpy as np

from rankfall.tables.cells import is_code
from rankfall.tables.options import Notes, Reading
from rankfall.tables.table import column_title

# Codes where all other numbers are at least 0.
_BELOW_NONE = (-1, -7, -8, -9)
# Codes above scales of one digit.
_ABOVE_SCALES = (8, 9)
_NINES = (99, 999, 9999, 99999)


def without_codes(values: np.ndarray, reading: Reading, notes: Notes) -> np.ndarray:
    """The numbers with NaN for those that a code names."""
    if not reading.unknown or not values.size:
        return values
    found = is_code(values, reading.unknown)
    if found.any():
        values = np.where(found, np.nan, values).astype(values.dtype)
    return values


def warn_of_sentinels(values: np.ndarray, names: tuple[str, ...] | list[str] | None, notes: Notes) -> None:
    """Warns of numbers that occur in the whole table at least twice and lie far from all others of their columns.

    `values` are m × n. Far is three times the spread of the others, or half of it for a number that looks like a code:
    nines (−999, 99.9), 77, 88. A single 999 or −9999 is enough; 8 or 9, or −1, −7, −8, −9 below numbers that are never
    negative, must occur three times.
    """
    told: set[float] = set()
    # behind the first code there may be a second: 98 and 99, −8 and −9
    for _ in range(3):
        found = {**_far_ends(values, least=True), **_far_ends(values, least=False)}
        fresh = [code for code in found if code not in told]
        for code in fresh:
            told.add(code)
            total = int((values == code).sum())
            times = "once" if total == 1 else f"{total} times"
            notes.warn(
                f"{code:.15g} occurs {times} and lies far from all other numbers of "
                f'{column_title(names, found[code])}; if it marks unknown entries, say --unknown="{_listed(told)}"'
            )
        if not fresh:
            return
        values = np.where(np.isin(values, fresh), np.nan, values)


def _far_ends(values: np.ndarray, least: bool) -> dict[float, int]:
    """Numbers that end their columns on one side, far from the others, each with the first such column."""
    if len(values) < 3:
        return {}
    flipped = values if least else -values
    padded = np.where(np.isnan(flipped), np.inf, flipped)
    ends = padded.min(axis=0)
    # 97 and 98 beside 99 are codes as well
    beside = np.where(np.isin(np.abs(ends), _NINES), 3, 0)
    others = np.where(padded <= ends + beside, np.inf, padded)
    nearest = others.min(axis=0)
    farthest = np.where(np.isinf(others), -np.inf, others).max(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        gaps, spreads = nearest - ends, farthest - nearest
    is_far = gaps > spreads / 2
    if least:
        is_far |= np.isin(ends, _BELOW_NONE) & (nearest >= 0) & (gaps >= 2)
    found: dict[float, int] = {}
    for place in np.flatnonzero(np.isfinite(ends) & (spreads > 0) & np.isfinite(gaps) & is_far):
        end = float(ends[place] if least else -ends[place])
        if end == 0 or end in found:
            continue
        total, is_very_far = int((values == end).sum()), gaps[place] / 3 > spreads[place]
        if _is_repeated(end, "789"):
            needed = 1 if _is_repeated(end, "9") and (abs(end) >= 999 or is_very_far) else 2
        elif is_very_far:
            needed = 2
        elif (end in _ABOVE_SCALES and np.nanmax(values) == end) or (
            end in _BELOW_NONE and nearest[place] >= 0 and gaps[place] >= 2
        ):
            needed = 3
        else:
            continue
        if total >= needed:
            found[end] = int(place)
    return found


def _is_repeated(number: float, digits: str) -> bool:
    found = f"{abs(number):.15g}".rstrip("0").replace(".", "")
    return len(found) >= 2 and len(set(found)) == 1 and found[0] in digits


def _listed(codes: set[float]) -> str:
    return ",".join(f"{code:.15g}" for code in sorted(codes))

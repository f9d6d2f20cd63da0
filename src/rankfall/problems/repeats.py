"""Positions that are observed more than once: refused, averaged, or the last value taken."""

import numpy as np
from jaxtyping import Bool, Float

from rankfall.errors import InputError


def check_choice(duplicates: str) -> None:
    """Raise InputError for anything but "error", "mean" and "last"."""
    if duplicates not in ("error", "mean", "last"):
        raise InputError(f"duplicates must be 'error', 'mean' or 'last', got {duplicates!r}; 'mean' averages repeats")


def refuse_repeats(fresh: Bool[np.ndarray, " entries"], position: tuple[int, ...]) -> None:
    """Raise InputError that names the first position that is not `fresh`."""
    raise InputError(
        f"each position may be observed once, got {position} more than once ({int((~fresh).sum())} repeats in all); "
        "pass duplicates='mean' to average repeats or 'last' to keep the last"
    )


def merged(
    values: Float[np.ndarray, "*batch entries"],
    weights: Float[np.ndarray, "*weighed entries"] | None,
    fresh: Bool[np.ndarray, " entries"],
    duplicates: str,
) -> tuple[Float[np.ndarray, "*batch kept"], Float[np.ndarray, "*weighed kept"] | None]:
    """One value for each position, and its weight, of entries sorted by position; `fresh` where a position is new.

    "mean" is the weighted mean, with the sum of the weights; "last" is the last entry of a position with its weight.
    """
    starts = np.flatnonzero(fresh)
    if duplicates == "last":
        kept = np.append(starts[1:], fresh.size) - 1
        return values[..., kept], None if weights is None else weights[..., kept]
    mass = np.ones_like(values) if weights is None else weights
    summed, total = (np.add.reduceat(each, starts, axis=-1) for each in (mass, mass * values))
    values = np.where(summed > 0, total / np.where(summed > 0, summed, 1), values[..., starts])
    return values, None if weights is None else summed

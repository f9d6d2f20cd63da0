"""Options that say how to read a file, from strings to a `Reading`, checked before anything is read or imported."""

from typing import TYPE_CHECKING

from rankfall.errors import InputError

if TYPE_CHECKING:
    from rankfall.tables import Reading


def reading_of(
    unknown: str | None, below: str | None, separator: str | None, decimal: str | None, thousands: str | None,
    encoding: str | None, comment: str | None, leave_out: str | None, sheet: str | None, marks: str | None,
    categories: str | None = None,
) -> "Reading | None":  # fmt: skip
    """The `Reading` that the options describe, or None where none is given: then the reader decides.

    Raises InputError, naming the option, where one has no such value.
    """
    given = (unknown, below, separator, decimal, thousands, encoding, comment, leave_out, sheet, marks, categories)
    if all(one is None for one in given):
        return None
    from rankfall.tables.options import Reading, codes_of

    return Reading(
        codes_of(unknown or ""), below, separator, decimal, thousands, encoding, comment, _rows(leave_out), sheet,
        None if categories is None else tuple(one.strip() for one in categories.split(",") if one.strip()),
        codes_of(marks or ""),
    )  # fmt: skip


def digits_of(given: str) -> None:
    """Refuses a rounding that there is none of."""
    if given not in ("auto", "none") and not (given.isdecimal() and int(given) <= 15):
        raise InputError(
            f"--round must be 'auto', 'none' or a number of decimals up to 15, got {given!r}; 'auto' is usual"
        )


def _rows(given: str | None) -> tuple[int, ...] | None:
    if given is None:
        return None
    if given.strip() in ("none", ""):
        return ()
    rows = [one.strip() for one in given.split(",") if one.strip()]
    if not all(one.isdecimal() and int(one) >= 1 for one in rows):
        raise InputError(f"--leave-out must be rows counted from 1, as in 2,22, got {given!r}; 'none' leaves out none")
    return tuple(sorted({int(one) for one in rows}))

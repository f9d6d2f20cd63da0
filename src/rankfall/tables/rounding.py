"""Filled cells in the look of their column: its range and decimals, whole numbers whole, two values of booleans."""

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.table import Table

# So many known numbers tell that a column is whole, and that it has steps such as 0.5, or two values such as −1 and 1.
_TELLING, _MANY = 3, 10


def rounded(
    table: Table, filled: np.ndarray, digits: str | int = "auto", within: bool | np.ndarray = True
) -> np.ndarray:
    """The filled matrix with the entries that `table` does not know rounded; known entries stay as they are.

    Parameters
    ----------
    table : Table
        The table with holes, of shape (m, n).
    filled : ndarray, shape (m, n)
        Its completion.
    digits : {"auto", "none"} or int
        "auto", the default, for as many decimals as each column has, whole numbers where all are, and the steps that
        ten or more known numbers have (0.5 of half points, 2 of −1 and 1); "none" for all, or a number of decimals up
        to 15. With "auto" or a number, booleans become 0 or 1; categories stay the levels that they are.
    within : bool or ndarray of bool, shape (n,)
        Whether filled cells are kept within the range of the column's known ones, for all columns or each; default
        True. "none" does not keep them.

    Returns
    -------
    ndarray, shape (m, n)

    Raises
    ------
    InputError
        For any other `digits`.
    """
    digits = digits_of(digits)
    filled = np.array(filled)
    if digits == "none":
        return filled
    is_within = np.broadcast_to(np.asarray(within), (table.shape[1],))
    decimals = table.layout.decimals or ((0, -1),) * table.shape[1]
    dresses = table.layout.dresses or (None,) * table.shape[1]
    for place, ((_, most), dress) in enumerate(zip(decimals, dresses, strict=True)):
        if place in table.layout.categories:
            continue
        unknown = np.isnan(table.values[:, place])
        cells = filled[unknown, place]
        if is_within[place] and not unknown.all():
            known = table.values[~unknown, place]
            cells = np.clip(cells, known.min(), known.max())
        if dress is not None and dress.words is not None:
            cells = np.clip(np.round(cells), 0, 1)
        elif isinstance(digits, int):
            cells = np.round(cells, digits)
        elif unknown.all() and all(one >= 0 for _, one in decimals):
            # no cell says how it is written: like the others
            cells = np.round(cells, max(one for _, one in decimals))
        elif most >= 0 and not unknown.all():
            cells = _on_grid(cells, table.values[~unknown, place], most)
        # -0.0 is no number that anybody types.
        filled[unknown, place] = cells + 0.0
    return filled


def _on_grid(cells: np.ndarray, known: np.ndarray, most: int) -> np.ndarray:
    """The cells in steps that the known numbers have: of `most` decimals, whole where all are, or of half points."""
    if most > 0 and len(known) >= _TELLING and (known == np.floor(known)).all():
        most = 0
    step, least = 0, known.min()
    if len(known) >= _MANY and most <= 4 and np.abs(known).max() < 1e9:
        step = int(np.gcd.reduce(np.rint((known - least) * 10.0**most).astype(np.int64)))
    if step > 1:
        cells = least + np.round((cells - least) * 10.0**most / step) * step / 10.0**most
    return np.round(cells, most)


def whole_columns(table: Table) -> np.ndarray:
    """Columns (n,) of whole numbers, which are counts or levels."""
    decimals = table.layout.decimals or ((0, -1),) * table.shape[1]
    return np.asarray([most == 0 for _, most in decimals])


def digits_of(given: str | int) -> str | int:
    """The rounding that was asked for, checked."""
    if given in ("auto", "none"):
        return given
    if str(given).isdecimal() and int(given) <= 15:
        return int(given)
    raise InputError(f"round must be 'auto', 'none' or a number of decimals up to 15, got {given!r}; 'auto' is usual")

"""Columns of words as categories: each distinct word is a level, and its place among them the number that is fitted."""

from dataclasses import replace

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.cells import known_texts
from rankfall.tables.columns import Column
from rankfall.tables.detection import find_columns
from rankfall.tables.dress import Dress
from rankfall.tables.numerals import Numerals
from rankfall.tables.options import Notes, Reading

AUTO = "auto"
# More levels than this are names; where categories are detected, so are more than this share of the known cells.
MOST_LEVELS, _MOST_DETECTED, _SHARE = 100, 20, 0.2


def category_places(
    reading: Reading, words: dict[int, Column], names: list[str] | None, width: int
) -> list[int]:  # fmt: skip
    """Places of the columns to complete as categories: those asked for, or those of `words` that repeat themselves."""
    if reading.categories is None:
        return []
    if reading.categories != (AUTO,):
        return sorted(find_columns(reading.categories, names, width))
    return [place for place, column in words.items() if repeats(column, reading)]


def repeats(column: Column, reading: Reading) -> bool:
    """Whether a column of words has at least two levels, and few for the cells that are known."""
    known = known_texts(column.texts, reading.unknown).drop_nulls()
    return 2 <= known.n_unique() <= min(_MOST_DETECTED, max(2, int(_SHARE * len(known))))


def coded(column: Column, title: str, reading: Reading, notes: Notes) -> Column:
    """The column with the place of its word among its levels for each cell; one of numbers as it is.

    Raises InputError for more than 100 levels, and for a column without a known cell.
    """
    texts = known_texts(column.texts, reading.unknown)
    levels = sorted(texts.drop_nulls().unique().to_list())
    if not 1 <= len(levels) <= MOST_LEVELS:
        raise InputError(
            f"a column of categories has from 1 to {MOST_LEVELS} levels, {title} has {len(levels)}; carry it along by "
            "--labels, or leave it out of --categories"
        )
    signs = [level for level in levels if not any(sign.isalnum() for sign in level)]
    if signs and len(levels) > 1:
        notes.warn(
            f"{title} has the category {signs[0]!r}; if it marks unknown entries, say --unknown='{','.join(signs)}'"
        )
    shown = ", ".join(levels[:6]) + (", …" if len(levels) > 6 else "")
    notes.decide(f"{title} completed as one of {len(levels)} categories: {shown}", "--categories")
    if not column.is_text.any():
        return column
    number = {level: float(place) for place, level in enumerate(levels)}
    values = np.asarray([np.nan if text is None else number[text] for text in texts.to_list()])
    return replace(
        column, values=values, is_text=np.zeros(len(values), dtype=bool), dress=Dress(levels=tuple(levels)),
        numerals=Numerals(), limits=None,
    )  # fmt: skip

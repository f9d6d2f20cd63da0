"""The columns of a grid as numbers and words: signs of numbers for the whole file, dress and limits for each column."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.cells import Parsed, decimals_of, known_texts, parse, stacked
from rankfall.tables.dress import Dress, Undressed, looks_like_number, parse_bodies, undress
from rankfall.tables.grid import Grid
from rankfall.tables.marks import without_marks
from rankfall.tables.numerals import BODY, Numerals, numerals_of
from rankfall.tables.options import Notes, Reading
from rankfall.tables.table import column_title

if TYPE_CHECKING:
    import polars as pl

# A number, in any signs, with a currency before it, a percent sign, or a unit behind a space or behind decimals.
_NUMBER = r"(?:\d{1,3}(?:[., '\u00a0]\d{3})+|\d+)(?:[.,]\d+)?"
_UNIT = r"[\p{L}°µ][^0-9]{0,6}[0-9]{0,2}"
_MEASURE = rf"^[+\-−(]?(?:\p{{Sc}} ?[+\-−]?{_NUMBER}.{{0,9}}|{_NUMBER}(?: ?[%‰]| {_UNIT})?|\d+[.,]\d+{_UNIT})\)?$"
_LIMIT = r"^\s*([<>≤≥]=?)\s*([^<>=].*)$"


@dataclass(frozen=True, eq=False)
class Column:
    """One column of cells: its numbers (NaN for all else), which cells are words, and the dress of its numbers.

    `limits` are the cells such as `<0.5`, as masks; `texts` all cells as typed; `marks` those that its owner named.
    """

    values: np.ndarray
    is_text: np.ndarray
    texts: "pl.Series"
    dress: Dress | None = None
    numerals: Numerals = field(default_factory=Numerals)
    limits: np.ndarray | None = None
    marks: tuple[str, ...] = ()

    def taken(self, rows: np.ndarray) -> "Column":
        """The column with some of its rows."""
        return replace(
            self, values=self.values[rows], is_text=self.is_text[rows], texts=self.texts[rows.tolist()],
            limits=None if self.limits is None else self.limits[rows],
        )  # fmt: skip

    def count_unknown(self) -> int:
        """How many cells say nothing."""
        return int((np.isnan(self.values) & ~self.is_text).sum())

    def count_numbers(self) -> int:
        """How many cells of a column of words are numbers all the same, plain or dressed."""
        numbers = int((~np.isnan(self.values)).sum())
        words = known_texts(self.texts).drop_nulls()
        return numbers if numbers or not looks_like_number(words).any() else _count_like_numbers(words)

    def decimals(self) -> tuple[int, int]:
        """The least and the most decimals of its numbers."""
        if self.dress is not None and self.dress.levels is not None:
            return 0, 0
        is_known = ~np.isnan(self.values)
        if self.limits is not None and (is_known & ~self.limits).any():
            is_known &= ~self.limits
        known = self.texts.filter(is_known).str.strip_chars()
        if self.limits is not None:
            known = _without_limits(known)[0]
        found = undress(without_marks(known, self.marks)[0]) if self.dress is not None else None
        return decimals_of(known if found is None else found.bodies, self.numerals.decimal)


def columns_of(grid: Grid, reading: Reading, separator: str | None, notes: Notes) -> tuple[list[Column], Numerals]:
    """All columns of a grid, its first row included, and the signs that its numbers have.

    Raises InputError where it is open what a sign means, or what limits of detection count as.
    """
    cells, codes = grid.cells, reading.unknown
    parsed = parse(cells, codes=codes)
    dressed: dict[int, tuple[Undressed, np.ndarray | None]] = {}
    marks: list[str] = []
    for place in np.flatnonzero(parsed.is_text[1:].any(axis=0)):
        texts = known_texts(cells.to_series(int(place)), codes)
        bare, limits = _without_limits(texts)
        bare, marked = without_marks(bare, reading.marks)
        found = undress(bare.slice(1))
        if found is not None:
            dressed[int(place)] = (_with_first(found, bare), limits)
            marks += [] if marked is None else texts.filter(marked).to_list()
    if marks:
        notes.decide(f"{len(marks)} numbers have marks beside them, as {marks[0]!r}, which are read past", "--labels")
    numerals = _numerals(grid, parsed, dressed, separator, reading, notes)
    if not numerals.is_plain:
        parsed = parse(cells, numerals, codes)
    columns = []
    for place, texts in enumerate(cells.iter_columns()):
        values, is_text = parsed.values[:, place], parsed.is_text[:, place]
        column = Column(values, is_text, texts, numerals=numerals, marks=reading.marks)
        if place in dressed:
            column = _dressed(column, *dressed[place], codes)
        columns.append(column)
    return columns, numerals


def settle_limits(
    columns: list[Column], titles: list[str], rows: Callable[[int], int], reading: Reading, notes: Notes
) -> list[Column]:
    """The columns with a number, or unknown, for each cell that is below or above a limit.

    Raises InputError where there are such cells and nothing says what they count as.
    """
    settled, count = [], 0
    for column, title in zip(columns, titles, strict=True):
        if column.limits is None or not column.limits.any():
            settled.append(column)
            continue
        places = np.flatnonzero(column.limits)
        count += len(places)
        if reading.below is None:
            cell = column.texts[int(places[0])].strip()
            raise InputError(
                f"{title}, row {rows(int(places[0]))}: {cell!r} is a limit, not a number; --below half, limit or "
                "unknown says what such cells count as"
            )
        values = column.values.copy()
        if reading.below == "unknown":
            values[places] = np.nan
        elif reading.below == "half":
            is_below = column.texts.str.contains(r"^\s*[<≤]").to_numpy()[places]
            values[places] = np.where(is_below, values[places] / 2, values[places])
        settled.append(replace(column, values=values))
    if count:
        means = {"half": "half the limit", "limit": "the limit", "unknown": "unknown"}[reading.below or "limit"]
        notes.decide(f"{count} cells below or above a limit count as {means}", "--below")
    return settled


def _without_limits(texts: "pl.Series") -> "tuple[pl.Series, np.ndarray | None]":
    """The cells with the bare number for each limit, and which cells are limits; None where none is."""
    import polars as pl

    bare = texts.str.extract(_LIMIT, 2)
    is_limit = bare.str.contains(r"^[^\d]{0,4}[\d.,]+").fill_null(False)
    if not is_limit.any():
        return texts, None
    return pl.select(pl.when(is_limit).then(bare).otherwise(texts)).to_series(), is_limit.to_numpy()


def _with_first(found: Undressed, texts: "pl.Series") -> Undressed:
    """The undressed column with its first cell, which may be a name."""
    import polars as pl

    first = undress(texts.head(1))
    # A name such as y or no is none of the words of another column.
    is_alike = first is not None and _look(first.dress) == _look(found.dress)
    top = first.bodies if first is not None and is_alike else pl.Series([None], dtype=pl.String)
    return Undressed(found.dress, pl.concat([top.cast(pl.String), found.bodies.cast(pl.String)]))


def _look(dress: Dress) -> tuple[str, str, tuple[str, ...] | None]:
    return dress.prefix, dress.suffix, dress.words and tuple(word.lower() for word in dress.words)


def _dressed(column: Column, found: Undressed, limits: np.ndarray | None, codes: tuple[str, ...]) -> Column:
    values = parse_bodies(found.bodies, Numerals() if found.dress.words else column.numerals)
    known = known_texts(column.texts, codes).is_not_null().to_numpy()
    values = np.where(known, values, np.nan)
    return replace(column, values=values, is_text=known & np.isnan(values), dress=found.dress, limits=limits)


def _numerals(
    grid: Grid,
    parsed: Parsed,
    dressed: dict[int, tuple[Undressed, np.ndarray | None]],
    separator: str | None,
    reading: Reading,
    notes: Notes,
) -> Numerals:
    import polars as pl

    has_dress = any(one.dress.prefix or one.dress.suffix for one, _ in dressed.values())
    if reading.decimal is None and reading.thousands is None and not has_dress:
        # In a single column of text a comma is as likely a separator that its name did not promise.
        is_alone = grid.source is not None and separator is not None and grid.cells.width == 1
        if (separator == "," and not dressed) or is_alone:
            return Numerals()
    plain = stacked(grid.cells).str.strip_chars()
    texts = [plain.filter(plain.str.contains(rf"^[+-]?{BODY}$").fill_null(False))]
    texts += [one.bodies.drop_nulls() for one, _ in dressed.values() if one.dress.words is None]
    numerals = numerals_of(pl.concat(texts), separator, reading.decimal, reading.thousands)
    if numerals.decimal == "," or reading.decimal is not None:
        notes.decide(f"decimals behind {numerals.decimal!r}", "--decimal")
    if numerals.thousands:
        notes.decide(f"thousands separated by {numerals.thousands!r}", "--thousands")
    return numerals


def _count_like_numbers(words: "pl.Series") -> int:
    """How many words are numbers with a currency, a percent sign or a unit: neither dates nor codes such as 12-004."""
    return int(words.head(1000).str.contains(_MEASURE).sum())


def titles_of(names: list[str] | None, places: list[int]) -> list[str]:
    """How sentences call the columns at these places."""
    return [column_title(names, place) for place in places]

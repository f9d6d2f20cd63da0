"""The columns of a list of entries: which of a file's columns they are, and their cells as labels and numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.cells import parse
from rankfall.tables.columns import columns_of, settle_limits
from rankfall.tables.detection import find_column, find_columns
from rankfall.tables.files import FRAME_FORMATS, FilePath, extension, read_frame, read_frame_names
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading
from rankfall.tables.plain_lists import PlainList
from rankfall.tables.reading import read_grid
from rankfall.tables.sentinels import without_codes
from rankfall.tables.table import column_title, refuse_infinite
from rankfall.tables.triplets import as_plain_labels
from rankfall.tables.unread import WORDS_IN_LIST, refuse_text

if TYPE_CHECKING:
    import polars as pl

_DEFAULT_NAMES = ("row", "col", "value")

ColumnSpec = str | Sequence[str | int] | None


@dataclass(frozen=True, eq=False)
class EntryColumn:
    """One column of a file, a polars series, with its name; `rows` are the places of its cells in the file."""

    cells: "pl.Series"
    name: str
    rows: np.ndarray | range
    separator: str | None = None

    def number(self, row: int) -> int:
        """A row as the file's editor counts it."""
        return int(self.rows[row]) + 1

    def labels(self) -> "pl.Series":
        """Its cells as labels: integers, or strings without white space around them; none may be empty."""
        import polars as pl

        kind = self.cells.dtype
        labels = self.cells
        if kind.is_float() and (labels.drop_nulls() == labels.drop_nulls().round()).all():
            labels = labels.cast(pl.Int64, strict=False)
        elif not kind.is_integer():
            if kind.is_nested() or kind.is_float() or kind in (pl.Binary, pl.Object, pl.Boolean):
                raise InputError(
                    f"labels must be integers or strings, column {self.name!r} has the type {kind}; "
                    "name another column, or convert it"
                )
            labels = as_plain_labels(labels.cast(pl.String).str.strip_chars())
            labels = labels.replace("", None)
        if labels.null_count():
            row = self.number(int(np.argmax(labels.is_null().to_numpy())))
            raise InputError(
                f"every entry must have its labels, column {self.name!r}, row {row} is empty; "
                "fill it in or remove the row"
            )
        return labels

    def numbers(self, reading: Reading, notes: Notes) -> np.ndarray:
        """Its cells as float64, NaN where unknown; words and infinite numbers are refused."""
        import polars as pl

        kind = self.cells.dtype
        title = column_title([self.name], 0)
        if kind == pl.String:
            # The first row of a grid may hold a name; here it is none, and an empty cell stands above.
            above = pl.concat([pl.Series([None], dtype=pl.String), self.cells.rename("")])
            columns, _ = columns_of(
                Grid(above.to_frame("0"), np.asarray(self.rows), "", None), reading, self.separator, notes
            )
            columns = [columns[0].taken(np.arange(1, len(above)))]
            refuse_text(columns, [title], self.number, WORDS_IN_LIST)
            values = settle_limits(columns, [title], self.number, reading, notes)[0].values
        elif kind.is_numeric() or kind in (pl.Boolean, pl.Null):
            values = without_codes(self.cells.cast(pl.Float64).to_numpy(), reading, notes)
        else:
            raise InputError(f"values must be numbers, {title} has the type {kind}; name another column")
        refuse_infinite(values[:, None], [self.name], self.number)
        return values


def split_spec(columns: ColumnSpec, counts: tuple[int, ...]) -> list[str | int] | None:
    if columns is None:
        return None
    spec = list(columns.split(",")) if isinstance(columns, str) else list(columns)
    distinct = {str(one).strip() for one in spec}
    if len(spec) not in counts or len(distinct) != len(spec) or "" in distinct:
        wanted = " or ".join(str(count) for count in counts)
        raise InputError(
            f"columns must be {wanted} different names or places from one, got {columns!r}; "
            "give them as in user,item,rating or 1,2,3"
        )
    return [one.strip() if isinstance(one, str) else one for one in spec]


@dataclass(frozen=True)
class Wanted:
    """What is wanted of the columns of a file.

    Parameters
    ----------
    spec : list of str or int, optional
        Names or places of the columns, the first three by default.
    required : int
        How many of them there must be.
    is_header : callable
        Tells from the cells wanted in the first line, and in some below, whether it holds names.
    header : bool, optional
        Says so itself.
    expected : sequence of str
        Names, in lower case, that go before places where the first line has the first two of them.
    """

    spec: list[str | int] | None
    required: int
    is_header: Callable[[list[str], list[list[str]]], bool]
    header: bool | None = None
    expected: Sequence[str] = ()


def read_columns(path: FilePath, wanted: Wanted, reading: Reading, notes: Notes) -> list[EntryColumn]:
    """The columns wanted of a file."""
    if extension(path) in FRAME_FORMATS:
        names = read_frame_names(path)
        chosen = [names[place] for place in _places(wanted.spec, names, len(names), wanted.required, path)]
        frame = read_frame(path, chosen)
        return [EntryColumn(frame[name], name, range(frame.height)) for name in chosen]
    plain = PlainList.of(path, reading)
    if plain is not None:
        roles = _roles(plain.head, wanted, path, plain.notes)
        columns = plain.columns(roles.places, roles.begin)
        if columns is not None:
            notes.taken.extend(plain.notes.taken)
            rows = range(roles.begin, roles.begin + len(columns[0]))
            return [EntryColumn(cells, name, rows) for cells, name in zip(columns, roles.names, strict=True)]
    grid, separator = read_grid(path, reading, notes)
    roles = _roles(grid, wanted, path, notes)
    frame, rows = grid.cells.slice(roles.begin), grid.rows[roles.begin :]
    if frame.height == 0:
        raise InputError(f"{str(path)!r} must have rows, it has a header only; add rows below it")
    return [
        EntryColumn(frame[str(place)], name, rows, separator)
        for place, name in zip(roles.places, roles.names, strict=True)
    ]


@dataclass(frozen=True)
class _Roles:
    """Names and places of the columns wanted, and the row of the grid below which the entries begin."""

    names: list[str]
    places: list[int]
    begin: int


def _roles(grid: Grid, wanted: Wanted, path: FilePath, notes: Notes) -> _Roles:
    frame, spec, header = grid.cells, wanted.spec, wanted.header
    first = [(cell or "").strip() for cell in frame.row(0)]
    asked = asked_names(spec)
    has_asked = any(name in first for name in asked)
    lowered, expected = [cell.lower() for cell in first], wanted.expected
    if not has_asked and header is not False and expected and all(name in lowered for name in expected[:2]):
        spec = [first[lowered.index(name)] for name in expected if name in lowered]
        has_asked = True
    # Names for a file without a header: they are those of its first columns.
    are_given = bool(asked) and not has_asked and not (header or wanted.is_header(first[: len(spec or [])], []))
    places = _places(None if are_given else spec, first, len(first), wanted.required, path)
    below = [[(cells[place] or "").strip() for place in places] for cells in frame.slice(1, 20).rows()]
    has_header = has_asked or (not are_given and wanted.is_header([first[place] for place in places], below))
    has_header = has_header if header is None else header
    names = list(_DEFAULT_NAMES[: len(places)])
    if are_given and spec is not None:
        names = [str(one) for one in spec[: len(places)]]
    elif has_header:
        names = [first[place] or name for place, name in zip(places, names, strict=True)]
    if header is None:
        notes.decide(
            f"row {grid.number(0)} holds the names of the columns" if has_header else "there is no line of names",
            "--no-header" if has_header else "--header",
        )
    if frame.height > int(has_header):
        notes.decide("row, column and value are " + ", ".join(map(repr, names)), "--triplets")
    return _Roles(names, places, int(has_header))


def asked_names(spec: list[str | int] | None) -> list[str]:
    """The names among names and places; a number is always a place, since a file may have no header."""
    return [one for one in spec or [] if isinstance(one, str) and not one.isdecimal()]


def _places(spec: list[str | int] | None, names: list[str], width: int, required: int, path: FilePath) -> list[int]:
    if width < required:
        raise InputError(
            f"{str(path)!r} must have at least {required} columns, got {width}; "
            "check its separator, known are comma, semicolon, tab, bar, :: and white space"
        )
    if spec is None:
        return list(range(min(3, width)))
    known = names if asked_names(spec) else None
    spec = [int(one) if isinstance(one, str) and one.isdecimal() else one for one in spec]
    has = [one for one in spec[required:] if find_column(one, known, width) is not None]
    return find_columns([*spec[:required], *has], known, width)


def is_words(cell: str) -> bool:
    import polars as pl

    return bool(parse(pl.DataFrame({"0": [cell]})).is_text[0, 0])

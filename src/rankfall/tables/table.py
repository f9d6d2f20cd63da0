"""A table: numbers with holes, the words around them, and the layout it was read from.

Whoever completes a table sees only `values`; everything else is carried along so that the completed table goes back
to its owner in the shape it came: the same header, the label columns where they were, untouched cells as they were
typed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, to_numpy
from rankfall.errors import InputError
from rankfall.tables.dress import Dress
from rankfall.tables.numerals import Numerals
from rankfall.tables.options import Note

if TYPE_CHECKING:
    import polars as pl
    from narwhals.stable.v2.typing import IntoDataFrame

    from rankfall.tables.sheets import Sheet
    from rankfall.tables.text import Text


@dataclass(frozen=True, eq=False)
class Layout:
    """How a table was laid out where it came from; the default suits a table that came from no file.

    Parameters
    ----------
    label_positions : tuple of int, optional
        Places of the label columns among all columns; None for in front.
    integer_columns : tuple of bool, optional
        Of each column of numbers, whether it held integers only.
    text_format, separator, newline, numerals, has_bom
        Those of a text file.
    decimals : tuple of (int, int), optional
        The least and most decimals that each column of numbers had; most is −1 where they have no end.
    dresses : tuple of Dress or None, optional
        What stood around the numbers of each column.
    categories : tuple of int
        Which columns hold codes of levels.
    texts : polars.DataFrame, optional
        The cells of numbers as typed.
    frame : data frame, optional
        What the table was read from.
    metadata : dict of str, optional
        What the file of a frame said about it.
    source : Text or Sheet, optional
        The text or sheet the table came from.
    rows, places : ndarray of int, tuple of int, optional
        Where its rows and columns of numbers are in `source`.
    before : (m, n) ndarray, optional
        The numbers as they were read.
    notes : tuple of Note
        What the reader decided.
    """

    label_positions: tuple[int, ...] | None = None
    integer_columns: tuple[bool, ...] | None = None
    text_format: str | None = None
    separator: str = ","
    newline: str = "\n"
    numerals: Numerals = field(default_factory=Numerals)
    has_bom: bool = False
    decimals: tuple[tuple[int, int], ...] | None = None
    dresses: tuple[Dress | None, ...] | None = None
    categories: tuple[int, ...] = ()
    texts: "pl.DataFrame | None" = field(default=None, repr=False)
    frame: "IntoDataFrame | None" = field(default=None, repr=False)
    metadata: dict[str, str] | None = field(default=None, repr=False)
    source: "Text | Sheet | None" = field(default=None, repr=False)
    rows: np.ndarray | None = field(default=None, repr=False)
    places: tuple[int, ...] | None = None
    before: np.ndarray | None = field(default=None, repr=False)
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers with holes and the words around them.

    Parameters
    ----------
    values : (m, n) ndarray
        float64 or float32, NaN where unknown.
    column_names : tuple of str, optional
        Names of the n columns; None where there is no header.
    row_labels : dict of list, optional
        The m labels of each label column, by its name; None where there are none.
    layout : Layout
        How the table was laid out where it came from.

    Raises
    ------
    InputError
        Where the names or labels do not match the shape of `values`.
    """

    values: Float[np.ndarray, "m n"]
    column_names: tuple[str, ...] | None = None
    row_labels: dict[str, list] | None = None
    layout: Layout = field(default_factory=Layout, repr=False)

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise InputError(
                f"a table must have rows and columns, got an array of shape {self.values.shape}; "
                "reshape it to two dimensions"
            )
        rows, columns = self.values.shape
        if self.column_names is not None and len(self.column_names) != columns:
            raise InputError(
                f"a table must have one name a column, got {len(self.column_names)} names for "
                f"{columns} columns; name each column once, or none"
            )
        for name, labels in (self.row_labels or {}).items():
            if len(labels) != rows:
                raise InputError(
                    f"a label column must have one label a row, {name!r} has {len(labels)} for "
                    f"{rows} rows; give each row its label"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of `values`; label columns do not count."""
        rows, columns = self.values.shape
        return rows, columns

    @property
    def label_positions(self) -> tuple[int, ...]:
        """Where the label columns stand among all columns, in the order of `row_labels`."""
        if self.layout.label_positions is not None:
            return self.layout.label_positions
        return tuple(range(len(self.row_labels or {})))

    @property
    def categories(self) -> tuple[int, ...]:
        """Which columns of `values` are codes of categories, for `categorical_features`."""
        return self.layout.categories

    def levels(self, column: int) -> tuple[str, ...]:
        """The words that the codes 0, 1, … of a column of categories stand for; none where the codes are the table's.

        column: its place among the columns of `values`.
        """
        dress = self.layout.dresses[column] if self.layout.dresses else None
        return (dress.levels if dress is not None else None) or ()

    def with_values(self, values: Array) -> "Table":
        """The same table with other numbers, of the same shape; float32 stays, all else becomes float64."""
        array = to_numpy(values)
        if array.shape != self.values.shape:
            raise InputError(
                f"new values must have the table's shape {self.values.shape}, got {array.shape}; "
                "pass the whole completed matrix"
            )
        return replace(self, values=as_floats(array))

    def arrange(self, labels: list, numbers: list) -> list:
        """Items of the label columns and of the columns of numbers, merged in the order of the layout."""
        places = self.label_positions
        rest = iter(numbers)
        by_place = dict(zip(places, labels, strict=True))
        return [by_place[place] if place in by_place else next(rest) for place in range(len(labels) + len(numbers))]

    def names(self) -> list[str]:
        """Names of all columns in order, labels included; `column_3` where the third has none."""
        numbers = self.column_names or tuple("" for _ in range(self.shape[1]))
        named = self.arrange(list(self.row_labels or {}), list(numbers))
        return [name or f"column_{place}" for place, name in enumerate(named, start=1)]


def as_floats(array: np.ndarray) -> np.ndarray:
    """The array in row-major order, as float32 where it is float32 or narrower, else as float64."""
    is_narrow = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return np.ascontiguousarray(array, dtype=np.float32 if is_narrow else np.float64)


def column_title(names: tuple[str, ...] | list[str] | None, column: int) -> str:
    """How a sentence calls a column: by its name, or by its place counted from one."""
    if names is not None and names[column]:
        return f"column {names[column]!r}"
    return f"column {column + 1}"


def refuse_infinite(
    values: np.ndarray, names: tuple[str, ...] | list[str] | None, number: Callable[[int], int] = lambda row: row + 1
) -> None:
    """Refuses infinite numbers, naming the first by its column and row; `number` is how the file counts a row."""
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.unravel_index(int(np.argmax(infinite)), values.shape)
        raise InputError(
            f"{column_title(names, int(column))}, row {number(int(row))}: numbers must be finite, "
            f"got {values[row, column]}; leave the cell empty if it is unknown"
        )

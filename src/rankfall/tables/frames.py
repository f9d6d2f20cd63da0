"""Data frames in, the same kind of data frame out: pandas, polars and pyarrow, through narwhals.

Numbers of any kind become the values of a Table, missing ones NaN; so does text that holds numbers. Words, categories
and dates are label columns. On the way back only columns whose numbers changed are replaced; every other column, and
pandas' index, is the original object's own.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard, TypeVar, overload

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.cells import decimals_of_numbers
from rankfall.tables.columns import Column
from rankfall.tables.dress import Dress
from rankfall.tables.frame_columns import (
    category_columns,
    floats_of,
    is_boolean,
    is_mixed,
    is_text,
    numbers_of_texts,
    replaced,
)
from rankfall.tables.options import Notes, Reading
from rankfall.tables.patching import changed, number_texts
from rankfall.tables.table import Layout, Table, as_floats, refuse_infinite

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pandas as pd
    from narwhals.stable.v2.typing import IntoDataFrame

    Frame = TypeVar("Frame", bound=IntoDataFrame)


def from_frame(
    frame: "IntoDataFrame",
    label_columns: Sequence[str] | None = None,
    reading: Reading | None = None,
    notes: Notes | None = None,
) -> Table:
    """The table in a data frame: its columns of numbers as values, all others as labels.

    Integers, floats, decimals and booleans are numbers, of whatever width, nullable, sparse or not; so is a column
    with no known entry, and a column of text whose cells are numbers in any dress (`rankfall.tables.dress`).

    Parameters
    ----------
    frame : data frame
        Of pandas, polars or pyarrow, held in memory.
    label_columns : sequence of str, optional
        Names of the columns to carry along unread; then all others must be numbers. Detected by default.
    reading : Reading, optional
        What cells of text mean, and which columns are categories: `Reading(categories=("auto",))` for all columns of
        few words.
    notes : Notes, optional
        Receives what is decided.

    Raises
    ------
    InputError
        For what is no data frame, nested, binary or complex columns, infinite numbers, repeated names, a label column
        that the frame does not have, and a frame without rows or without a column of numbers.
    """
    reading, notes = reading or Reading(), Notes() if notes is None else notes
    native = narwhalize(frame)
    names = [str(name) for name in native.columns]
    asked = None if label_columns is None else {str(name) for name in label_columns}
    for name in asked or ():
        if name not in names:
            raise InputError(f"a label column must be one of the frame's, got {name!r}; it has {', '.join(names[:20])}")
    series = dict(zip(names, native.iter_columns(), strict=True))
    open_texts = {
        name: one for name, one in series.items() if name not in (asked or ()) and (is_text(one) or is_mixed(one))
    }
    categories, chosen = category_columns(series, asked or set(), reading, notes)
    for name in categories:
        open_texts.pop(name, None)
    texts, numerals = numbers_of_texts(open_texts, reading, notes, must=asked is not None)
    columns: list[np.ndarray] = []
    dresses: list[Dress | None] = []
    labels: dict[str, list] = {}
    places: list[int] = []
    for place, (name, one) in enumerate(series.items()):
        floats = None if name in categories or (asked and name in asked) else floats_of(one, name)
        if name in categories:
            floats = categories[name].values
        elif name in texts:
            floats = texts[name].values
        if floats is not None:
            columns.append(floats)
            read = {**texts, **categories}.get(name)
            dresses.append(Dress(words=("False", "True")) if is_boolean(one) else read.dress if read else None)
        elif asked is None or name in asked:
            is_missing = one.is_null().to_list()
            labels[name] = [None if gone else cell for cell, gone in zip(one.to_list(), is_missing, strict=True)]
            places.append(place)
            if asked is None and any(is_missing):
                notes.warn(f"column {name!r} is carried along unfilled, with {sum(is_missing)} empty cells")
        else:
            raise InputError(f"a column must be numbers, {name!r} has the type {one.dtype}; name it as a label column")
    if not columns or not len(columns[0]):
        raise InputError(
            f"a frame must have rows and a column of numbers, got {native.shape[0]} rows and {len(columns)} "
            "such columns; check how it was read"
        )
    is_narrow = all(column.dtype == np.float32 for column in columns)
    values = np.column_stack(columns).astype(np.float32 if is_narrow else np.float64, copy=False)
    numbers_at = [place for place in range(len(names)) if place not in places]
    column_names = tuple(names[place] for place in numbers_at)
    refuse_infinite(values, column_names)
    kinds = [one.dtype for one in series.values()]
    has_dress = any(dress is not None for dress in dresses)
    layout = Layout(
        label_positions=tuple(places),
        integer_columns=tuple(
            kinds[place].is_integer() or (names[place] in texts and texts[names[place]].decimals()[1] == 0)
            for place in numbers_at
        ),
        decimals=_decimals(values, [texts.get(names[place]) for place in numbers_at]),
        numerals=numerals,
        dresses=tuple(dresses) if has_dress else None,
        categories=tuple(k for k, name in enumerate(column_names) if name in chosen),
        frame=frame,
        before=values.copy(),
    )
    return Table(as_floats(values), column_names, labels or None, layout)


# Beyond so many columns, what decimals they have is not looked for.
_MOST_LOOKED_AT = 1000


@overload
def to_frame(table: Table) -> "IntoDataFrame": ...


@overload
def to_frame(table: Table, like: "Frame") -> "Frame": ...


def to_frame(table: Table, like: "IntoDataFrame | None" = None) -> "IntoDataFrame":
    """The table as a data frame of the kind of `like`, by default of the frame it was read from.

    Columns whose numbers are those of `like` stay as they are, with their type. Changed ones keep it where all their
    numbers fit it (whole numbers in a column of integers, 0 and 1 in one of booleans, text in one of text) and become
    floats of the same kind otherwise (pandas' nullable stays nullable). Unknown entries are null, NaN where the kind
    has no null.

    Parameters
    ----------
    table : Table
        What to write.
    like : data frame, optional
        The frame that gives kind, columns and types; by default the one that the table was read from.

    Raises
    ------
    InputError
        Where there is no frame to be like, or it has another shape.
    """
    like = table.layout.frame if like is None else like
    if like is None:
        raise InputError("a table must know what frame to become, this one came from none; pass like=frame")
    original = table
    if like is not table.layout.frame:
        reading = Reading(categories=tuple(map(str, _category_names(table))) or None)
        original = from_frame(like, list(table.row_labels or {}) if table.row_labels else None, reading)
        if original.shape != table.shape:
            raise InputError(
                f"the frame must have the table's shape {table.shape}, got one with numbers of shape "
                f"{original.shape}; pass the frame the table came from"
            )
        original = replace(original, values=table.values)
    is_changed = changed(original)
    native = narwhalize(like)
    labels = set(original.label_positions)
    columns = [one for place, one in enumerate(native.iter_columns()) if place not in labels]
    texts = None
    fresh = []
    for place in np.flatnonzero(is_changed.any(axis=0)).tolist():
        series, cells = columns[place], None
        if is_text(series) or original.levels(place):
            texts = number_texts(original).to_list() if texts is None else texts
            cells = texts[place * table.shape[0] : (place + 1) * table.shape[0]]
        fresh.append(replaced(series, table.values[:, place], is_changed[:, place], cells))
    return native.with_columns(*fresh).to_native() if fresh else like


def _decimals(values: np.ndarray, texts: "list[Column | None]") -> tuple[tuple[int, int], ...] | None:
    """The least and the most decimals of each column, as typed where it is text; not looked for in wide frames."""
    if values.shape[1] > _MOST_LOOKED_AT:
        return None
    return tuple(
        (0, decimals_of_numbers(column)) if text is None else text.decimals()
        for column, text in zip(values.T, texts, strict=True)
    )


def _category_names(table: Table) -> list[str]:
    return [(table.column_names or ())[place] for place in table.categories if table.levels(place)]


def narwhalize(frame: "Frame") -> "nw.DataFrame[Frame]":
    """The frame behind one interface, sparse columns dense. Raises InputError for what is none, or repeats a name."""
    import narwhals.stable.v2 as nw

    try:
        return nw.from_native(_dense(frame), eager_only=True)
    except TypeError as error:
        raise InputError(
            f"a data frame must be of pandas, polars or pyarrow, held in memory, got {type(frame).__name__}; "
            "collect a lazy frame, or pass an array"
        ) from error
    except ValueError as error:
        raise InputError(
            f"a data frame must have different column names ({str(error).splitlines()[0]}); rename its columns"
        ) from error


def _dense(frame: "Frame") -> "Frame":
    """pandas' sparse columns as dense ones; every other frame as it is."""
    if not _is_pandas(frame):
        return frame
    # dtype names such as Sparse[float64, nan]
    is_sparse = [str(kind).startswith("Sparse[") for kind in frame.dtypes]
    if not any(is_sparse):
        return frame
    dense = frame.copy(deep=False)
    for name, sparse in zip(frame.columns, is_sparse, strict=True):
        if sparse:
            dense[name] = frame[name].sparse.to_dense()
    return dense


def _is_pandas(frame: object) -> "TypeGuard[pd.DataFrame]":
    return type(frame).__module__.startswith("pandas") and hasattr(frame, "columns")

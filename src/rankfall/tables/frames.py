"""Data frames in, the same kind of data frame out: pandas, polars and pyarrow, through narwhals.

Numbers of any kind become the values of a Table, missing ones NaN; words, categories and dates are label columns.
On the way back only columns whose numbers changed are replaced; every other column, and pandas' index, is the
original object's own.
"""

import numbers
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.table import Layout, Table, as_floats, refuse_infinite


def from_frame(frame: Any, label_columns: Sequence[str] | None = None) -> Table:
    """The table in a data frame: its columns of numbers as values, all others as labels.

    Integers, floats, decimals and booleans are numbers, of whatever width and nullable or not; so is a column with
    no known entry. `label_columns` names the columns to carry along unread; then all others must be numbers.

    Raises InputError for what is no data frame, nested or binary columns, infinite numbers, repeated names.
    """
    native = _narwhalize(frame)
    names = [str(name) for name in native.columns]
    asked = None if label_columns is None else {str(name) for name in label_columns}
    for name in asked or ():
        if name not in names:
            raise InputError(f"a label column must be one of the frame's, got {name!r}; it has {', '.join(names[:20])}")
    columns: list[np.ndarray] = []
    labels: dict[str, list] = {}
    places: list[int] = []
    for place, (name, series) in enumerate(zip(names, native.iter_columns(), strict=True)):
        floats = None if asked and name in asked else _floats_of(series, name)
        if floats is not None:
            columns.append(floats)
        elif asked is None or name in asked:
            is_missing = series.is_null().to_list()
            labels[name] = [None if gone else one for one, gone in zip(series.to_list(), is_missing, strict=True)]
            places.append(place)
        else:
            raise InputError(
                f"a column must be numbers, {name!r} has the type {series.dtype}; name it as a label column"
            )
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
    kinds = list(native.schema.values())
    layout = Layout(
        label_positions=tuple(places),
        integer_columns=tuple(kinds[place].is_integer() for place in numbers_at),
        frame=frame,
    )
    return Table(as_floats(values), column_names, labels or None, layout)


def to_frame(table: Table, like: Any = None) -> Any:
    """The table as a data frame of the kind of `like`, by default of the frame it was read from.

    Columns whose numbers are those of `like` stay as they are, with their type; changed ones become floats of the
    same kind (pandas' nullable stays nullable). Unknown entries are null, NaN where the kind has no null.

    Raises InputError where there is no frame to be like, or it has another shape.
    """
    like = table.layout.frame if like is None else like
    if like is None:
        raise InputError("a table must know what frame to become, this one came from none; pass like=frame")
    original = from_frame(like, list(table.row_labels or {}) if table.row_labels else None)
    if original.shape != table.shape:
        raise InputError(
            f"the frame must have the table's shape {table.shape}, got one with numbers of shape "
            f"{original.shape}; pass the frame the table came from"
        )
    native = _narwhalize(like)
    labels = set(original.label_positions)
    columns = [one for place, one in enumerate(native.iter_columns()) if place not in labels]
    changed = []
    for series, before, after in zip(columns, original.values.T, table.values.T, strict=True):
        if not np.array_equal(before.astype(after.dtype), after, equal_nan=True):
            changed.append(_replaced(series, after))
    return native.with_columns(*changed).to_native() if changed else like


def _narwhalize(frame: Any) -> Any:
    import narwhals.stable.v2 as nw

    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise InputError(
            f"a data frame must be of pandas, polars or pyarrow, held in memory, got {type(frame).__name__}; "
            "collect a lazy frame, or pass an array"
        ) from error
    except ValueError as error:
        raise InputError(
            f"a data frame must have different column names ({str(error).splitlines()[0]}); rename its columns"
        ) from error


def _floats_of(series: Any, name: str) -> np.ndarray | None:
    """The series as floats with NaN for null, or None where it holds words or dates."""
    import narwhals.stable.v2 as nw

    kind = series.dtype
    if kind.is_numeric() or kind == nw.Boolean:
        if kind == nw.Float32:
            return series.to_numpy().astype(np.float32, copy=False)
        return series.cast(nw.Float64).to_numpy()
    missing = series.is_null().to_numpy()
    if missing.all():
        return np.full(len(missing), np.nan)
    if kind == nw.Object:
        items = series.to_list()
        known = [item for item, is_missing in zip(items, missing, strict=True) if not is_missing]
        if all(isinstance(item, (numbers.Real, Decimal)) for item in known):
            floats = np.full(len(missing), np.nan)
            floats[~missing] = [float(item) for item in known]
            return floats
    if kind.is_nested() or kind in (nw.Binary, nw.Unknown):
        raise InputError(f"a column must be numbers or labels, {name!r} has the type {kind}; convert or drop it")
    return None


def _replaced(series: Any, values: np.ndarray) -> Any:
    """The series with other numbers, as floats of its kind."""
    import narwhals.stable.v2 as nw

    is_narrow = series.dtype == nw.Float32 and values.dtype == np.float32
    kind = nw.Float32 if is_narrow else nw.Float64
    fresh = nw.new_series(
        name=series.name,
        values=values.astype(np.float32 if is_narrow else np.float64),
        backend=series.implementation,
    )
    if series.implementation.is_pandas_like():
        native = fresh.to_native()
        native.index = series.to_native().index
        if series.dtype.is_numeric() or series.dtype == nw.Boolean:
            native = native.astype(series.cast(kind).to_native().dtype)
        return nw.from_native(native, series_only=True)
    # Elsewhere null and NaN differ, and unknown is null.
    is_known = nw.new_series(name="known", values=~np.isnan(values), backend=series.implementation)
    frame = fresh.to_frame().with_columns(is_known)
    return frame.select(nw.when(nw.col("known")).then(nw.col(series.name)))[series.name]

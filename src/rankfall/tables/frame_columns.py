"""One column of a data frame: as floats, as numbers written in text, and with other numbers in its own type."""

import numbers
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.categories import category_places, coded
from rankfall.tables.cells import known_texts
from rankfall.tables.columns import Column, columns_of, settle_limits
from rankfall.tables.dress import looks_like_number
from rankfall.tables.grid import Grid
from rankfall.tables.marks import without_marks
from rankfall.tables.numerals import Numerals
from rankfall.tables.options import Notes, Reading
from rankfall.tables.unread import refuse_text

if TYPE_CHECKING:
    import narwhals
    import pandas as pd
    from narwhals.typing import IntoSeries

    Series: TypeAlias = narwhals.Series[IntoSeries]


def floats_of(series: "Series", name: str) -> np.ndarray | None:
    """The series as floats with NaN for null, or None where it holds words or dates."""
    import narwhals.stable.v2 as nw

    kind = series.dtype
    if kind.is_numeric() or kind == nw.Boolean:
        if kind == nw.Float32:
            return series.to_numpy().astype(np.float32, copy=False)
        return series.cast(nw.Float64).to_numpy().astype(np.float64, copy=False)
    missing = series.is_null().to_numpy()
    if missing.all() and not kind.is_temporal():
        return np.full(len(missing), np.nan)
    if kind == nw.Object:
        items = series.to_list()
        known = [item for item, is_missing in zip(items, missing, strict=True) if not is_missing]
        if any(isinstance(item, complex) for item in known):
            raise InputError(f"a column must be numbers or labels, {name!r} has complex ones; split or drop it")
        if all(isinstance(item, (numbers.Real, Decimal, np.bool_)) for item in known):
            floats = np.full(len(missing), np.nan)
            floats[~missing] = [float(item) for item in known]
            return floats
    if kind.is_nested() or kind in (nw.Binary, nw.Unknown):
        raise InputError(f"a column must be numbers or labels, {name!r} has the type {kind}; convert or drop it")
    return None


def is_text(series: "Series") -> bool:
    """Whether the column holds strings and nothing else."""
    import narwhals.stable.v2 as nw

    if series.dtype == nw.String:
        return True
    known = series.drop_nulls().to_list() if series.dtype == nw.Object else []
    return bool(known) and all(isinstance(one, str) for one in known)


def is_mixed(series: "Series") -> bool:
    """Whether the column holds both strings and numbers, as one of pandas may."""
    import narwhals.stable.v2 as nw

    if series.dtype != nw.Object:
        return False
    known = series.drop_nulls().to_list()
    texts = sum(isinstance(one, str) for one in known)
    return 0 < texts < len(known) and all(isinstance(one, (str, numbers.Real)) for one in known)


def numbers_of_texts(
    series: dict[str, "Series"], reading: Reading, notes: Notes, must: bool
) -> tuple[dict[str, Column], Numerals]:
    """The columns of text that hold numbers, by name, and the signs they have; with `must`, all have to."""
    import polars as pl

    cells: dict[str, pl.Series] = {}
    for name, one in series.items():
        gone = one.is_null().to_list()
        column = pl.Series(
            [None, *(None if is_gone else str(cell) for cell, is_gone in zip(one.to_list(), gone, strict=True))],
            dtype=pl.String,
        )
        known = known_texts(column, reading.unknown).drop_nulls()
        # A column of words costs no more than a look.
        top = known.head(1000)
        if len(known) and (
            must or looks_like_number(without_marks(top, reading.marks)[0]).any() or len(top.unique()) <= 2
        ):
            cells[name] = column
    if not cells:
        return {}, Numerals()
    frame = pl.DataFrame({str(place): column for place, column in enumerate(cells.values())})
    grid = Grid(frame, np.arange(frame.height) - 1, "", None)
    columns, numerals = columns_of(grid, reading, None, notes)
    found = {}
    for name, column in zip(cells, columns, strict=True):
        column = column.taken(np.arange(1, frame.height))
        words, count = int(column.is_text.sum()), int((~np.isnan(column.values)).sum())
        if (must and not count) or (not must and 10 * words >= 9 * (words + count)):
            continue
        title = f"column {name!r}"
        refuse_text([column], [title], lambda row: row + 1)
        found[name] = settle_limits([column], [title], lambda row: row + 1, reading, notes)[0]
        dress = column.dress
        said = dress.title if dress is not None and not dress.is_plain else "text that holds numbers"
        notes.decide(f"{title}: {said}", "--labels")
    return found, numerals


def category_columns(
    series: "dict[str, Series]", labels: set[str], reading: Reading, notes: Notes
) -> tuple[dict[str, Column], set[str]]:
    """The columns of words that are completed as categories, by name; and the names of all columns that are."""
    import narwhals.stable.v2 as nw

    if reading.categories is None:
        return {}, set()
    texts = {
        name: _text_column(one)
        for name, one in series.items()
        if name not in labels and (is_text(one) or one.dtype in (nw.Categorical, nw.Enum))
    }
    names = list(series)
    words = {names.index(name): column for name, column in texts.items()}
    chosen = {names[place] for place in category_places(reading, words, names, len(names))}
    for name in chosen - set(texts):
        if name in labels or floats_of(series[name], name) is None:
            raise InputError(
                f"a category must be words or numbers, column {name!r} is a label or of the type {series[name].dtype}; "
                "leave it out of the categories"
            )
    found = {
        name: coded(column, f"column {name!r}", reading, notes) for name, column in texts.items() if name in chosen
    }
    return found, chosen


def _text_column(series: "Series") -> Column:
    """A column of strings or of a categorical type, all its cells as words."""
    import polars as pl

    cells = [
        None if is_missing else str(cell)
        for cell, is_missing in zip(series.to_list(), series.is_null().to_list(), strict=True)
    ]
    texts = pl.Series(cells, dtype=pl.String)
    return Column(np.full(len(texts), np.nan), texts.is_not_null().to_numpy(), texts)


def replaced(series: "Series", values: np.ndarray, is_changed: np.ndarray, texts: list | None) -> "Series":
    """The series with other numbers: of its own type where they fit, else floats of its kind; or these `texts`."""
    import narwhals.stable.v2 as nw

    if texts is not None:
        cells = [new if is_new else old for old, new, is_new in zip(series.to_list(), texts, is_changed, strict=True)]
        fresh = nw.new_series(name=series.name, values=cells, dtype=nw.String, backend=series.implementation)
        return _of_categorical_type(_indexed(fresh, series), series)
    kind = series.dtype
    is_whole = bool(np.all(np.abs(values) < 2**53) and np.all(values == np.floor(values)))
    if (kind.is_integer() and is_whole) or (kind == nw.Boolean and np.isin(values, (0, 1)).all()):
        whole = nw.new_series(name=series.name, values=values.astype(np.float64), backend=series.implementation)
        fresh = _indexed(whole, series)
        if series.implementation.is_pandas_like():
            native = _pandas(fresh)
            native = native.astype("int64").astype(_pandas(series).dtype)
            return nw.from_native(native, series_only=True)
        return fresh.cast(nw.Int64).cast(kind) if kind != nw.Boolean else fresh == 1
    if kind == nw.Object and np.isin(values, (0, 1)).all() and is_boolean(series):
        cells = [bool(value) for value in values]
        return _indexed(nw.new_series(name=series.name, values=cells, backend=series.implementation), series)
    return _as_floats(series, values)


def _of_categorical_type(fresh: "Series", series: "Series") -> "Series":
    """Strings in the categorical type of the series, with its levels and their order; or as they are."""
    import narwhals.stable.v2 as nw

    if series.dtype not in (nw.Categorical, nw.Enum):
        return fresh
    if series.implementation.is_pandas_like():
        return nw.from_native(_pandas(fresh).astype(_pandas(series).dtype), series_only=True)
    return fresh.cast(series.dtype)


def is_boolean(series: "Series") -> bool:
    """Whether the column holds booleans and nothing else, whatever its type."""
    import narwhals.stable.v2 as nw

    if series.dtype != nw.Object:
        return series.dtype == nw.Boolean
    known = series.drop_nulls().to_list()
    return bool(known) and all(isinstance(one, (bool, np.bool_)) for one in known)


def _indexed(fresh: "Series", series: "Series") -> "Series":
    import narwhals.stable.v2 as nw

    if not series.implementation.is_pandas_like():
        return fresh
    native = _pandas(fresh)
    native.index = _pandas(series).index
    return nw.from_native(native, series_only=True)


def _as_floats(series: "Series", values: np.ndarray) -> "Series":
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
        native = _pandas(_indexed(fresh, series))
        if series.dtype.is_numeric() or series.dtype == nw.Boolean:
            native = native.astype(_pandas(series.cast(kind)).dtype)
        return nw.from_native(native, series_only=True)
    # Elsewhere null and NaN differ, and unknown is null.
    is_known = nw.new_series(name="known", values=~np.isnan(values), backend=series.implementation)
    frame = fresh.to_frame().with_columns(is_known)
    return frame.select(nw.when(nw.col("known")).then(nw.col(series.name)))[series.name]


def _pandas(series: "Series") -> "pd.Series":
    """What is under a series of pandas."""
    return cast("pd.Series", series.to_native())

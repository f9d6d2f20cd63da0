"""A data frame of numbers as an array: what the estimator takes where scikit-learn's reading has no sentence for it."""

from typing import TYPE_CHECKING, TypeGuard

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.tables.frame_columns import floats_of, is_text
from rankfall.tables.frames import narwhalize

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoDataFrame

_LIBRARIES = ("pandas", "polars", "pyarrow")
_NAMED = 5


def is_frame(table: object) -> "TypeGuard[IntoDataFrame]":
    """Whether a table is a data frame of pandas, polars or pyarrow, with columns of their own types."""
    return type(table).__module__.partition(".")[0] in _LIBRARIES and hasattr(table, "columns")


def values_of_frame(frame: "IntoDataFrame") -> Float[np.ndarray, "m n"]:
    """The columns of numbers, nullable, decimal, sparse or written as text, with NaN for what is missing.

    Raises InputError that names the columns of words or dates, and for repeated names.
    """
    import narwhals.stable.v2 as nw

    native = narwhalize(frame)
    values: list[np.ndarray] = []
    refused: list[str] = []
    for name, series in zip(native.columns, native.iter_columns(), strict=True):
        floats = floats_of(series, str(name))
        if floats is None and (is_text(series) or series.dtype in (nw.Categorical, nw.Enum)):
            floats = _floats_of_words(series.to_list())
        if floats is None:
            refused.append(f"{str(name)!r} ({str(series.dtype).partition('(')[0].lower()})")
        else:
            values.append(floats)
    if refused:
        more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        raise InputError(
            f"every column must hold numbers, got others in {', '.join(refused[:_NAMED])}{more}; drop them, or let "
            "rankfall.tables.from_frame carry them along or fill them as categories"
        )
    return np.column_stack(values) if values else np.zeros(native.shape)


def _floats_of_words(words: list) -> np.ndarray | None:
    try:
        return np.array([np.nan if word is None else float(word) for word in words])
    except (TypeError, ValueError):
        return None

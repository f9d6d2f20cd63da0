"""Numbers for ids: a distributed pass that finds all labels of rows and columns, and how often each occurs.

Labels are sorted, so that their numbers depend on the data alone, not on partitions or workers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from rankfall.cluster.partitions import columns_of_part
from rankfall.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Labels:
    """Sorted labels of rows and columns, and the number of known entries of each row, repeats included."""

    rows: "pd.Index"
    cols: "pd.Index"
    row_counts: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return len(self.rows), len(self.cols)


def counted(frame: "pd.DataFrame", columns: Sequence[str]) -> "tuple[pd.Series, pd.Series]":
    """How often each label of the first two of these columns occurs in a partition, where the third is known.

    Raises
    ------
    InputError
        For values that are no finite numbers, and labels that are missing.
    """
    known = known_entries(frame, columns)
    return _counts(known.iloc[:, 0]), _counts(known.iloc[:, 1])


def merged(parts: "Sequence[tuple[pd.Series, pd.Series]]") -> "tuple[pd.Series, pd.Series]":
    """The counts of several partitions together, sorted by label.

    Raises
    ------
    InputError
        For numbers in one partition and words in another.
    """
    rows, cols = (_merged([part[side] for part in parts]) for side in (0, 1))
    return rows, cols


def labels_of(counts: "tuple[pd.Series, pd.Series]") -> Labels:
    """The labels of all partitions.

    Raises
    ------
    InputError
        Where no entry is known.
    """
    rows, cols = counts
    if not len(rows):
        raise InputError("at least one entry must be known, got none; check which column has the values")
    return Labels(rows.index, cols.index, rows.to_numpy())


def known_entries(frame: "pd.DataFrame", columns: Sequence[str]) -> "pd.DataFrame":
    """The row, column and value of a partition's entries whose value is known."""
    import pandas as pd

    row, col, value = columns
    frame = columns_of_part(frame, columns)
    if not pd.api.types.is_numeric_dtype(frame[value]) or pd.api.types.is_bool_dtype(frame[value]):
        raise InputError(f"values must be numbers, got {frame[value].dtype} in column {value!r}; name another column")
    values = frame[value].to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(values).any():
        raise InputError(f"values must be finite, got {values[np.isinf(values)][0]} in column {value!r}; leave it out")
    known = cast("pd.DataFrame", frame[~np.isnan(values)])
    for name in (row, col):
        if np.asarray(pd.isna(known[name])).any():
            raise InputError(f"every entry must have its ids, got a missing one in column {name!r}; leave it out")
        if pd.api.types.is_float_dtype(known[name]):
            raise InputError(
                f"ids must be whole numbers or words, got {known[name].dtype} in column {name!r}; write them as "
                "integers"
            )
    return known


def _counts(labels: "pd.Series") -> "pd.Series":
    import pandas as pd

    if not pd.api.types.is_integer_dtype(labels):
        labels = labels.astype(str).astype(object)
    return labels.value_counts(sort=False)


def _merged(counts: "Sequence[pd.Series]") -> "pd.Series":
    import pandas as pd

    counts = [one for one in counts if len(one)] or list(counts[:1])
    kinds = {pd.api.types.is_integer_dtype(one.index) for one in counts if len(one)}
    if len(kinds) > 1:
        words = next(one for one in counts if not pd.api.types.is_integer_dtype(one.index))
        raise InputError(
            f"ids must be of one type in all partitions, got numbers in one and {str(words.index[0])!r} in another; "
            "write them all as text"
        )
    whole = counts[0] if len(counts) == 1 else pd.concat(counts)
    return cast("pd.Series", whole.groupby(level=0, sort=True).sum())

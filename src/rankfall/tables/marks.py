"""What is said beside a number that is known: `18.1*`, `1,234[5]`, `21.3 ± 0.3`, `~19.5`. It is read past, and stays.

A mark is a sign of footnotes, a reference in brackets, an error behind ± or in parentheses, or a sign for *about*.
Letters are none unless their owner names them: they may be units.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

from rankfall.tables.dress import looks_like_number

if TYPE_CHECKING:
    import polars as pl

_ABOUT = r"^(?:[~≈∼]|(?:ca|approx)\.)\s*"
_ERROR = r"^(.*\d.*?)\s*(?:±|\+/[-−]|\+[-−])\s*\d[\d.,]*"
_SIGNS = r"[*†‡§¶]+|(?:\[[^\[\]]{1,12}\])+|\(\d[^()]{0,12}\)"


def without_marks(texts: "pl.Series", named: tuple[str, ...] = ()) -> "tuple[pl.Series, np.ndarray | None]":
    """The cells with the bare number where marks stand beside one, and which cells these are; None where none is.

    `named` are marks beside those that are always known, as letters of quality.
    """
    import polars as pl

    signs = "|".join([_SIGNS, *(re.escape(mark) for mark in sorted(named, key=len, reverse=True))])
    bare = texts.str.replace(_ABOUT, "").str.replace(_ERROR, "${1}").str.replace(rf"(\d.*?)\s*(?:{signs})$", "${1}")
    is_marked = ((bare != texts) & looks_like_number(bare)).fill_null(False)
    if not is_marked.any():
        return texts, None
    return pl.select(pl.when(is_marked).then(bare).otherwise(texts)).to_series(), is_marked.to_numpy()

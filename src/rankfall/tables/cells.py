"""What one cell of text means: a number, an unknown entry, or words; and a number back as text.

Unknown is an empty cell or one of NA, N/A, #N/A, NaN, null, None in any of the usual capitalizations, a spreadsheet's
error such as #DIV/0!, or a code that its owner names. All else that is no number is words.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankfall.tables.numerals import Numerals

if TYPE_CHECKING:
    import polars as pl

# What spreadsheets write in place of a result, in the languages that they are sold in.
_ERRORS_TEXT = """
    #DIV/0! #VALUE! #REF! #NAME? #NUM! #NULL! #SPILL! #CALC! #NV #WERT! #BEZUG! #ZAHL! #VALEUR! #NOM? #NOMBRE! #NUL!
    #¡DIV/0! #¡VALOR! #¡REF! #¿NOMBRE? #¡NUM! #¡NULO! #N/D #VALOR! #NOME? #NÚM! #NULO! #VALORE! #RIF! #NULLO! #DEEL/0!
    #WAARDE! #VERW! #NAAM? #GETAL! #LEEG! #N/B #DZIEL/0! #ARG! #ADR! #NAZWA? #LICZBA! #ZERO! #ДЕЛ/0! #ЗНАЧ! #ССЫЛКА!
    #ИМЯ? #ЧИСЛО! #ПУСТО! #Н/Д
"""
ERRORS = tuple(_ERRORS_TEXT.split())
UNKNOWN = tuple(
    sorted(
        {
            spelling
            for word in ("", "NA", "N/A", "#N/A", "#NA", "NaN", "NaT", "null", "None", "<NA>")
            for spelling in (word, word.lower(), word.upper(), word.capitalize())
        }
        | set(ERRORS)
    )
)


@dataclass(frozen=True, eq=False)
class Parsed:
    """Cells taken apart: `values` with NaN for all that is no number, and the mask `is_text` of words; both m × n."""

    values: np.ndarray
    is_text: np.ndarray

    @property
    def is_number(self) -> np.ndarray:
        return ~np.isnan(self.values)

    @property
    def is_unknown(self) -> np.ndarray:
        return np.isnan(self.values) & ~self.is_text

    def __getitem__(self, key: int | slice | np.ndarray) -> "Parsed":
        return Parsed(self.values[key], self.is_text[key])


def parse(cells: "pl.DataFrame", numerals: Numerals | None = None, codes: tuple[str, ...] = ()) -> Parsed:
    """Takes a polars frame of strings apart into numbers, unknowns and words."""
    import polars as pl

    numerals = numerals or Numerals()
    shape = cells.shape
    stripped = stacked(cells).str.strip_chars()
    is_word = ~(stripped.is_null() | stripped.is_in([*UNKNOWN, *codes]))
    numbers = numerals.plain(stripped).cast(pl.Float64, strict=False)
    values = _unstacked(numbers, shape)
    if any(_number_of(code) is not None for code in codes):
        values = np.where(is_code(values, codes), np.nan, values)
    is_text = _unstacked(is_word & numbers.is_null(), shape)
    return Parsed(np.where(_unstacked(is_word, shape), values, np.nan), is_text)


def is_code(values: np.ndarray, codes: tuple[str, ...]) -> np.ndarray:
    """Which numbers are one of the codes, as numbers: −999 is, however many decimals it has."""
    numbers = [number for number in map(_number_of, codes) if number is not None]
    found = np.isin(values, numbers)
    if values.dtype == np.float32:
        found |= np.isin(values, np.asarray(numbers, dtype=np.float32))
    return found


def known_texts(column: "pl.Series", codes: tuple[str, ...] = ()) -> "pl.Series":
    """The stripped cells of a column of strings, null where unknown."""
    import polars as pl

    stripped = column.str.strip_chars()
    return pl.select(pl.when(~stripped.is_in([*UNKNOWN, *codes])).then(stripped)).to_series()


def decimals_of(texts: "pl.Series", decimal: str = ".") -> tuple[int, int]:
    """The least and the largest number of decimals of a series of plain numbers in these signs."""
    known = texts.drop_nulls()
    if not len(known):
        return 0, 0
    if known.str.contains("[eE]").any():
        values = np.abs(known.str.replace(decimal, ".", literal=True).to_numpy().astype(np.float64))
        return 0, decimals_of_numbers(values)
    digits = known.str.split_exact(decimal, 1).struct.field("field_1").str.len_chars().fill_null(0).to_numpy()
    return int(digits.min()), int(digits.max())


def decimals_of_numbers(values: np.ndarray, most: int = 8) -> int:
    """The decimals that the known numbers need, or −1 where they need more than `most`."""
    known = values[~np.isnan(values)]
    sample = known if len(known) <= 10_000 else known[:: len(known) // 10_000]
    narrow = sample.dtype == np.float32
    # Beyond 2⁵³ every number is whole, and rounding would overflow.
    if np.abs(sample).max(initial=0) >= 2.0**53:
        return -1
    for digits in range(most + 1):
        if np.array_equal(np.round(sample.astype(np.float64), digits).astype(sample.dtype), sample):
            return digits if not narrow or digits <= 4 else -1
    return -1


def has_integers(cells: "pl.DataFrame") -> np.ndarray:
    """Of each column of strings, whether it has numbers and all of them are typed as integers."""
    stripped = stacked(cells).str.strip_chars()
    is_integer = _unstacked(stripped.str.contains(r"^[+-]?\d+$").fill_null(False), cells.shape)
    is_unknown = _unstacked(stripped.is_null() | stripped.is_in(list(UNKNOWN)), cells.shape)
    return np.asarray(is_integer.any(axis=0) & (is_integer | is_unknown).all(axis=0))


def stacked(cells: "pl.DataFrame") -> "pl.Series":
    """All columns below one another: polars' cost a column would dominate wide tables."""
    import polars as pl

    return pl.concat(list(cells.iter_columns()), rechunk=True)


def _unstacked(series: "pl.Series", shape: tuple[int, int]) -> np.ndarray:
    rows, columns = shape
    return series.to_numpy().reshape(columns, rows).T


def _number_of(code: str) -> float | None:
    try:
        return float(code)
    except ValueError:
        return None


def format_numbers(values: np.ndarray, is_integer: np.ndarray | None = None, decimal: str = ".") -> "pl.Series":
    """Numbers as a series of text: the shortest that reads back as the same number; unknown entries are null.

    Where `is_integer`, 3.0 is written as 3.
    """
    import polars as pl

    texts = pl.Series(values, nan_to_null=True).cast(pl.String)
    if is_integer is not None and is_integer.any():
        short = texts.str.strip_suffix(".0")
        texts = pl.select(pl.when(pl.Series(is_integer)).then(short).otherwise(texts)).to_series()
    return texts if decimal == "." else texts.str.replace(".", decimal, literal=True)

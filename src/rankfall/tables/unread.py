"""What is said of a cell that is no number among numbers, and what its owner can do."""

import re
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.columns import Column

_WORDS_IN_TABLE = "a column of words must be named as a label column by --labels"
WORDS_IN_LIST = "--triplets says which columns hold the row, the column and the value"
# A number with a word or sign behind it, and two numbers with something between.
_BESIDE = re.compile(r"[+\-−]?\d[\d.,]*\s*([^\d\s.,:/\-–+][^\d]{0,7})")
_TWO = re.compile(r"[+\-−]?\d[\d.,]*\s*(?: |-|–|—|:|/|to|or|bis|à|×|x|\^|;)[\s\d.,:/^×+-]*\d")


def refuse_text(
    columns: list[Column], titles: list[str], number: Callable[[int], int], way: str = _WORDS_IN_TABLE
) -> None:
    """Refuses words among numbers, naming the first by its column and row, and the codes that would explain them.

    `way` is what else may be the cause, and the option for it.
    """
    rows = [int(np.argmax(column.is_text)) if column.is_text.any() else -1 for column in columns]
    if max(rows, default=-1) < 0:
        return
    row, place = min((row, place) for place, row in enumerate(rows) if row >= 0)
    text = columns[place].texts[row].strip()
    where = f"{titles[place]}, row {number(row)}: {text!r}"
    words = {one.strip() for column in columns for one in column.texts.filter(column.is_text).unique().to_list()}
    codes = _listed(words if len(words) <= 4 else [text])
    dress = columns[place].dress
    among = ""
    if dress is not None and (dress.prefix or dress.suffix):
        look = (dress.prefix + dress.suffix).strip()
        among = f", the numbers of its column are dressed as {look!r}"
        if _is_plain_number(text):
            raise InputError(
                f"{where} must look like the other cells{among}; write it as {dress.written(text)!r}, or name it by "
                f"--unknown={codes} if it marks an unknown entry"
            )
    elif beside := _BESIDE.fullmatch(text):
        marks = {found[1].strip() for word in words if (found := _BESIDE.fullmatch(word))}
        raise InputError(
            f"{where} is a number with {beside[1].strip()!r} beside it; --marks={_listed(islice(sorted(marks), 12))} "
            "reads past it if it is a remark; a unit or a factor must be the same in all cells of a column"
        )
    elif _TWO.fullmatch(text):
        raise InputError(
            f"{where} must be one number, it holds two; write one, as the middle of a range or the seconds of a time, "
            f"or name it by --unknown={codes}; {way}"
        )
    raise InputError(
        f"{where} is not a number{among}; if it marks an unknown entry as empty cells, NA and NaN do, name it by "
        f"--unknown={codes}; {way}, a row that is none left out by --leave-out {number(row)}"
    )


def _is_plain_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).replace(",", "", 1).isdecimal()


def _listed(words: "set[str] | Sequence[str] | islice[str]") -> str:
    """The words as a list that the shell hands over as it is: quoted, with commas doubled."""
    listed = ",".join(sorted(word.replace(",", ",,") for word in words))
    return "'" + listed.replace("'", "'\\''") + "'"

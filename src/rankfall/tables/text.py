"""Delimited text as a frame of strings: encoding, separator, quotes and line ends settled, nothing interpreted yet.

Polars does the splitting. It pads short rows in silence, so cells are counted independently; where the counts
disagree, or polars gives up, Python's slower reader goes row by row and finds the row to name.
"""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.files import FilePath, read_bytes, text_format

# Candidates in order of trust: a comma may stand inside a tab-separated line, hardly the other way round.
_SEPARATORS = {
    ".csv": (",", ";", "\t", "|"),
    ".tsv": ("\t",),
    ".txt": ("\t", ",", ";", "|", " "),
    None: ("\t", "::", ",", ";", "|", " "),
}
_DECIMAL_COMMA = re.compile(r"\s*(|[+-]?\d+|[+-]?\d*,\d+([eE][+-]?\d+)?)\s*")


@dataclass(frozen=True)
class Text:
    """Delimited text: UTF-8 `data` without byte-order mark or blank lines around it, and how it is delimited."""

    path: FilePath
    data: bytes
    separator: str
    newline: str
    has_bom: bool

    def first_row(self) -> list[str]:
        """The cells of the first row, unquoted."""
        return self._rows(limit=1)[0]

    def cells(self, columns: list[int] | None = None) -> Any:
        """A polars frame of strings, one row a row of text; only the given columns, in that order, if given."""
        import polars as pl

        width = len(self.first_row())
        wanted = list(range(width)) if columns is None else columns
        in_file_order = sorted(set(wanted))
        try:
            frame = pl.read_csv(
                self.data,
                has_header=False,
                separator=self.separator,
                infer_schema=False,
                columns=in_file_order,
            )
        except pl.exceptions.PolarsError:
            frame = None
        if frame is None or self._count_separators() != (width - 1) * frame.height:
            frame = self._cells_row_by_row(width).select(str(place) for place in in_file_order)
        frame.columns = [str(place) for place in in_file_order]
        return frame if wanted == in_file_order else frame.select(str(place) for place in wanted)

    def _count_separators(self) -> int:
        """How many separators stand outside quotes."""
        if b'"' not in self.data:
            return self.data.count(self.separator.encode())
        characters = np.frombuffer(self.data, dtype=np.uint8)
        # An odd number of quotes up to here: inside a quoted cell. A doubled quote leaves and enters at once.
        is_quoted = np.logical_xor.accumulate(characters == ord('"'))
        return int(np.count_nonzero((characters == ord(self.separator)) & ~is_quoted))

    def _cells_row_by_row(self, width: int) -> Any:
        import polars as pl

        rows = self._rows()
        for number, row in enumerate(rows, start=1):
            if len(row) != width and not (width == 1 and not row):
                raise InputError(
                    f"every row of {str(self.path)!r} must have as many cells as the first, {width}, "
                    f"row {number} has {len(row)}; complete the row, or quote cells that hold "
                    f"{self.separator!r}"
                )
        columns = zip(*(row or [""] for row in rows), strict=True)
        return pl.DataFrame({str(place): pl.Series(column, dtype=pl.String) for place, column in enumerate(columns)})

    def _rows(self, limit: int | None = None) -> list[list[str]]:
        lines = io.TextIOWrapper(io.BytesIO(self.data), encoding="utf-8", newline="")
        rows = []
        try:
            for row in csv.reader(lines, delimiter=self.separator, strict=True):
                rows.append(row)
                if len(rows) == limit:
                    break
        except UnicodeDecodeError as error:
            raise InputError(
                f"text must be UTF-8, {str(self.path)!r} is not ({_undecodable(self.data)}); save it as UTF-8"
            ) from error
        except csv.Error as error:
            raise InputError(
                f"{str(self.path)!r} must be delimited text, row {len(rows) + 1} is not ({error}); "
                'close its quotes, and double quotes inside quoted cells: ""'
            ) from error
        return rows


def read_text(path: FilePath) -> Text:
    """Reads a text file of any of the usual encodings, line ends and separators.

    UTF-8 with or without byte-order mark, and UTF-16 with one; line ends of any system. The extension narrows the
    separators: `.csv` comma, semicolon, tab or bar; `.tsv` tab; `.txt` all these and white space; any other name
    also `::`. Among them the first two lines decide.

    Raises InputError where the file is missing, unreadable, empty, or not text.
    """
    data, has_bom = _as_utf8(path, read_bytes(path))
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    data = data.strip(b"\r\n")
    if not data.strip():
        raise InputError(f"the input must hold a table, {str(path)!r} is empty; name another file")
    if b"\0" in data[:4096]:
        raise InputError(
            f"{str(path)!r} must be text to be read as {text_format(path) or 'text'}, it holds binary "
            "data; give the file the extension of its format"
        )
    first, *others = data.split(b"\n", 2)
    newline = "\r\n" if first.endswith(b"\r") and others else "\n"
    separator = _separator_of(
        [line.decode("utf-8", "replace") for line in (first, *others[:1]) if line.strip()], text_format(path)
    )
    if separator == "::":
        separator = "\t"
        data = data.replace(b"::", b"\t")
    elif separator == " ":
        data = re.sub(rb"[ \t]+", b" ", data) if b"  " in data or b"\t" in data else data
        data = data.replace(b"\n ", b"\n").replace(b" \n", b"\n").replace(b" \r\n", b"\r\n").strip(b" ")
    return Text(path=path, data=data, separator=separator, newline=newline, has_bom=has_bom)


def _as_utf8(path: FilePath, data: bytes) -> tuple[bytes, bool]:
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :], True
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16").encode(), True
        except UnicodeDecodeError as error:
            raise InputError(f"text must be UTF-8 or UTF-16, {str(path)!r} is neither; save it as UTF-8") from error
    return data, False


def _separator_of(lines: list[str], kind: str | None) -> str:
    """The first candidate that both of the first two lines have outside quotes, else the first candidate of all."""
    bare = [re.sub(r'"[^"]*"', '""', line).strip() for line in lines]
    candidates = _SEPARATORS[kind]
    shared = [separator for separator in candidates if all(separator in line for line in bare)]
    # 1,5;2,25 separates by semicolons and writes decimals with commas; so does a;b by having no comma at all.
    if ";" in shared and all(_DECIMAL_COMMA.fullmatch(cell) for cell in bare[0].split(";")):
        return ";"
    return (shared or candidates)[0]


def _undecodable(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"byte 0x{data[error.start]:02x} in line {data.count(bytes([10]), 0, error.start) + 1}"
    return "bytes that are no UTF-8"

"""Delimited text as a frame of strings: encoding, separator, quotes, line ends, and lines that are no rows.

Polars does the splitting. It pads short rows in silence, so cells are counted independently; where the counts
disagree, the lines are looked at one by one: comments, blank lines, titles above and footnotes below are left out by
name, and any other row of another length is refused.
"""

import csv
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.encodings import as_utf8
from rankfall.tables.files import FilePath, read_unpacked, text_format
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading
from rankfall.tables.scan import Scan, scan
from rankfall.tables.separators import SEP_LINE, sample_of, separator_of

if TYPE_CHECKING:
    import polars as pl

# How compressed files begin.
_PACKED = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ", ".zst": b"\x28\xb5\x2f\xfd", ".zip": b"PK\x03\x04"}
_NAMES = {",": "','", ";": "';'", "\t": "tab", "|": "'|'", " ": "white space", "::": "'::'"}


@dataclass(frozen=True)
class Text:
    """Delimited text: UTF-8 `data` without byte-order mark, and how it is delimited and encoded.

    `is_whole` where the data is the file's own, so that cells can be replaced in it. `begin` is how many lines above
    the table say how to read it.
    """

    path: FilePath
    data: bytes
    separator: str
    newline: str
    encoding: str
    has_bom: bool
    is_whole: bool
    begin: int

    def encoded(self, data: bytes) -> bytes:
        """UTF-8 data as the file's own bytes: its encoding, byte-order mark and line ends."""
        text = data.decode()
        if self.newline == "\r":
            text = text.replace("\n", "\r")
        mark = "\ufeff" if self.has_bom else ""
        try:
            return (mark + text).encode(self.encoding)
        except UnicodeEncodeError:
            return (mark + text).encode()

    def grid(self, reading: Reading, notes: Notes) -> Grid:
        """The table's rows as strings; what is left out of them is noted."""
        frame = None if self.begin else _split(self.data, self.separator)
        comment = reading.comment
        if frame is not None and (
            frame.height == 1
            or self._count_separators() != (frame.width - 1) * frame.height
            or reading.leave_out
            or _begins(self.data, "#" if comment is None else comment)
        ):
            frame = None
        if frame is not None and frame.width > 1 and self.data.endswith(b"\n\n"):
            frame = None
        if frame is not None:
            return Grid(frame, np.arange(frame.height), self.path, self)
        return self._grid_of_lines(reading, notes)

    def _count_separators(self) -> int:
        """How many separators stand outside quotes."""
        if b'"' not in self.data:
            return self.data.count(self.separator.encode())
        characters = np.frombuffer(self.data, dtype=np.uint8)
        is_quoted = np.logical_xor.accumulate(characters == ord('"'))
        return int(np.count_nonzero((characters == ord(self.separator)) & ~is_quoted))

    def _grid_of_lines(self, reading: Reading, notes: Notes) -> Grid:
        found = scan(self.data, self.separator)
        counts = found.counts
        if b'"' in self.data and (self.data.count(b'"') % 2 or len(np.unique(counts)) > 1):
            # Quotes inside cells, `5" pipe`, mislead the scan; where rows are alike to the csv module it is right.
            frame = self._split_slowly(self.data[len(found.lines(np.arange(self.begin))) :])
            if frame is not None:
                return Grid(frame, np.arange(frame.height) + self.begin, self.path, replace(self, is_whole=False))
        kept = np.ones(len(counts), dtype=bool)
        kept[: self.begin] = False
        is_blank = np.array([not found.line(row).strip(b" \r") for row in range(len(counts))])
        sizes, often = np.unique(counts[kept & ~is_blank], return_counts=True)
        if not len(sizes):
            raise InputError(f"the input must hold a table, {str(self.path)!r} is empty; name another file")
        width = int(sizes[::-1][np.argmax(often[::-1])])
        rows = np.flatnonzero(~is_blank)
        # A blank line is an unknown entry where there is one column, save around the table.
        left = (
            np.flatnonzero(is_blank).tolist()
            if width > 1
            else [*range(rows[0]), *range(int(rows[-1]) + 1, len(counts))]
        )
        kept[left] = False
        if reading.leave_out:
            kept[[row - 1 for row in reading.leave_out if row <= len(counts)]] = False
        inner = [row for row in left if rows[0] < row < rows[-1]] if len(rows) else []
        if inner:
            notes.decide(f"{_lines(inner)} blank, no rows", "")
        self._leave_out_comments(found, counts, width, kept, reading, notes)
        self._leave_out_titles(counts, width, kept, reading, notes)
        return self._rectangle(found, counts, width, np.flatnonzero(kept), notes)

    def _leave_out_comments(
        self, found: Scan, counts: np.ndarray, width: int, kept: np.ndarray, reading: Reading, notes: Notes
    ) -> None:
        sign = "#" if reading.comment is None else reading.comment
        if not sign:
            return
        # A header may begin with # as well; then it has as many cells as the rows.
        comments = [
            row
            for row in np.flatnonzero(kept).tolist()
            if found.line(row).lstrip().startswith(sign.encode())
            and (counts[row] != width or reading.comment is not None or (width == 1 and b"#N" not in found.line(row)))
        ]
        if comments:
            kept[comments] = False
            notes.decide(f"{_lines(comments)} left out of the table as comments", "--comment")

    def _leave_out_titles(
        self, counts: np.ndarray, width: int, kept: np.ndarray, reading: Reading, notes: Notes
    ) -> None:
        rows = np.flatnonzero(kept)
        if reading.leave_out == () or width < 3 or not (counts[rows] == width).any():
            return
        whole = np.flatnonzero(counts[rows] >= width - 1)
        above, below = rows[: whole[0]], rows[whole[-1] + 1 :]
        titles = [int(row) for row in (*above, *below) if counts[row] == 1]
        if len(titles) == len(above) + len(below) and titles:
            kept[titles] = False
            notes.decide(f"{_lines(titles)} left out of the table, one cell around {width} columns", "--leave-out")

    def _rectangle(self, found: Scan, counts: np.ndarray, width: int, rows: np.ndarray, notes: Notes) -> Grid:
        if not len(rows):
            raise InputError(f"the input must hold a table, {str(self.path)!r} has no rows; name another file")
        data = found.lines(rows)
        others = rows[counts[rows] != width]
        if len(others) == 1 and others[0] == rows[0] and len(rows) > 1:
            if counts[rows[0]] == width - 1 and width > 1:
                first = found.line(int(rows[0]))
                last = [found.raw(int(row), width - 1).strip() for row in rows[1:]]
                if any(last):
                    first = self.separator.encode() + first
                    notes.decide("the header has a name less than the rows have cells, the first column has none", "")
                else:
                    first += self.separator.encode()
                data = first + b"\n" + found.lines(rows[1:])
                others = others[1:]
            elif counts[rows[0]] == width + 1 and not found.raw(int(rows[0]), width).strip():
                data = found.line(int(rows[0])).rstrip()[: -len(self.separator)] + b"\n" + found.lines(rows[1:])
                others = others[1:]
        if len(others):
            raise InputError(self._uneven(found, counts, width, others))
        frame = _split(data, self.separator)
        if frame is None or frame.shape != (len(rows), width):
            frame = self._split_slowly(data)
        if frame is None or frame.width != width:
            raise InputError(f"{str(self.path)!r} must be delimited text of {width} columns; check its quotes")
        return Grid(frame, rows, self.path, self)

    def _uneven(self, found: Scan, counts: np.ndarray, width: int, others: np.ndarray) -> str:
        """What to do about the rows that have more or fewer cells than the others."""
        row = int(others[0])
        count = int(counts[row])
        listed = ",".join(str(int(other) + 1) for other in others[:20])
        leave_out = f"by --leave-out {listed}{' and so on' if len(others) > 20 else ''}"
        surplus = [found.raw(row, place).strip() for place in range(width, count)]
        if self.separator == " ":
            advice = f"write NA for an empty cell, since white space cannot hold one, or leave the row out {leave_out}"
        elif surplus and not any(surplus):
            advice = f"remove the {_NAMES.get(self.separator, self.separator)} at its end, or leave it out {leave_out}"
        elif count < width and len(others) == 1 and row == self.begin:
            advice = f"complete the row, quote cells below that hold {self.separator!r}, or leave it out {leave_out}"
        elif count < width:
            advice = f"complete the row, or leave it out {leave_out}"
        else:
            advice = f"quote cells that hold {self.separator!r}, or leave the row out {leave_out}"
        return (
            f"every row of {str(self.path)!r} must have as many cells as the others, {width}, row {row + 1} has "
            f"{count}; {advice}"
        )

    def _split_slowly(self, data: bytes) -> "pl.DataFrame | None":
        """The frame of strings that the csv module splits the data into; None where rows differ.

        Raises InputError where quotes are not closed.
        """
        import polars as pl

        rows: list[list[str]] = []
        lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
        try:
            for row in csv.reader(lines, delimiter=self.separator, strict=True):
                rows.append(row or [""])
        except csv.Error as error:
            raise InputError(
                f"{str(self.path)!r} must be delimited text, row {len(rows) + 1 + self.begin} is not ({error}); "
                'close its quotes, and double quotes inside quoted cells: ""'
            ) from error
        if len({len(row) for row in rows}) != 1:
            return None
        columns = zip(*rows, strict=True)
        return pl.DataFrame({str(place): pl.Series(column, dtype=pl.String) for place, column in enumerate(columns)})


def read_text(path: FilePath, reading: Reading, notes: Notes, data: bytes | None = None) -> Text:
    """Reads a text file of any of the usual encodings, line ends and separators.

    UTF-8 and UTF-16 with or without byte-order mark, otherwise Windows' western code page; line ends of any system.
    The extension narrows the separators: `.csv` comma, semicolon, tab or bar; `.tsv` tab; `.txt` all these and white
    space; any other name also `::`. A line `sep=;` on top decides; else the first two lines of the table.

    Raises InputError where the file is missing, unreadable, empty, or not text.
    """
    data = read_unpacked(path) if data is None else data
    packed = next((ending for ending, sign in _PACKED.items() if data.startswith(sign)), None)
    if packed is not None:
        raise InputError(
            f"{str(path)!r} must be text to be read as {text_format(path) or 'text'}, it is compressed; let its name "
            f"end in {text_format(path) or ''}{packed}"
        )
    data, encoding, has_bom = as_utf8(path, data, reading, notes)
    newline = "\n"
    if b"\n" not in data and b"\r" in data:
        data, newline = data.replace(b"\r", b"\n"), "\r"
    if not data.strip():
        raise InputError(f"the input must hold a table, {str(path)!r} is empty; name another file")
    if b"\0" in data[:4096]:
        raise InputError(
            f"{str(path)!r} must be text to be read as {text_format(path) or 'text'}, it holds binary "
            "data; give the file the extension of its format"
        )
    first, *others = data.split(b"\n", 1)
    newline = "\r\n" if first.endswith(b"\r") and others else newline
    said = SEP_LINE.fullmatch(first)
    begin = 1 if said else 0
    separator = reading.separator or (said and said[1].decode("ascii", "replace")) or ""
    if said:
        notes.decide(f"line 1 says that {_NAMES.get(separator, repr(separator))} separates", "--separator")
    elif not separator:
        separator = separator_of(sample_of(data, reading), text_format(path))
        notes.decide(f"cells separated by {_NAMES.get(separator, repr(separator))}", "--separator")
    is_whole = len(separator) == 1 and separator.isascii()
    if separator == "::":
        separator, is_whole = "\t", False
        data = data.replace(b"::", b"\t")
    elif separator == " ":
        squeezed = re.sub(rb"[ \t]+", b" ", data) if b"  " in data or b"\t" in data else data
        data, is_whole = (
            squeezed.replace(b"\n ", b"\n").replace(b" \n", b"\n").replace(b" \r\n", b"\r\n").strip(b" "),
            False,
        )
    elif not separator.isascii():
        raise InputError(f"a separator must be one ASCII sign, got {separator!r}; , ; | and tab are usual")
    return Text(path, data, separator, newline, encoding, has_bom, is_whole, begin)


def _split(data: bytes, separator: str) -> "pl.DataFrame | None":
    """The frame of strings that polars splits the data into, or None where it cannot."""
    import polars as pl

    try:
        frame = pl.read_csv(data, has_header=False, separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    frame.columns = [str(place) for place in range(frame.width)]
    return frame


def _begins(data: bytes, sign: str) -> bool:
    """Whether some line begins with the sign."""
    mark = sign.encode()
    return bool(mark) and (data.lstrip().startswith(mark) or b"\n" + mark in data)


def _lines(rows: list[int]) -> str:
    """How a sentence calls some rows, counted from zero."""
    numbers = [str(row + 1) for row in sorted(rows)]
    if len(numbers) == 1:
        return f"line {numbers[0]} is"
    shown = ", ".join(numbers[:5]) + (", …" if len(numbers) > 5 else "")
    return f"{len(numbers)} lines ({shown}) are"

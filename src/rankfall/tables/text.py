"""Delimited text as a grid of strings: its encoding, separator and line ends.

Polars does the splitting. It pads short rows in silence, so cells are counted independently; where the counts
disagree, the lines are looked at one by one (`table_lines`).
"""

import re
from dataclasses import dataclass

import numpy as np

from rankfall.errors import InputError
from rankfall.tables.encodings import as_utf8
from rankfall.tables.files import FilePath, read_unpacked, text_format
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading
from rankfall.tables.separators import NAMES, SEP_LINE, sample_of, separator_of
from rankfall.tables.splitting import split
from rankfall.tables.table_lines import grid_of_lines

# How compressed files begin.
_PACKED = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ", ".zst": b"\x28\xb5\x2f\xfd", ".zip": b"PK\x03\x04"}


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
        frame = None if self.begin else split(self.data, self.separator)
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
        return grid_of_lines(self, reading, notes)

    def _count_separators(self) -> int:
        """How many separators stand outside quotes."""
        if b'"' not in self.data:
            return self.data.count(self.separator.encode())
        characters = np.frombuffer(self.data, dtype=np.uint8)
        is_quoted = np.logical_xor.accumulate(characters == ord('"'))
        return int(np.count_nonzero((characters == ord(self.separator)) & ~is_quoted))


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
        notes.decide(f"line 1 says that {NAMES.get(separator, repr(separator))} separates", "--separator")
    elif not separator:
        separator = separator_of(sample_of(data, reading), text_format(path))
        notes.decide(f"cells separated by {NAMES.get(separator, repr(separator))}", "--separator")
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


def _begins(data: bytes, sign: str) -> bool:
    """Whether some line begins with the sign."""
    mark = sign.encode()
    return bool(mark) and (data.lstrip().startswith(mark) or b"\n" + mark in data)

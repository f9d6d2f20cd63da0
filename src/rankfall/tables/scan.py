"""Where the cells of delimited text lie, so that some can be replaced and every other byte stays."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True, eq=False)
class Scan:
    """Cell k is `data[starts[k]:ends[k]]`, quotes included; row r has the cells first[r] … first[r + 1] − 1."""

    data: bytes
    starts: Int[np.ndarray, " cells"]
    ends: Int[np.ndarray, " cells"]
    first: Int[np.ndarray, " rows_and_one"]

    @property
    def counts(self) -> np.ndarray:
        """Cells of each row."""
        return np.diff(self.first)

    def raw(self, row: int, place: int = 0) -> bytes:
        """The bytes of one cell."""
        cell = int(self.first[row]) + place
        return self.data[self.starts[cell] : self.ends[cell]]

    def line(self, row: int) -> bytes:
        """The bytes of a row without its line end."""
        return self.data[self.starts[self.first[row]] : self.ends[self.first[row + 1] - 1]]

    def lines(self, rows: np.ndarray) -> bytes:
        """The bytes of some rows, each ended by a line feed."""
        return b"".join(self.line(int(row)) + b"\n" for row in rows)

    def replaced(self, cells: np.ndarray, texts: list[bytes]) -> bytes:
        """The data with other bytes in the cells, whose numbers ascend."""
        pieces, behind = [], 0
        for cell, text in zip(cells.tolist(), texts, strict=True):
            pieces += [self.data[behind : int(self.starts[cell])], text]
            behind = int(self.ends[cell])
        return b"".join([*pieces, self.data[behind:]])


def scan(data: bytes, separator: str) -> Scan:
    """Splits UTF-8 text at separators and line feeds outside quotes; a line may end in a carriage return too."""
    characters = np.frombuffer(data, dtype=np.uint8)
    is_break = characters == ord("\n")
    is_end = is_break | (characters == ord(separator))
    if b'"' in data:
        # An odd number of quotes up to here: inside a quoted cell. A doubled quote leaves and enters at once.
        is_end &= ~np.logical_xor.accumulate(characters == ord('"'))
    ends = np.flatnonzero(is_end)
    if not len(ends) or ends[-1] != len(data) - 1 or not is_break[ends[-1]]:
        ends = np.append(ends, len(data))
    starts = np.append(0, ends[:-1] + 1)
    is_last = np.append(is_break, True)[ends]
    first = np.append(0, np.flatnonzero(is_last) + 1)
    before = np.append(characters, 0)[np.maximum(ends - 1, 0)]
    return Scan(data, starts, ends - (is_last & (ends > starts) & (before == ord("\r"))), first)

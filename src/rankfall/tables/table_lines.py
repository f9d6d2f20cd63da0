"""Which lines of delimited text are rows of its table.

Comments, blank lines, titles above and footnotes below are left out by name. A header of one name more or less than the
rows have cells is mended. Any other row of another length is refused.
"""

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int

from rankfall.errors import InputError
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading
from rankfall.tables.scan import Scan, scan
from rankfall.tables.separators import NAMES
from rankfall.tables.splitting import split, split_slowly

if TYPE_CHECKING:
    from rankfall.tables.text import Text


def grid_of_lines(text: "Text", reading: Reading, notes: Notes) -> Grid:
    """The rows of a text whose lines are looked at one by one; what is left out of them is noted."""
    found = scan(text.data, text.separator)
    if b'"' in text.data and (text.data.count(b'"') % 2 or len(np.unique(found.counts)) > 1):
        # Quotes inside cells, `5" pipe`, mislead the scan; where rows are alike to the csv module it is right.
        below = text.data[len(found.lines(np.arange(text.begin))) :]
        frame = split_slowly(below, text.separator, text.path, text.begin)
        if frame is not None:
            return Grid(frame, np.arange(frame.height) + text.begin, text.path, replace(text, is_whole=False))
    lines = TableLines.of(text, found)
    lines.leave_out_blank_ones(reading, notes)
    lines.leave_out_comments(reading, notes)
    lines.leave_out_titles(reading, notes)
    return lines.grid(notes)


@dataclass(frozen=True, eq=False)
class TableLines:
    """Lines of a text, and those kept as rows.

    `counts` is how many cells each line has, `width` how many most of them have.
    """

    text: "Text"
    found: Scan
    counts: Int[np.ndarray, " lines"]
    width: int
    is_blank: Bool[np.ndarray, " lines"]
    kept: Bool[np.ndarray, " lines"]

    @classmethod
    def of(cls, text: "Text", found: Scan) -> "TableLines":
        """The lines below those that say how to read the text. Raises InputError where all are blank."""
        counts = found.counts
        kept = np.ones(len(counts), dtype=bool)
        kept[: text.begin] = False
        is_blank = np.array([not found.line(row).strip(b" \r") for row in range(len(counts))])
        sizes, often = np.unique(counts[kept & ~is_blank], return_counts=True)
        if not len(sizes):
            raise InputError(f"the input must hold a table, {str(text.path)!r} is empty; name another file")
        width = int(sizes[::-1][np.argmax(often[::-1])])
        return cls(text, found, counts, width, is_blank, kept)

    def leave_out_blank_ones(self, reading: Reading, notes: Notes) -> None:
        """Leave out blank lines and those that the options name.

        A blank line is an unknown entry where there is one column, save around the table.
        """
        rows = np.flatnonzero(~self.is_blank)
        left = (
            np.flatnonzero(self.is_blank).tolist()
            if self.width > 1
            else [*range(rows[0]), *range(int(rows[-1]) + 1, len(self.counts))]
        )
        self.kept[left] = False
        if reading.leave_out:
            self.kept[[row - 1 for row in reading.leave_out if row <= len(self.counts)]] = False
        inner = [row for row in left if rows[0] < row < rows[-1]] if len(rows) else []
        if inner:
            notes.decide(f"{_named(inner)} blank, no rows", "")

    def leave_out_comments(self, reading: Reading, notes: Notes) -> None:
        """Leave out lines that begin with the sign of comments."""
        sign = "#" if reading.comment is None else reading.comment
        if not sign:
            return
        # A header may begin with # as well; then it has as many cells as the rows.
        comments = [
            row
            for row in np.flatnonzero(self.kept).tolist()
            if self.found.line(row).lstrip().startswith(sign.encode())
            and (
                self.counts[row] != self.width
                or reading.comment is not None
                or (self.width == 1 and b"#N" not in self.found.line(row))
            )
        ]
        if comments:
            self.kept[comments] = False
            notes.decide(f"{_named(comments)} left out of the table as comments", "--comment")

    def leave_out_titles(self, reading: Reading, notes: Notes) -> None:
        """Leave out lines of one cell around the table, and those above it of a name and what it stands for."""
        rows = np.flatnonzero(self.kept)
        counts = self.counts[rows]
        if reading.leave_out == () or self.width < 3 or not (counts == self.width).any():
            return
        whole = np.flatnonzero(counts >= self.width - 1)
        above, below = rows[: whole[0]].tolist(), rows[whole[-1] + 1 :].tolist()
        facts = list(takewhile(lambda row: self._count_filled(row) <= 2, rows.tolist())) if self.width >= 4 else []
        if 0 < len(facts) < len(rows) and self._has_names(int(rows[len(facts)])):
            above = facts
        elif any(self.counts[row] > 1 for row in above):
            return
        if any(self.counts[row] > 1 for row in below):
            return
        if above or below:
            self.kept[[*above, *below]] = False
            said = "what is said" if any(self.counts[row] > 1 for row in above) else "one cell"
            notes.decide(
                f"{_named([*above, *below])} left out of the table, {said} around {self.width} columns", "--leave-out"
            )

    def _cells(self, row: int) -> list[bytes]:
        return [self.found.raw(row, place).strip(b' "\r') for place in range(int(self.counts[row]))]

    def _count_filled(self, row: int) -> int:
        return sum(cell != b"" for cell in self._cells(row))

    def _has_names(self, row: int) -> bool:
        """Whether a row may hold the names of columns: most cells are filled, the first two with words."""
        cells = self._cells(row)
        are_words = all(cell and not cell.lstrip(b"+-").replace(b".", b"").isdigit() for cell in cells[:2])
        return are_words and sum(cell != b"" for cell in cells) >= len(cells) - 1

    def grid(self, notes: Notes) -> Grid:
        """The lines kept, all of one length, as strings."""
        text, width, rows = self.text, self.width, np.flatnonzero(self.kept)
        if not len(rows):
            raise InputError(f"the input must hold a table, {str(text.path)!r} has no rows; name another file")
        data = self.found.lines(rows)
        others = rows[self.counts[rows] != width]
        if len(others) == 1 and others[0] == rows[0] and len(rows) > 1:
            mended = self._mended_header(rows, notes)
            if mended is not None:
                data, others = mended + b"\n" + self.found.lines(rows[1:]), others[1:]
        if len(others):
            raise InputError(self._uneven(others))
        frame = split(data, text.separator)
        if frame is None or frame.shape != (len(rows), width):
            frame = split_slowly(data, text.separator, text.path, text.begin)
        if frame is None or frame.width != width:
            raise InputError(f"{str(text.path)!r} must be delimited text of {width} columns; check its quotes")
        return Grid(frame, rows, text.path, text)

    def _mended_header(self, rows: np.ndarray, notes: Notes) -> bytes | None:
        """The first line with as many cells as the others; None where it has not one more or one less."""
        first, count, separator = int(rows[0]), self.counts[rows[0]], self.text.separator
        line = self.found.line(first)
        if count == self.width - 1 and self.width > 1:
            last = [self.found.raw(int(row), self.width - 1).strip() for row in rows[1:]]
            if not any(last):
                return line + separator.encode()
            notes.decide("the header has a name less than the rows have cells, the first column has none", "")
            return separator.encode() + line
        if count == self.width + 1 and not self.found.raw(first, self.width).strip():
            return line.rstrip()[: -len(separator)]
        return None

    def _uneven(self, others: np.ndarray) -> str:
        """What to do about the rows that have more or fewer cells than the others."""
        separator, width, row = self.text.separator, self.width, int(others[0])
        count = int(self.counts[row])
        listed = ",".join(str(int(other) + 1) for other in others[:20])
        leave_out = f"by --leave-out {listed}{' and so on' if len(others) > 20 else ''}"
        surplus = [self.found.raw(row, place).strip() for place in range(width, count)]
        if separator == " ":
            advice = f"write NA for an empty cell, since white space cannot hold one, or leave the row out {leave_out}"
        elif surplus and not any(surplus):
            advice = f"remove the {NAMES.get(separator, separator)} at its end, or leave it out {leave_out}"
        elif count < width and len(others) == 1 and row == self.text.begin:
            advice = f"complete the row, quote cells below that hold {separator!r}, or leave it out {leave_out}"
        elif count < width:
            advice = f"complete the row, or leave it out {leave_out}"
        else:
            advice = f"quote cells that hold {separator!r}, or leave the row out {leave_out}"
        return (
            f"every row of {str(self.text.path)!r} must have as many cells as the others, {width}, row {row + 1} has "
            f"{count}; {advice}"
        )


def _named(rows: list[int]) -> str:
    """How a sentence calls some rows, counted from zero."""
    numbers = [str(row + 1) for row in sorted(rows)]
    if len(numbers) == 1:
        return f"line {numbers[0]} is"
    shown = ", ".join(numbers[:5]) + (", …" if len(numbers) > 5 else "")
    return f"{len(numbers)} lines ({shown}) are"

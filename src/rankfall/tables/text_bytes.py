"""A table, or any columns of text, as the bytes of a delimited file.

Text comes back as it was typed wherever a number did not change.
"""

from dataclasses import dataclass, field

from rankfall.tables.files import FilePath, text_format
from rankfall.tables.numerals import Numerals
from rankfall.tables.patching import changed, number_texts
from rankfall.tables.table import Table

SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


@dataclass(frozen=True)
class Style:
    """How text is delimited; `unknown` stands where a number is unknown."""

    separator: str
    newline: str = "\n"
    numerals: Numerals = field(default_factory=Numerals)
    has_bom: bool = False
    unknown: str | None = None


def text_of(table: Table, path: FilePath) -> bytes:
    """The table as the file's bytes, in the style it was read in where the format is the same."""
    style = _style_of(table, text_format(path) or ".csv")
    header = None
    if table.column_names is not None:
        header = table.arrange(list(table.row_labels or {}), list(table.column_names))
    return text_bytes(header, _texts_of(table, style), style)


def _style_of(table: Table, kind: str) -> Style:
    layout = table.layout
    if kind != layout.text_format:
        return Style(SEPARATORS[kind])
    # White space cannot separate an empty cell.
    unknown = "NaN" if layout.separator == " " else None
    return Style(layout.separator, layout.newline, layout.numerals, layout.has_bom, unknown)


def _texts_of(table: Table, style: Style) -> list:
    """All columns as text, labels where they were, unchanged numbers as they were typed."""
    import polars as pl

    layout, (rows, columns) = table.layout, table.shape
    texts = number_texts(table, style.numerals)
    if style.unknown is not None:
        texts = texts.fill_null(style.unknown)
    # As typed only where all of a column is typed alike: in the same signs.
    if layout.texts is not None and layout.before is not None and layout.numerals == style.numerals:
        typed = pl.concat(list(layout.texts.iter_columns()), rechunk=True)
        texts = pl.select(pl.when(pl.Series(~changed(table).ravel(order="F"))).then(typed).otherwise(texts)).to_series()
    numbers = [texts.slice(place * rows, rows) for place in range(columns)]
    labels = [
        pl.Series([None if label is None else str(label) for label in column], dtype=pl.String)
        for column in (table.row_labels or {}).values()
    ]
    return table.arrange(labels, numbers)


def text_bytes(names: list[str] | None, columns: list, style: Style) -> bytes:
    """A header, if any, and columns of strings as the file's bytes."""
    import polars as pl

    frame = pl.DataFrame({str(place): column for place, column in enumerate(columns)})
    if names:
        # The header is a row like any other, so that names may repeat; an empty one stays unquoted, as pandas has it.
        row = {str(place): [name or None] for place, name in enumerate(names)}
        frame = pl.concat([pl.DataFrame(row, schema=frame.schema), frame])
    if frame.width == 1:
        # A blank line is skipped by many readers; quotes are an empty cell to all.
        frame = frame.fill_null("")
    newline = style.newline if style.newline != "\r" else "\n"
    text = frame.write_csv(include_header=False, separator=style.separator, line_terminator=newline)
    return (b"\xef\xbb\xbf" if style.has_bom else b"") + text.encode()

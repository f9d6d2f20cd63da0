"""What a spreadsheet's owner puts around the numbers of a table: titles, units, totals, blank rows and columns.

It is recognized by what stands in it, left out of the table, noted, and written back where it was.
"""

import re
from dataclasses import replace

import numpy as np

from rankfall.tables.cells import Parsed
from rankfall.tables.detection import is_header
from rankfall.tables.grid import Grid
from rankfall.tables.options import Notes, Reading
from rankfall.tables.sheets import Sheet

_TOTALS_TEXT = """
    total totals sum sums subtotal sub-total mean average avg median min max grand_total grand_mean column_total
    column_sum overall summe gesamt gesamtsumme zwischensumme mittelwert durchschnitt insgesamt somme moyenne médiane
    suma total_general promedio totale somma media mediana soma média totaal som gemiddelde razem średnia celkem součet
    průměr összesen átlag toplam ortalama summa yhteensä keskiarvo totalt medel gennemsnit итого всего сумма среднее
    разом підсумок 合计 总计 平均 平均值 合計 総計 計 합계 총계 평균
"""
# How remarks below a table begin, and from how many words on a lone cell is one.
_REMARK = re.compile(
    r"[*†‡¹²³©]|(?i:(sources?|notes?|n\.b\.|legend|remarks?|quelle|anmerkung|hinweis|fuente|nota|remarque)\b)"
)
_LONG = 5
# Words that name people and things as well; their numbers decide.
_NAMES = frozenset({"min", "max", "media", "som", "計"})
# Rows that stand beside a total or a mean; alone they may be the name of anything.
_STATISTICS_TEXT = """
    sd std stdev std_dev std._dev std._dev. st._dev. stddev standard_deviation s.d. se sem s.e. var variance n count
    cv minimum maximum range quartile q1 q2 q3 25% 50% 75% standardabweichung varianz anzahl écart-type
    desviación_estándar
"""
_UNIT_LABELS = frozenset(
    {"", "unit", "units", "einheit", "einheiten", "unité", "unités", "unidad", "unidades", "unità"}
)
# Words for an unknown entry: a first row of them is one of data.
_MISSING_TEXT = """
    n.d. n.d nd n/d n.a. n.a n/a na n.m. n.b. k.a. k.a bdl b.d.l. lod <lod loq <loq missing unknown tbd none void nil ?
    s/d s.d. nodata no_data not_detected not_measured not_available
"""
_TOTALS, _STATISTICS, _MISSING = (frozenset(text.split()) for text in (_TOTALS_TEXT, _STATISTICS_TEXT, _MISSING_TEXT))


def without_titles(grid: Grid, header: bool | None, reading: Reading, notes: Notes) -> Grid:
    """Without rows of a single cell above a table of several columns, and without empty rows around a sheet."""
    if reading.leave_out == () or grid.cells.width < 3 or header is False:
        return grid
    head = grid.cells.head(20)
    filled = np.column_stack([~head[name].is_null().to_numpy() for name in head.columns]).sum(axis=1)
    is_title = filled <= 1
    begin = int(np.argmin(is_title)) if not is_title.all() else 0
    begin = max(begin, _end_of_head(head.rows(), filled))
    # A lone number may be an entry; a first row whose only cell is one is data.
    texts = [str(cell) for row in head.head(begin).rows() for cell in row if cell is not None]
    is_alone = (filled[:begin] <= 1).all()
    if begin and texts and not (is_alone and any(text.strip().replace(".", "", 1).isdecimal() for text in texts)):
        shown = ", ".join(str(grid.number(row)) for row in range(begin))
        notes.decide(f"row {shown} above the table left out: a title, no names", "--leave-out")
        grid = replace(grid, cells=grid.cells.slice(begin), rows=grid.rows[begin:])
    if isinstance(grid.source, Sheet):
        is_empty = np.column_stack([one.is_null().to_numpy() for one in grid.cells.iter_columns()]).all(axis=1)
        if is_empty.any():
            kept = np.flatnonzero(~is_empty)
            notes.decide(f"{int(is_empty.sum())} empty rows of the sheet left out", "--leave-out")
            grid = replace(grid, cells=grid.cells[kept.tolist()], rows=grid.rows[kept])
    return grid


def _end_of_head(rows: list[tuple], filled: np.ndarray) -> int:
    """How many of the first rows are a block of names and what they stand for, ended by an empty row; 0 for none.

    `filled` counts the cells of each row. The row below the block must hold the names of nearly all columns.
    """
    if not rows or len(rows[0]) < 4:
        return 0
    for end in np.flatnonzero(filled[:-1] == 0).tolist():
        below = rows[end + 1]
        are_names = sum(bool(cell) and not _is_digits(cell) for cell in below) >= len(below) - 1
        if end and are_names and (filled[:end] <= 2).all():
            return end + 1
    return 0


def _is_digits(text: str) -> bool:
    bare = text.strip(" +-−$€£¥₹%()<>").replace(",", "").replace(".", "").replace(" ", "")
    return bare.isdecimal()


def _are_units(texts: list[str], needed: int) -> bool:
    """Whether the words of a row may be units or names: so many have a letter or a sign of one, none is a number."""
    if any("_".join(text.lower().split()) in _MISSING or _is_digits(text) for text in texts):
        return False
    with_signs = sum(any(sign.isalnum() or sign in "%°µ$€£" for sign in text) for text in texts)
    return with_signs >= needed


def without_empty_columns(grid: Grid, notes: Notes) -> Grid:
    """Without columns at the end that have no cell and no name: what a separator at the end of each line makes."""
    width = grid.cells.width
    while width > 1:
        cells = grid.cells.to_series(width - 1)
        if not (cells.is_null() | (cells.str.strip_chars() == "")).all():
            break
        width -= 1
    if width == grid.cells.width or grid.cells.height < 2 or not _first_is_words(grid):
        return grid
    notes.decide(f"{grid.cells.width - width} empty column without a name at the end left out", "")
    return replace(grid, cells=grid.cells[:, :width])


def _first_is_words(grid: Grid) -> bool:
    return any(cell and not cell.strip().lstrip("+-").replace(".", "").isdecimal() for cell in grid.cells.row(0))


def without_groups(grid: Grid, parsed: Parsed, notes: Notes) -> tuple[Grid, Parsed]:
    """Without a first row of numbers or blanks that stands for groups, above the row of names."""
    if grid.cells.height < 4:
        return grid, parsed
    below = parsed[2:]
    over_numbers = below.is_number.sum(axis=0) > below.is_text.sum(axis=0)
    second = [cell or "" for cell in grid.cells.row(1)]
    is_named = parsed.is_text[1] & over_numbers
    if not (is_named.any() and is_named.sum() >= over_numbers.sum() - 1 and is_header(second, parsed[1:])):
        return grid, parsed
    if not _are_units([second[place] for place in np.flatnonzero(is_named)], int(is_named.sum())):
        return grid, parsed
    notes.decide(f"row {grid.number(0)} above the names left out: it stands for groups of columns", "--leave-out")
    return replace(grid, cells=grid.cells.slice(1), rows=grid.rows[1:]), parsed[1:]


def without_footnotes(grid: Grid, parsed: Parsed, rows: np.ndarray, notes: Notes) -> np.ndarray:
    """The rows without those at the end whose only cell is a remark: below an empty row, marked as one, or long."""
    end = len(rows)
    for k in range(len(rows) - 1, 0, -1) if grid.cells.width > 2 else ():
        cells = [(cell or "").strip() for cell in grid.cells.row(int(rows[k]))]
        filled = [place for place, cell in enumerate(cells) if cell]
        if not filled:
            continue
        if len(filled) > 1 or not parsed.is_text[rows[k], filled[0]]:
            break
        is_below_gap = not any(grid.cells.row(int(rows[k - 1]))) or grid.number(int(rows[k])) > 1 + grid.number(
            int(rows[k - 1])
        )
        text = cells[filled[0]]
        if not (is_below_gap or _REMARK.match(text) or len(text.split()) >= _LONG):
            break
        end = k
    if end < len(rows):
        shown = ", ".join(str(grid.number(int(row))) for row in rows[end:] if any(grid.cells.row(int(row))))
        notes.decide(f"row {shown} below the table left out: a remark, no data", "--leave-out")
    return rows[:end]


def without_blanks(grid: Grid, labels: list[int], parsed: Parsed, rows: np.ndarray, notes: Notes) -> np.ndarray:
    """The rows without those of a labelled table that have neither a label nor a number."""
    named = [place for place in labels if parsed.is_text[rows, place].any() or parsed.is_number[rows, place].any()]
    if not named:
        return rows
    is_blank = np.asarray([not any((cell or "").strip() for cell in grid.cells.row(int(row))) for row in rows])
    if is_blank.any() and not is_blank.all():
        shown = ", ".join(str(grid.number(int(row))) for row in rows[is_blank][:5])
        notes.decide(f"row {shown}{', …' if is_blank.sum() > 5 else ''} left out: all cells are empty", "--leave-out")
        return rows[~is_blank]
    return rows


def without_units(
    grid: Grid, names: list[str], parsed: Parsed, rows: np.ndarray, notes: Notes
) -> tuple[list[str], np.ndarray]:
    """The names, and the rows without those of words right below the header: units, or a second line of names."""
    while len(rows) > 2 and rows[0] < 4:
        below = parsed[rows[1:]]
        over_numbers = below.is_number.sum(axis=0) > below.is_text.sum(axis=0)
        row = int(rows[0])
        is_words = parsed.is_text[row] & over_numbers
        texts = [(grid.cells[row, int(place)] or "").strip() for place in np.flatnonzero(is_words)]
        is_unit_row = (grid.cells.row(row)[0] or "").strip().lower().rstrip(":") in _UNIT_LABELS
        if (
            not texts
            or 2 * len(texts) < over_numbers.sum()
            or not _are_units(texts, 1 if is_unit_row else (len(texts) + 1) // 2)
        ):
            break
        numbers = parsed.values[row, parsed.is_number[row] & over_numbers]
        # 1 is the unit of what has none
        if len(numbers) and not (is_unit_row and (numbers == 1).all()):
            break
        again = {cell for place in np.flatnonzero(over_numbers) for cell in grid.cells[rows[1:].tolist(), int(place)]}
        if again & set(texts):
            break
        second = [cell or "" for cell in grid.cells.row(row)]
        if len(set(filter(None, second))) > len(set(filter(None, names))):
            names = [new or old for old, new in zip(names, second, strict=True)]
            notes.decide(f"row {grid.number(row)} holds the names, those above it stand for groups", "--leave-out")
            # a third row may hold the name of the row labels only, as data frames have it
            alone = [place for place, cell in enumerate(grid.cells.row(int(rows[1]))) if cell]
            if alone == [0] and not names[0]:
                names[0] = str(grid.cells[int(rows[1]), 0])
                rows = rows[1:]
        else:
            notes.decide(f"row {grid.number(row)} left out: units or words, such as {texts[0]!r}", "--leave-out")
        rows = rows[1:]
    return names, rows


def without_totals(
    grid: Grid, labels: list[int], numbers: list[int], parsed: Parsed, rows: np.ndarray, notes: Notes
) -> np.ndarray:
    """The rows without totals and means of the others: called so in a label column, or sums in every column."""
    left = []
    for row in (*rows[-3:], rows[0]) if len(rows) > 2 else ():
        word, numbers_of_row = _word_of(grid, int(row), labels), parsed.values[row, numbers]
        others = parsed.values[rows[rows != row]][:, numbers]
        if word in _TOTALS and (word not in _NAMES or _is_statistic(word, numbers_of_row, others)):
            left.append(int(row))
    if left:
        # the standard deviation, the count and others above and below a mean at the end
        last = [_word_of(grid, int(row), labels) for row in rows[:-11:-1]]
        length = next((k for k, word in enumerate(last) if word not in _TOTALS | _STATISTICS), len(last))
        if any(word in _TOTALS for word in last[:length]) and length < len(rows) - 1:
            left = sorted({*left, *(int(row) for row in rows[len(rows) - length :])})
    if not left and len(rows) > 3 and len(numbers) > 1:
        others, last_row = parsed.values[rows[:-1]][:, numbers], parsed.values[rows[-1], numbers]
        with np.errstate(over="ignore"):
            sums = np.nansum(others, axis=0)
        if np.abs(last_row).min(initial=np.inf) > 0 and np.allclose(sums, last_row, rtol=1e-9, atol=0):
            left = [int(rows[-1])]
    if left:
        shown = ", ".join(str(grid.number(row)) for row in sorted(left))
        notes.decide(f"row {shown} left out: a total or mean of the others; written back as it was", "--leave-out")
    return rows[~np.isin(rows, left)]


def _word_of(grid: Grid, row: int, labels: list[int]) -> str:
    """The first label of a row as the lists of totals have it; empty where it has none."""
    words = ["_".join(str(cell).lower().strip(" :*").split()) for place in labels if (cell := grid.cells[row, place])]
    return words[0] if words else ""


def _is_statistic(word: str, row: np.ndarray, others: np.ndarray) -> bool:
    """Whether the numbers of a row are what its word says of the others: their least, largest, mean or sum."""
    kept = ~np.isnan(row) & ~np.isnan(others).all(axis=0)
    row, others = row[kept], others[:, kept]
    if word in ("min", "max"):
        return bool(len(row) and np.array_equal(row, (np.nanmin if word == "min" else np.nanmax)(others, axis=0)))
    return bool(len(row) and any(np.allclose(row, fold(others, axis=0), rtol=1e-2) for fold in (np.nanmean, np.nansum)))

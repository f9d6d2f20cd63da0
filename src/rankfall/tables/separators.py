"""Which sign stands between the cells of a text."""

import re

from rankfall.tables.options import Reading

# Candidates in order of trust: a comma may stand inside a tab-separated line, hardly the other way round.
_SEPARATORS = {
    ".csv": (",", ";", "\t", "|"),
    ".tsv": ("\t",),
    ".txt": ("\t", ",", ";", "|", " "),
    None: ("\t", "::", ",", ";", "|", " "),
}
NAMES = {",": "','", ";": "';'", "\t": "tab", "|": "'|'", " ": "white space", "::": "'::'"}
_DECIMAL_COMMA = re.compile(r"\s*(|[+-]?\d+|[+-]?\d*,\d+([eE][+-]?\d+)?)\s*")
SEP_LINE = re.compile(rb'"?sep=(.)"?\s*', re.IGNORECASE)


def sample_of(data: bytes, reading: Reading) -> list[str]:
    """The first lines that may be rows: no comments, no blank lines, none that is left out."""
    lines = [line.decode("utf-8", "replace") for line in data[:65536].split(b"\n", 40)[:40]]
    sign = "#" if reading.comment is None else reading.comment
    rows = [
        line
        for number, line in enumerate(lines, start=1)
        if line.strip() and not (sign and line.lstrip().startswith(sign)) and number not in (reading.leave_out or ())
    ]
    return rows or lines


def separator_of(lines: list[str], kind: str | None) -> str:
    """The first candidate that two lines, one below the other, and most lines from there on have outside quotes.

    The first two such lines decide; where none are, the first candidate.
    """
    bare = [re.sub(r'"[^"]*"', '""', line).strip() for line in lines]
    candidates = _SEPARATORS[kind]
    pairs = [bare[:1]] if len(bare) < 2 else [bare[k : k + 2] for k in range(len(bare) - 1)]
    for begin, pair in enumerate(pairs):
        rest = bare[begin:]
        shared = [
            separator
            for separator in candidates
            if all(separator in line for line in pair) and 2 * sum(separator in line for line in rest) > len(rest)
        ]
        # 1,5;2,25 separates by semicolons and writes decimals with commas; so does a;b by having no comma at all.
        if ";" in shared and all(_DECIMAL_COMMA.fullmatch(cell) for cell in pair[-1].split(";")[1:]):
            return ";"
        if shared:
            return shared[0]
    return candidates[0]

"""How a file writes numbers: the decimal sign and the sign between groups of three digits.

A sign is taken for what it must be: `19,45` has a decimal comma, `1,234,567` and `1,234.5` have grouped thousands.
`1,819` alone may be either; other cells of the file decide, or else the reader refuses and names the option.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rankfall.errors import InputError

if TYPE_CHECKING:
    import polars as pl

# The spaces and apostrophes that separate thousands, each group under its plainest sign.
VARIANTS = {" ": " \u00a0\u202f\u2009", "'": "'\u2019", ",": ",", ".": "."}
_EXPONENT = r"(?:[eE][+-]?\d+)?"
# Every number that some convention writes, without sign.
BODY = r"(?:\d(?:[\d., '\u00a0\u202f\u2009\u2019]*[\d.,])?|[.,]\d+)" + _EXPONENT


@dataclass(frozen=True)
class Numerals:
    """The decimal sign, and the sign between thousands ("" for none); `by_hundreds` for 1,23,456 as in India."""

    decimal: str = "."
    thousands: str = ""
    by_hundreds: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether programs read such numbers as they are."""
        return self.decimal == "." and not self.thousands

    def plain(self, texts: "pl.Series") -> "pl.Series":
        """The series of numbers as programs write them; null where the signs stand wrongly."""
        import polars as pl

        if self.is_plain:
            return texts
        decimal = "\\" + self.decimal
        digits = r"\d+"
        if self.thousands:
            # The alternation prefers groups: a number of more than three digits may also come without.
            sign = f"[{VARIANTS[self.thousands]}]"
            digits = rf"(?:\d{{1,3}}(?:{sign}\d{{3}})+|\d+)"
            if self.by_hundreds:
                digits = rf"(?:\d{{1,2}}(?:{sign}\d{{2}})+{sign}\d{{3}}|{digits})"
        is_number = texts.str.contains(rf"^[+-]?(?:{digits}(?:{decimal}\d*)?|{decimal}\d+){_EXPONENT}$")
        if self.thousands:
            texts = texts.str.replace_all(f"[{VARIANTS[self.thousands]}]", "")
        texts = texts.str.replace(self.decimal, ".", literal=True)
        return pl.select(pl.when(is_number).then(texts)).to_series()

    def written(self, plain: str) -> str:
        """A number as programs write it, in these signs."""
        whole, point, decimals = plain.partition(".")
        if self.thousands and whole.lstrip("-").isdecimal():
            front, last = divmod(abs(int(whole)), 1000)
            if self.by_hundreds and front:
                groups: list[str] = []
                while front:
                    front, group = divmod(front, 100)
                    groups.insert(0, f"{group:02}" if front else str(group))
                whole = ",".join(["-" * whole.startswith("-") + groups[0], *groups[1:], f"{last:03}"])
            else:
                whole = f"{int(whole):,}"
            whole = whole.replace(",", self.thousands)
            whole = f"-{whole}" if plain.startswith("-") and not whole.startswith("-") else whole
        return whole + point.replace(".", self.decimal) + decimals


def numerals_of(
    texts: "pl.Series", separator: str | None, decimal: str | None = None, thousands: str | None = None
) -> Numerals:
    """The numerals of a series of cells that hold numbers in some convention.

    Raises InputError where the cells leave it open whether a sign separates thousands or decimals.
    """
    by_hundreds = _any(texts, r"^[+-]?\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d*)?$")
    if decimal is not None and thousands is not None:
        return Numerals(decimal, thousands, thousands == "," and by_hundreds)
    if thousands in (",", "."):
        return Numerals("." if thousands == "," else ",", thousands, thousands == "," and by_hundreds)
    if by_hundreds and decimal != "," and thousands is None:
        return Numerals(".", ",", by_hundreds)
    has_comma = bool(texts.str.contains(",", literal=True).any())
    grouping = thousands or ""
    if thousands is None:
        for sign in (" ", "'"):
            if texts.str.contains(rf"^[+-]?\d{{1,3}}(?:[{VARIANTS[sign]}]\d{{3}})+(?:[.,]\d*)?$").any():
                grouping = sign
    if decimal is not None:
        other = "," if decimal == "." else "."
        has_groups = texts.str.contains(rf"^[+-]?\d{{1,3}}(?:\{other}\d{{3}})+(?:\{decimal}\d*)?$").any()
        return Numerals(decimal, other if thousands is None and has_groups else grouping)
    comma, point = _evidence(texts, ","), _evidence(texts, ".")
    if grouping in (" ", "'"):
        return Numerals("," if has_comma and not _any(texts, r"\.\d") else ".", grouping)
    if comma.is_decimal and (comma.is_grouping or point.is_decimal):
        return Numerals()
    if comma.is_decimal or point.is_grouping:
        return Numerals(",", "." if point.is_grouping and thousands is None else "")
    if comma.is_grouping or (comma.is_open and point.is_decimal):
        return Numerals(".", "," if thousands is None else "")
    if comma.is_open and thousands is None:
        raise _open(texts, ",", ".")
    if comma.is_open:
        return Numerals(",")
    if separator in (";", "\t") and point.is_open and not point.is_decimal and thousands is None:
        _refuse_open_points(texts)
    return Numerals()


@dataclass(frozen=True)
class _Evidence:
    """What cells say about a sign: it must be decimal, it must separate groups, or it may be either."""

    is_decimal: bool
    is_grouping: bool
    is_open: bool


def _evidence(texts: "pl.Series", sign: str) -> _Evidence:
    s, other = "\\" + sign, "\\" + ("." if sign == "," else ",")
    groups = rf"^[+-]?\d{{1,3}}(?:{s}\d{{3}})+"
    decimals = (
        rf"^[+-]?(?:\d*{s}(?:\d{{0,2}}|\d{{4,}})|0+{s}\d+|\d{{4,}}{s}\d+|{s}\d+"
        rf"|\d{{1,3}}(?:{other}\d{{3}})+{s}\d+|\d+{s}\d+[eE][+-]?\d+)$"
    )
    return _Evidence(
        _any(texts, decimals),
        _any(texts, groups + rf"{s}\d{{3}}$") or _any(texts, groups + rf"{other}\d+$"),
        _any(texts, rf"^[+-]?[1-9]\d{{0,2}}{s}\d{{3}}$"),
    )


def _any(texts: "pl.Series", pattern: str) -> bool:
    return bool(texts.str.contains(pattern).any())


def _open(texts: "pl.Series", sign: str, other: str) -> InputError:
    cell = texts.filter(texts.str.contains(rf"^[+-]?[1-9]\d{{0,2}}\{sign}\d{{3}}$")).item(0)
    plain, grouped = cell.replace(sign, "."), cell.replace(sign, "")
    name = {",": "comma", ".": "point"}[sign]
    return InputError(
        f"numbers must have one reading, {cell!r} may be {plain} or {grouped}; --thousands {name} reads {grouped}, "
        f"--decimal {sign!r} reads {plain}"
    )


def _refuse_open_points(texts: "pl.Series") -> None:
    """Refuses points that all stand before three digits, among whole numbers of less than four."""
    pointed = texts.filter(texts.str.contains(".", literal=True))
    whole = texts.filter(texts.str.contains(r"^[+-]?\d+$"))
    if len(pointed) >= 3 and len(whole) and not whole.str.contains(r"\d{4}").any():
        raise _open(texts, ".", ",")

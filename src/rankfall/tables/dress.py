"""What stands around the numbers of a column: a currency, a percent sign, a unit; or two words in place of 0 and 1.

A column has one dress. Its numbers are read without, and written back with it: `45%`, `$4,934.75`, `(1.50)`, `True`.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankfall.tables.numerals import BODY, Numerals

if TYPE_CHECKING:
    import polars as pl

_CODES_TEXT = """
    AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MXN MYR NGN
    NOK NZD PEN PHP PKR PLN RMB RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR
"""
_CURRENCY = rf"(?:[A-Z]{{0,3}}\p{{Sc}}|(?:{'|'.join(_CODES_TEXT.split())})|[kK]r\.?|Rs\.?|Fr\.?|Kč|zł|Ft|лв\.?|руб\.?)"
_UNIT_SIGNS = rf"\p{{L}}µ{chr(0x2126)}\p{{Sc}}%°/²³·^.*0-9"
_SPACE = r"[ \u00a0\u202f\u2009]?"
# Two signs of minus, behind the number as well, or the accountants' parentheses around the whole.
_PATTERN = (
    rf"^(?<open>\(?)(?<sign>[+\-−]?)(?<prefix>(?:(?:{_CURRENCY}|[%％]){_SPACE})?)(?<inner>[+\-−]?)(?<body>{BODY})"
    rf"(?<suffix>(?:{_SPACE}(?:[%％‰°]|[{_UNIT_SIGNS}](?:[{_UNIT_SIGNS}\-]{{0,9}}[{_UNIT_SIGNS}])?)?)?)(?<close>[)\-−]?)$"
)
_BOOLEANS = (
    ("false", "true"),
    ("no", "yes"),
    ("n", "y"),
    ("nein", "ja"),
    ("non", "oui"),
    ("no", "sí"),
    ("no", "si"),
    ("no", "sì"),
    ("não", "sim"),
    ("nee", "ja"),
    ("nej", "ja"),
    ("nie", "tak"),
    ("ne", "ano"),
    ("нет", "да"),
    ("否", "是"),
    ("falsch", "wahr"),
    ("faux", "vrai"),
    ("falso", "verdadero"),
    ("falso", "vero"),
    ("onwaar", "waar"),
    (".false.", ".true."),
    ("off", "on"),
)
# Units that may follow whole numbers without a space.
_UNITS_TEXT = """
    kg g mg µg ng t lb lbs oz km m cm mm µm nm ft mi s ms min h hr hrs ° °C °F l ml mL dl µl Pa hPa kPa MPa bar
    mbar V mV kV mA W kW MW GW kWh MWh GWh kJ MJ kcal cal Hz kHz MHz GHz ppm ppb dB mol mmol px kB MB GB TB mph
    km/h m/s mg/l mg/L µg/l m² m³ km² cm² m2 m3 km2 ha bpm mmHg
"""
_UNITS = frozenset(_UNITS_TEXT.split())
# These are booleans only where a column has both.
_PAIRS = (("f", "t"), ("-", "+"), ("✗", "✓"), ("✘", "✔"))


@dataclass(frozen=True)
class Dress:
    """How a column's numbers are dressed: `prefix` and `suffix` around them, and how a minus is written.

    `minus` is "-" or "−" before everything, "inner" between prefix and digits, "behind" everything, or "()" around it.
    `words` are those for 0 and 1 of a column of booleans, `levels` those for 0, 1, 2, … of a column of categories.
    """

    prefix: str = ""
    suffix: str = ""
    minus: str = "-"
    words: tuple[str, str] | None = None
    levels: tuple[str, ...] | None = None

    @property
    def is_number(self) -> bool:
        """Whether what is written is a number, not a word that stands for one."""
        return self.words is None and self.levels is None

    @property
    def title(self) -> str:
        """What a sentence shows of it."""
        if self.words is not None:
            return f"{self.words[0]} and {self.words[1]} as 0 and 1"
        look = (self.prefix + self.suffix).strip()
        said = f"numbers in {look!r}" if look else "numbers"
        where = {"()": ", in parentheses where negative", "behind": ", the minus behind"}
        return said + where.get(self.minus, "")

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as anybody would read them."""
        return not (self.prefix or self.suffix or self.words or self.minus in ("()", "behind"))

    def written(self, number: str) -> str:
        """The number, in its numerals, with all that belongs around it."""
        if self.levels is not None:
            return self.levels[int(float(number))]
        if self.words is not None:
            return self.words[int(float(number.replace(",", ".")))] if number in _BITS else number
        negative, digits = number.startswith("-"), number.removeprefix("-")
        if not negative:
            return self.prefix + digits + self.suffix
        if self.minus == "()":
            return f"({self.prefix}{digits}{self.suffix})"
        if self.minus == "behind":
            return f"{self.prefix}{digits}{self.suffix}-"
        if self.minus == "inner":
            return f"{self.prefix}-{digits}{self.suffix}"
        return f"{self.minus}{self.prefix}{digits}{self.suffix}"


_BITS = ("0", "1", "0.0", "1.0", "0,0", "1,0")


@dataclass(frozen=True)
class Undressed:
    """A column of cells without their dress: `bodies` are plain numerals with a sign, null where a cell has another."""

    dress: Dress
    bodies: "pl.Series"


def undress(texts: "pl.Series") -> Undressed | None:
    """The dress that most of the cells share, and their numbers; None where they have none.

    `texts` are stripped cells, null where unknown. A suffix that is no percent sign and no currency must stand in
    every cell, behind a space or behind decimals, or be a known unit: `12 kg`, `1.5m`, `12kg`; a house number `12a` is
    none.
    """
    known = texts.drop_nulls()
    if not len(known):
        return None
    booleans = _booleans(texts, known)
    if booleans is not None:
        return booleans
    groups = texts.str.extract_groups(_PATTERN).struct.unnest()
    is_match = groups["body"].is_not_null() & ((groups["open"] == "(") == (groups["close"] == ")"))
    is_match &= (groups["close"].str.contains("[-−]")).not_() | ((groups["sign"] + groups["inner"]) == "")
    if not is_match.any():
        return None
    kinds = (groups["prefix"] + "\0" + groups["suffix"]).filter(is_match)
    prefix, suffix = kinds.mode().sort().item(0).split("\0")
    is_same = is_match & (groups["prefix"] == prefix) & (groups["suffix"] == suffix)
    if 2 * int(is_same.sum()) <= len(known):
        return None
    if suffix and not _is_usual(suffix):
        has_space = suffix[0] in " \u00a0\u202f\u2009"
        has_decimals = groups["body"].filter(is_same).str.contains(r"[.,]").any()
        is_apart = has_space or has_decimals or suffix in _UNITS
        if int(is_same.sum()) < len(known) or len(known) < 3 or not is_apart:
            return None
    return Undressed(Dress(prefix, suffix, _minus(groups, is_same)), _bodies(groups, is_same))


def looks_like_number(texts: "pl.Series") -> "pl.Series":
    """Which cells are numbers, plain or dressed; null where a cell is."""
    return texts.str.contains(_PATTERN)


def parse_bodies(bodies: "pl.Series", numerals: Numerals) -> np.ndarray:
    """The numbers of undressed cells, NaN for null and for signs that stand wrongly."""
    import polars as pl

    return numerals.plain(bodies).cast(pl.Float64, strict=False).to_numpy().astype(np.float64)


def _booleans(texts: "pl.Series", known: "pl.Series") -> Undressed | None:
    import polars as pl

    found = set(known.unique().to_list())
    if len(found) > 4:
        return None
    lowered = {word.lower() for word in found}
    for no, yes in (*_BOOLEANS, *_PAIRS):
        if lowered == {no, yes} or (lowered < {no, yes} and (no, yes) in _BOOLEANS):
            said = {word.lower(): word for word in sorted(found)}
            like = next(iter(said.values()))
            cased = str.upper if like.isupper() and len(like) > 1 else str.title if like[0].isupper() else str.lower
            words = (said.get(no, cased(no)), said.get(yes, cased(yes)))
            lower = texts.str.to_lowercase()
            bits = pl.select(pl.when(lower == yes).then(pl.lit("1")).when(lower == no).then(pl.lit("0"))).to_series()
            return Undressed(Dress(words=words), bits)
    return None


def _is_usual(suffix: str) -> bool:
    bare = suffix.strip(" \u00a0\u202f\u2009")
    pattern = _CURRENCY.replace(r"\p{Sc}", "[$¢-¥֏؋߾-߿৲-৳৻૱௹฿៛₠-⃀꠸﷼﹩＄￠-￡￥-￦]")
    return bare in ("%", "％", "‰") or re.fullmatch(pattern, bare) is not None


def _minus(groups: "pl.DataFrame", is_same: "pl.Series") -> str:
    same = groups.filter(is_same)
    if (same["open"] == "(").any():
        return "()"
    if same["close"].str.contains("[-−]").any():
        return "behind"
    if same["inner"].str.contains("[-−]").any():
        return "inner"
    return "−" if (same["sign"] == "−").any() else "-"


def _bodies(groups: "pl.DataFrame", is_same: "pl.Series") -> "pl.Series":
    import polars as pl

    signs = groups["sign"] + groups["inner"] + groups["close"]
    is_negative = signs.str.contains("[-−]") | (groups["open"] == "(")
    signed = pl.select(pl.when(is_negative).then("-" + groups["body"]).otherwise(groups["body"])).to_series()
    return pl.select(pl.when(is_same).then(signed.str.strip_chars())).to_series()

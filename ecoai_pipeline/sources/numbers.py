"""How the numbers of a column are written: decided from all texts of the column, or stated by the user. Pure: no files.

A comma or a point before exactly three digits can be a decimal sign or a thousands separator. One text never decides
that, the column does: `Evidence` collects what its texts show, `decide` gives the `NumberFormat` or refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import polars as pl

from ecoai_pipeline.domain import Decimal
from ecoai_pipeline.sources.cells import without_unit
from ecoai_pipeline.sources.reasons import Reason

OTHER: dict[str, Decimal] = {".": ",", ",": "."}
FOOTER = 2
"""Rows at the end of a file that may tell of the file; a whole number in them says nothing of the column."""
ODD_SHARE = 0.1
"""Texts with the other decimal sign are refused one by one below this share of the column; above it the file is refused."""
_MARK = "[' \u2019\u00a0\u202f\u2009]"  # separate thousands and nothing else: apostrophes and spaces
_LEAD = r"[1-9]\d{0,2}"
_INDIAN = r"[1-9]\d?(?:,\d{2})+,\d{3}"  # lakh and crore: 12,34,567
_DIGITS = r"[-+]?[\d.,][\d.,'\s]*"
_SHAPED = r"^[-+\u2212(]?\s*[\d.,][\d.,'\u2019\s]*(?:[eE][-+]?\d+)?\s*[-)]?$"


class UndecidedError(ValueError):
    """The texts of a column can be read in two ways; the message shows both."""


@dataclass(frozen=True)
class Evidence:
    """What the texts of a column show, as numbers of texts; the examples are (row, text) of the first one.

    Attributes:
        point, comma: texts in which this sign can only be the decimal sign.
        open_point, open_comma: texts in which it stands once before three digits: `1,350`.
        round_point, round_comma: those of them that end in 0, which a program that drops trailing zeros does not write.
        group_point, group_comma: texts in which the sign can only separate thousands.
        marks: texts in which a space or an apostrophe separates thousands.
        first_small, first_large: the first rows with whole numbers 1 to 999, and from 1000 on without separators.
        last: the last row of all.
    """

    point: int = 0
    comma: int = 0
    open_point: int = 0
    open_comma: int = 0
    round_point: int = 0
    round_comma: int = 0
    group_point: int = 0
    group_comma: int = 0
    marks: int = 0
    first_point: tuple[int, str] | None = None
    first_comma: tuple[int, str] | None = None
    first_small: int | None = None
    first_large: int | None = None
    last: int = 0

    @property
    def has_small(self) -> bool:
        """Whether whole numbers 1 to 999 stand above the last rows, which may be a footer with the number of readings."""
        return self.first_small is not None and self.first_small <= self.last - FOOTER

    @property
    def has_large(self) -> bool:
        """The same of whole numbers from 1000 on."""
        return self.first_large is not None and self.first_large <= self.last - FOOTER

    @classmethod
    def of(cls, lines: pl.Series, texts: pl.Series) -> Self:
        """The evidence of some texts (str) and the rows that they are in (i64).

        >>> evidence = Evidence.of(pl.Series([2, 3, 4]), pl.Series(["1,350", "0,412", "7"]))
        >>> evidence.open_comma, evidence.comma, evidence.first_small, evidence.first_comma
        (1, 1, 4, (2, '1,350'))
        """
        single = pl.DataFrame({"line": lines, "text": texts}).group_by("text").agg(pl.len().alias("times"), pl.col("line").min())
        single = single.with_columns(text=without_unit(single["text"])["number"])
        bare = _unsigned(pl.col("text"))
        shown = single.with_columns(
            point=bare.str.contains(_certain(".")),
            comma=bare.str.contains(_certain(",")),
            open_point=bare.str.contains(rf"^{_LEAD}\.\d{{3}}$"),
            open_comma=bare.str.contains(rf"^{_LEAD},\d{{3}}$"),
            group_point=bare.str.contains(_grouped(".")),
            group_comma=bare.str.contains(_grouped(",")),
            marks=bare.str.contains(rf"^{_LEAD}(?:{_MARK}\d{{3}})+(?:[.,]\d*)?$"),
            small=bare.str.contains(rf"^{_LEAD}$"),
            large=bare.str.contains(r"^[1-9]\d{3,}$"),
        )
        ends_round = bare.str.ends_with("0")
        shown = shown.with_columns(
            round_point=pl.col("open_point") & ends_round,
            round_comma=pl.col("open_comma") & ends_round,
        )
        counts = shown.select((pl.col(name) * pl.col("times")).sum() for name in _COUNTS).row(0, named=True)
        return cls(
            **counts,
            first_point=_first(shown, "point"),
            first_comma=_first(shown, "comma"),
            first_small=_first_line(shown, "small"),
            first_large=_first_line(shown, "large"),
            last=int(lines[-1]) if len(lines) else 0,
        )

    def __add__(self, other: Evidence) -> Evidence:
        """The evidence of the texts of both; `other` stands below this one in the file."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Evidence(
            **counts,
            first_point=self.first_point or other.first_point,
            first_comma=self.first_comma or other.first_comma,
            first_small=_either(self.first_small, other.first_small),
            first_large=_either(self.first_large, other.first_large),
            last=max(self.last, other.last),
        )


_COUNTS = tuple(field.name for field in fields(Evidence) if field.name != "last" and not field.name.startswith("first_"))


class Read(NamedTuple):
    """Numbers (f64; null where the text is empty or no number), and why a text is none (str)."""

    number: pl.Series
    reason: pl.Series


@dataclass(frozen=True)
class NumberFormat:
    """The decimal sign of a column, and whether the other sign separates thousands; spaces and apostrophes always may.

    >>> NumberFormat(",", groups=True).read(pl.Series(["0,412", "1.234,5", "-3", "n/a", "1.5"])).number.to_list()
    [0.412, 1234.5, -3.0, None, None]
    """

    decimal: Decimal = "."
    groups: bool = False

    @classmethod
    def stated(cls, decimal: Decimal) -> Self:
        """What a user means who states the decimal sign: the other sign separates thousands."""
        return cls(decimal, groups=True)

    def read(self, texts: pl.Series) -> Read:
        """Read texts without spaces around them."""
        frame = pl.DataFrame({"text": texts}).with_columns(number=self._simple(pl.col("text")).cast(pl.Float64, strict=False))
        frame = frame.with_columns(reason=pl.lit(None, pl.String))
        odd = (pl.col("number").is_null() & (pl.col("text") != "") | ~pl.col("number").is_finite()).fill_null(value=False)
        if frame.select(odd.any()).item():
            frame = frame.with_columns(odd=odd).with_columns(number=self._number(), reason=self._reason())
            frame = frame.with_columns(reason=pl.when("odd", pl.col("number").is_null()).then("reason"))
        return Read(frame["number"], frame["reason"])

    def _simple(self, text: pl.Expr) -> pl.Expr:
        """Texts without separators of thousands in the form that a cast reads; others as they are, or null."""
        if self.decimal == ".":
            return text
        return pl.when(~text.str.contains(".", literal=True)).then(text.str.replace_all(",", ".", literal=True))

    def _number(self) -> pl.Expr:
        """The number of an odd text: signs made plain, separators of thousands removed where they are where they belong."""
        bare, decimal = _signed(pl.col("text")), "\\" + self.decimal
        group = f"[{OTHER[self.decimal]}' \u2019\u00a0\u202f\u2009]" if self.groups else _MARK
        lead = rf"{_LEAD}(?:{group}\d{{3}})+|\d+" + (f"|{_INDIAN}" if self.groups and self.decimal == "." else "")
        whole = bare.str.contains(rf"^-?(?:(?:{lead})(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][-+]?\d+)?$") & _one_separator(bare, group)
        plain = bare.str.replace_all(group, "").str.replace(self.decimal, ".", literal=True)
        number = plain.cast(pl.Float64, strict=False)
        return pl.when(~pl.col("odd")).then("number").when(whole & number.is_finite()).then(number)

    def _reason(self) -> pl.Expr:
        """Why an odd text is no number."""
        text = pl.col("text")
        looks_ambiguous = _unsigned(text).str.contains(rf"^{_LEAD}\{OTHER[self.decimal]}\d{{3}}$")
        number = _signed(text).str.replace(self.decimal, ".", literal=True).cast(pl.Float64, strict=False)
        return (
            pl.when(looks_ambiguous)
            .then(pl.lit(Reason.AMBIGUOUS_NUMBER.value))
            .when(number.is_not_null() & ~number.is_finite())
            .then(pl.lit(Reason.NOT_FINITE.value))
            .when(text.str.contains(rf"^{_DIGITS}\s?%$"))
            .then(pl.lit(Reason.PERCENTAGE.value))
            .when(text.str.contains(rf"^{_DIGITS}\s?\(?[A-Za-z*#?]\)?$"))
            .then(pl.lit(Reason.MARKED.value))
            .otherwise(pl.lit(Reason.NOT_A_NUMBER.value))
        )


PLAIN = NumberFormat()
"""A point before decimals and no separators: what programs write."""


def other_than_plain(texts: pl.Series, read: Read) -> bool:
    """Whether some of the texts that PLAIN could not read look like numbers that are written otherwise."""
    return bool(texts.filter(read.reason.is_not_null()).str.contains(_SHAPED).any())


def decide(evidence: Evidence, delimiter: str, beside: Decimal | None = None, *, comma_decides: bool = False) -> NumberFormat:
    """The format of a column.

    Where dates are written as 03.03.2025 a comma is the decimal sign: those who part thousands by commas write no such dates. A
    semicolon between fields alone proves nothing, as many programs write it whatever their numbers look like.

    Args:
        delimiter: of the file's fields.
        beside: the decimal sign of the file's other columns.
        comma_decides: a comma that may be either is the decimal sign, as in files with dates such as 03.03.2025.

    >>> decide(Evidence(comma=90, open_comma=6), ";")
    NumberFormat(decimal=',', groups=False)

    Raises:
        UndecidedError: both signs can be the decimal sign; the message shows the first such text both ways.
    """
    point, comma = evidence.point, evidence.comma
    if evidence.marks:  # spaces separate thousands: what stands before three digits is a decimal sign
        point, comma = point + evidence.open_point, comma + evidence.open_comma
    if point and comma:
        return _by_far(evidence, point, comma)
    if comma:
        return NumberFormat(",", groups=evidence.group_point > 0)
    if point:
        return NumberFormat(".", groups=evidence.group_comma > 0 or delimiter == ",")
    try:
        return _without_certain_signs(evidence, delimiter)
    except UndecidedError:
        if evidence.open_point and evidence.open_comma:
            raise
        if beside is None and comma_decides and evidence.open_comma:
            return NumberFormat(",")
        if beside is None:
            raise
        return NumberFormat(beside, groups=bool(evidence.open_comma if beside == "." else evidence.open_point))


def _by_far(evidence: Evidence, point: int, comma: int) -> NumberFormat:
    """The sign of nearly all texts; separators of thousands are not believed where both signs occur before decimals."""
    if min(point, comma) > ODD_SHARE * max(point, comma):
        (row, text), (other_row, other) = evidence.first_point or (0, ""), evidence.first_comma or (0, "")
        raise UndecidedError(f"it mixes decimal points ({text!r} in row {row}) and decimal commas ({other!r} in row {other_row})")
    return NumberFormat("." if point > comma else ",")


def _without_certain_signs(evidence: Evidence, delimiter: str) -> NumberFormat:
    """The format where each sign stands before three digits, if at all.

    A program writes either all decimals (`5.000`), or as many as needed (`1.35`), so whole numbers beside a text that ends in 0
    (`5` beside `1.350`) mean that the sign separates thousands. It separates none where numbers from 1000 on stand without it.
    """
    if not evidence.open_comma:
        only_points = delimiter == ";" and evidence.open_point and not evidence.has_small  # many files with semicolons group by points
        if ((evidence.round_point and evidence.first_small is not None) or only_points) and not evidence.has_large and not evidence.marks:
            raise _two_ways(evidence.first_point)
        return PLAIN
    if evidence.open_point:
        raise _two_ways(evidence.first_comma)
    if evidence.has_large:
        return NumberFormat(",")
    if evidence.has_small and evidence.round_comma and delimiter == ",":
        return NumberFormat(".", groups=True)
    raise _two_ways(evidence.first_comma)


def _two_ways(first: tuple[int, str] | None) -> UndecidedError:
    row, text = first or (0, "")
    sign, (as_decimal, as_thousands) = "," if "," in text else ".", _both(text)
    word = "comma" if sign == "," else "point"
    return UndecidedError(
        f"its numbers can be read in two ways: {text!r} in row {row} is {as_decimal} if the {word} is the decimal sign (--decimal {sign}), "
        f"or {as_thousands} if it separates thousands (--decimal {OTHER[sign]})"
    )


def sign_of(columns: Iterable[pl.Series]) -> Decimal | None:
    """The only decimal sign of some columns of texts; None where they show none, or both.

    >>> sign_of([pl.Series(["21,5", "-3"]), pl.Series(["M1", "M2"])]), sign_of([pl.Series(["1,350"])])
    (',', None)
    """
    signs: set[Decimal] = set()
    for texts in columns:
        shown = Evidence.of(pl.repeat(0, len(texts), eager=True), texts)
        counts: dict[Decimal, int] = {".": shown.point, ",": shown.comma}
        signs |= {sign for sign, count in counts.items() if count}
    return signs.pop() if len(signs) == 1 else None


def _both(text: str) -> tuple[str, str]:
    """An open text as a decimal number and as thousands.

    >>> _both("-1,350")
    ('-1.35', '-1350')
    """
    plain = text.replace("+", "").strip("() ")
    return f"{float(plain.replace(',', '.')):g}", plain.replace(",", "").replace(".", "")


def _first(shown: pl.DataFrame, sign: str) -> tuple[int, str] | None:
    """The first row with a text in which the sign is, or can be, the decimal sign."""
    rows = shown.filter(pl.col(sign) | pl.col(f"open_{sign}")).sort("line")
    return (rows["line"][0], rows["text"][0]) if rows.height else None


def _first_line(shown: pl.DataFrame, name: str) -> int | None:
    lines = shown.filter(pl.col(name))["line"].to_list()
    return min(lines) if lines else None


def _either(mine: int | None, theirs: int | None) -> int | None:
    return theirs if mine is None else mine


def _signed(text: pl.Expr) -> pl.Expr:
    """A minus in front, whatever it looked like: (0.5), 0.5- and the typographic minus."""
    minus = text.str.replace("\u2212", "-", literal=True).str.replace(r"^\+\s*", "").str.replace(r"^-\s+", "-")
    return minus.str.replace(r"^\(\s*([^-()]+?)\s*\)$", "-${1}").str.replace(r"^([^-]+?)\s*-$", "-${1}")


def _unsigned(text: pl.Expr) -> pl.Expr:
    return _signed(text).str.strip_prefix("-")


def _certain(decimal: Decimal) -> str:
    """Texts in which a sign can only be the decimal sign."""
    sign, group = "\\" + decimal, "\\" + OTHER[decimal]
    forms = [
        rf"\d+{sign}(?:\d{{0,2}}|\d{{4,}})",  # not three digits behind it
        rf"{sign}\d+",
        rf"(?:0\d*|\d{{4,}}){sign}\d{{3}}",  # no group of thousands begins with 0 or has four digits
        rf"\d+{sign}\d+[eE][-+]?\d+",
        rf"{_LEAD}(?:{_MARK}\d{{3}})+{sign}\d*",
        rf"{_LEAD}(?:{group}\d{{3}})+{sign}\d*",
        rf"{_LEAD}(?:{group}\d{{3}}){{2,}}",
        *([rf"{_INDIAN}(?:\.\d*)?"] if decimal == "." else []),
    ]
    return f"^(?:{'|'.join(forms)})$"


def _grouped(sign: Decimal) -> str:
    """Texts in which a sign can only separate thousands."""
    group, decimal = "\\" + sign, "\\" + OTHER[sign]
    indian = rf"|{_INDIAN}(?:\.\d*)?" if sign == "," else ""
    return rf"^(?:{_LEAD}(?:{group}\d{{3}})+{decimal}\d*|{_LEAD}(?:{group}\d{{3}}){{2,}}{indian})$"


def _one_separator(bare: pl.Expr, group: str) -> pl.Expr:
    """Whether a text has at most one kind of separators between thousands."""
    kinds = [bare.str.contains(kind, literal=True) for kind in group.strip("[]")]
    return pl.sum_horizontal(kinds) <= 1

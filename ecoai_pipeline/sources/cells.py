"""Cells of a value column that are not plain numbers: they have a unit after the number, or digits of another script."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecoai_pipeline.sources.units import SPELLINGS

_WIDE = dict(zip("\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0e\uff0c\uff0d\uff0b", "0123456789.,-+", strict=True))
_ARABIC = dict(zip("\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u066b\u066c", "0123456789.'", strict=True))
_PERSIAN = dict(zip("\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9", "0123456789", strict=True))
_SPACES = dict.fromkeys("\u2007\u2008\u205f", "\u00a0")
_SIGNS = {**_WIDE, **_ARABIC, **_PERSIAN, **_SPACES}
_OTHER_SIGNS = f"[{''.join(_SIGNS)}]"
_UNIT = rf"^(.*?\d[.,]?)\s*({'|'.join(sorted(SPELLINGS, key=len, reverse=True))})$"


def in_ascii(texts: pl.Series) -> pl.Series:
    """Numbers with the digits and signs that are read; the marks of Arabic numbers are known to be decimal and of thousands.

    >>> in_ascii(pl.Series(["\uff11\uff12\uff0e\uff13", "\u0661\u066c\u0662\u0663\u0664\u066b\u0665", "1.5"])).to_list()
    ['12.3', "1'234.5", '1.5']
    """
    return texts.str.replace_many(_SIGNS) if texts.str.contains(_OTHER_SIGNS).any() else texts


def without_marks(text: pl.Expr, marks: Sequence[str]) -> pl.Expr:
    """Texts without those that mean a missing reading, which become empty: `-999` means `-999.00`, too.

    >>> pl.select(without_marks(pl.lit(pl.Series(["1.5", "-999.00", "n/a"])), ["-999", "n/a"])).to_series().to_list()
    ['1.5', '', '']
    """
    shown = text.str.replace(",", ".", literal=True).str.replace(r"(\.\d*?)0+$", "${1}").str.strip_suffix(".")
    return pl.when(text.is_in(marks) | shown.is_in(marks)).then(pl.lit("")).otherwise(text)


def without_unit(texts: pl.Series) -> pl.DataFrame:
    """Texts parted into `number` and `unit` (str); the unit is null where there is none.

    >>> without_unit(pl.Series(["0,412 kWh", "1.2MWh", "3", "n/a"])).rows()
    [('0,412', 'kWh'), ('1.2', 'MWh'), ('3', None), ('n/a', None)]
    """
    parts = in_ascii(texts).to_frame("text").with_columns(parts=pl.col("text").str.extract_groups(_UNIT)).unnest("parts")
    return parts.select(number=pl.coalesce("1", "text").str.strip_chars(), unit="2")

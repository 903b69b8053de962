"""Tables whose rows are of two directions, taken from the grid and fed into it: they must not be read as one meter's energy."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import SURVEY_BYTES

_MOST = 6
"""Different texts that a column of directions has at most; a column of remarks has more."""
_TAKEN = r"(?i)import|consum|usage|deliver(?:ed|y)|bezug|verbrauch|soutirage|수전|소비|사용"
_FED = r"(?i)export|surplus|generat|received|einspeis|lieferung|feed[- ]?in|injection|inyec|vertid|excedente|송전|역송|발전|잉여"


def two_directions(opened: OpenFile, used: Collection[str], meter: str | None) -> tuple[str, str] | None:
    """The column that tells rows of two directions of one meter apart, and what to say of it; None where there is none.

    Args:
        used: columns that mean something else.
        meter: the column of the meter, if there is one.
    """
    for name in opened.header:
        if not name or name in used or opened.header.count(name) > 1:
            continue
        seen = _texts(opened.sample, opened.header, name, None)["text"].unique()
        if len(seen) <= _MOST and seen.str.contains(f"{_FED}|{_TAKEN}").any():
            blocks = (_texts(block.rows, opened.header, name, meter) for block in opened.blocks(SURVEY_BYTES))
            found = _both(pl.concat(blocks).unique())
            if found:
                return name, f"column {name!r} has rows of two directions, {found[0]!r} and {found[1]!r}"
    return None


def _texts(rows: pl.DataFrame, header: Collection[str], name: str, meter: str | None) -> pl.DataFrame:
    """The different texts of a column by meter (meter, text)."""
    places = {"text": list(header).index(name), **({"meter": list(header).index(meter)} if meter else {})}
    cells = {key: pl.col("fields").list.get(place, null_on_oob=True).str.strip_chars() for key, place in places.items()}
    found = rows.select(**{"meter": pl.lit(""), **cells}).select("meter", "text")
    return found.filter(pl.col("text") != "").unique()


def _both(texts: pl.DataFrame) -> tuple[str, str] | None:
    """A text of each direction of the first meter that has both."""
    if texts["text"].n_unique() > _MOST:
        return None
    fed = texts.filter(pl.col("text").str.contains(_FED))
    taken = texts.filter(pl.col("text").str.contains(_TAKEN) & ~pl.col("text").str.contains(_FED))
    both = taken.join(fed, on="meter", suffix="_fed").sort("meter", "text", "text_fed")
    return both.select("text", "text_fed").row(0) if both.height else None

"""Rows with more or fewer fields than the header: which of them can be read all the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

_WHOLE, _PART = r"-?\d+", r"\d{1,3}"
"""The two parts of a number that its decimal comma has parted."""


class Fitted(NamedTuple):
    """Rows with as many fields as the header, and those that cannot be read."""

    rows: pl.DataFrame
    torn: pl.DataFrame


def fitted(rows: pl.DataFrame, width: int, needed: Sequence[int], value: int | None = None, *, note_after: bool = False) -> Fitted:
    """Make each row as wide as the header where all columns that are needed are there.

    A shorter row may end after the last needed column: empty fields are added. In a longer row a comma within a text or a number has
    moved the fields behind it. It is read only where nothing that is needed can have moved: no other column stands before the last
    needed one, and the field after each needed one does not go on with digits, as in `0,41` without quotes. Empty fields at the end,
    which delimiters make, do no harm, unless the value looks like one that its decimal comma has parted.

    Args:
        rows: line (i64), text, fields (list of str).
        width: number of columns of the header.
        needed: places of the columns that are used.
        value: the place of the value, where a row has one.
        note_after: the column after the value is for notes; where it holds nothing but short numbers, they are parts of values.
    """
    count = pl.col("fields").list.len()
    holds_parts = note_after and value is not None and _holds_parts(rows, value)
    if not holds_parts and rows.select((count == width).all()).item():
        return Fitted(rows, rows.clear())
    last = max(needed, default=width - 1)
    free = set(range(last + 1)) <= set(needed)
    goes_on = [pl.col("fields").list.get(place + 1, null_on_oob=True).str.contains(r"^\d") for place in needed if place + 1 not in needed]
    surplus = any_filled(pl.col("fields").list.slice(width))
    parted = pl.lit(value=False) if value is None else _parted(value)
    moved = parted | (surplus & pl.any_horizontal(pl.lit(value=not free), *goes_on))
    short = (count > last) & ~(parted & holds_parts).fill_null(value=False)
    readable = pl.when(count <= width).then(short).otherwise(~moved.fill_null(value=True))
    judged = rows.with_columns(readable=readable)
    good = judged.filter("readable").with_columns(filled_up(width)).with_columns(pl.col("fields").list.head(width))
    return Fitted(good.drop("readable"), judged.filter(~pl.col("readable")).drop("readable"))


def _holds_parts(rows: pl.DataFrame, value: int) -> bool:
    """Whether all notes are short numbers, and some of them stand beside a whole number."""
    notes = pl.col("fields").list.get(value + 1, null_on_oob=True).str.strip_chars()
    other = notes.is_not_null() & (notes != "") & ~notes.str.contains(f"^{_PART}$")
    return bool(rows.select(_parted(value).any() & ~other.any()).item())


def _parted(value: int) -> pl.Expr:
    """Whether a value and the field after it may be the two parts of a number with a decimal comma; a point shows that they are not."""
    whole, after = (pl.col("fields").list.get(place, null_on_oob=True).str.strip_chars() for place in (value, value + 1))
    return whole.str.contains(f"^{_WHOLE}$") & after.str.contains(f"^{_PART}$") & ~whole.str.contains(r"\d\.\d").any()


def ends_parted(line: pl.Expr) -> pl.Expr:
    """Whether the last filled fields of a line with commas may be the two parts of a number."""
    return line.str.contains(rf",{_WHOLE},{_PART}[,\s]*$")


def any_filled(fields: pl.Expr) -> pl.Expr:
    """Whether any of the fields of a row holds more than blanks."""
    return fields.list.eval(pl.element().str.strip_chars() != "").list.any()


def filled_up(width: int) -> pl.Expr:
    """The fields of each row, with empty ones added where there are fewer than `width`."""
    fields = pl.col("fields")
    padded = pl.concat_list(fields, pl.lit([""] * width, pl.List(pl.String))).list.head(width)
    return pl.when(fields.list.len() < width).then(padded).otherwise(fields).alias("fields")

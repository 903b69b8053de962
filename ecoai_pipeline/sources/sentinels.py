"""Numbers that programs write where a reading is missing, such as -999 or 99999: they must not become energy."""

from __future__ import annotations

import polars as pl

FEWEST = 2
"""A value that occurs once may be a fault of the meter, which is what detectors look for."""
FAR = 10
"""How many times larger than all other readings a mark is at least; a plausible 999 stays a reading."""
_NINES = [float("9" * whole + "." + "9" * places) for whole in range(2, 11) for places in range(4)]
_LIMITS = [32_767.0, 65_535.0, 2_147_483_647.0, 4_294_967_295.0]
"""The largest numbers of counters of 15, 16, 31 and 32 bits."""
_MARKS = [*(mark for mark in _NINES if mark >= 999), *_LIMITS, *(-mark for mark in _NINES)]
_COUNTS = pl.Schema({"meter": pl.String(), "number": pl.Float64(), "times": pl.Int64()})
_OTHERS = pl.Schema({"meter": pl.String(), "highest": pl.Float64(), "lowest": pl.Float64()})


class Sentinels:
    """Finds marks of missing readings by all numbers of a file; registers are left out, they may count to 99999."""

    def __init__(self) -> None:
        self._counts, self._others = [_COUNTS.to_frame()], [_OTHERS.to_frame()]

    def look(self, rows: pl.DataFrame) -> None:
        """Take some readings (meter, number, register) into account."""
        rows = rows.filter(pl.col("number").is_not_null(), ~pl.col("register").fill_null(value=False))
        mark = rows["number"].is_in(_MARKS)
        if mark.any():
            self._counts.append(rows.filter(mark).group_by("meter", "number").agg(times=pl.len().cast(pl.Int64)))
            rows = rows.filter(~mark)
        self._others.append(rows.group_by("meter").agg(highest=pl.col("number").max(), lowest=pl.col("number").min()))

    def found(self) -> pl.DataFrame:
        """The marks of each meter (meter, number)."""
        counts = pl.concat(self._counts).group_by("meter", "number").agg(pl.col("times").sum()).filter(pl.col("times") >= FEWEST)
        if counts.is_empty():
            return counts.drop("times")
        others = pl.concat(self._others).group_by("meter").agg(pl.col("highest").max(), pl.col("lowest").min())
        number = pl.col("number")
        above = (number > 0) & (number >= FAR * pl.max_horizontal("highest", pl.lit(0.0)))
        below = (number < 0) & (number <= FAR * pl.min_horizontal("lowest", pl.lit(0.0)))
        return counts.join(others, on="meter").filter(above | below).select("meter", "number")

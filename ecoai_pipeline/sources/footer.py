"""Lines below a table that look like readings: the time of an export and the number of its rows."""

from __future__ import annotations

import polars as pl

TAIL = 200
"""Readings at the end of a file that show its grid."""
_MOST = 3
"""Lines that may stand below the names of a footer; more of them are readings below a remark."""
_FEWEST = 12
"""Readings that make a grid."""
_SLACK = 0.1
"""Share of the interval that a stamp may lie beside the grid."""


def footers(tail: pl.DataFrame, names: int | None) -> list[int]:
    """The lines of a file's last readings that belong to no table.

    These are the lines below the last row that consists of words alone, where no more than three follow, and a last line whose time
    lies beside the grid of all others and more than an interval after them.

    Args:
        tail: the last readings (line, meter, local) in the order of their lines.
        names: the last line that has words and no number, if any.
    """
    if names is not None:
        below = tail.filter(pl.col("line") > names)["line"].to_list()
        if len(below) <= _MOST and len(below) < tail.height:
            return below
    return [tail["line"][-1]] if _is_apart(tail) else []


def _is_apart(tail: pl.DataFrame) -> bool:
    """Whether the last reading lies beside the grid of the others, which are all on one."""
    if tail.height <= _FEWEST or tail["meter"].n_unique() > 1:
        return False
    steps = tail["local"].diff().dt.total_seconds().drop_nulls()
    before, last = steps[:-1], steps[-1]
    usual = before.mode()[0]
    if usual <= 0 or (before % usual != 0).any():
        return False
    beside = min(last % usual, usual - last % usual)
    return bool(last > usual and beside > max(_SLACK * usual, 60))

"""The clocks by which a system may cut readings into days."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def hours_of_day(instant: NDArray[np.int64], zone: pl.Series) -> Floats:
    """Hours since midnight by the local clock, by local standard time and by UTC.

    Args:
        instant: (n,), microseconds since 1970, UTC.
        zone: (n,), name of the time zone of each.

    Returns:
        (3, n).
    """
    moments = pl.DataFrame({"utc": pl.Series(instant).cast(pl.Datetime("us", "UTC")), "zone": zone}).with_row_index()
    parts = []
    for (name,), part in moments.partition_by("zone", as_dict=True).items():
        local = pl.col("utc").dt.convert_time_zone(str(name))
        parts.append(part.select("index", local=_hours(local), standard=_hours(local - local.dt.dst_offset()), world=_hours(pl.col("utc"))))
    return pl.concat(parts).sort("index").drop("index").to_numpy().T


def _hours(clock: pl.Expr) -> pl.Expr:
    return clock.dt.hour() + clock.dt.minute() / 60 + clock.dt.second() / 3600

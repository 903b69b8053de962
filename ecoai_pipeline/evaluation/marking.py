"""Quality rules for readings that are changed after they were validated: the marks that the same readings would have in a lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ecoai_pipeline.domain import VALIDATED_READINGS, Meter, Month, Quality
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.quality.measures import CONTEXT, examine, local_time
from ecoai_pipeline.quality.rules import mark, meter_frame
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.schema import schema_of

MARKS = ("meter_id", "timestamp", "kwh", "quality", "rule")
_READING = (*CONTEXT, "quality", "rule")


def marked(portfolio: Sequence[Series], meters: Mapping[str, Meter], settings: Settings) -> pl.DataFrame:
    """The readings of some series with the marks of the quality rules, columns MARKS, in order of meter and time.

    As for `validated_readings`, each local month is judged with the month before as its history. What a provider said of a reading is not
    in a series, so no reading is estimated; an interval without a reading is missing.
    """
    known, params, zone = meter_frame(meters), settings.quality, settings.time_zone
    months = _by_month(pl.concat([_readings(one) for one in portfolio]), known)
    examined = (examine(own, known, params, default_zone=zone, before=months.get(month.previous)) for month, own in months.items())
    return pl.concat([mark(one, params).select(MARKS) for one in examined]).sort("meter_id", "timestamp")


def _readings(series: Series) -> pl.DataFrame:
    """The intervals of a series as rows of a lake."""
    of_table = schema_of(VALIDATED_READINGS)
    frame = pl.DataFrame(
        {
            "timestamp": pl.Series(series.timestamps).dt.replace_time_zone("UTC"),
            "kwh": pl.Series(np.where(series.observed, series.kwh, np.nan)).fill_nan(None),
            "quality": np.where(series.observed, Quality.MEASURED.value, Quality.MISSING.value),
        }
    )
    facts = {"meter_id": series.meter_id, "interval_s": series.interval_s, "rule": None}
    named = frame.with_columns(**{name: pl.lit(value) for name, value in facts.items()})
    return named.select(_READING).cast({name: of_table[name] for name in _READING})


def _by_month(readings: pl.DataFrame, known: pl.DataFrame) -> dict[Month, pl.DataFrame]:
    """The readings of each month of the meters' own clocks."""
    zoned = readings.join(known.select("meter_id", "zone"), on="meter_id", maintain_order="left")
    month = local_time(zoned["zone"].unique().sort().to_list()).dt.strftime("%Y-%m")
    parts = zoned.with_columns(month=month).partition_by("month", as_dict=True)
    return {Month.parse(str(key[0])): part.select(_READING) for key, part in parts.items()}

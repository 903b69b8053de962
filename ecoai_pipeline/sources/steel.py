"""The steel plant of the UCI repository: one meter, stamps at the end of the interval, and days that end at their own 0:00."""

from __future__ import annotations

from collections.abc import Sequence

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, long_layout
from ecoai_pipeline.sources.mapping import ColumnMapping

# The row after 1/1/2018 23:45 says 1/1/2018 0:00: the closing midnight keeps the date of the day that it ends.
COLUMNS = ColumnMapping(
    timestamp="date", kwh="Usage_kWh", format="%d/%m/%Y %H:%M", stamp="end", midnight_closes_day=True, zone="Asia/Seoul", interval_s=900
)


class Steel:
    name = "steel"
    about = "UCI steel industry file: date (d/m/yyyy), Usage_kWh, …; the file's name names the meter"

    def recognises(self, header: Sequence[str]) -> bool:
        return {"date", "Usage_kWh", "NSM"} <= set(header)

    def layout(self, opened: OpenFile) -> Layout:
        return long_layout(opened, COLUMNS)

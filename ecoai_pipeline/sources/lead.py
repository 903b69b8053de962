"""LEAD 1.0: hourly readings of buildings with labelled anomalies, in the contest's columns."""

from __future__ import annotations

from collections.abc import Sequence

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, long_layout
from ecoai_pipeline.sources.mapping import ColumnMapping

COLUMNS = ColumnMapping(
    meter="building_id", timestamp="timestamp", kwh="meter_reading", label="anomaly", format="%Y-%m-%d %H:%M:%S", interval_s=3600
)


class Lead:
    name = "lead"
    about = "LEAD 1.0 contest file: building_id, timestamp, meter_reading, anomaly"

    def recognises(self, header: Sequence[str]) -> bool:
        return {"building_id", "timestamp", "meter_reading"} <= set(header)

    def layout(self, opened: OpenFile) -> Layout:
        return long_layout(opened, COLUMNS)

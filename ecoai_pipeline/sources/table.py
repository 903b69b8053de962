"""Any long table, CSV, Parquet or workbook, whose columns the user names."""

from __future__ import annotations

from collections.abc import Sequence

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, long_layout
from ecoai_pipeline.sources.mapping import ColumnMapping

CANONICAL = ("meter_id", "timestamp", "kwh")


class TableSource:
    """With a mapping, any file is this source; without one, a file that has the canonical columns is."""

    name = "table"
    about = "any long table with --columns meter=…,timestamp=…,kwh=…; or columns named meter_id, timestamp, kwh"

    def __init__(self, mapping: ColumnMapping | None = None) -> None:
        self.mapping = mapping

    def recognises(self, header: Sequence[str]) -> bool:
        return set(CANONICAL) <= set(header)

    def layout(self, opened: OpenFile) -> Layout:
        return long_layout(opened, self.mapping or ColumnMapping(meter="meter_id", timestamp="timestamp", kwh="kwh"))

"""Any long table, CSV, Parquet or workbook, whose columns the user names."""

from __future__ import annotations

from collections.abc import Sequence

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, long_layout
from ecoai_pipeline.sources.mapping import ColumnMapping

CANONICAL = ("meter_id", "timestamp", "kwh")
OWN = ("interval_s", "quality", "rule")
"""What a table of the lake has beside; all three together are taken as that."""


class TableSource:
    """With a mapping, any file is this source; without one, a file that has the canonical columns is."""

    name = "table"
    about = "any long table with --columns meter=…,timestamp=…,kwh=…; or columns named meter_id, timestamp, kwh"

    def __init__(self, mapping: ColumnMapping | None = None) -> None:
        self.mapping = mapping

    def recognises(self, header: Sequence[str]) -> bool:
        return set(CANONICAL) <= set(header)

    def layout(self, opened: OpenFile) -> Layout:
        return long_layout(opened, self.mapping or _canonical(opened.header))


def _canonical(header: Sequence[str]) -> ColumnMapping:
    plain = ColumnMapping(meter="meter_id", timestamp="timestamp", kwh="kwh")
    if not set(OWN) <= set(header):
        return plain
    return plain.model_copy(update={"interval": "interval_s", "quality": "quality", "rule": "rule"})

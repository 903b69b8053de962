"""AIOps 2018 KPI curves: epoch seconds and signed values with labels; the curves have gaps and several intervals."""

from __future__ import annotations

from collections.abc import Sequence

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, long_layout
from ecoai_pipeline.sources.mapping import ColumnMapping

COLUMNS = ColumnMapping(meter="KPI ID", timestamp="timestamp", kwh="value", label="label", format="epoch", signed=True, interval_s=60)


class Kpi:
    name = "kpi"
    about = "AIOps 2018 KPI file: timestamp (epoch seconds), value, label, KPI ID"

    def recognises(self, header: Sequence[str]) -> bool:
        return {"timestamp", "value", "KPI ID"} <= set(header)

    def layout(self, opened: OpenFile) -> Layout:
        mapping = COLUMNS if "label" in opened.header else COLUMNS.model_copy(update={"label": None})
        return long_layout(opened, mapping)

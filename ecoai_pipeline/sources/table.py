"""Any long table, CSV, Parquet or workbook, whose columns the user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecoai_pipeline.sources.around import named_meter, stated_unit, unit_column
from ecoai_pipeline.sources.by_column import by_column, columns_layout
from ecoai_pipeline.sources.by_name import ends_days, named_columns, quoted, time_beside, understand_file, without_meters
from ecoai_pipeline.sources.directions import two_directions
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, long_layout, mapped_columns, require_named_minutes, show_header, value_columns
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.reasons import IngestError

CANONICAL = ("meter_id", "timestamp", "kwh")
OWN = ("interval_s", "quality", "rule")
"""What a table of the lake has beside; all three together are taken as that."""


class TableSource:
    """With a mapping, any file is this source; without one, a file that has the canonical columns is."""

    name = "table"
    about = "any long table of columns like meter, timestamp and kwh, or of a column per meter; else --columns meter=…,timestamp=…,kwh=…"

    def __init__(self, mapping: ColumnMapping | None = None) -> None:
        self.mapping = mapping

    def recognises(self, header: Sequence[str]) -> bool:
        return set(CANONICAL) <= set(header)

    def layout(self, opened: OpenFile) -> Layout:
        """
        Raises:
            IngestError: the names of the columns are not clear, or do not tell meters apart that the rows hold.
        """
        if self.mapping is not None:
            several = len(value_columns(self.mapping.kwh, opened.header)) > 1
            return columns_layout(opened, self.mapping) if several else long_layout(opened, self.mapping)
        if self.recognises(opened.header):
            return long_layout(opened, _canonical(opened))
        if understand_file(opened).mapping is None and (columns := by_column(opened)):
            return columns_layout(opened, columns)
        found = long_layout(opened, _by_name(opened))
        if found.periods is None:
            require_named_minutes(opened, found.mapping, found.form)
        return replace(found, units=unit_column(opened.header))


def _by_name(opened: OpenFile) -> ColumnMapping:
    understood = understand_file(opened)
    if understood.mapping is None:
        raise IngestError(opened.file, f"{understood.trouble}; its header has {show_header(opened.header)}")
    _require_one_direction(opened, understood.mapping)
    if named_meter(opened) is None and without_meters(opened, understood.mapping):
        if clock := time_beside(opened, understood.mapping.timestamp):
            whole = understood.mapping.model_copy(update={"timestamp": f"{understood.mapping.timestamp}+{clock}"})
            message = f"its times repeat; the time of the day may be in {clock!r}: --columns {named_columns(whole)}"
            raise IngestError(opened.file, message)
        advice = "name it: --columns meter=COLUMN," + named_columns(understood.mapping)
        raise IngestError(opened.file, f"its times repeat, so it holds several meters, but no column is named like a meter; {advice}")
    unit = stated_unit(opened, understood.mapping.kwh) or understood.mapping.unit
    stamp = "end" if ends_days(opened, understood.mapping) else understood.mapping.stamp
    return understood.mapping.model_copy(update={"unit": unit, "stamp": stamp})


def _require_one_direction(opened: OpenFile, mapping: ColumnMapping) -> None:
    """
    Raises:
        IngestError: the rows of a meter are of two directions.
    """
    meter = mapping.meter if mapping.meter in opened.header else None
    if found := two_directions(opened, mapped_columns(mapping, opened.header), meter):
        column, trouble = found
        line = quoted(f"meter={column},timestamp={mapping.timestamp},kwh={mapping.kwh}")
        raise IngestError(opened.file, f"{trouble}; keep the rows of one, or read each direction as a meter: --columns {line}")


def _canonical(opened: OpenFile) -> ColumnMapping:
    plain = ColumnMapping(meter="meter_id", timestamp="timestamp", kwh="kwh")
    if not set(OWN) <= set(opened.header):
        _require_one_direction(opened, plain)
        return plain.model_copy(update={"stamp": "end"}) if ends_days(opened, plain) else plain
    return plain.model_copy(update={"interval": "interval_s", "quality": "quality", "rule": "rule"})

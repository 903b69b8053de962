"""Tables with a column per meter: `timestamp,M1,M2,M3`, or those columns that the sender lists as `kwh=M1|M2`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ecoai_pipeline.sources import ends
from ecoai_pipeline.sources.around import filled_in, named_unit, named_zone
from ecoai_pipeline.sources.by_name import ends_days, energy_unit, named_columns, stamps_of
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.header import is_number
from ecoai_pipeline.sources.index_columns import row_numbers, unnamed_times
from ecoai_pipeline.sources.layout import (
    Traits,
    column_form,
    doubts,
    mapped_columns,
    require_columns,
    time_columns,
    times_of,
    value_columns,
)
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.stamps import StampForm
from ecoai_pipeline.sources.units import Unit
from ecoai_pipeline.sources.vocabulary import may_be_meter

_FEWEST = 2
_NUMBERS = 0.9
"""Share of the filled cells of a column that are numbers where it holds readings."""
_DAY = 20
"""Columns that may be the intervals of a day where the rows have dates without times."""
_TIME = re.compile(r"\d[:.h]\d{2}|\d{9,}")
_NUMBERED = re.compile(r"M\d+")
"""`M3` beside `M1` and `M2` is no cubic metre."""
_UNIT = re.compile(r"\s*[\[(][^\])]*[\])]\s*$|[ _](?:[kMG]?Wh?)$", re.IGNORECASE)


@dataclass(frozen=True)
class ColumnsLayout:
    """A reading of each meter per row; `meters` and `units` are those of `cells`."""

    header: tuple[str, ...]
    cells: tuple[str, ...]
    meters: tuple[str, ...]
    units: tuple[Unit, ...]
    timestamp: str
    form: StampForm
    traits: Traits
    named_by_file: bool = False

    @property
    def needed(self) -> Sequence[int]:
        return [self.header.index(name) for name in (*time_columns(self.header, self.timestamp), *self.cells)]

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        stamps = self.form.read(times_of(rows, self.header, self.timestamp))
        places = [self.header.index(name) for name in self.cells]
        cell = pl.lit(pl.Series("cell", np.tile(np.arange(len(self.cells), dtype=np.int32), rows.height)))
        each = rows.select("line", local=stamps.local, utc=stamps.utc, value=pl.col("fields").list.gather(places)).explode("value")
        meters, per_kwh, power = (
            pl.Series(values) for values in (self.meters, [1 / unit.kwh for unit in self.units], [unit.is_power for unit in self.units])
        )
        others = {} if len(set(self.units)) == 1 else {"per_kwh": pl.lit(per_kwh).gather(cell), "power": pl.lit(power).gather(cell)}
        return each.select(
            "line",
            cell,
            text="value",
            meter=pl.lit(meters).gather(cell),
            local="local",
            utc="utc",
            value=pl.col("value").str.strip_chars(),
            label=pl.lit(None, pl.String),
            reason=pl.lit(None, pl.String),
            **others,
        )

    def claims(self, rows: pl.DataFrame) -> None:  # noqa: ARG002 - such tables say nothing of industries
        return None


def columns_layout(opened: OpenFile, mapping: ColumnMapping) -> ColumnsLayout:
    """The layout of a table whose meters have a column each.

    Raises:
        IngestError: a column is absent, or its unit is not read.
    """
    used, cells = mapped_columns(mapping, opened.header), value_columns(mapping.kwh, opened.header)
    require_columns(opened, used)
    stated = mapping.unit if "unit" in mapping.model_fields_set else None
    units = tuple(stated or named_unit(opened, name) or Unit.KWH for name in cells)
    meters = tuple(_UNIT.sub("", name).strip() or name for name in cells)
    traits = Traits(
        unit=units[0],
        signed=mapping.signed,
        ends=mapping.stamp == "end",
        interval_s=mapping.interval_s,
        zone=mapping.zone,
        stamp_zone=None if mapping.zone else named_zone(opened, time_columns(opened.header, mapping.timestamp)),
        decimal=mapping.decimal,
        unmapped=tuple(name for name in opened.header if name not in used),
    )
    form = StampForm.named(mapping.format) if mapping.format else column_form(opened, mapping.timestamp)
    traits = replace(traits, warnings=doubts(opened, mapping, form))
    return ColumnsLayout(opened.header, cells, meters if len(set(meters)) == len(meters) else cells, units, mapping.timestamp, form, traits)


def by_column(opened: OpenFile) -> ColumnMapping | None:
    """The mapping of a table whose columns besides the time are all numbers, and none has a name that could be no meter's.

    Raises:
        IngestError: some of the columns of numbers could be no meters; the message lists those that could.
    """
    stamps, named_ends = stamps_of(opened.header)
    stamps = stamps or unnamed_times(opened)
    if len(stamps) != 1:
        return None
    left = [name for name in opened.header if name not in (*time_columns(opened.header, stamps[0]), *row_numbers(opened))]
    numbers = [name for name in left if name and _holds_numbers(opened, name)]
    meters = [name for name in numbers if may_be_meter(name) and (energy_unit(name) is not None or _NUMBERED.fullmatch(name))]
    if len(meters) < _FEWEST or any("|" in name for name in meters):
        return None
    first = time_columns(opened.header, stamps[0])[0]
    if len(meters) >= _DAY and not any(_TIME.search(text) for text in filled_in(opened, first)):
        return None
    columns = ColumnMapping(timestamp=stamps[0], kwh="|".join(meters))
    are_ends = named_ends or ends.names_end(columns.timestamp) or ends_days(opened, columns)
    listed = named_columns(columns)
    if meters != [name for name in left if name]:
        others = ", ".join(repr(name) for name in left if name and name not in meters)
        message = f"its columns may be a meter each, but {others} may be none; list those that are meters: --columns {listed}"
        raise IngestError(opened.file, message + (",stamp=end" if are_ends else ""))
    return columns.model_copy(update={"stamp": "end"}) if are_ends else columns


def _holds_numbers(opened: OpenFile, name: str) -> bool:
    filled = filled_in(opened, name)
    return bool(filled) and sum(map(is_number, filled)) >= _NUMBERS * len(filled)

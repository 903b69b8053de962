"""NEM12 as a source: the values of its days as readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from ecoai_pipeline.domain import Quality
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, Traits
from ecoai_pipeline.sources.nem12 import CELL, HEADER, PER_KWH, Nem12File, Register
from ecoai_pipeline.sources.reasons import IngestError, Reason

ZONE = "Australia/Brisbane"
"""The market's time is UTC+10 all year, as that of Queensland, which has no daylight saving since 2000."""
_QUALITIES = {"A": Quality.MEASURED, "E": Quality.ESTIMATED, "F": Quality.ESTIMATED, "S": Quality.ESTIMATED, "N": Quality.MISSING}
"""Actual, forward estimate, final substitute, substitute, null; the two digits behind the letter name the method."""
_VARIES = "V"
"""The quality of a day whose parts have others, in records 400."""


@dataclass(frozen=True)
class Nem12Layout:
    """A reading per value of a record 300."""

    registers: tuple[Register, ...]
    traits: Traits
    cells: tuple[str, ...] = (CELL,)
    needed: tuple[int, ...] = ()
    named_by_file: bool = False

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        known = rows.join(self._registers, on="stream", how="left", maintain_order="left")
        day = pl.col("day").str.to_datetime("%Y%m%d", time_unit="us", strict=False)
        each = known.with_columns(day=day, slot=pl.int_ranges(0, pl.col("values").list.len())).explode("values", "codes", "slot")
        letter = pl.col("codes").str.slice(0, 1).str.to_uppercase()
        missing = letter == "N"
        known_code = letter.is_in([*_QUALITIES, _VARIES])
        return each.select(
            "line",
            cell=pl.lit(0, pl.Int32),
            text=pl.col("values"),
            meter="meter",
            local=pl.col("day") + pl.duration(seconds=pl.col("slot") * pl.col("interval_s")),
            utc=pl.lit(None, pl.Datetime("us", "UTC")),
            value=pl.when(missing).then(pl.lit("")).otherwise("values"),
            label=pl.lit(None, pl.String),
            reason=pl.when("torn").then(pl.lit(Reason.FIELDS.value)).when(~known_code).then(pl.lit(Reason.UNKNOWN_QUALITY.value)),
            interval_s=pl.col("interval_s").cast(pl.Int32),
            quality=letter.replace_strict(
                {code: quality.value for code, quality in _QUALITIES.items()}, default=None, return_dtype=pl.String
            ),
            per_kwh="per_kwh",
        )

    def claims(self, rows: pl.DataFrame) -> None:  # noqa: ARG002 - the market says nothing of industries
        return None

    @cached_property
    def _registers(self) -> pl.DataFrame:
        rows = [
            (at, one.meter, 60 * (one.minutes or 0), PER_KWH[one.unit.lower()]) for at, one in enumerate(self.registers) if one.is_energy
        ]
        schema = {"stream": pl.Int32, "meter": pl.String, "interval_s": pl.Int64, "per_kwh": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")


class Nem12:
    name = "nem12"
    about = "Australian NEM12: records 200 (NMI, register, unit, interval length), 300 (a day) and 400 (quality)"

    def recognises(self, header: Sequence[str]) -> bool:
        return tuple(header) == HEADER

    def layout(self, opened: OpenFile) -> Layout:
        """
        Raises:
            IngestError: the file is no NEM12, or no register of it counts energy.
        """
        if not isinstance(opened, Nem12File):
            raise IngestError(opened.file, "it is no NEM12 (its first line is not '100,NEM12,…'), but --source nem12 was given")
        others = [f"{one.nmi} {one.suffix} ({one.unit or 'no unit'})" for one in opened.registers if not one.is_energy]
        if len(others) == len(opened.registers):
            raise IngestError(opened.file, f"no register of it counts energy, only {', '.join(others)}; nothing else is read")
        warnings = [f"registers that count no energy were left out: {', '.join(others)}"] if others else []
        if not opened.ends:
            warnings.append("its last record is not 900: the file may be cut off; ask for it again")
        return Nem12Layout(opened.registers, Traits(zone=ZONE, warnings=tuple(warnings), last_wins=True))

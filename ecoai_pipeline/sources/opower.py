"""The export of US utilities by Opower: the account above the table, a row per interval with its date, start and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, LongLayout, Traits, long_layout, require_columns
from ecoai_pipeline.sources.mapping import FILE_STEM, ColumnMapping
from ecoai_pipeline.sources.reasons import IngestError, Reason

_MARKS = ("TYPE", "DATE", "START TIME", "END TIME")
_USAGE = ("USAGE (KWH)", "USAGE")
_UNITS = "UNITS"
_KWH = "kwh"
_ABOVE = ("account number", "service")
"""Lines above the table that name the meter: an account may have several services."""


@dataclass(frozen=True)
class OpowerLayout:
    """A long table whose rows name their commodity and, in some exports, their unit."""

    long: LongLayout
    kind: int
    units: int | None

    @property
    def traits(self) -> Traits:
        return self.long.traits

    @property
    def cells(self) -> tuple[str, ...]:
        return self.long.cells

    @property
    def named_by_file(self) -> bool:
        return self.long.named_by_file

    @property
    def needed(self) -> Sequence[int]:
        return self.long.needed

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        kind = rows["fields"].list.get(self.kind).str.to_lowercase()
        other = kind.str.contains("gas|water|steam")
        if self.units is not None:
            unit = rows["fields"].list.get(self.units, null_on_oob=True).fill_null("").str.strip_chars().str.to_lowercase()
            other = other | ~unit.is_in([_KWH, ""])
        reason = pl.when(other.alias("other")).then(pl.lit(Reason.NOT_KWH.value))
        return self.long.rough(rows).with_columns(reason=pl.coalesce(reason, "reason"))

    def claims(self, rows: pl.DataFrame) -> None:  # noqa: ARG002 - utilities say nothing of industries
        return None


class Opower:
    name = "opower"
    about = "export of US utilities (Opower): Account Number,… above TYPE, DATE, START TIME, END TIME, USAGE (kWh), …"

    def recognises(self, header: Sequence[str]) -> bool:
        return set(_MARKS) <= {name.upper() for name in header}

    def layout(self, opened: OpenFile) -> Layout:
        """
        Raises:
            IngestError: it holds no column of kWh: it is gas, or of an unknown form.
        """
        names = {name.upper(): name for name in opened.header}
        require_columns(opened, [names.get(mark, mark) for mark in _MARKS])
        usage = next((names[name] for name in _USAGE if name in names), None)
        if usage is None:
            found = ", ".join(name for name in opened.header if name.upper().startswith("USAGE")) or "no column of usage"
            raise IngestError(
                opened.file, f"it has {found} but no USAGE (kWh): it is no electricity; ask for the electricity of the account"
            )
        mapping = ColumnMapping(meter=_meter(opened), timestamp=f"{names['DATE']}+{names['START TIME']}", kwh=usage)
        return OpowerLayout(long_layout(opened, mapping), opened.header.index(names["TYPE"]), _place(opened, names.get(_UNITS)))


def _place(opened: OpenFile, name: str | None) -> int | None:
    return opened.header.index(name) if name else None


def _meter(opened: OpenFile) -> str:
    """The account and its service as a literal, else the file's name."""
    told = {row[0].strip().lower(): row[1].strip() for row in opened.above if len(row) > 1}
    named = " ".join(told[name] for name in _ABOVE if told.get(name))
    return f"={named}" if named else FILE_STEM

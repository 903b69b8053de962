"""Values without times: a column of energy whose first time and interval the sender says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ecoai_pipeline.sources.by_name import understand_file
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, Traits, show_header, stem_of
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.vocabulary import Role, columns_of


@dataclass(frozen=True)
class ValuesLayout:
    """A value per line; empty lines are intervals without one. The file's name is the meter."""

    place: int
    cells: tuple[str, ...]
    stem: str
    first_line: int
    interval_s: int
    traits: Traits
    named_by_file: bool = True

    @property
    def needed(self) -> Sequence[int]:
        return [self.place]

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        start = self.traits.counted_from
        assert start is not None
        passed = pl.duration(seconds=(pl.col("line") - self.first_line) * self.interval_s)
        return rows.select(
            "line",
            pl.lit(0, pl.Int32).alias("cell"),
            "text",
            meter=pl.lit(self.stem, pl.String),
            local=pl.lit(start.replace(tzinfo=None)).cast(pl.Datetime("us")) + passed,
            utc=pl.lit(None, pl.Datetime("us", "UTC")),
            value=pl.col("fields").list.get(self.place).str.strip_chars(),
            label=pl.lit(None, pl.String),
            reason=pl.lit(None, pl.String),
        )

    def claims(self, rows: pl.DataFrame) -> None:  # noqa: ARG002 - values alone say nothing of industries
        return None


class Values:
    """A file of one column, or with one column of energy, and no times."""

    name = "values"
    about = "values without times, with --start 2025-01-01 --interval 15min"

    def __init__(self, start: datetime, interval_s: int) -> None:
        self.start, self.interval_s = start, interval_s

    def recognises(self, header: Sequence[str]) -> bool:  # noqa: ARG002 - only the sender can say so
        return False

    def layout(self, opened: OpenFile) -> Layout:
        """
        Raises:
            IngestError: it has times, or not exactly one column of energy.
        """
        understood = understand_file(opened)
        if understood.mapping:
            raise IngestError(opened.file, f"it has times in {understood.mapping.timestamp!r}; leave --start and --interval out")
        energies = columns_of(opened.header, Role.ENERGY) if len(opened.header) > 1 else list(opened.header)
        if len(energies) != 1 or opened.sample.is_empty():
            shown = show_header(opened.header)
            raise IngestError(opened.file, f"not exactly one column of it holds values: {shown}; leave one, or name it kwh")
        traits = Traits(
            interval_s=self.interval_s,
            fixed_interval=True,
            unmapped=tuple(name for name in opened.header if name != energies[0]),
            counted_from=self.start,
        )
        place, first_line = opened.header.index(energies[0]), int(opened.sample["line"][0])
        return ValuesLayout(place, (energies[0],), stem_of(opened.file), first_line, self.interval_s, traits)

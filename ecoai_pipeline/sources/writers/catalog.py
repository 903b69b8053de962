"""The formats that can be written, by name: those that `ingest` reads, in the forms they come in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path

import polars as pl

from ecoai_pipeline.sources.writers import tables
from ecoai_pipeline.sources.writers.block import Block
from ecoai_pipeline.sources.writers.espi import write_espi
from ecoai_pipeline.sources.writers.kepco import write_wide

Blocks = Iterable[Block]


@dataclass(frozen=True)
class WrittenFormat:
    """How blocks of one span become a file; a format that names no meter has a file for each, in a folder of the span."""

    about: str
    suffix: str
    write: Callable[[Path, Blocks], None]
    per_meter: bool = False

    def files(self, folder: Path, name: str, blocks: Blocks) -> list[Path]:
        """Write `name` and its ending into the folder, or a file per meter into the folder `name`."""
        if not self.per_meter:
            path = folder / f"{name}{self.suffix}"
            self.write(path, blocks)
            return [path]
        paths = []
        for single in chain.from_iterable(block.singles() for block in blocks):
            paths.append(folder / name / f"{single.meters[0]}{self.suffix}")
            self.write(paths[-1], [single])
        return paths


def _rows(frame: Callable[[Block], pl.DataFrame], write: Callable[[Path, Iterable[pl.DataFrame]], None]) -> Callable[[Path, Blocks], None]:
    return lambda path, blocks: write(path, map(frame, blocks))


def _greenbutton(path: Path, blocks: Blocks) -> None:
    """A feed sent on the day after the last one it holds."""
    rest = iter(blocks)
    first = next(rest)
    sent = datetime.combine(first.dates[-1] + timedelta(days=1), datetime.min.time(), UTC)
    each = (single for block in chain([first], rest) for single in block.singles())
    write_espi(path, ((single.meters[0], single.readings()) for single in each), first.zone, updated=sent)


WRITTEN: Mapping[str, WrittenFormat] = {
    "kepco": WrittenFormat("Korean wide file, a row per meter and day, UTF-8", ".csv", write_wide),
    "kepco-cp949": WrittenFormat("the same with Korean names, CP949", ".csv", partial(write_wide, encoding="cp949")),
    "table": WrittenFormat("meter_id, timestamp (local), kwh", ".csv", _rows(tables.table, tables.write_rows)),
    "table-parquet": WrittenFormat("the same, typed, in UTC", ".parquet", _rows(tables.typed_table, tables.write_parquet)),
    "greenbutton": WrittenFormat("Green Button (ESPI) feed, whole watt hours", ".xml", _greenbutton),
    "lead": WrittenFormat("LEAD 1.0, faults labelled", ".csv", _rows(tables.lead, tables.write_rows)),
    "kpi": WrittenFormat("AIOps 2018 KPI curves, faults labelled", ".csv", _rows(tables.kpi, tables.write_rows)),
    "steel": WrittenFormat("UCI steel plant, a file per meter", ".csv", _rows(tables.steel, tables.write_rows), per_meter=True),
}


def written(name: str) -> WrittenFormat:
    """
    Raises:
        ValueError: there is no such format.
    """
    if name not in WRITTEN:
        known = "; ".join(f"{each} ({form.about})" for each, form in WRITTEN.items())
        raise ValueError(f"unknown format {name!r}; known are {known}")
    return WRITTEN[name]

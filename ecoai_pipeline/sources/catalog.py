"""The list of known sources, and recognising a file by its header. A new source is a file here and a line in SOURCES."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic.fields import FieldInfo

from ecoai_pipeline.sources import kpi, lead, steel
from ecoai_pipeline.sources.by_column import by_column
from ecoai_pipeline.sources.by_name import understand_file
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.greenbutton.codes import Flow
from ecoai_pipeline.sources.greenbutton.source import GreenButton
from ecoai_pipeline.sources.header import is_date
from ecoai_pipeline.sources.kepco import Kepco
from ecoai_pipeline.sources.kpi import Kpi
from ecoai_pipeline.sources.layout import Layout, mapped_columns, show_header
from ecoai_pipeline.sources.lead import Lead
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.nem12_source import Nem12
from ecoai_pipeline.sources.opower import Opower
from ecoai_pipeline.sources.reasons import IngestError, NoTableError
from ecoai_pipeline.sources.steel import Steel
from ecoai_pipeline.sources.table import TableSource
from ecoai_pipeline.sources.wide import Wide


class Source(Protocol):
    """A raw format: its name, its marks, and how its rows become readings."""

    name: str
    about: str

    def recognises(self, header: Sequence[str]) -> bool: ...
    def layout(self, opened: OpenFile) -> Layout: ...


SOURCES: tuple[Source, ...] = (Kepco(), GreenButton(), Nem12(), Opower(), Lead(), Kpi(), Steel(), TableSource(), Wide())


def choose(opened: OpenFile, name: str | None, columns: ColumnMapping | None, flow: Flow | None = None) -> Source:
    """The source that is named, that a mapping implies, or whose marks the header bears.

    Raises:
        IngestError: the name is unknown, a mapping or a flow is given to a source that has its own, or not exactly one source fits.
    """
    source = _chosen(opened, name, columns)
    if flow is None:
        return source
    if not isinstance(source, GreenButton):
        raise IngestError(opened.file, f"--flow is for the source 'greenbutton'; in {source.name!r} nothing tells the directions apart")
    return GreenButton(flow)


def _chosen(opened: OpenFile, name: str | None, columns: ColumnMapping | None) -> Source:
    if columns is not None:
        if name not in (None, TableSource.name):
            raise IngestError(opened.file, f"--columns is for the source 'table'; the source {name!r} knows its own columns")
        if not opened.has_readings and not set(mapped_columns(columns)) & set(opened.header):
            raise NoTableError(
                opened.file, f"it holds no table with the columns that were named: its first line has {show_header(opened.header)}"
            )
        return TableSource(columns)
    if name is not None:
        named = [source for source in SOURCES if source.name == name]
        if not named:
            raise IngestError(opened.file, f"there is no source {name!r}; known are:{_known()}")
        return named[0]
    fitting = [source for source in SOURCES if source.recognises(opened.header) and not isinstance(source, Wide)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        trouble = f"it fits several sources ({', '.join(s.name for s in fitting)}): its header has {show_header(opened.header)}"
        raise IngestError(opened.file, f"{trouble}; name one with --source. Known are:{_known()}")
    if Wide().recognises(opened.header):
        return Wide()
    understood = understand_file(opened)
    if understood.mapping is not None or (opened.has_readings and by_column(opened)):
        return TableSource()
    if times := _times_across(opened.header):
        trouble = f"its times are the names of its columns ({times[0]!r}, {times[1]!r}, …) and each row is a meter"
        raise IngestError(opened.file, f"{trouble}; turn the table, so that each row is a time and each column a meter")
    if not opened.has_readings:
        shown = f"{show_header(opened.header)}; {understood.trouble}"
        raise NoTableError(
            opened.file, f"it holds no table of readings and is of no known source: its first line has {shown}. Known are:{_known()}"
        )
    trouble = f"it is of no known source: its header has {show_header(opened.header)}; {understood.trouble}"
    raise IngestError(opened.file, f"{trouble}. Complete the line, or name a source with --source. Known are:{_known()}")


def _times_across(header: Sequence[str]) -> list[str]:
    """The names of columns that are times, where most are."""
    times = [name for name in header if is_date(name)]
    return times if len(times) > 1 and 2 * len(times) >= len(header) else []


def _known() -> str:
    return "".join(f"\n  {source.name}: {source.about}" for source in SOURCES)


@dataclass(frozen=True)
class Key:
    """A key of `--columns`: what it means, an example of it, and whether it is needed."""

    name: str
    meaning: str
    example: str
    needed: bool


def keys() -> list[Key]:
    """The keys of `--columns`, from the fields of `ColumnMapping`."""
    return [_key(name, field) for name, field in ColumnMapping.model_fields.items()]


def _key(name: str, field: FieldInfo) -> Key:
    """A field as it is written inline; some are followed by a name of the user's."""
    parts = {"weather": ("weather.NAME", "weather.temperature"), "quality_codes": ("quality.CODE", "quality=status,quality.A")}
    shown, with_name = parts.get(name, (field.alias or name,) * 2)
    return Key(shown, field.description or "", _example(with_name, field), field.is_required())


def _example(name: str, field: FieldInfo) -> str:
    return " or ".join(f"{name}={example}" for example in field.examples or ())


def mapping_of(name: str) -> ColumnMapping | None:
    """How a source with columns of its own would be written as a mapping; None where its form is another one."""
    return {"lead": lead.COLUMNS, "kpi": kpi.COLUMNS, "steel": steel.COLUMNS}.get(name)

"""Reading a meter registry that a user gives: one row per meter and day from which it holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ecoai_pipeline.domain import Industry, Meter, UsageType, time_zone
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.catalog import SOURCES
from ecoai_pipeline.sources.files import header_of, open_file
from ecoai_pipeline.sources.layout import require_columns
from ecoai_pipeline.sources.names import readable_name
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.storage.erasure import Tombstones
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

T = TypeVar("T")
REQUIRED = ("meter_id", "industry")
OPTIONAL = ("usage_type", "time_zone", "signed", "valid_from", "capacity_kw", "site", "region")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


def read_registry(path: Path, *, zone: str = "Asia/Seoul", since: date = date(2000, 1, 1)) -> list[Meter]:
    """Meters of a registry file with the columns REQUIRED and any of OPTIONAL.

    Empty cells take: industrial, `zone`, not signed, valid from `since`, unknown.

    Raises:
        IngestError: a column is missing or unknown, a cell cannot be understood (the message names its row), or a meter is
            given two industries from the same day (it names both rows).
    """
    opened = open_file(path)
    require_columns(opened, REQUIRED)
    unknown = [name for name in opened.header if name not in REQUIRED + OPTIONAL]
    if unknown:
        raise IngestError(path, f"column {unknown[0]!r} is not one of {', '.join(REQUIRED + OPTIONAL)}; rename or remove it")
    found: dict[tuple[str, date], tuple[int, Meter]] = {}
    for block in opened.blocks(1 << 24):
        for line, fields in block.rows.select("line", "fields").iter_rows():
            meter = _meter(opened.file, line, opened.header, fields, zone, since)
            earlier = found.setdefault((meter.meter_id, meter.valid_from), (line, meter))
            if earlier[1] != meter:
                _refuse_second(opened.file, line, meter, *earlier)
    if not found:
        raise IngestError(path, "it names no meters")
    return [meter for _, meter in found.values()]


def is_registry(path: Path) -> bool:
    """Whether a file's header is that of a registry: it names meters and industries, and no source finds readings in it."""
    try:
        header = header_of(path) if path.is_file() else ()
    except (IngestError, OSError):
        return False
    return set(REQUIRED) <= set(header) and not any(source.recognises(header) for source in SOURCES)


class Registered(NamedTuple):
    """Rows that said something new, and how many were left out because their meters were erased."""

    fresh: list[Meter]
    erased: int


def register_file(lake: Lake, settings: Settings, path: Path, *, at: datetime) -> Registered:
    """Enter a registry file into the registry.

    Raises:
        IngestError: as `read_registry`.
    """
    meters = read_registry(path, zone=settings.time_zone, since=settings.registry_start)
    with lake.lock("landing"):
        erased = Tombstones(lake).erased(meter.meter_id for meter in meters)
        wanted = [meter for meter in meters if meter.meter_id not in erased]
        fresh = MeterRegistry(lake).register(wanted, origin=readable_name(path.name), at=at)
    return Registered(fresh, len(meters) - len(wanted))


def _meter(file: str, line: int, header: tuple[str, ...], fields: list[str], zone: str, since: date) -> Meter:
    if len(fields) != len(header):
        raise IngestError(file, f"row {line} has {len(fields)} fields, the header {len(header)}; correct the row")
    row = {name: (text or "").strip() for name, text in zip(header, fields, strict=True)}

    def read(name: str, parse: Callable[[str], T], default: Any) -> T:
        text = row.get(name, "")
        try:
            return parse(text) if text else default
        except ValueError as error:
            raise IngestError(file, f"row {line}, column {name!r}: {error}; correct the cell") from error

    if not row["meter_id"] or not row["industry"]:
        raise IngestError(file, f"row {line}: meter_id and industry must not be empty; fill them in")
    return Meter(
        meter_id=row["meter_id"],
        industry=read("industry", Industry.parse, Industry.OTHER),
        usage_type=read("usage_type", UsageType.parse, UsageType.INDUSTRIAL),
        time_zone=read("time_zone", time_zone, zone),
        signed=read("signed", _flag, False),
        valid_from=read("valid_from", date.fromisoformat, since),
        capacity_kw=read("capacity_kw", _positive, None),
        site=row.get("site") or None,
        region=row.get("region") or None,
    )


def _refuse_second(file: str, line: int, meter: Meter, earlier_line: int, earlier: Meter) -> None:
    what = f"industries {earlier.industry} and {meter.industry}" if earlier.industry != meter.industry else "different rows"
    advice = "keep one, or give the later one another valid_from"
    raise IngestError(file, f"meter {meter.meter_id!r} has {what} from {meter.valid_from}, in rows {earlier_line} and {line}; {advice}")


def _flag(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in _TRUE


def _positive(text: str) -> float:
    value = float(text.replace(",", ""))
    if not 0 < value < float("inf"):
        raise ValueError(f"{text!r} is not a positive number of kW")
    return value

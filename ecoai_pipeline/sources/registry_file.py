"""Reading a meter registry that a user gives: one row per meter and day from which it holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ecoai_pipeline.domain import Industry, Meter, UsageType, time_zone
from ecoai_pipeline.places import country, country_of, subdivision, zone_in
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.catalog import SOURCES
from ecoai_pipeline.sources.files import OpenFile, header_of, open_file
from ecoai_pipeline.sources.layout import require_columns
from ecoai_pipeline.sources.mapping import read_decimal
from ecoai_pipeline.sources.names import readable_name
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.storage.erasure import Tombstones
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

T = TypeVar("T")
REQUIRED = ("meter_id", "industry")
OF_SITE = ("time_zone", "region", "country", "subdivision", "tariff", "decimal")
"""Columns that a row without a meter gives to all meters of its site."""
OPTIONAL = ("usage_type", "signed", "valid_from", "capacity_kw", "site", *OF_SITE)
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


def read_registry(
    path: Path, *, zone: str = "Asia/Seoul", since: date = date(2000, 1, 1), tariffs: Collection[str] | None = None
) -> list[Meter]:
    """Meters of a registry file with the columns REQUIRED and any of OPTIONAL; none where it describes sites alone.

    Empty cells take: industrial, not signed, valid from `since`, unknown. A row without a meter_id describes its `site`: its cells of the
    columns OF_SITE fill the empty ones of the meters of that site in the same file. A time zone that is still empty is that of the
    country, or `zone` without a country. A tariff must be one of `tariffs`, where they are given.

    Raises:
        IngestError: a column is missing or unknown, a cell cannot be understood (the message names its row and meter), a country has
            several time zones and none is named, or a meter or site is described twice for the same day (it names both rows).
    """
    return _read(path, zone, since, tariffs)[0]


def _read(path: Path, zone: str, since: date, tariffs: Collection[str] | None) -> tuple[list[Meter], Mapping[str, _Row]]:
    """The meters of a registry file, and its rows about sites."""
    opened = open_file(path)
    require_columns(opened, REQUIRED)
    unknown = [name for name in opened.header if name not in REQUIRED + OPTIONAL]
    if unknown:
        raise IngestError(path, f"column {unknown[0]!r} is not one of {', '.join(REQUIRED + OPTIONAL)}; rename or remove it")
    rows = [_Row.of(opened.file, opened.header, line, fields) for line, fields in _lines(opened)]
    sites = _sites([row for row in rows if row.is_site])
    found: dict[tuple[str, date], tuple[int, Meter]] = {}
    for row in (row for row in rows if not row.is_site):
        meter = _meter(row.filled_from(sites.get(row.text("site"))), zone, since, tariffs)
        earlier = found.setdefault((meter.meter_id, meter.valid_from), (row.line, meter))
        if earlier[1] != meter:
            _refuse_second(opened.file, row.line, meter, *earlier)
    if not found and not sites:
        raise IngestError(path, "it names no meters")
    return [meter for _, meter in found.values()], sites


def _lines(opened: OpenFile) -> Iterator[tuple[int, list[str]]]:
    for block in opened.blocks(1 << 24):
        yield from block.rows.select("line", "fields").iter_rows()


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

    Meters of an earlier file that belong to a site which this one describes, and that it does not name, get the filled cells of the site:
    the word that came last holds.

    Raises:
        IngestError: as `read_registry`, or the file describes sites alone, and no known meter belongs to them.
    """
    meters, sites = _read(path, settings.time_zone, settings.registry_start, settings.impact.tariffs)
    with lake.lock("landing"):
        meters += _of_sites(MeterRegistry(lake), sites, {meter.meter_id for meter in meters}, settings)
        if not meters:
            known = f"no known meter belongs to {', '.join(map(repr, sites))}"
            raise IngestError(path, f"{known}; a meter gets its site by a row with its meter_id")
        erased = Tombstones(lake).erased(meter.meter_id for meter in meters)
        wanted = [meter for meter in meters if meter.meter_id not in erased]
        fresh = MeterRegistry(lake).register(wanted, origin=readable_name(path.name), at=at)
    return Registered(fresh, len(meters) - len(wanted))


def _of_sites(registry: MeterRegistry, sites: Mapping[str, _Row], named: Collection[str], settings: Settings) -> list[Meter]:
    """Rows of the meters known so far that belong to some sites, with the filled cells of their site; without those that are `named`."""
    rows = [row for meter_id in (registry if sites else ()) if meter_id not in named for row in registry.rows(meter_id)]
    return [_in_site(meter, site, settings) for meter in rows if (site := sites.get(meter.site or ""))]


def _in_site(meter: Meter, site: _Row, settings: Settings) -> Meter:
    """A meter with the filled cells of its site. A country brings its time zone, unless the meter's lies in it."""
    cells: dict[str, Any] = {
        "region": site.text("region") or None,
        "country": site.country,
        "subdivision": site.subdivision,
        "tariff": site.read("tariff", lambda text: _known(text, settings.impact.tariffs), None),
        "decimal": site.read("decimal", read_decimal, None),
    }
    stated = site.read("time_zone", time_zone, None)
    brought = site.country is not None and country_of(meter.time_zone) != site.country
    zone = stated or (site.time_zone(settings.time_zone) if brought else meter.time_zone)
    return replace(meter, time_zone=zone, **{name: value for name, value in cells.items() if value is not None})


class _Row(NamedTuple):
    """A row of a registry file: texts by column."""

    file: str
    line: int
    texts: Mapping[str, str]

    @classmethod
    def of(cls, file: str, header: tuple[str, ...], line: int, fields: list[str]) -> _Row:
        if len(fields) != len(header):
            raise IngestError(file, f"row {line} has {len(fields)} fields, the header {len(header)}; correct the row")
        return cls(file, line, {name: (text or "").strip() for name, text in zip(header, fields, strict=True)})

    @property
    def is_site(self) -> bool:
        return not self.text("meter_id") and bool(self.text("site"))

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    def filled_from(self, site: _Row | None) -> _Row:
        """The row with its empty cells taken from the row of its site."""
        if site is None:
            return self
        return self._replace(texts={**self.texts, **{name: self.text(name) or site.text(name) for name in OF_SITE}})

    def read(self, name: str, parse: Callable[[str], T], default: Any) -> T:
        try:
            return parse(self.text(name)) if self.text(name) else default
        except ValueError as error:
            whose = f"meter {self.text('meter_id')!r}" if self.text("meter_id") else f"site {self.text('site')!r}"
            raise IngestError(self.file, f"{whose}, row {self.line}, column {name!r}: {error}; correct the cell") from error

    @property
    def country(self) -> str | None:
        """That of the column, else that of a subdivision written in full."""
        named = self.read("country", country, None)
        return named or self.read("subdivision", lambda text: country(text.partition("-")[0]) if "-" in text else None, None)

    @property
    def subdivision(self) -> str | None:
        return self.read("subdivision", lambda text: subdivision(text, of=self.country), None)

    def time_zone(self, default: str) -> str:
        """That of the column, else that of the country, else the default."""
        named, home = self.read("time_zone", time_zone, ""), self.country
        if named or home is None:
            return named or default
        return self.read("country" if self.text("country") else "subdivision", lambda _: zone_in(home, default), "")


def _sites(rows: list[_Row]) -> dict[str, _Row]:
    """Rows about sites by the site."""
    sites: dict[str, _Row] = {}
    for row in rows:
        extra = [name for name, text in row.texts.items() if text and name not in ("site", *OF_SITE)]
        if extra:
            advice = f"a row without a meter_id describes its site, by {', '.join(OF_SITE)} alone; fill in meter_id or clear the cell"
            raise IngestError(row.file, f"row {row.line}, column {extra[0]!r}: {advice}")
        _ = row.country, row.subdivision, row.read("time_zone", time_zone, "")  # errors name this row, not those of its meters
        earlier = sites.setdefault(row.text("site"), row)
        if earlier.texts != row.texts:
            raise IngestError(row.file, f"site {row.text('site')!r} has different rows, {earlier.line} and {row.line}; keep one")
    return sites


def _meter(row: _Row, zone: str, since: date, tariffs: Collection[str] | None) -> Meter:
    if not row.text("meter_id") or not row.text("industry"):
        raise IngestError(row.file, f"row {row.line}: meter_id and industry must not be empty; fill them in")
    return Meter(
        meter_id=row.text("meter_id"),
        industry=row.read("industry", Industry.parse, Industry.OTHER),
        usage_type=row.read("usage_type", UsageType.parse, UsageType.INDUSTRIAL),
        time_zone=row.time_zone(zone),
        signed=row.read("signed", _flag, False),
        valid_from=row.read("valid_from", date.fromisoformat, since),
        capacity_kw=row.read("capacity_kw", _positive, None),
        site=row.text("site") or None,
        region=row.text("region") or None,
        country=row.country,
        subdivision=row.subdivision,
        tariff=row.read("tariff", lambda text: _known(text, tariffs), None),
        decimal=row.read("decimal", read_decimal, None),
    )


def _refuse_second(file: str, line: int, meter: Meter, earlier_line: int, earlier: Meter) -> None:
    what = f"industries {earlier.industry} and {meter.industry}" if earlier.industry != meter.industry else "different rows"
    advice = "keep one, or give the later one another valid_from"
    raise IngestError(file, f"meter {meter.meter_id!r} has {what} from {meter.valid_from}, in rows {earlier_line} and {line}; {advice}")


def _known(tariff: str, tariffs: Collection[str] | None) -> str:
    if tariffs is not None and tariff not in tariffs:
        known = ", ".join(sorted(tariffs)) or "none"
        raise ValueError(f"there is no tariff {tariff!r}; known are {known}; add impact.tariffs.{tariff} to params.yaml")
    return tariff


def _flag(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in _TRUE


def _positive(text: str) -> float:
    value = float(text.replace(",", ""))
    if not 0 < value < float("inf"):
        raise ValueError(f"{text!r} is not a positive number of kW")
    return value

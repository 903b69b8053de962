"""What landed files say by month: read from the pieces kept of them, and read again where pieces are gone or out of date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from ecoai_pipeline.domain import STATED_READINGS, Month, Partition
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.intake import Intake, Prepared, grid_rules, piece_fingerprint
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.remade import REMADE
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import empty


def ensure_pieces(lake: Lake, settings: Settings, statements: Sequence[Statement], month: Month) -> None:
    """Read landed files again whose order breaks are gone, or whose pieces of a month are gone or made by other code or zones.

    Raises:
        IngestError: the landed file is gone too, or gives fewer readings than it did.
    """
    landing, registry = Landing(lake), MeterRegistry(lake)
    for statement in statements:
        wanted = piece_fingerprint(statement.statement_id, registry.zones_of(statement.zones), statement.decimals, grid_rules(settings))
        if landing.lacks_arrivals(statement) or landing.piece_fingerprint(statement.statement_id, month) != wanted:
            _restore(lake, settings, landing, statement)


def can_be_read(lake: Lake, settings: Settings, statement: Statement) -> bool:
    """Whether a statement still says what it said; else its file has to be judged anew."""
    try:
        for month in months_of(lake, statement):
            ensure_pieces(lake, settings, [statement], month)
    except IngestError:
        return False
    return True


def months_of(lake: Lake, statement: Statement) -> list[Month]:
    """Where a statement may have readings: where a meter's zone was corrected since, some lie in the month before or after."""
    months = {Month.parse(text) for text in statement.months}
    if MeterRegistry(lake).zones_of(statement.zones) != statement.zones:
        months |= _around(months)
    return sorted(months)


def _around(months: Iterable[Month]) -> set[Month]:
    return {near for month in months for near in (month.previous, month, month.next)}


def partitions_of(lake: Lake, statement: Statement) -> list[Partition]:
    """Where the readings of a statement belong by the registry as it is now; its pieces must be there."""
    landing, registry, partitions = Landing(lake), MeterRegistry(lake), set()
    for month in months_of(lake, statement):
        meters = landing.scan_piece(statement.statement_id, month).select(pl.col("meter_id").unique()).collect().to_series()
        partitions |= {Partition(meter.industry, month) for name in meters if (meter := registry.at(name, month))}
    return sorted(partitions)


def _restore(lake: Lake, settings: Settings, landing: Landing, statement: Statement) -> None:
    """Read a landed file again as its statement took it; months that have no reading any more get an empty piece."""
    landed = landing.folder / statement.sha256
    if not landed.exists():
        message = f"its landed copy {landed} is gone, and so is what was read from it; restore it from a backup or ingest the file again"
        raise IngestError(statement.file, message)
    options = IngestOptions.model_validate(statement.options).model_copy(update={"source": statement.source})
    options = options if statement.remade is None else REMADE
    prepared = Prepared.of(landed, statement.file, options, statement.meters)
    intake = Intake(lake, settings, prepared, options, statement.received_at, write=True, restoring=statement)
    intake.read()
    expected = statement.accepted if statement.remade is None else statement.remade
    if intake.accepted < expected and intake.registry.zones_of(statement.zones) == statement.zones:
        intake.forget()
        message = f"reading its landed copy again gives {intake.accepted} readings, but {expected} were accepted when it came"
        raise IngestError(statement.file, f"{message}; ingest the file again to have it judged anew")
    for month in _around(map(Month.parse, statement.months)) - intake.meters.keys():
        landing.write_piece(statement.statement_id, month, [empty(STATED_READINGS)], intake.made_from)
    if statement.remade is None:
        intake.write_tables()

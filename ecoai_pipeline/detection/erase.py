"""Erasing a meter whose owner has withdrawn consent: nothing of it stays under the root of the lake but a salted digest.

Tables keep the rows of the other meters to the bit. What was learned from all meters together stays in models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from ecoai_pipeline.detection import model
from ecoai_pipeline.detection.night import DetectionRun, detections_ledger
from ecoai_pipeline.detection.revisions import Revision, revisions_ledger
from ecoai_pipeline.domain import PARTITIONED, Industry, Partition, Table
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.erase import forget_statements
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.bundles import Bundles
from ecoai_pipeline.storage.erasure import Name, Tombstones
from ecoai_pipeline.storage.lake import Lake, PartitionInfo
from ecoai_pipeline.storage.landing import digest_of
from ecoai_pipeline.storage.registry import MeterRegistry

# What people dropped and what was reported of it: copies, all of which can be made again.
_COPIES = ("processed", "rejected", "passed_over", "reports", "docs")


@dataclass(frozen=True)
class Erasure:
    """What was erased, by kind.

    Attributes:
        partitions: of raw_readings that lost rows.
    """

    statements_remade: int
    statements_gone: int
    readings: int
    rows: Mapping[str, int]
    bundles: int
    files_removed: int
    partitions: list[Partition]


def erase_meter(lake: Lake, settings: Settings, meter_id: str, *, at: datetime) -> Erasure:
    """Forget a meter everywhere under the root. Killed half-way, the same call ends the work.

    Raises:
        ValueError: the meter is unknown, and was not erased before either.
    """
    tombstones, name = Tombstones(lake), Name(meter_id)
    if not tombstones.erased([meter_id]) and not _is_known(lake, meter_id):
        raise ValueError(f"meter {meter_id!r} is unknown; `ecoai meters list` shows those that are known")
    with ExitStack() as locks:
        for lock in ("landing", *Industry):
            locks.enter_context(lake.lock(lock))
        tombstones.set(meter_id, at)
        copies = _landed_digests(lake, meter_id)
        statements = forget_statements(lake, settings, name, at)
        partitions = [part for part in lake.partitions(PARTITIONED[0]) if _stands_in(lake, PARTITIONED[0], part, meter_id)]
        rows = {table.name: _forget_rows(lake, table, name) for table in PARTITIONED}
        detections_ledger(lake).rewrite(lambda run: _without_detections(run, meter_id))
        revisions_ledger(lake).rewrite(lambda revision: _without_events(revision, meter_id))
        bundles = Bundles(lake)
        forgetting = [model.forget(bundles, folder, meter_id, name.out_of_document) for folder in bundles.all_folders()]
        removed = _remove_copies(lake, name, copies | statements.files) + _remove_evaluations(lake)
        _forget_in_documents(lake, name)
    return Erasure(
        statements_remade=len(statements.remade),
        statements_gone=len(statements.gone),
        readings=statements.readings,
        rows=rows,
        bundles=sum(forgetting),
        files_removed=removed,
        partitions=partitions,
    )


def still_holding(lake: Lake, meter_id: str) -> list[Path]:
    """Files under the root that hold the id: what others put there, such as files that wait in the inbox."""
    name = Name(meter_id)
    return [path for path in _files(lake.root) if name.is_in(path.name) or name.stands_in(path)]


def _is_known(lake: Lake, meter_id: str) -> bool:
    registry = MeterRegistry(lake)
    return meter_id in registry or any(meter_id in one.zones or meter_id in one.meters for one in registry.book.ever())


def _landed_digests(lake: Lake, meter_id: str) -> set[str]:
    return {one.sha256 for one in MeterRegistry(lake).book.ever() if meter_id in (*one.meters, *one.zones)}


def _stands_in(lake: Lake, table: Table, partition: Partition, meter_id: str) -> bool:
    return bool(lake.scan(table, partition, [meter_id]).head(1).collect().height)


def _forget_rows(lake: Lake, table: Table, name: Name) -> int:
    """Rewrite each partition of a table that has rows of the meter, or names it in its footer; returns the number of rows."""
    gone = 0
    for partition in lake.partitions(table):
        info = lake.info(table, partition)
        facts = name.out_of_document(dict(info.facts))
        if _stands_in(lake, table, partition, name.meter_id) or facts != info.facts:
            rest = (chunk.filter(pl.col("meter_id") != name.meter_id) for chunk in lake.chunks(table, partition))
            gone += info.rows - _rewritten(lake, table, partition, rest, info, facts)
    return gone


def _rewritten(
    lake: Lake, table: Table, partition: Partition, rest: Iterator[pl.DataFrame], info: PartitionInfo, facts: Mapping[str, Any]
) -> int:
    """Without its fingerprint the next run makes the partition again: what is counted over its meters changes with them."""
    return lake.write(table, partition, rest, fingerprint=f"erased-{info.fingerprint}", facts=facts).info.rows


def _without_detections(run: DetectionRun, meter_id: str) -> DetectionRun | None:
    kept = [detection for detection in run.detections if detection.meter_id != meter_id]
    return run.model_copy(update={"detections": kept}) if len(kept) < len(run.detections) else None


def _without_events(revision: Revision, meter_id: str) -> Revision | None:
    kept = {part: [e for e in getattr(revision, part) if e.meter_id != meter_id] for part in ("gained", "lost", "changed")}
    new = revision.model_copy(update=kept)
    return new if new != revision else None


def _remove_copies(lake: Lake, name: Name, landed: set[str]) -> int:
    """Remove files that were dropped in or reported, if they hold the meter, each with the reason beside it."""
    removed = 0
    for path in [path for folder in _COPIES for path in _files(lake.root / folder)]:
        is_copy = path.suffix != ".json" and (digest_of(path) in landed or name.stands_in(path) or name.is_in(path.name))
        for gone in (path, path.with_name(f"{path.name}.reason.json")) if is_copy else ():
            removed += gone.exists()
            gone.unlink(missing_ok=True)
    return removed


def _remove_evaluations(lake: Lake) -> int:
    """Remove what evaluations left, whatever meters they were of: their pictures show names that no search finds."""
    files = [path for folder in lake.evaluations for path in _files(folder)]
    for path in files:
        path.unlink(missing_ok=True)
    return len(files)


def _forget_in_documents(lake: Lake, name: Name) -> None:
    """Take the meter out of the small JSON documents beside tables and reports."""
    for path in [path for folder in (*_COPIES, *(table.name for table in PARTITIONED)) for path in _files(lake.root / folder)]:
        if path.suffix == ".json" and name.stands_in(path):
            document = name.out_of_document(json.loads(path.read_bytes()))
            write_text(path, json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def _files(folder: Path) -> list[Path]:
    """Files below a folder; weights are numbers alone."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.suffix != ".safetensors")

"""`ecoai status`: the view of the morning, and with --layers what each layer holds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.next_step import next_step
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, local_time
from ecoai_pipeline.cli.pipeline import newest_days, the_lake, yesterday, zone_of_root
from ecoai_pipeline.domain import DRIFT, PARTITIONED, VALIDATED_READINGS, Industry, Month, Partition
from ecoai_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.defs.glance import Automation, Night, NightRun
    from ecoai_pipeline.detection.night import DetectionRun
    from ecoai_pipeline.storage.lake import Lake

_COLUMNS = ("industry", "night", "took_s", "events", "late_meters", "readings_until", "drift")
_STATES = {"SUCCESS": "ok", "FAILURE": "failed", "CANCELED": "canceled", "STARTED": "running", "STARTING": "running", "QUEUED": "waiting"}
_NIGHTS_BACK = 64  # records of the ledger: eight nights of eight industries
_DAEMON_SILENT = timedelta(minutes=5)  # it gives a sign of life every half minute


@dataclass(frozen=True)
class IndustryStatus:
    """An industry in the morning; None where nothing is known.

    Attributes:
        night: ok, failed, running, waiting, or canceled; `failures` say why.
        events: that the night recorded.
        late: meters whose readings were due, each with hours; `readings_until` is the newest day with a reading, where its meter is.
        drift: what has drifted from what the models were trained on.
    """

    industry: str
    night: str | None
    took_s: float | None
    events: int | None
    late: dict[str, float]
    readings_until: date | None
    drift: list[str]
    failures: tuple[str, ...]
    run_id: str | None


def status(
    layers: Annotated[bool, typer.Option("--layers", help="Rows of each layer by industry and month instead.")] = False,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """The view of the morning: last night, late readings, drift, disk, what is switched off, and what comes next."""
    lake, settings = the_lake(), load_settings()
    if layers:
        _layers(lake).show(form, as_json)
    else:
        _morning(lake, settings, datetime.now(UTC)).show(form, as_json)


def _morning(lake: Lake, settings: Settings, now: datetime) -> Answer:
    from ecoai_pipeline.defs.glance import automations, daemon_seen, last_night
    from ecoai_pipeline.defs.home import home_of

    home = home_of(lake.root)
    night, recorded = last_night(home), _last_detections(lake)
    every = [_industry(lake, settings, one, night, recorded.get(one), now) for one in Industry]
    found = [one for one in every if one.readings_until or one.failures]
    disk, free = _disk(lake.root), shutil.disk_usage(lake.root).free
    switches, seen = automations(home), daemon_seen(home)
    upcoming, zone = next_step(lake.root), zone_of_root(lake)
    document = {
        **_layers(lake).document,
        "night": _night_document(night, recorded),
        "industries": [asdict(one) for one in found],
        "disk": {"bytes": disk, "total": sum(disk.values()), "free": free},
        "automation": [asdict(one) for one in switches],
        "daemon_seen": seen,
        "next": {"state": upcoming.state, "commands": [{"command": command, "what": what} for command, what in upcoming.commands]},
    }
    rows = [{**asdict(one), "late_meters": len(one.late), "drift": ", ".join(one.drift)} for one in found]
    notes = [
        *_night_lines(night, recorded, zone),
        *(f"{one.industry} failed: {reason}" for one in found for reason in one.failures),
        *_late_lines(found, Month.of(yesterday(lake))),
        *(f"{one.industry} has drifted: {', '.join(one.drift)}; `ecoai train --industry {one.industry}`" for one in found if one.drift),
        f"disk: {_size(sum(disk.values()))} used ({_largest(disk)}), {_size(free)} free",
        *_switch_lines(switches, seen, now),
        *upcoming.lines(),
    ]
    return Answer(document, rows, _COLUMNS, title="status", notes=notes)


def _industry(
    lake: Lake, settings: Settings, industry: Industry, night: Night | None, recorded: DetectionRun | None, now: datetime
) -> IndustryStatus:
    from ecoai_pipeline.quality.lateness import arrival

    run = night.last_run(industry) if night else None
    months = lake.months(VALIDATED_READINGS, industry)
    late = arrival(lake, settings, Partition(industry, months[-1]), now).late if months else ()
    same_day = recorded if recorded and (night is None or recorded.day == night.day) else None
    return IndustryStatus(
        industry=industry.value,
        night=_STATES.get(run.status, run.status.lower()) if run else "ok" if recorded else None,
        took_s=round((run.ended - run.started).total_seconds(), 1) if run and run.ended and run.started else None,
        events=len(same_day.detections) if same_day else None,
        late={one.meter_id: round(one.hours, 1) for one in late},
        readings_until=max(newest_days(lake, [Partition(industry, months[-1])]).values()) if months else None,
        drift=_drifted(lake, industry),
        failures=_why(run),
        run_id=run.run_id if run else recorded.run_id if recorded else None,
    )


def _why(run: NightRun | None) -> tuple[str, ...]:
    if run is None or run.status != "FAILURE":
        return ()
    return run.failures or (f"before a step began; see the run {run.run_id} in Dagster",)


def _last_detections(lake: Lake) -> dict[Industry, DetectionRun]:
    """Per industry what its newest night recorded."""
    from ecoai_pipeline.detection.night import detections_ledger

    found: dict[Industry, DetectionRun] = {}
    for _, run in detections_ledger(lake).last(_NIGHTS_BACK):
        if run.industry not in found or found[run.industry].day <= run.day:
            found[run.industry] = run
    return found


def _drifted(lake: Lake, industry: Industry) -> list[str]:
    """What of all meters together has drifted in the newest month: `load (mid)`."""
    import polars as pl

    months = lake.months(DRIFT, industry)
    if not months:
        return []
    pooled = lake.scan(DRIFT, Partition(industry, months[-1])).filter(pl.col("meter_id") == "*", pl.col("drifted")).collect()
    return [f"{what} ({resolution})" for what, resolution in pooled.select("what", "resolution").iter_rows()]


def _disk(root: Path) -> dict[str, int]:
    """Bytes by folder of the root, the largest first."""
    sizes: dict[str, int] = {}
    for folder, _, files in os.walk(root):
        inside = Path(folder).relative_to(root).parts
        name = inside[0] if inside else "."
        sizes[name] = sizes.get(name, 0) + sum(_size_of(Path(folder, file)) for file in files)
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _size_of(file: Path) -> int:
    """Bytes of a file; none where a run has just removed it."""
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return 0


def _night_document(night: Night | None, recorded: dict[Industry, DetectionRun]) -> dict[str, Any] | None:
    if night:
        return {**asdict(night), "started": night.started, "ended": night.ended}
    day = max((run.day for run in recorded.values()), default=None)
    return {"day": day, "runs": [], "started": None, "ended": None} if day else None


def _night_lines(night: Night | None, recorded: dict[Industry, DetectionRun], zone: str) -> Iterator[str]:
    if night is None:
        day = max((run.day for run in recorded.values()), default=None)
        yield f"last night: {day}; Dagster has no record of its runs" if day else "last night: none has run yet"
        return
    when = local_time(night.started, zone) if night.started else "not started"
    took = f", {_duration(night.ended - night.started)}" if night.started and night.ended else ""
    yield f"last night: {night.day}, run at {when}{took}"


def _late_lines(found: Sequence[IndustryStatus], month: Month) -> Iterator[str]:
    """Meters that are late, and the industries without a reading of the month that readings are due of."""
    for one in found:
        if one.late:
            named = ", ".join(f"{meter} ({hours:.0f} h)" for meter, hours in list(one.late.items())[:3])
            yield f"{one.industry} is late: {len(one.late)} meters, {named}{', …' if len(one.late) > 3 else ''}; ask the provider"
    silent = [one.industry for one in found if one.readings_until and Month.of(one.readings_until) < month]
    if silent:
        yield f"no readings of {month} yet: {', '.join(silent)}"


def _switch_lines(switches: Sequence[Automation], seen: datetime | None, now: datetime) -> Iterator[str]:
    off = {kind: [one.name for one in switches if one.kind == kind and not one.on] for kind in ("schedule", "sensor")}
    named = [f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}" for kind, names in off.items() if names]
    if named:
        yield f"off: {'; '.join(named)}. Switch them on in `ecoai ui`, page Automation"
    if any(one.on for one in switches) and (seen is None or now - seen > _DAEMON_SILENT):
        yield "the daemon is not running, so that nothing runs by itself; `ecoai ui` starts it"


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _size(size: int) -> str:
    """
    >>> [_size(size) for size in (999, 1_500, 2_500_000, 3_210_000_000)]
    ['999 B', '1.5 kB', '2.5 MB', '3.2 GB']
    """
    number, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"


def _largest(disk: dict[str, int]) -> str:
    return ", ".join(f"{name} {_size(size)}" for name, size in list(disk.items())[:4])


def _layers(lake: Lake) -> Answer:
    """What is there, by industry, month and layer, and the entries of models."""
    from ecoai_pipeline.storage.landing import Landing
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    partitions = [
        {"industry": p.industry.value, "month": str(p.month), "layer": table.name, "rows": info.rows, "meters": info.meters}
        for table in PARTITIONED
        for p in lake.partitions(table)
        for info in [lake.info(table, p)]
    ]
    models = [record.model_dump(mode="json") for record in ModelRegistry(lake).entries()]
    statements = len(Landing(lake).in_force())
    document = {"root": str(lake.root), "statements": statements, "partitions": partitions, "models": models}
    notes = [f"{statements} statements, {len(models)} entries of models (`ecoai models list`); root {lake.root}"]
    return Answer(document, _by_month(partitions), title="rows by industry, month and layer", notes=notes)


def _by_month(partitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    layers = [table.name for table in PARTITIONED]
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for p in partitions:
        row = rows.setdefault((p["industry"], p["month"]), {"industry": p["industry"], "month": p["month"], "meters": p["meters"]})
        row[p["layer"]] = p["rows"]
    return [{**dict.fromkeys(["industry", "month", "meters", *layers], 0), **rows[key]} for key in sorted(rows)]

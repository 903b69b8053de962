"""Benchmark of the pages of a night: `ecoai bench report`."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ecoai_pipeline.cli.fresh import in_fresh_process
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar

NIGHT = date(2025, 3, 31)
_STEP_S, _A_DAY = 900, 96
_HOT_P = 1e-9
_SECONDS = 20.0


def report(
    meters: Annotated[int, typer.Option(min=8, help="Meters in all, spread over the eight industries.")] = 1000,
    events: Annotated[int, typer.Option(min=1, help="Events of the night.")] = 200,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """The pages of a night, the portfolio's and each industry's, in both languages; making the tables lies outside the timed part."""
    root = Path(tempfile.mkdtemp(prefix="ecoai-bench-"))
    try:
        with progress_bar() as steps:
            steps.start("making tables", 2)
            make_night(root, meters, events)
            steps.done("writing pages")
            measured = in_fresh_process(measure_report, str(root))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    pages, seconds = measured["pages"], measured["seconds"]
    note = f"{meters} meters, {events} events of the night: {seconds:.1f} s for {len(pages)} pages (goal {_SECONDS:.0f} s)"
    Answer({"meters": meters, "events": events, **measured}, pages, title="pages of a night", notes=[note]).show(form, as_json)


def measure_report(root: str) -> dict[str, Any]:
    """Write all pages of the night; seconds and bytes."""
    from ecoai_pipeline.domain import Industry, Month
    from ecoai_pipeline.reporting.night.contents import About
    from ecoai_pipeline.reporting.night.write import write_page
    from ecoai_pipeline.settings import load_settings
    from ecoai_pipeline.storage.lake import Lake

    lake, settings, rows = Lake(Path(root)), load_settings(), []
    started = time.perf_counter()
    for industry in (*Industry, None):
        begun = time.perf_counter()
        contents, places = write_page(lake, settings, About(Month.of(NIGHT), NIGHT, industry), datetime.now(UTC))
        seconds = round(time.perf_counter() - begun, 2)
        for lang, path in places.items():
            row = {"about": industry.value if industry else "portfolio", "lang": lang, "events": contents.alarms.shown}
            rows.append({**row, "seconds": seconds, "kB": round(path.stat().st_size / 1000)})
    return {"seconds": round(time.perf_counter() - started, 2), "pages": rows}


def make_night(root: Path, meters: int, events: int) -> None:
    """A lake with scores of the night's month and the one before, and events of its last morning in all industries."""
    from ecoai_pipeline.detection.anomalies import materialize_anomalies
    from ecoai_pipeline.domain import SCORES, Industry, Meter, Month, Partition, UsageType
    from ecoai_pipeline.settings import load_settings
    from ecoai_pipeline.storage.lake import Lake
    from ecoai_pipeline.storage.registry import MeterRegistry

    lake, settings, month = Lake(root), load_settings(), Month.of(NIGHT)
    each, usage = -(-meters // len(Industry)), list(UsageType)
    for place, industry in enumerate(Industry):
        names = [f"{industry}-{number:04d}" for number in range(each)]
        rows = [
            Meter(name, industry, usage[n % len(usage)], "Asia/Seoul", signed=False, valid_from=date(2000, 1, 1), site=f"site-{n % 7}")
            for n, name in enumerate(names)
        ]
        MeterRegistry(lake).register(rows, origin="made", at=datetime(2025, 1, 1, tzinfo=UTC))
        hot = names[: max(0, -(-(events - place) // len(Industry)))]
        for partition in (Partition(industry, month.previous), Partition(industry, month)):
            lake.write(SCORES, partition, _scores(names, set(hot), partition), fingerprint=str(partition))
            materialize_anomalies(lake, settings, partition)


def _scores(names: list[str], hot: set[str], partition: Any) -> Iterator[Any]:
    """Two-shift loads with noise; meters that are hot lose or gain half of it in the last morning."""
    import numpy as np
    import polars as pl

    from ecoai_pipeline.domain import SCORES, Month
    from ecoai_pipeline.features.calendar import month_bounds
    from ecoai_pipeline.storage.schema import schema_of

    first, after = month_bounds(partition.month, "Asia/Seoul")
    stamps = pl.datetime_range(first, after, timedelta(seconds=_STEP_S), closed="left", time_unit="us", eager=True)
    slot = np.arange(len(stamps)) % _A_DAY
    usual = np.where((slot >= 24) & (slot < 88), 100.0, 25.0)
    morning = np.zeros(len(stamps), dtype=bool)
    if partition.month == Month.of(NIGHT):
        morning[-_A_DAY + 36 : -_A_DAY + 48] = True
    never = pl.lit(value=False)
    facts = {"quality": pl.lit("measured"), "restated": never, "hindsight": never, "strange_day": never, "model_version": pl.lit("made")}
    none = {name: pl.lit(None, dtype=dtype) for name, dtype in schema_of(SCORES).items()}
    for number, name in enumerate(names):
        rng = np.random.default_rng([number, partition.month.month])
        kwh = usual * rng.normal(1, 0.03, len(stamps))
        marked = morning & (name in hot)
        kwh = np.where(marked, kwh * (0.5 if number % 2 else 1.5), kwh).round(3)
        bands = {"expected_kwh": usual, "low_kwh": 0.9 * usual, "high_kwh": 1.1 * usual}
        p = np.where(marked, _HOT_P, rng.uniform(0.01, 1, len(stamps)))
        columns = {"timestamp": stamps, "kwh": kwh, **bands, "p": p, "p_forecast": p, "p_level": p}
        named = {"meter_id": pl.lit(name), "interval_s": pl.lit(_STEP_S), "q": pl.lit(1 / 2880)}
        frame = pl.DataFrame(columns).with_columns(**named, **facts)
        rest = {column: null for column, null in none.items() if column not in frame.columns}
        yield frame.with_columns(**rest).select(SCORES.names).cast(schema_of(SCORES))

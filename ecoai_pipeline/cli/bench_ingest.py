"""`ecoai bench ingest`: speed and memory of taking in a file of each format, and of another reader of Green Button beside it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.fresh import in_fresh_process, peak
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.cli.simulate import FORMATS
from ecoai_pipeline.domain import Industry, Month, MonthRange

if TYPE_CHECKING:
    from ecoai_pipeline.sources.writers.block import Block
    from ecoai_pipeline.storage.lake import Lake

PEER = "greenbutton-objects==2024.7.11"
GREENBUTTON = "greenbutton"
LAST = Month(2024, 12)
_TRIAL = 16  # meters, or months of one meter, by which the size of a file is foreseen


def ingest(
    megabytes: Annotated[float, typer.Option(min=0.01, help="Size of each file, about.")] = 20,
    written_as: Annotated[
        list[str] | None, typer.Option("--as", help=f"Format to measure, repeatable: {FORMATS}; else all.", show_default=False)
    ] = None,
    peer: Annotated[bool, typer.Option(help=f"Read the Green Button file with {PEER} too.")] = True,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Take in a simulated file of each format, every one in a process of its own.

    Simulation and imports lie outside the timed part; peak memory is that of the whole process.
    """
    from ecoai_pipeline.sources.writers.catalog import WRITTEN, written

    names = written_as or list(WRITTEN)
    for name in names:
        written(name)
    root = Path(tempfile.mkdtemp(prefix="ecoai-bench-"))
    try:
        with progress_bar() as steps:
            rows = list(_rows(root, names, megabytes, peer, steps))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    ratio = _ratio(rows)
    notes = [f"Green Button is read {ratio} times as fast as by {PEER}"] if ratio else []
    Answer({"megabytes": megabytes, "readers": rows, "ratio": ratio}, rows, notes=notes).show(form, as_json)


def _rows(root: Path, names: Sequence[str], megabytes: float, peer: bool, steps: Steps) -> Iterator[dict[str, Any]]:
    """A row per file, and one of the peer after the Green Button file; no file outlives its rows."""
    steps.start("taking in", len(names))
    for name in names:
        folder = root / name
        path = in_fresh_process(write_file, name, str(megabytes), str(folder))["path"]
        yield _row(name, path, in_fresh_process(measure_ingest, path, str(folder / "lake")))
        if peer and name == GREENBUTTON:
            yield _row(PEER, path, in_fresh_process(measure_peer, path)) if find_spec("greenbutton_objects") else _missing()
        shutil.rmtree(folder)
        steps.done(name)


def _row(reader: str, path: str, measured: dict[str, Any]) -> dict[str, Any]:
    size, seconds = Path(path).stat().st_size / 1e6, measured["seconds"]
    return {
        "reader": reader,
        "file_mb": round(size, 3),
        **measured,
        "seconds": round(seconds, 3),
        "readings_per_s": round(measured["readings"] / seconds),
        "mb_per_s": round(size / seconds, 2),
        "note": "",
    }


def _missing() -> dict[str, Any]:
    return {"reader": PEER, "note": f"not installed: python -m pip install {PEER}"}


def _ratio(rows: Sequence[dict[str, Any]]) -> float | None:
    """How many times as fast as the peer, where both were measured."""
    speed = {row["reader"]: row.get("mb_per_s") for row in rows}
    ours, theirs = speed.get(GREENBUTTON), speed.get(PEER)
    return round(ours / theirs, 1) if ours and theirs else None


def write_file(name: str, megabytes: str, folder: str) -> dict[str, Any]:
    """Simulate one file of about a size; where a file holds a single meter, it has as many months as there are partitions for."""
    from ecoai_pipeline.sources.writers.catalog import written

    form = written(name)
    path = Path(folder) / f"file{form.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    form.write(path, _blocks(_TRIAL, form.per_meter))
    count = max(1, round(float(megabytes) * 1e6 / path.stat().st_size * _TRIAL))
    form.write(path, _blocks(count, form.per_meter))
    return {"path": str(path)}


def _blocks(count: int, of_one_meter: bool) -> Iterator[Block]:
    """`count` meters over a month at 15 minutes, or one meter over so many months at one minute."""
    from ecoai_pipeline.settings import load_settings
    from ecoai_pipeline.sources.simulation.simulator import blocks

    if not of_one_meter:
        return blocks(Industry.METAL, meters=count, months=MonthRange(LAST, LAST))
    first, earliest = LAST, load_settings().first_month
    for _ in range(count - 1):
        first = max(first.previous, earliest)
    return blocks(Industry.METAL, meters=1, months=MonthRange(first, LAST), interval_s=60)


def measure_ingest(path: str, root: str) -> dict[str, Any]:
    """Take a file into an empty lake; its energy is added up after clock and memory were read."""
    from ecoai_pipeline.settings import load_settings
    from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
    from ecoai_pipeline.storage.lake import Lake

    settings = load_settings(Path(root))
    lake = Lake(settings.root, settings.storage)
    options = IngestOptions(industry=Industry.METAL)
    started = time.perf_counter()
    statement = ingest_file(lake, settings, Path(path), options, received_at=datetime.now(UTC)).statement
    seconds = time.perf_counter() - started
    return {"readings": statement.readings_in, "seconds": seconds, **peak(), "kwh": _energy(lake, statement.statement_id, statement.months)}


def _energy(lake: Lake, statement_id: str, months: Sequence[str]) -> float:
    import polars as pl

    from ecoai_pipeline.storage.landing import Landing

    landing = Landing(lake)
    pieces = (landing.scan_piece(statement_id, Month.parse(month)) for month in months)
    return round(sum(float(piece.select(pl.col("kwh").sum()).collect().item()) for piece in pieces), 3)


def measure_peer(path: str) -> dict[str, Any]:
    """Parse the feed into the peer's objects and walk its readings (Wh) to kWh, as its users do."""
    from greenbutton_objects.parse import parse_feed

    started, readings, energy_wh = time.perf_counter(), 0, 0
    for point in parse_feed(path):
        for meter in point.meterReadings:
            for reading in meter.intervalReadings:
                readings, energy_wh = readings + 1, energy_wh + reading.value
    return {"readings": readings, "seconds": time.perf_counter() - started, **peak(), "kwh": energy_wh / 1000}

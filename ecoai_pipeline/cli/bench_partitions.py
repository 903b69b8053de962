"""`ecoai bench partitions`: what small partitions and a long history cost from the file to the validated readings."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ecoai_pipeline.cli.fresh import in_fresh_process, peak
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.domain import Industry, Month, MonthRange

LAST = Month(2022, 12)
_FORM = "table-parquet"
_IMPORTED = (
    "great_expectations",
    "matplotlib.figure",
    "ecoai_pipeline.defs.build",
    "ecoai_pipeline.defs.event_log",
    "ecoai_pipeline.defs.runs",
)
"""What a run of readings imports while it works."""


def partitions(
    months: Annotated[int, typer.Option(min=1, help="Months of one meter at 15 minutes.")] = 36,
    buildings: Annotated[int, typer.Option(min=1, help="Meters of the long history, hourly.")] = 12,
    years: Annotated[int, typer.Option(min=1, help="Years of the long history.")] = 23,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Ingest, raw and validated readings of many small months, and of a long history, each in a process of its own.

    CPU seconds are those of all threads. Simulation and imports lie outside the measured part.
    """
    cases = {"one month": (1, 1, 900), "small months": (1, months, 900), "long history": (buildings, 12 * years, 3600)}
    rows = []
    with progress_bar() as steps:
        steps.start("measuring", len(cases))
        for name, case in cases.items():
            rows.append({"case": name, **_measured(*case)})
            steps.done(name)
    _, small, long = rows
    parts = cost_parts(rows)
    notes = [
        f"{small['cpu_s_per_partition']} CPU s a small partition; {long['readings_per_s']:,} readings/s of the long history",
        f"a run costs {parts['run_s']} CPU s, a partition {parts['partition_ms']} ms more, a reading {parts['reading_us']} µs more",
    ]
    Answer({"cases": rows, "parts": parts}, rows, notes=notes).show(form, as_json)


def cost_parts(cases: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What a run costs by itself, each partition and each reading, if CPU time is the sum of these: CPU s, ms and µs.

    >>> cases = [(1, 3_000, 1.5575), (11, 33_000, 2.1325), (101, 10_003_000, 31.5575)]
    >>> cost_parts([{"partitions": p, "readings": n, "landing_cpu_s": 0, "materializing_cpu_s": s} for p, n, s in cases])
    {'run_s': 1.5, 'partition_ms': 50.0, 'reading_us': 2.5}

    Args:
        cases: a run of one small partition, one of many, and one of many large partitions; of others little can be concluded.
    """
    sums = np.array([[1.0, case["partitions"], case["readings"]] for case in cases])
    run, partition, reading = np.linalg.lstsq(sums, [case["landing_cpu_s"] + case["materializing_cpu_s"] for case in cases])[0]
    return {"run_s": round(float(run), 2), "partition_ms": round(1e3 * float(partition), 2), "reading_us": round(1e6 * float(reading), 2)}


def _measured(meters: int, months: int, interval_s: int) -> dict[str, Any]:
    root = Path(tempfile.mkdtemp(prefix="ecoai-bench-"))
    try:
        path = in_fresh_process(write_history, str(root), str(meters), str(months), str(interval_s))["path"]
        return in_fresh_process(measure_history, path, str(root / "lake"))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def write_history(folder: str, meters: str, months: str, interval_s: str) -> dict[str, Any]:
    """Simulate one file of some meters that ends with `LAST`."""
    from ecoai_pipeline.sources.simulation.simulator import blocks
    from ecoai_pipeline.sources.writers.catalog import written

    path = Path(folder) / f"history{written(_FORM).suffix}"
    span = _span(int(months))
    written(_FORM).write(path, blocks(Industry.METAL, meters=int(meters), months=span, interval_s=int(interval_s)))
    return {"path": str(path)}


def _span(months: int) -> MonthRange:
    first = LAST
    for _ in range(months - 1):
        first = first.previous
    return MonthRange(first, LAST)


def measure_history(path: str, root: str) -> dict[str, Any]:
    """Take a file into an empty lake and materialize its partitions, as `ecoai ingest` does."""
    os.environ |= {"ECOAI_ROOT": root, "ECOAI_FIRST_MONTH": "2000-01"}
    os.environ.pop("DAGSTER_HOME", None)
    from ecoai_pipeline.cli.pipeline import materialize_readings
    from ecoai_pipeline.quality.gx import quietly
    from ecoai_pipeline.settings import load_settings
    from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
    from ecoai_pipeline.storage.lake import Lake

    with quietly():
        for module in _IMPORTED:
            import_module(module)
    settings, options = load_settings(), IngestOptions(industry=Industry.METAL)
    lake = Lake(settings.root, settings.storage)
    started, cpu = time.perf_counter(), _cpu_s()
    taken = ingest_file(lake, settings, Path(path), options, received_at=datetime.now(UTC))
    landed = _cpu_s()
    with progress_bar() as steps:
        materialize_readings(taken.partitions, steps)
    done, seconds, count = _cpu_s(), time.perf_counter() - started, len(taken.partitions)
    return {
        "partitions": count,
        "readings": taken.statement.accepted,
        "landing_cpu_s": round(landed - cpu, 2),
        "materializing_cpu_s": round(done - landed, 2),
        "cpu_s_per_partition": round((done - cpu) / count, 3),
        "seconds": round(seconds, 2),
        "readings_per_s": round(taken.statement.accepted / seconds),
        **peak(),
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

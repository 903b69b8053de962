"""From files to cases: the way of the pipeline itself, in a lake of its own that is thrown away."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from ecoai_pipeline.domain import LABELS, RAW_READINGS, VALIDATED_READINGS, Partition
from ecoai_pipeline.evaluation.cases import ALL, Bools, Case
from ecoai_pipeline.features.build import materialize_features
from ecoai_pipeline.features.load import load_series
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing

_CAMPUS = "meter=@filename,timestamp=date,kwh=energy,weather.temperature=temperatures(C),weather.humidity=humidity(%)"
# Its stamps know no change of clocks.
_ESTATE = "meter=building,timestamp=datetime,kwh=kwh"
WITHOUT_ONES = "without 1.0"


@dataclass(frozen=True)
class DataSet:
    """A public data set: where its files lie in the folder of real data, and what their sender says of them."""

    name: str
    files: str
    options: IngestOptions


PUBLIC = (
    DataSet("lead", "lead/*.csv.gz", IngestOptions.of(source="lead")),
    DataSet("kpi", "kpi/*.csv.gz", IngestOptions.of(source="kpi")),
    DataSet("steel", "steel/*.csv", IngestOptions.of(source="steel")),
    DataSet("cnu", "cnu/*.csv.gz", IngestOptions.of(columns=_CAMPUS)),
    DataSet("cambridge", "cambridge/*.parquet", IngestOptions.of(columns=_ESTATE, zone="UTC")),
)
LABELLED = ("lead", "kpi")
"""Those whose publishers say what is anomalous."""
Told = Callable[[str], None]


def public_cases(folder: Path, names: Sequence[str], settings: Settings, told: Told = print) -> list[Case]:
    """Cases of public data sets in the folder of real data.

    Raises:
        ValueError: a name is unknown, or the folder has no file of a data set that was named.
    """
    known = {dataset.name: dataset for dataset in PUBLIC}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"there is no data set {unknown[0]!r}; known are {', '.join(known)}")
    cases: list[Case] = []
    for name in names:
        told(f"reading {name}")
        files = sorted(folder.glob(known[name].files))
        if not files:
            raise ValueError(f"{folder / known[name].files}: no such file; docs/real-data.md says where to get {name}")
        cases += read_cases(files, settings, known[name].options, dataset=name)
    return cases


def read_cases(
    files: Sequence[Path],
    settings: Settings,
    options: IngestOptions | None = None,
    *,
    labels: Path | None = None,
    dataset: str | None = None,
) -> list[Case]:
    """Cases of any files that `ingest` would take, a case per meter, in the order of their names.

    Files run through the tables of the pipeline, but for the rules of quality, whose marks no detector sees.

    Args:
        labels: a table with `meter_id, start, end` of all anomalies of all meters; without it what the files themselves say.
        dataset: its name; else that of the format.

    Raises:
        IngestError: a file cannot be used at all.
        ValueError: the labels cannot be read, or are of no meter of the files.
    """
    with tempfile.TemporaryDirectory(prefix="ecoai-evaluation-") as folder:
        lake = Lake(Path(folder), settings.storage)
        taken = [ingest_file(lake, settings, path, options or IngestOptions(), received_at=datetime.now(UTC)) for path in files]
        partitions = sorted({partition for one in taken for partition in one.partitions})
        truth = _read_labels(labels) if labels else Landing(lake).read_table(LABELS)
        loads = _loads(lake, settings, partitions)
    _refuse_strangers(labels, truth, loads)
    by_meter = {meter: one.statement for one in taken for meter in one.statement.meters}
    telling = set() if labels else set(truth["statement_id"])

    def labelled(load: Series) -> bool:
        """A table of labels speaks for all meters; without one a file for its own, where its format has labels or it told some."""
        statement = by_meter[load.meter_id]
        return labels is not None or statement.source in LABELLED or statement.statement_id in telling

    return [_case(dataset or by_meter[load.meter_id].source, load, labels_of(load, truth) if labelled(load) else None) for load in loads]


def labels_of(load: Series, truth: pl.DataFrame) -> Bools:
    """Readings of a series whose interval a labelled span of its meter touches, (n,); `truth` has `meter_id, start, end`, UTC."""
    marked = np.zeros(len(load), dtype=np.bool_)
    spans = truth.filter(pl.col("meter_id") == load.meter_id).select(pl.col("start", "end").dt.replace_time_zone(None)).to_numpy()
    ends = load.timestamps + np.timedelta64(load.interval_s, "s")
    for start, end in spans.astype("datetime64[us]"):
        marked[np.searchsorted(ends, start, side="right") : np.searchsorted(load.timestamps, end)] = True
    return marked & load.observed


def _case(dataset: str, load: Series, labels: Bools | None) -> Case:
    subsets = {ALL: load.observed}
    if dataset == "lead":
        # Four in five anomalous readings of this copy are exactly 1.0, which a rule about that number would find.
        subsets[WITHOUT_ONES] = load.kwh != 1.0
    return Case(dataset, load, labels, subsets)


def _loads(lake: Lake, settings: Settings, partitions: Iterable[Partition]) -> list[Series]:
    months: defaultdict[str, list[Partition]] = defaultdict(list)
    for partition in partitions:
        materialize_raw(lake, settings, partition)
        lake.write(VALIDATED_READINGS, partition, [lake.read(RAW_READINGS, partition)], fingerprint="as they came")
        materialize_features(lake, settings, partition)
        months[partition.industry].append(partition)
    return sorted(_of_all(lake, months), key=lambda load: load.meter_id)


def _of_all(lake: Lake, months: defaultdict[str, list[Partition]]) -> Iterator[Series]:
    for partitions in months.values():
        yield from load_series(lake, partitions[0].industry, [partition.month for partition in partitions])


def _read_labels(path: Path) -> pl.DataFrame:
    wanted = ("meter_id", "start", "end")
    try:
        frame = pl.read_csv(path, schema_overrides=dict.fromkeys(wanted, pl.String))
        spans = frame.select("meter_id", pl.col("start", "end").str.to_datetime(time_unit="us", time_zone="UTC"))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"labels {path}: they cannot be read ({error}); it takes a CSV with {', '.join(wanted)}, times in UTC") from None
    wrong = spans.with_row_index("line", offset=2).filter((pl.col("end") > pl.col("start")).not_().fill_null(value=True))
    if wrong.height:
        line = wrong["line"][0]
        raise ValueError(f"labels {path}, line {line}: `start` and `end` are both needed, and `end`, which is excluded, lies after `start`")
    return spans


def _refuse_strangers(labels: Path | None, truth: pl.DataFrame, loads: Sequence[Series]) -> None:
    known = {load.meter_id for load in loads}
    strangers = [meter for meter in truth["meter_id"].unique().sort() if meter not in known]
    if labels and strangers:
        raise ValueError(f"labels {labels}: meter {strangers[0]!r} is none of the files' meters: {', '.join(sorted(known)[:10])}")

"""Makes the validated readings of a partition: marks suspicious readings, checks both suites, keeps the results beside them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any, NamedTuple

import polars as pl

from ecoai_pipeline.domain import RAW_READINGS, VALIDATED_READINGS, Meter, Partition
from ecoai_pipeline.quality.gx import ExpectationError, Outcome, validate_each
from ecoai_pipeline.quality.measures import CONTEXT, examine
from ecoai_pipeline.quality.rules import DayRule, mark, meter_frame
from ecoai_pipeline.quality.suites import Expectation, Severity, days_suite, readings_suite
from ecoai_pipeline.quality.summary import by_day, horizons, silent_meters
from ecoai_pipeline.settings import QualityParams, Settings
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake, Written
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import SchemaError, conform
from ecoai_pipeline.storage.side_by_side import side_by_side

RESULTS = "validation.json"
_NAMED = 20


class QualityError(ValueError):
    """Readings have a fault that no provider can have sent; it is ours, or the lake was damaged."""


def materialize_validated(lake: Lake, settings: Settings, partition: Partition) -> Written:
    """Write VALIDATED_READINGS of one partition; see `Validating`."""
    return Validating([partition])(lake, settings, partition)


class Validating:
    """Writes VALIDATED_READINGS of partitions from RAW_READINGS, one a call, and `validation.json` beside each.

    A batch of Great Expectations costs as much for a few readings as for many. So a call examines the next partitions of the
    run too, as many as hold `row_group_rows` readings, and checks them in one batch, each for itself; the batch after it is
    checked while its tables are written. What was checked ahead is used only if the partition would still be made from the
    same things when its turn comes.

    Warnings are recorded per expectation with the meters they concern and stop nothing. Nothing is done if a partition and
    its results were both made from what there is now; results without their table, or a table without its results, are
    made again.

    Raises:
        QualityError: an expectation of severity `error` failed, or the schema is broken; the old partition stays.
        ValueError: a statement has readings out of order but the table of them is gone.
    """

    def __init__(self, run: Sequence[Partition]) -> None:
        self._waiting = list(run)
        self._ahead: dict[_Key, list[_Checked]] = {}
        self._coming: Future[dict[_Key, list[_Checked]]] | None = None
        self._beside = ThreadPoolExecutor(1)

    def __call__(self, lake: Lake, settings: Settings, partition: Partition) -> Written:
        self._waiting = [one for one in self._waiting if one != partition]
        job = _Job.of(lake, settings, partition)
        if job.is_current:
            return Written(lake.info(VALIDATED_READINGS, partition), changed=False, skipped=True)
        if job.key not in self._ahead:
            self._check_ahead(job)
        facts: dict[str, Any] = {}
        frames = job.run(facts, self._ahead.pop(job.key) or map(_checked, job.pieces()))
        written = lake.write(VALIDATED_READINGS, partition, frames, fingerprint=job.fingerprint, facts=facts)
        if written.info.rows == 0:
            lake.beside(VALIDATED_READINGS, partition, RESULTS).unlink(missing_ok=True)
        return written

    def _check_ahead(self, job: _Job) -> None:
        """Check the batch that a partition begins, unless that is done; the next batch is checked while this one is written."""
        self._ahead = self._coming.result() if self._coming else {}
        if job.key not in self._ahead:
            self._ahead = _checked_together(_batch(chain([job], self._waiting_jobs(job))))
        after = _batch(self._waiting_jobs(job, done={partition for partition, _ in self._ahead}))
        self._coming = self._beside.submit(_checked_together, after) if len(after) > 1 else None

    def _waiting_jobs(self, like: _Job, done: Collection[Partition] = ()) -> Iterator[_Job]:
        return (_Job.of(like.lake, like.settings, partition) for partition in self._waiting if partition not in done)


def validated_fingerprint(lake: Lake, settings: Settings, partition: Partition) -> str:
    """What `validated_readings` of a partition would be made from now."""
    return _Job.of(lake, settings, partition).fingerprint


def load_validation(lake: Lake, partition: Partition) -> Mapping[str, Any] | None:
    """The results of a partition: {partition, fingerprint, suites, summary, days}; None where it has none of this version.

    They are written before their table, so a run that is cut off leaves results of a version that never came to be.
    """
    path = lake.beside(VALIDATED_READINGS, partition, RESULTS)
    if not path.exists():
        return None
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results if results.get("fingerprint") == lake.info(VALIDATED_READINGS, partition).fingerprint else None


def failures(lake: Lake, partition: Partition, severity: str) -> dict[str, str]:
    """Failed expectations of one severity with a line on each: what it means, how much failed, which meters.

    Raises:
        ValueError: the partition has readings and no results of theirs; checks that did not run have not passed.
    """
    results = load_validation(lake, partition)
    if results is None and lake.info(VALIDATED_READINGS, partition).rows:
        place = lake.beside(VALIDATED_READINGS, partition, RESULTS)
        raise ValueError(f"{place} is absent or of another version of {partition}; materialize validated_readings of {partition} again")
    suites = results["suites"] if results else []
    return {f"{s['suite']}.{s['expectation']}": _line(s) for s in suites if not s["success"] and s["severity"] == severity}


def _line(result: Mapping[str, Any]) -> str:
    more = result["meters_failed"] - len(result["meters"])
    meters = ", ".join(result["meters"]) + (f" and {more} more" if more else "")
    return f"{result['meaning']}: {result['unexpected']} of {result['checked']} rows; meters {meters}"


_Key = tuple[Partition, str]
"""A partition and the fingerprint of what it is made from."""


@dataclass(frozen=True)
class _Job:
    """One partition to validate, with what is looked up once."""

    lake: Lake
    settings: Settings
    partition: Partition
    meters: Mapping[str, Meter]
    past: Sequence[Partition]
    disordered: tuple[Statement, ...]

    @classmethod
    def of(cls, lake: Lake, settings: Settings, partition: Partition) -> _Job:
        registry, month = MeterRegistry(lake), partition.month
        meters = registry.of(partition.industry, month)
        touching = Landing(lake).touching(month)
        disordered = tuple(s for s in touching if s.order_breaks and not meters.keys().isdisjoint(s.meters))
        return cls(lake, settings, partition, meters, registry.partitions_before(partition), disordered)

    @property
    def key(self) -> _Key:
        return self.partition, self.fingerprint

    @property
    def params(self) -> QualityParams:
        return self.settings.quality

    @property
    def rows(self) -> int:
        return self.lake.info(RAW_READINGS, self.partition).rows

    @property
    def is_current(self) -> bool:
        """Whether the partition and its results were both made from what there is now."""
        made = self.lake.info(VALIDATED_READINGS, self.partition).fingerprint == self.fingerprint
        return made and load_validation(self.lake, self.partition) is not None

    @cached_property
    def fingerprint(self) -> str:
        inputs = {
            "raw": self.lake.info(RAW_READINGS, self.partition).content,
            "past": {p.key: self.lake.info(RAW_READINGS, p).content for p in self.past},
            "meters": [(m.meter_id, m.time_zone, m.signed, m.capacity_kw) for m in self.meters.values()],
            # Sorted readings are the same whatever order they came in.
            "disordered": [statement.statement_id for statement in self.disordered],
        }
        params = {"quality": self.params.model_dump(mode="json"), "time_zone": self.settings.time_zone}
        return fingerprint(inputs=inputs, params=params, code=code_digest("quality"))

    def run(self, facts: dict[str, Any], checked: Iterable[_Checked]) -> Iterator[pl.DataFrame]:
        """Yield the marked readings piece by piece; when all have passed, leave the results and fill `facts`."""
        results = _Results(self.partition, self.fingerprint)
        for piece, readings, days in checked:
            results.add("readings", readings)
            results.add("meter_days", days)
            results.refuse_errors()
            results.count(piece.readings, piece.days)
            yield piece.readings
        if results.rows:
            self.lake.write_beside(VALIDATED_READINGS, self.partition, RESULTS, results.document())
            facts.update(results.facts())

    def pieces(self) -> Iterator[_Piece]:
        """The readings, examined and marked, some meters at a time."""
        known, zone = meter_frame(self.meters), self.settings.time_zone
        arrivals = Landing(self.lake).order_breaks(self.disordered)
        raw, past = self.lake.scan(RAW_READINGS, self.partition), self.lake.scan(RAW_READINGS, self.past)
        horizon, silent = horizons(raw, known, zone), silent_meters(raw, past, known)
        for chunk in self.lake.chunks(RAW_READINGS, self.partition):
            before = self._before(chunk)
            marked = mark(examine(chunk, known, self.params, default_zone=zone, before=before), self.params)
            least = self.params.missing_days
            days = by_day(marked, self.partition.month, horizon, before, arrivals=arrivals, silent=silent, missing_days=least)
            yield _Piece(self.params, self._conforming(marked), marked.select(readings_suite(self.params).columns), days)
            silent = silent.clear()  # their days stand with the first chunk

    def _conforming(self, marked: pl.DataFrame) -> pl.DataFrame:
        try:
            return conform(marked.select(VALIDATED_READINGS.names), VALIDATED_READINGS)
        except SchemaError as error:
            raise QualityError(f"readings of {self.partition} do not have their schema: {error}; {_MEND}") from error

    def _before(self, chunk: pl.DataFrame) -> pl.DataFrame:
        """The month before of the chunk's meters: their history, and the runs that reach into this month."""
        past = self.lake.scan(RAW_READINGS, self.past, chunk["meter_id"].unique().to_list())
        return past.select(CONTEXT).collect()


@dataclass(frozen=True)
class _Piece:
    """Some meters of a partition: the readings to write, and the two frames that the suites check."""

    params: QualityParams
    readings: pl.DataFrame
    examined: pl.DataFrame
    days: pl.DataFrame


class _Checked(NamedTuple):
    """A piece, and what the expectations found in it."""

    piece: _Piece
    readings: list[Outcome]
    days: list[Outcome]


def _checked(piece: _Piece) -> _Checked:
    return _checked_each([piece])[0]


def _checked_each(pieces: Sequence[_Piece]) -> list[_Checked]:
    params = pieces[0].params
    readings = validate_each([piece.examined for piece in pieces], readings_suite(params))
    days = validate_each([piece.days for piece in pieces], days_suite(params))
    return [_Checked(*found) for found in zip(pieces, readings, days, strict=True)]


def _batch(jobs: Iterable[_Job]) -> list[_Job]:
    """The first jobs that are to be done, as far as they are one batch."""
    batch: list[_Job] = []
    rows = 0
    for job in jobs:
        if job.is_current:
            continue
        rows += job.rows
        if batch and rows > job.lake.params.row_group_rows:
            break
        batch.append(job)
    return batch


def _checked_together(batch: Sequence[_Job]) -> dict[_Key, list[_Checked]]:
    """Examine and check some partitions in one batch.

    Nothing is found of a single one, whose pieces need not lie in memory at once, nor of one that fails: it says so when it
    is made alone.
    """
    examined = side_by_side(_examined, batch) if len(batch) > 1 else [[]]
    pieces = dict(zip((job.key for job in batch), examined, strict=True))
    every = [piece for found in pieces.values() for piece in found]
    try:
        checked = iter(_checked_each(every) if every else [])
    except ExpectationError:
        return {key: [] for key in pieces}
    return {key: list(islice(checked, len(found))) for key, found in pieces.items()}


def _examined(job: _Job) -> list[_Piece]:
    try:
        return list(job.pieces())
    except Exception:  # raised again when the partition is made alone
        return []


_MEND = "this is a fault of the pipeline or of the lake, not of the provider: materialize raw_readings again, and report it if it stays"


@dataclass
class _Tally:
    """An expectation's outcomes over the chunks; a chunk holds whole meters, so counts add up."""

    suite: str
    expectation: Expectation
    checked: int = 0
    unexpected: int = 0
    meters_failed: int = 0
    meters: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.checked += outcome.checked
        self.unexpected += outcome.unexpected
        self.meters_failed += len(outcome.meters)
        self.meters += outcome.meters[: _NAMED - len(self.meters)]

    def document(self) -> dict[str, Any]:
        e = self.expectation
        return {
            "suite": self.suite,
            "expectation": e.name,
            "columns": list(e.columns),
            "severity": e.severity.value,
            "meaning": e.meaning,
            "success": self.unexpected == 0,
            "checked": self.checked,
            "unexpected": self.unexpected,
            "share": self.unexpected / self.checked if self.checked else 0.0,
            "meters": self.meters,
            "meters_failed": self.meters_failed,
        }


@dataclass
class _Results:
    """What has been found in a partition so far."""

    partition: Partition
    fingerprint: str
    tallies: dict[tuple[str, str], _Tally] = field(default_factory=dict)
    rows: int = 0
    meters: int = 0
    qualities: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    restated: int = 0
    day_rules: Counter[str] = field(default_factory=Counter)
    days: list[pl.DataFrame] = field(default_factory=list)
    worst: pl.DataFrame | None = None

    def add(self, suite: str, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            key = (suite, outcome.expectation.name)
            self.tallies.setdefault(key, _Tally(suite, outcome.expectation)).add(outcome)

    def count(self, readings: pl.DataFrame, days: pl.DataFrame) -> None:
        self.rows += readings.height
        self.meters += readings["meter_id"].n_unique()
        self.qualities.update(dict(readings["quality"].value_counts().iter_rows()))
        self.rules.update(dict(readings["rule"].drop_nulls().str.split("+").explode().value_counts().iter_rows()))
        self.restated += int(readings["restated"].sum())
        self.day_rules.update({rule.value: int(days[rule.value].sum()) for rule in DayRule})
        self.days.append(_portfolio_days(days))
        meters = _meters(days)
        self.worst = _worst(meters if self.worst is None else pl.concat([self.worst, meters]))

    def refuse_errors(self) -> None:
        for tally in self.failed(Severity.ERROR):
            raise QualityError(f"{self.partition} fails {tally.suite}.{tally.expectation.name}: {_line(tally.document())}; {_MEND}")

    def failed(self, severity: Severity) -> list[_Tally]:
        return [t for t in self.tallies.values() if t.unexpected and t.expectation.severity == severity]

    def facts(self) -> dict[str, Any]:
        return {
            "completeness": self._completeness(),
            "suspect": self.qualities["suspect"],
            "missing": self.qualities["missing"],
            "failed_warning": len(self.failed(Severity.WARNING)),
            "failed_error": len(self.failed(Severity.ERROR)),
        }

    def document(self) -> dict[str, Any]:
        summary = {
            "rows": self.rows,
            "meters": self.meters,
            "days": self._by_day().height,
            "completeness": self._completeness(),
            "suspect_by_rule": dict(self.rules),
            "quality_counts": dict(self.qualities),
            "days_by_rule": dict(self.day_rules),
            "restated": self.restated,
            "worst_meters": [] if self.worst is None else self.worst.to_dicts(),
        }
        suites = [tally.document() for tally in self.tallies.values()]
        days = self._by_day().with_columns(pl.col("day").cast(pl.String)).to_dicts()
        return {"partition": self.partition.key, "fingerprint": self.fingerprint, "suites": suites, "summary": summary, "days": days}

    def _by_day(self) -> pl.DataFrame:
        total = pl.concat(self.days).group_by("day").sum().sort("day")
        return total.with_columns(completeness=_share(pl.col("covered"), pl.col("expected")))

    def _completeness(self) -> float:
        total = pl.concat(self.days).select(pl.col("covered", "expected").sum()).select(_share(pl.col("covered"), pl.col("expected")))
        return float(total.item())


def _portfolio_days(days: pl.DataFrame) -> pl.DataFrame:
    """Meter-days summed over meters: day, meters, readings, expected, covered (intervals), missing, suspect."""
    covered = (pl.col("completeness").clip(0, 1) * pl.col("expected")).sum()
    sums = pl.col("readings", "expected", "missing", "suspect").sum()
    return days.group_by("day").agg(pl.len().alias("meters").cast(pl.Int64), sums, covered=covered).sort("day")


def _meters(days: pl.DataFrame) -> pl.DataFrame:
    """Meter-days summed over days: meter_id, completeness, sound (share of what was expected that came and is believed), counts."""
    sums = pl.col("readings", "expected", "missing", "suspect", *(rule.value for rule in DayRule)).sum()
    covered = (pl.col("completeness").clip(0, 1) * pl.col("expected")).sum()
    believed = (pl.col("covered") - pl.col("suspect")).clip(0)
    return (
        days.group_by("meter_id")
        .agg(sums, covered=covered)
        .with_columns(completeness=_share(pl.col("covered"), pl.col("expected")), sound=_share(believed, pl.col("expected")))
        .drop("covered")
    )


def _worst(meters: pl.DataFrame) -> pl.DataFrame:
    """The meters of which least can be believed, those that lack nothing left out."""
    return meters.filter(pl.col("sound") < 1).sort("sound", "meter_id").head(_NAMED)


def _share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then((part / whole).round(6)).otherwise(1.0)

"""Makes the validated readings of a partition: marks suspicious readings, checks both suites, keeps the results beside them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from ecoai_pipeline.domain import RAW_READINGS, VALIDATED_READINGS, Meter, Partition
from ecoai_pipeline.quality.gx import Outcome, validate
from ecoai_pipeline.quality.measures import examine
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

RESULTS = "validation.json"
_NAMED = 20


class QualityError(ValueError):
    """Readings have a fault that no provider can have sent; it is ours, or the lake was damaged."""


def materialize_validated(lake: Lake, settings: Settings, partition: Partition) -> Written:
    """Write VALIDATED_READINGS of a partition from RAW_READINGS, and `validation.json` beside it.

    Warnings are recorded per expectation with the meters they concern and stop nothing. Nothing is done only if the partition
    and its results were both made from what there is now; results without their table, or a table without its results, are
    made again.

    Raises:
        QualityError: an expectation of severity `error` failed, or the schema is broken; the old partition stays.
        ValueError: a statement has readings out of order but the table of them is gone.
    """
    job = _Job.of(lake, settings, partition)
    before, results = lake.info(VALIDATED_READINGS, partition), load_validation(lake, partition)
    if results is not None and before.fingerprint == job.fingerprint:
        return Written(before, changed=False, skipped=True)
    facts: dict[str, Any] = {}
    written = lake.write(VALIDATED_READINGS, partition, job.run(facts), fingerprint=job.fingerprint, facts=facts)
    if written.info.rows == 0:
        lake.beside(VALIDATED_READINGS, partition, RESULTS).unlink(missing_ok=True)
    return written


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


@dataclass(frozen=True)
class _Job:
    """One partition to validate, with what is looked up once."""

    lake: Lake
    params: QualityParams
    zone: str
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
        return cls(lake, settings.quality, settings.time_zone, partition, meters, registry.partitions_before(partition), disordered)

    @cached_property
    def fingerprint(self) -> str:
        inputs = {
            "raw": self.lake.info(RAW_READINGS, self.partition).content,
            "past": {p.key: self.lake.info(RAW_READINGS, p).content for p in self.past},
            "meters": [(m.meter_id, m.time_zone, m.signed, m.capacity_kw) for m in self.meters.values()],
            # Sorted readings are the same whatever order they came in.
            "disordered": [statement.statement_id for statement in self.disordered],
        }
        params = {"quality": self.params.model_dump(mode="json"), "time_zone": self.zone}
        return fingerprint(inputs=inputs, params=params, code=code_digest("quality"))

    def run(self, facts: dict[str, Any]) -> Iterator[pl.DataFrame]:
        """Yield the marked readings chunk by chunk; when all have passed, leave the results and fill `facts`."""
        known, results = meter_frame(self.meters), _Results(self.partition, self.fingerprint)
        arrivals = Landing(self.lake).order_breaks(self.disordered)
        raw, past = self.lake.scan(RAW_READINGS, self.partition), self.lake.scan(RAW_READINGS, self.past)
        horizon, silent = horizons(raw, known, self.zone), silent_meters(raw, past, known)
        for chunk in self.lake.chunks(RAW_READINGS, self.partition):
            yield self._chunk(chunk, known, horizon, arrivals, silent, results)
            silent = silent.clear()  # their days stand with the first chunk
        if results.rows:
            self.lake.write_beside(VALIDATED_READINGS, self.partition, RESULTS, results.document())
            facts.update(results.facts())

    def _chunk(
        self,
        chunk: pl.DataFrame,
        known: pl.DataFrame,
        horizon: pl.DataFrame,
        arrivals: pl.DataFrame,
        silent: pl.DataFrame,
        results: _Results,
    ) -> pl.DataFrame:
        before = self._before(chunk)
        marked = mark(examine(chunk, known, self.params, default_zone=self.zone, before=before), self.params)
        try:
            readings = conform(marked.select(VALIDATED_READINGS.names), VALIDATED_READINGS)
        except SchemaError as error:
            raise QualityError(f"readings of {self.partition} do not have their schema: {error}; {_MEND}") from error
        missing_days = self.params.missing_days
        days = by_day(marked, self.partition.month, horizon, before, arrivals=arrivals, silent=silent, missing_days=missing_days)
        results.add("readings", validate(marked, readings_suite(self.params)))
        results.add("meter_days", validate(days, days_suite(self.params, self.partition.month)))
        results.refuse_errors()
        results.count(readings, days)
        return readings

    def _before(self, chunk: pl.DataFrame) -> pl.DataFrame:
        """The month before of the chunk's meters: their history, and the runs that reach into this month."""
        return self.lake.read(RAW_READINGS, self.past, chunk["meter_id"].unique().to_list())


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

"""What we expect of readings and of meter-days, as plain data: two suites, each expectation with a stable name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ecoai_pipeline.domain import Quality
from ecoai_pipeline.quality.rules import DayRule, Rule
from ecoai_pipeline.settings import QualityParams


class Severity(StrEnum):
    """`error`: what the pipeline itself must never produce. `warning`: what the provider of the data should mend."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Where:
    """Restricts an expectation to rows whose `column` compares by `operator` to `value`."""

    column: str
    operator: str
    value: object


@dataclass(frozen=True)
class Expectation:
    """A Great Expectations class by its name, its arguments, and what its failure means.

    `columns` are those it reads; the first one is what the result is about.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    severity: Severity
    meaning: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    where: Where | None = None


@dataclass(frozen=True)
class Suite:
    name: str
    expectations: tuple[Expectation, ...]

    @property
    def columns(self) -> list[str]:
        """What a frame must have to be checked."""
        return list(dict.fromkeys(["meter_id", *(column for e in self.expectations for column in e.columns)]))


def readings_suite(params: QualityParams) -> Suite:
    """Expectations on examined and marked readings; columns, types and required values are checked before, by the schema."""
    return Suite("readings", (*_reading_errors(), *_reading_warnings(params)))


def days_suite(params: QualityParams) -> Suite:
    """Expectations on the meter × day summary of a month."""
    return Suite("meter_days", (_day_unique(), *_day_warnings(params)))


def _reading_errors() -> list[Expectation]:
    return [
        _unique("reading_unique", ["meter_id", "timestamp"], "a meter has two readings that start at one time"),
        _in_set("quality_known", "quality", [q.value for q in Quality], Severity.ERROR, "quality is a word that is not in the list"),
        *_quality_agrees(),
    ]


def _quality_agrees() -> list[Expectation]:
    """What the quality of a reading says of its other columns."""
    missing, suspect = Quality.MISSING.value, Quality.SUSPECT.value
    filled, empty = "ExpectColumnValuesToNotBeNull", "ExpectColumnValuesToBeNull"
    return [
        _where_quality("value_present", filled, "kwh", Where("quality", "!=", missing), "a reading that is not missing has no energy"),
        _where_quality("missing_empty", empty, "kwh", Where("quality", "==", missing), "a missing reading has an energy"),
        _where_quality("suspect_explained", filled, "rule", Where("quality", "==", suspect), "a suspect reading names no rule"),
    ]


def _reading_warnings(params: QualityParams) -> list[Expectation]:
    warning = Severity.WARNING
    return [
        _in_set("interval_plausible", "clock_s", list(params.intervals_s), warning, "the interval has an unusual length"),
        _between("value_plausible", "kwh", warning, "the energy is larger than any meter's", low=-params.kwh_max, high=params.kwh_max),
        _between(
            "not_negative", "kwh", warning, "energy is negative but the meter is not signed", low=0, where=Where("signed", "==", False)
        ),
        Expectation(
            "within_capacity",
            "ExpectColumnPairValuesAToBeGreaterThanB",
            ("kwh", "limit_kwh"),
            warning,
            "energy is above what the capacity allows; perhaps kW were taken for kWh",
            {"column_A": "limit_kwh", "column_B": "kwh", "or_equal": True, "ignore_row_if": "either_value_is_missing"},
        ),
    ]


def _day_unique() -> Expectation:
    return _unique("day_unique", ["meter_id", "day"], "a meter's day is summed up twice")


def _day_warnings(params: QualityParams) -> list[Expectation]:
    warning = Severity.WARNING
    # A warning, because a wrong or corrected time zone of one meter causes it, and must not hold up the others.
    outside = "readings lie outside the local month; perhaps the meter's time zone is wrong"
    return [
        _between("day_in_month", "outside_month", warning, outside, high=0),
        _between("day_present", "missing_day", warning, f"whole days have no value ({DayRule.MISSING_DAY})", high=0),
        _between("day_complete", "completeness", warning, "readings of the day are absent or empty", low=params.completeness_min),
        _between("null_run_short", "null_run_h", warning, "the meter gave no value for long", high=params.null_run_h),
        _between("zero_run_short", "zero_run_h", warning, f"zeros run on for long ({Rule.ZERO_RUN})", high=params.zero_run_h),
        _between("flat_run_short", "flat_run_h", warning, f"equal readings run on for long ({Rule.FLAT_RUN})", high=params.flat_run_h),
        _between("interval_regular", "intervals", warning, "the day mixes intervals of different lengths", high=1),
        _between("interval_kept", "interval_changed", warning, "the meter's interval changes for good", high=0),
        _between("counter_steady", "counter_reset", warning, "the counter stood, then gave its energy at once", high=0),
        _between("history_kept", "above_history", warning, "readings are far above the meter's usual load; the register jumped", high=0),
        _between("days_collected", "miscollected", warning, "days were not collected as they were; see the rules on them", high=0),
        _between("clock_kept", "drifting", warning, "stamps move against the grid of the local day; the clock drifts", high=0),
        _between("grid_kept", "off_grid", warning, "readings start beside the grid of the local day", high=0),
        _between("no_overlap", "overlaps", warning, "readings begin before the one before has ended", high=0),
        _between("order_kept", "order_breaks", warning, "readings stood after a later one in the file they came in", high=0),
    ]


def _unique(name: str, columns: list[str], meaning: str) -> Expectation:
    return Expectation(name, "ExpectCompoundColumnsToBeUnique", tuple(columns), Severity.ERROR, meaning, {"column_list": columns})


def _where_quality(name: str, kind: str, column: str, where: Where, meaning: str) -> Expectation:
    return Expectation(name, kind, (column, where.column), Severity.ERROR, meaning, {"column": column}, where)


def _in_set(name: str, column: str, values: list[Any], severity: Severity, meaning: str) -> Expectation:
    return Expectation(name, "ExpectColumnValuesToBeInSet", (column,), severity, meaning, {"column": column, "value_set": values})


def _between(
    name: str,
    column: str,
    severity: Severity,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    where: Where | None = None,
) -> Expectation:
    columns = (column,) if where is None else (column, where.column)
    arguments = {"column": column, "min_value": low, "max_value": high}
    return Expectation(name, "ExpectColumnValuesToBeBetween", columns, severity, meaning, arguments, where)

"""The one place that talks to Great Expectations: a polars frame and a suite in, one outcome per expectation out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import polars as pl

from ecoai_pipeline.quality.suites import Expectation, Severity, Suite, Where

_LEVEL = {Severity.ERROR: "critical", Severity.WARNING: "warning"}
# Positions of the rows that failed name their meters; the values themselves are not wanted.
_FORMAT = {"result_format": "COMPLETE", "exclude_unexpected_values": True}


class ExpectationError(RuntimeError):
    """An expectation could not be evaluated; a check that did not run must not pass for one that did."""


@dataclass(frozen=True)
class Outcome:
    """How many rows an expectation looked at, how many failed it, and the meters of those, in order."""

    expectation: Expectation
    checked: int
    unexpected: int
    meters: tuple[str, ...]

    @property
    def success(self) -> bool:
        return self.unexpected == 0


def validate(frame: pl.DataFrame, suite: Suite) -> list[Outcome]:
    """Check one frame; see `validate_each`."""
    return validate_each([frame], suite)[0]


def validate_each(frames: Sequence[pl.DataFrame], suite: Suite) -> list[list[Outcome]]:
    """Check several frames in one batch, each for itself; they have `meter_id` and the columns of the suite.

    A batch costs about 0.2 s of CPU whatever its size, so small frames share one. Of many rows those are checked first that
    meet an expectation only if all rows do; where they do not, all rows of their frames are checked.

    Returns:
        Per frame the outcomes, in the order of the suite.

    Raises:
        ExpectationError: an expectation raised instead of giving a result; the message names it.
    """
    rows = pl.concat(frame.select(pl.lit(number, pl.Int64).alias(_FRAME), *suite.columns) for number, frame in enumerate(frames))
    by_name: dict[str, list[Outcome]] = {}
    for where in dict.fromkeys(expectation.where for expectation in suite.expectations):
        asked = Suite(suite.name, tuple(e for e in suite.expectations if e.where == where))
        about = rows.select(_FRAME, *asked.columns)
        by_name |= _found(about if where is None else about.filter(_meets(where)), asked, len(frames))
    return [list(outcomes) for outcomes in zip(*(by_name[e.name] for e in suite.expectations), strict=True)]


def _found(rows: pl.DataFrame, suite: Suite, frames: int) -> dict[str, list[Outcome]]:
    """The outcomes of each expectation, by its name, one per frame; see `validate_each`."""
    if rows.height <= _FEW:
        return _validated(rows, suite, frames)
    unique = [e for e in suite.expectations if e.kind in _OF_NEIGHBOURS]
    single = [e for e in suite.expectations if e.kind in _OF_SINGLE_ROWS]
    others = [e for e in suite.expectations if e not in (*unique, *single)]
    groups = [([e], _twins(rows, e.columns)) for e in unique] + [(single, _extremes(rows, single)), (others, rows)]
    found: dict[str, list[Outcome]] = {}
    for expectations, few in groups:
        found |= _validated(few, Suite(suite.name, tuple(expectations)), frames) if expectations else {}
    missed = [e for e in suite.expectations if e not in others and not all(outcome.success for outcome in found[e.name])]
    if missed:
        where = {number for e in missed for number, outcome in enumerate(found[e.name]) if not outcome.success}
        found |= _validated(rows.filter(pl.col(_FRAME).is_in(where)), Suite(suite.name, tuple(missed)), frames)
    checked = _heights(rows, frames)
    return {name: [replace(o, checked=n) for o, n in zip(outcomes, checked, strict=True)] for name, outcomes in found.items()}


_FEW = 1000
"""Rows that are all checked: to choose among them saves nothing."""
_IN_SET = "ExpectColumnValuesToBeInSet"
_OF_NEIGHBOURS = frozenset({"ExpectCompoundColumnsToBeUnique"})
_OF_SINGLE_ROWS = frozenset(
    {
        _IN_SET,
        "ExpectColumnValuesToBeBetween",
        "ExpectColumnPairValuesAToBeGreaterThanB",
        "ExpectColumnValuesToBeNull",
        "ExpectColumnValuesToNotBeNull",
    }
)
"""Expectations that look at one row at a time: if a number meets them, so does each number between it and another that does."""


def _extremes(rows: pl.DataFrame, expectations: Sequence[Expectation]) -> pl.DataFrame:
    """Rows with the least and with the largest numbers of those rows of a frame that are alike in all else.

    A comparison of two columns gets the least of the one and the largest of the other.
    """
    columns = dict.fromkeys(name for e in expectations for name in e.columns)
    listed = {name for e in expectations if e.kind == _IN_SET for name in e.columns}
    numbers = [name for name in columns if rows.schema[name].is_numeric() and name not in listed]
    alike = [_FRAME, *(name for name in columns if name not in numbers)]
    filled = [_is_filled(name, rows.schema[name]) for name in numbers]
    ends = [end for name in numbers for end in (pl.col(name).min().alias(f"{name} least"), pl.col(name).max().alias(f"{name} most"))]
    groups = rows.group_by(*alike, *filled).agg(*ends)
    pairs = [(e.arguments["column_A"], e.arguments["column_B"]) for e in expectations if "column_A" in e.arguments]
    taken = [dict.fromkeys(numbers, "least"), dict.fromkeys(numbers, "most")]
    taken += [{**taken[0], above: "least", below: "most"} for above, below in pairs]
    frames = [groups.select(*alike, *(pl.col(f"{name} {end}").alias(name) for name, end in ends.items())) for ends in taken]
    return pl.concat(frames).with_columns(meter_id=pl.lit(""))


def _is_filled(name: str, dtype: pl.DataType) -> pl.Expr:
    """Whether a number is one; null where it is absent."""
    column = pl.col(name)
    return (column.is_not_nan() if dtype.is_float() else column.is_not_null()).alias(f"{name} filled")


def _twins(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows that are alike to a neighbour in some columns, and the first row; all rows where they are not sorted by these."""
    keys = (_FRAME, *columns)
    above = pl.lit(value=False)
    alike = pl.lit(value=True)
    for name in keys:
        above |= alike & (pl.col(name) > pl.col(name).shift(1))
        alike &= pl.col(name) == pl.col(name).shift(1)
    told = rows.select(above=above, alike=alike)
    if not (told["above"] | told["alike"]).fill_null(value=False)[1:].all():
        return rows
    again = told["alike"].fill_null(value=False)
    twins = again | again.shift(-1, fill_value=False)
    twins[0] = True
    return rows.filter(twins)


def _heights(rows: pl.DataFrame, frames: int) -> list[int]:
    """How many rows each frame has."""
    counts = dict(rows.group_by(_FRAME).len().iter_rows())
    return [counts.get(number, 0) for number in range(frames)]


def _validated(rows: pl.DataFrame, suite: Suite, frames: int) -> dict[str, list[Outcome]]:
    """Check the rows that the expectations of a suite are about; for each expectation, by its name, one outcome per frame.

    Great Expectations gets these rows without the condition: to apply one, it copies the whole frame several times.
    """
    names = dict.fromkeys(name for e in suite.expectations for name in e.columns if e.where is None or name != e.where.column)
    slim = rows.select(_for_pandas(name, rows.schema[name]) for name in names)
    with quietly():
        import great_expectations as gx

        theirs = gx.ExpectationSuite(name=suite.name, expectations=[native(replace(e, where=None)) for e in suite.expectations])
        batch = _whole_frame().get_batch(batch_parameters={"dataframe": slim.to_pandas()})
        results = {result.expectation_config.meta["name"]: result for result in batch.validate(theirs, result_format=_FORMAT).results}
    checked = _heights(rows, frames)
    return {e.name: _outcomes(rows, e, results[e.name], checked) for e in suite.expectations}


_FRAME = "__frame"
"""The number of the frame that a row of a batch came from."""


def _for_pandas(name: str, dtype: pl.DataType) -> pl.Expr:
    """Text as categories and dates as day numbers: four times as quick in pandas as Arrow strings.

    A meter becomes a number of its own in each frame: only equality counts, and two frames may hold the same reading.
    """
    column = pl.col(name)
    if name == "meter_id":
        return (column.cast(pl.Categorical).to_physical().cast(pl.Int64) + pl.col(_FRAME) * _MANY).alias(name)
    if dtype == pl.String:
        return column.cast(pl.Categorical)
    return (column.cast(pl.Int32) + _EPOCH) if dtype == pl.Date else column


_MANY = 1 << 32  # more than there are categories
_EPOCH = 719_163  # 1970-01-01 as date.toordinal counts


@cache
def _whole_frame() -> Any:
    """One context per process to check with."""
    return in_memory().data_sources.add_pandas("memory").add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")


def in_memory(**config: Any) -> Any:
    """A context in memory: it writes nothing to disk but the sites it is given, shows no bars and reports to nobody."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    # The defaults of `get_context` add a site of documentation in a temporary folder.
    project = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(), analytics_enabled=False, **config)
    context = gx.get_context(mode="ephemeral", project_config=project)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


def native(expectation: Expectation) -> Any:
    """An expectation of ours as one of theirs."""
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column, ComparisonCondition, Operator

    where = expectation.where
    condition = (
        {}
        if where is None
        else {"row_condition": ComparisonCondition(column=Column(where.column), operator=Operator(where.operator), parameter=where.value)}
    )
    meta = {"name": expectation.name, "meaning": expectation.meaning}
    return getattr(gxe, expectation.kind)(**expectation.arguments, **condition, severity=_LEVEL[expectation.severity], meta=meta)


def _meets(where: Where) -> pl.Expr:
    column, value = pl.col(where.column), pl.lit(where.value)
    return column.eq_missing(value) if where.operator == "==" else column.ne_missing(value)


def _outcomes(rows: pl.DataFrame, expectation: Expectation, result: Any, checked: Sequence[int]) -> list[Outcome]:
    """Part the result of a batch into one outcome per frame."""
    if result.exception_info.get("raised_exception") is not False or "element_count" not in result.result:
        raise ExpectationError(f"expectation {expectation.name} could not be evaluated: {result.exception_info}")
    failed = rows[result.result.get("unexpected_index_list") or []].select(_FRAME, "meter_id")
    unexpected = int(result.result["unexpected_count"])
    if (unexpected > 0) == result.success or failed.height != unexpected or int(result.result["element_count"]) != sum(checked):
        raise ExpectationError(f"expectation {expectation.name} contradicts itself: {result.result}")
    by_frame = failed.group_by(_FRAME).agg(pl.len(), pl.col("meter_id").unique().sort()).rows_by_key(_FRAME, unique=True)
    found = (by_frame.get(number, (0, [])) for number in range(len(checked)))
    return [Outcome(expectation, about, count, tuple(meters)) for about, (count, meters) in zip(checked, found, strict=True)]


@contextmanager
def quietly() -> Iterator[None]:
    """Its import logs each method it finds, and loads two deprecated modules of the standard library; that is all it warns of."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"module 'sre_\w+' is deprecated", category=DeprecationWarning)
        yield

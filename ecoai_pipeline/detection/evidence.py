"""What is measured of an event, and the confidence that follows from it by a rule one can check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from ecoai_pipeline.domain import EVIDENCE, SEGMENT, Category, Kind, Quality, Resolution
from ecoai_pipeline.quality.rules import Rule

# What a fault of the meter looks like; of several kinds in one event the most frequent, of equally frequent ones the first.
RULE_KINDS = {
    Rule.FILLED_DAYS: Kind.FILLED_DAYS,
    Rule.COPIED_DAYS: Kind.COPIED_DAYS,
    Rule.WRONG_FACTOR: Kind.WRONG_FACTOR,
    Rule.SHIFTED_CLOCK: Kind.SHIFTED_CLOCK,
    Rule.COUNTER_RESET: Kind.COUNTER_RESET,
    Rule.ABOVE_HISTORY: Kind.IMPLAUSIBLE,
    Rule.NEGATIVE: Kind.IMPLAUSIBLE,
    Rule.ABOVE_CAPACITY: Kind.IMPLAUSIBLE,
    Rule.ZERO_RUN: Kind.STUCK_COUNTER,
    Rule.FLAT_RUN: Kind.STUCK_COUNTER,
}
# Whoever runs the meter must act on these alone; a plant may really have drawn more than its capacity, and hears of it too.
NO_CONSUMPTION = RULE_KINDS.keys() - {Rule.ABOVE_CAPACITY}
_DATA_KINDS = (*dict.fromkeys(RULE_KINDS.values()), Kind.MISSING_DATA)

_MOSTLY = 0.5  # share of an event's intervals in strange days from which on it is one
_DECADES = 4  # decades below q at which confidence reaches 1

MEASURED = (
    "resolution",
    "end",
    "kind",
    "category",
    "confidence",
    "p",
    "expected_kwh",
    "actual_kwh",
    "excess_kwh",
    "readings",
    "alarmed",
    "longest_equal_run",
    "low_kwh",
    "high_kwh",
    *(f"share_{name}" for name in EVIDENCE),
    "rule",
    "restated",
    "hindsight",
    "model_version",
    "strange",
)


ModelWeights = Mapping[str, Mapping[str, float]]
"""By the version of a model the weights of its detectors."""


def weighed(scores: pl.DataFrame, weights: ModelWeights) -> pl.DataFrame:
    """SCORES rows with `share_<detector>`: its -log p by its share of the weights of the model that scored the row, as fusion takes it.

    Segments count as much as all detectors together. Where nothing is known of a model, all count alike.
    """
    evidence = {name: -pl.col(f"p_{name}").cast(pl.Float64).log().fill_null(0.0) for name in EVIDENCE}
    return scores.with_columns(**{f"share_{name}": own * _weight(name, weights) for name, own in evidence.items()})


def _weight(name: str, weights: ModelWeights) -> pl.Expr:
    known = {version: float(own.get(name, 0.0)) / (sum(own.values()) or 1.0) for version, own in weights.items()}
    if not known or name == SEGMENT:
        return pl.lit(1.0)
    return pl.col("model_version").replace_strict(list(known), list(known.values()), default=1.0, return_dtype=pl.Float64)


def marked_by(rules: Iterable[str]) -> pl.Expr:
    """Whether one of the rules stands in the `+`-joined column `rule`."""
    named = [pl.concat_str(pl.lit("+"), "rule", pl.lit("+")).str.contains(f"+{rule}+", literal=True) for rule in rules]
    return pl.any_horizontal(named).fill_null(value=False)


def consumed() -> pl.Expr:
    """`kwh`, null where a quality rule says that the reading is no consumption."""
    return pl.when(~marked_by(NO_CONSUMPTION)).then("kwh").alias("kwh")


def describe(part: pl.DataFrame, category: Category) -> pl.DataFrame:
    """One row per `event` of the rows `part` (SCORES `weighed`, and `event`, `hot`, `stop`), columns `event` and `MEASURED`.

    Energies are sums over the intervals that have both a reading and an expectation. The kind of a data quality event is what most of its
    intervals are; that of an energy event is told by what surrounds it (`surroundings`), and null here.
    Confidence of an energy event: 1/2 at p = q, rising (falling) to 1 (0) over four decades; 1 for data quality.
    """
    measured = _measured(_prepared(part))
    energy = category is Category.ENERGY
    judged = measured.with_columns(
        category=pl.lit(category.value),
        kind=pl.lit(None, dtype=pl.String) if energy else _data_kind(),
        confidence=_confidence() if energy else pl.lit(1.0),
        p=pl.col("p") if energy else pl.lit(None, dtype=pl.Float64),
    )
    return judged.select("event", *MEASURED)


def _prepared(part: pl.DataFrame) -> pl.DataFrame:
    comparable = pl.col("kwh").is_not_null() & pl.col("expected_kwh").is_not_null()
    kinds = {kind: marked_by(rule for rule, means in RULE_KINDS.items() if means is kind) for kind in RULE_KINDS.values()}
    kinds[Kind.MISSING_DATA] = pl.col("quality") == Quality.MISSING
    return part.with_columns(
        actual=pl.when(comparable).then("kwh"),
        expected=pl.when(comparable).then("expected_kwh"),
        residual=pl.when(comparable).then(pl.col("kwh") - pl.col("expected_kwh")),
        equal_run=pl.struct("event", "kwh").rle_id(),
        rules=pl.col("rule").str.split("+"),
        **{kind.value: marked for kind, marked in kinds.items()},
    )


def _measured(part: pl.DataFrame) -> pl.DataFrame:
    grouped = part.group_by("event", maintain_order=True).agg(
        pl.col("interval_s").last(),
        pl.col("timestamp").first().alias("part_start"),
        pl.col("stop").last().alias("end"),
        pl.col("p").min().cast(pl.Float64),
        pl.col("q").max().cast(pl.Float64),
        *(_sum(column).alias(f"{column}_kwh") for column in ("expected", "actual")),
        _sum("residual").alias("excess_kwh"),
        pl.len().cast(pl.Int32).alias("readings"),
        pl.col("hot").sum().cast(pl.Int32).alias("alarmed"),
        _longest_equal_run(),
        _sum("low_kwh"),
        _sum("high_kwh"),
        *(pl.col(f"share_{name}").sum() for name in EVIDENCE),
        pl.col("rules").explode(keep_nulls=False, empty_as_null=False).unique().sort().str.join("+").alias("rule"),
        pl.col("restated").sum().cast(pl.Int32),
        pl.col("hindsight").any(),
        pl.col("model_version").drop_nulls().last(),
        (pl.col("strange_day").mean() > _MOSTLY).alias("strange"),
        pl.col(*_DATA_KINDS).sum(),
    )
    total = pl.sum_horizontal(f"share_{name}" for name in EVIDENCE)
    shares = [pl.when(total > 0).then(pl.col(f"share_{name}") / total) for name in EVIDENCE]
    resolution = pl.col("interval_s").map_elements(_resolution, return_dtype=pl.String).alias("resolution")
    return grouped.with_columns(resolution, *shares, pl.col("rule").replace("", None))


def _resolution(interval_s: int) -> str:
    return Resolution.of(interval_s).value


def _sum(column: str) -> pl.Expr:
    """Sum of what there is, null where there is nothing."""
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum()).cast(pl.Float64)


def _longest_equal_run() -> pl.Expr:
    runs = pl.col("equal_run").filter(pl.col("kwh").is_not_null()).unique_counts()
    return runs.max().fill_null(0).cast(pl.Int32).alias("longest_equal_run")


def _data_kind() -> pl.Expr:
    most = pl.concat_list(*_DATA_KINDS).list.arg_max()
    return most.replace_strict(dict(enumerate(kind.value for kind in _DATA_KINDS)), return_dtype=pl.String)


def _confidence() -> pl.Expr:
    decades = (pl.col("q") / pl.col("p")).log10() / _DECADES
    return (0.5 + 0.5 * decades.clip(-1, 1)).fill_null(0.0)

"""What is measured of an event, and the kind, confidence and severity that follow from it by rules one can check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from ecoai_pipeline.domain import DETECTORS, Category, Kind, Quality, Resolution
from ecoai_pipeline.quality.rules import Rule

# What a fault of the meter looks like; of several kinds in one event the most frequent, of equally frequent ones the first.
RULE_KINDS = {
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

_OUTAGE_SHARE = 0.1  # at most this share of the expected energy came ...
_OUTAGE_INTERVALS = 0.6  # ... in this share of the intervals, since an event also holds the readings around it
_SPIKE_INTERVALS = 2  # no longer than this
_EQUAL_INTERVALS = 4  # a run of equal readings counts from here ...
_EQUAL_SHARE = 0.6  # ... where it fills this share of the event
_NOISY_CROSSINGS = 0.4  # the residual changes its sign in this share of the steps
_NOISY_INTERVALS = 6
_ONE_SIDED = 0.8  # share of the moved energy that goes one way
_DECADES = 4  # decades below q at which confidence reaches 1
_DAY_SHARE = 0.25  # excess of this share of a day's energy is half of full size
_LONG_H = 24  # a duration of this is half of full length

MEASURED = (
    "resolution",
    "end",
    "kind",
    "category",
    "severity",
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
    "usual_low_kwh",
    "usual_high_kwh",
    "usual_weeks",
    "before_ratio",
    "after_ratio",
    "shift_min",
    "fit",
    "next_kind",
    "next_fit",
    *(f"share_{name}" for name in DETECTORS),
    "rule",
    "restated",
    "hindsight",
    "model_version",
)

_NOT_MEASURED = {
    **{name: pl.lit(None, dtype=pl.Float64) for name in ("usual_low_kwh", "usual_high_kwh", "before_ratio", "after_ratio", "shift_min")},
    **{name: pl.lit(None, dtype=pl.Float64) for name in ("fit", "next_fit")},
    "usual_weeks": pl.lit(0, dtype=pl.Int32),
    "next_kind": pl.lit(None, dtype=pl.String),
}


ModelWeights = Mapping[str, Mapping[str, float]]
"""By the version of a model the weights of its detectors."""


def weighed(scores: pl.DataFrame, weights: ModelWeights) -> pl.DataFrame:
    """SCORES rows with `share_<detector>`: its -log p by its weight in the model that scored the row, as fusion takes it.

    Where nothing is known of a model, its detectors count alike.
    """
    evidence = {name: -pl.col(f"p_{name}").cast(pl.Float64).log().fill_null(0.0) for name in DETECTORS}
    return scores.with_columns(**{f"share_{name}": own * _weight(name, weights) for name, own in evidence.items()})


def _weight(name: str, weights: ModelWeights) -> pl.Expr:
    known = {version: float(own.get(name, 0.0)) for version, own in weights.items()}
    if not known:
        return pl.lit(1.0)
    return pl.col("model_version").replace_strict(list(known), list(known.values()), default=1.0, return_dtype=pl.Float64)


def marked_by(rules: Iterable[str]) -> pl.Expr:
    """Whether one of the rules stands in the `+`-joined column `rule`."""
    named = [pl.concat_str(pl.lit("+"), "rule", pl.lit("+")).str.contains(f"+{rule}+", literal=True) for rule in rules]
    return pl.any_horizontal(named).fill_null(value=False)


def describe(part: pl.DataFrame, category: Category) -> pl.DataFrame:
    """One row per `event` of the rows `part` (SCORES `weighed`, and `event`, `hot`, `stop`), columns `event` and `MEASURED`.

    Energies are sums over the intervals that have both a reading and an expectation. Kinds: outage, at most 10 % of
    the expected energy in most of the intervals; spike, at most 2 intervals; plateau (above) or flat (below expectation), mostly one run of
    equal readings; noisy, the residual keeps changing its sign; surge or sag, 80 % of the moved energy on one
    side; else an unusual shape. Data quality: what most of its intervals are.
    Confidence of an energy event: 1/2 at p = q, rising (falling) to 1 (0) over four decades; 1 for data quality.
    Severity: the mean of confidence, size e/(e + a quarter of a day's energy) and length d/(d + 24 h).
    """
    measured = _measured(_prepared(part))
    energy = category is Category.ENERGY
    judged = measured.with_columns(
        category=pl.lit(category.value),
        kind=_energy_kind() if energy else _data_kind(),
        confidence=_confidence() if energy else pl.lit(1.0),
        p=pl.col("p") if energy else pl.lit(None, dtype=pl.Float64),
    )
    return judged.with_columns(severity=_severity(), **_NOT_MEASURED).select("event", *MEASURED)


def _prepared(part: pl.DataFrame) -> pl.DataFrame:
    comparable = pl.col("kwh").is_not_null() & pl.col("expected_kwh").is_not_null()
    kinds = {kind: marked_by(rule for rule, means in RULE_KINDS.items() if means is kind) for kind in RULE_KINDS.values()}
    kinds[Kind.MISSING_DATA] = pl.col("quality") == Quality.MISSING
    return part.with_columns(
        actual=pl.when(comparable).then("kwh"),
        expected=pl.when(comparable).then("expected_kwh"),
        residual=pl.when(comparable).then(pl.col("kwh") - pl.col("expected_kwh")),
        equal_run=pl.struct("event", "kwh").rle_id(),
        down=comparable & (pl.col("expected_kwh") > 0) & (pl.col("kwh").abs() <= _OUTAGE_SHARE * pl.col("expected_kwh")),
        rules=pl.col("rule").str.split("+"),
        **{kind.value: marked for kind, marked in kinds.items()},
    )


def _measured(part: pl.DataFrame) -> pl.DataFrame:
    residual = pl.col("residual").drop_nulls()
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
        *(pl.col(f"share_{name}").sum() for name in DETECTORS),
        pl.col("rules").explode(keep_nulls=False, empty_as_null=False).unique().sort().str.join("+").alias("rule"),
        pl.col("restated").sum().cast(pl.Int32),
        pl.col("hindsight").any(),
        pl.col("model_version").drop_nulls().last(),
        pl.col("residual").abs().sum().alias("moved_kwh"),
        residual.len().alias("compared"),
        pl.col("down").sum(),
        (residual.sign() != residual.sign().shift()).sum().alias("crossings"),
        pl.col("expected_kwh").abs().mean().alias("usual_kwh"),
        pl.col(*_DATA_KINDS).sum(),
    )
    total = pl.sum_horizontal(f"share_{name}" for name in DETECTORS)
    shares = [pl.when(total > 0).then(pl.col(f"share_{name}") / total) for name in DETECTORS]
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


def _energy_kind() -> pl.Expr:
    excess, moved = pl.col("excess_kwh"), pl.col("moved_kwh")
    unknown = pl.col("compared") == 0
    outage = pl.col("down") >= _OUTAGE_INTERVALS * pl.col("compared")
    equal = (pl.col("longest_equal_run") >= _EQUAL_INTERVALS) & (pl.col("longest_equal_run") >= _EQUAL_SHARE * pl.col("readings"))
    noisy = (pl.col("compared") >= _NOISY_INTERVALS) & (pl.col("crossings") >= _NOISY_CROSSINGS * (pl.col("compared") - 1))
    one_sided = excess.abs() >= _ONE_SIDED * moved
    return (
        pl.when(unknown).then(pl.lit(Kind.UNUSUAL_SHAPE.value))
        .when(outage).then(pl.lit(Kind.OUTAGE.value))
        .when(pl.col("readings") <= _SPIKE_INTERVALS).then(pl.lit(Kind.SPIKE.value))
        .when(equal & (excess > 0)).then(pl.lit(Kind.PLATEAU.value))
        .when(equal).then(pl.lit(Kind.FLAT.value))
        .when(noisy).then(pl.lit(Kind.NOISY.value))
        .when(one_sided & (excess > 0)).then(pl.lit(Kind.SURGE.value))
        .when(one_sided).then(pl.lit(Kind.SAG.value))
        .otherwise(pl.lit(Kind.UNUSUAL_SHAPE.value))
    )  # fmt: skip


def _data_kind() -> pl.Expr:
    most = pl.concat_list(*_DATA_KINDS).list.arg_max()
    return most.replace_strict(dict(enumerate(kind.value for kind in _DATA_KINDS)), return_dtype=pl.String)


def _confidence() -> pl.Expr:
    decades = (pl.col("q") / pl.col("p")).log10() / _DECADES
    return (0.5 + 0.5 * decades.clip(-1, 1)).fill_null(0.0)


def _severity() -> pl.Expr:
    day_kwh = pl.col("usual_kwh") * 86_400 / pl.col("interval_s")
    excess = pl.col("excess_kwh").abs()
    size = pl.when(excess > 0).then(excess / (excess + _DAY_SHARE * day_kwh)).otherwise(0.0)
    hours = (pl.col("end") - pl.col("part_start")).dt.total_seconds() / 3600
    return pl.mean_horizontal(pl.col("confidence"), size.fill_null(0.0), hours / (hours + _LONG_H))

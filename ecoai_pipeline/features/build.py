"""The layer `features` of a partition: validated readings in, the regular grid with calendar, fills and spectra out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.domain import FEATURES, SPECTRA, VALIDATED_READINGS, Partition
from ecoai_pipeline.features.calendar import DAY_S, Place, local_seconds, with_calendar
from ecoai_pipeline.features.differencing import first_difference
from ecoai_pipeline.features.grid import Grid, horizons, regular_grid
from ecoai_pipeline.features.imputation import fill_short_gaps
from ecoai_pipeline.features.spectrum import Load, spectra
from ecoai_pipeline.settings import FeatureParams, Settings
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake, Written
from ecoai_pipeline.storage.registry import MeterRegistry

_HOUR_S = 3600
_READING = ("meter_id", "timestamp", "interval_s", "kwh", "quality", "rule", "restated")


@dataclass(frozen=True)
class _Portfolio:
    """What is known of the meters of a partition before any reading is laid out.

    Attributes:
        places: where every meter is.
        earlier: the partitions of the month before that hold the meters' readings; a meter may have changed its industry.
        silent: meters of the industry with readings in the month before and none in this, in order.
        horizon: by zone the end of the last reading of the month.
    """

    places: Mapping[str, Place]
    earlier: Sequence[Partition]
    silent: tuple[str, ...]
    horizon: Mapping[str, datetime]

    @property
    def zones(self) -> dict[str, str]:
        return _zones(self.places)


def materialize_features(lake: Lake, settings: Settings, partition: Partition) -> Written:
    """Write `features` and `spectra` of a partition from the validated readings of its month and the month before.

    Equal inputs, parameters and code: nothing is done. Spectra are written first, so that features never stand without them.
    Facts: meters, imputed (intervals filled), unfilled (left empty), intervals (meters by seconds), dropped (readings off the
    grid, by reason), spectra (rows).
    """
    registry = MeterRegistry(lake)
    earlier = registry.partitions_before(partition)
    print_ = _fingerprint(lake, settings, registry, partition, earlier)
    before = lake.info(FEATURES, partition)
    if before.fingerprint == print_ and _spectra_stand(lake, partition, before.facts, print_):
        return Written(before, changed=False, skipped=True)
    facts: dict[str, Any] = {}
    portfolio = _portfolio(lake, settings, registry, partition, earlier)
    frames = _frames(lake, settings.features, partition, portfolio, facts, print_)
    return lake.write(FEATURES, partition, frames, fingerprint=print_, facts=facts)


def features_fingerprint(lake: Lake, settings: Settings, partition: Partition) -> str:
    """What `features` of a partition would be made from now."""
    registry = MeterRegistry(lake)
    return _fingerprint(lake, settings, registry, partition, registry.partitions_before(partition))


def _fingerprint(lake: Lake, settings: Settings, registry: MeterRegistry, partition: Partition, earlier: Sequence[Partition]) -> str:
    members = registry.of(partition.industry, partition.month)
    inputs = {
        "validated": lake.info(VALIDATED_READINGS, partition).content,
        "before": {part.key: lake.info(VALIDATED_READINGS, part).content for part in earlier},
        "places": {meter_id: astuple(Place.of_meter(meter)) for meter_id, meter in members.items()},
        "default_zone": settings.time_zone,
    }
    return fingerprint(inputs=inputs, params=settings.features, code=code_digest("features"))


def _spectra_stand(lake: Lake, partition: Partition, facts: Mapping[str, Any], print_: str) -> bool:
    return facts.get("spectra") == 0 or lake.info(SPECTRA, partition).fingerprint == print_


def _portfolio(lake: Lake, settings: Settings, registry: MeterRegistry, partition: Partition, earlier: Sequence[Partition]) -> _Portfolio:
    month = partition.month
    readings = lake.scan(VALIDATED_READINGS, partition)
    present = _meter_ids(readings)
    past = [meter_id for meter_id in _meter_ids(lake.scan(VALIDATED_READINGS, earlier)) if meter_id not in present]
    silent = tuple(meter_id for meter_id in past if (meter := registry.at(meter_id, month)) and meter.industry == partition.industry)
    known = {meter_id: registry.at(meter_id, month) for meter_id in (*present, *silent)}
    places = {meter_id: Place.of_meter(meter) if meter else Place.of(settings.time_zone) for meter_id, meter in known.items()}
    return _Portfolio(places, earlier, silent, horizons(readings, _zones(places)))


def _zones(places: Mapping[str, Place]) -> dict[str, str]:
    return {meter_id: place.zone for meter_id, place in places.items()}


def _meter_ids(readings: pl.LazyFrame) -> dict[str, None]:
    ids = readings.select(pl.col("meter_id").unique().sort()).collect()["meter_id"]
    return dict.fromkeys(ids.to_list())


def _frames(
    lake: Lake, params: FeatureParams, partition: Partition, portfolio: _Portfolio, facts: dict[str, Any], print_: str
) -> Iterator[pl.DataFrame]:
    """Features in chunks of whole meters; fills `facts` and writes the spectra when the last chunk is out."""
    counts: Counter[str] = Counter(meters=0, imputed=0, unfilled=0)
    intervals: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    found: list[pl.DataFrame] = []
    zones = portfolio.zones
    for current, before in _chunks(lake, partition, portfolio):
        grid = regular_grid(current, before, partition.month, zones, portfolio.horizon)
        load = imputed_load(grid, params)
        found.append(spectra(_loads(grid, load), params))
        month = _month_rows(grid, load, portfolio.places)
        missing = month.filter(~pl.col("observed"))
        unfilled = missing["kwh_imputed"].null_count()
        counts.update(meters=grid.meters.height, imputed=missing.height - unfilled, unfilled=unfilled)
        intervals.update(str(seconds) for seconds in grid.meters["interval_s"])
        dropped.update(grid.dropped)
        yield month
    rows = pl.concat(found).height if found else 0
    lake.write(SPECTRA, partition, found, fingerprint=print_)
    facts.update(counts, intervals=dict(intervals), dropped=dict(dropped), spectra=rows)


def _chunks(lake: Lake, partition: Partition, portfolio: _Portfolio) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Readings of the month and of the month before, chunk by chunk; silent meters come in their place in the order."""
    waiting = list(portfolio.silent)
    current = None
    for current in lake.chunks(VALIDATED_READINGS, partition):
        last = current["meter_id"][-1]
        silent = [meter_id for meter_id in waiting if meter_id <= last]
        waiting = waiting[len(silent) :]
        yield current.select(_READING), _before(lake, portfolio, [*current["meter_id"].unique(), *silent])
    if waiting and current is not None:
        yield current.clear().select(_READING), _before(lake, portfolio, waiting)


def _before(lake: Lake, portfolio: _Portfolio, meters: list[str]) -> pl.DataFrame:
    readings = lake.scan(VALIDATED_READINGS, portfolio.earlier, meters).select(_READING).collect()
    return readings.sort(VALIDATED_READINGS.order) if len(portfolio.earlier) > 1 else readings


def imputed_load(grid: Grid, params: FeatureParams) -> NDArray[np.float64]:
    """kwh of the whole grid with short gaps filled, from the last interval of the month before on; NaN elsewhere missing."""
    load = grid.rows["kwh"].to_numpy(writable=True)
    number = grid.rows["number"].to_numpy()
    for (zone,), meters in grid.meters.partition_by("zone", as_dict=True).items():
        for _, begin, end, interval_s in _slices(meters):
            if not np.isnan(load[begin:end]).any():
                continue
            seconds = grid.rows[begin:end].select(local_seconds(str(zone))).to_series().to_numpy()
            day, slot = (seconds // DAY_S).astype(np.int32), (seconds % DAY_S // interval_s).astype(np.int32)
            longest = int(params.gap_cap_h * _HOUR_S // interval_s)
            load[begin:end] = fill_short_gaps(load[begin:end], day, slot, number[begin:end] >= -1, longest, params.neighbours)
    return load


def _slices(meters: pl.DataFrame) -> Iterator[tuple[str, int, int, int]]:
    """Meter, begin and end of its rows in the grid, and its interval in seconds."""
    for meter_id, first, last, offset, interval_s in meters.select("meter_id", "first", "last", "offset", "interval_s").iter_rows():
        yield meter_id, offset, offset + last - first, interval_s


def _loads(grid: Grid, load: NDArray[np.float64]) -> Iterator[Load]:
    return (Load(meter_id, interval_s, load[begin:end]) for meter_id, begin, end, interval_s in _slices(grid.meters))


def _month_rows(grid: Grid, load: NDArray[np.float64], places: Mapping[str, Place]) -> pl.DataFrame:
    """The rows of `features`: the grid without the month before, with load, difference and calendar."""
    difference = first_difference(load, grid.meters["offset"].to_numpy())
    rows = grid.rows.with_columns(
        pl.Series("kwh_imputed", load, nan_to_null=True),
        pl.col("kwh").is_not_null().alias("observed"),
        pl.Series("diff_kwh", difference, nan_to_null=True),
    ).filter(pl.col("number") >= 0)
    of_meter = {meter_id: places[meter_id] for meter_id in grid.meters["meter_id"]}
    present = list(dict.fromkeys(of_meter.values()))
    if len(present) == 1:
        return with_calendar(rows, present[0]).select(FEATURES.names)
    number = pl.col("meter_id").replace_strict({meter: present.index(place) for meter, place in of_meter.items()}, return_dtype=pl.Int32)
    parts = rows.with_columns(number.alias("place")).partition_by("place", maintain_order=True)
    return pl.concat([with_calendar(part, present[part["place"][0]]) for part in parts]).select(FEATURES.names)

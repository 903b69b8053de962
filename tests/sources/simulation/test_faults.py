"""Faults: each kind does what its name says, the record is exact, and the injector takes any series as it comes."""

from __future__ import annotations

import hashlib
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ecoai_pipeline.domain import Kind
from ecoai_pipeline.sources.simulation.changes import CHANGES, Floats, Place
from ecoai_pipeline.sources.simulation.faults import TRUTH, Fault, inject, inject_readings
from ecoai_pipeline.sources.simulation.load import Series
from ecoai_pipeline.sources.simulation.plan import FAULTS_FILE, FaultPlan, standard_plan

PLAN = standard_plan()
DAY = np.r_[np.full(32, 2.0), np.full(40, 10.0), np.full(24, 2.0)]  # 15 minutes; work from 8:00 to 18:00


def two_shifts(days: int, seed: int = 0) -> tuple[Floats, np.ndarray]:
    """A plant that works from eight to six, and the slot of each reading."""
    rng = np.random.default_rng(seed)
    return np.tile(DAY, days) * np.exp(rng.normal(0, 0.1, 96 * days)), np.tile(np.arange(96), days)


def only(kind: str) -> FaultPlan:
    return PLAN.model_copy(update={"kinds": {kind: PLAN.kinds[kind]}, "share": 0.05})


def faults_of(kind: str) -> list[tuple[Floats, Floats, Fault, float]]:
    """Faults of one kind with the readings before and after them, and their mean spread."""
    kwh, slots = two_shifts(60)
    spread, found = Series(kwh, slots, 900, PLAN.least_spread).spread, []
    for seed in range(6):
        faulty, faults = inject(kwh, slots, 900, np.random.default_rng(seed), only(kind))
        parts = [slice(fault.start, fault.stop) for fault in faults]
        found += [(kwh[p], faulty[p], fault, spread[p].mean()) for p, fault in zip(parts, faults, strict=True)]
    assert len(found) >= 6
    return found


def test_the_file_is_the_one_that_figures_are_compared_by() -> None:
    """Another choice of faults is another file beside this one: published figures refer to these bytes."""
    content = files("ecoai_pipeline.sources.simulation").joinpath(FAULTS_FILE).read_bytes()
    assert hashlib.sha256(content).hexdigest() == "032c34c1c6878ea2a61fef14f5bdd7b25520531a93c2df5b1e062a474ad58e2a"
    assert (PLAN.version, PLAN.share, PLAN.depth, PLAN.seeds) == (1, 0.01, (0.5, 4.0), (0, 1, 2, 3, 4))


def test_every_kind_is_a_kind_of_event() -> None:
    assert len(PLAN.kinds) == 13
    assert set(PLAN.kinds) <= {kind.value for kind in Kind}


@pytest.mark.parametrize("kind", list(PLAN.kinds))
def test_a_fault_lasts_as_long_as_its_kind_and_changes_the_load_by_the_least_depth(kind: str) -> None:
    least, most = PLAN.kinds[kind].hours
    for before, after, fault, spread in faults_of(kind):
        assert least <= (fault.stop - fault.start) / 4 <= most
        assert fault.depth == pytest.approx(np.abs(after - before).mean() / spread)
        assert fault.depth >= 0.5 * (1 - 1e-6)
        assert fault.kwh == pytest.approx((after - before).sum())
        assert (after >= 0).all()


@pytest.mark.parametrize("kind", ["surge", "ramp", "sawtooth", "spike", "leak", "sag", "brownout"])
def test_the_depth_of_a_free_kind_is_log_uniform_between_the_bounds(kind: str) -> None:
    """What can be added is as deep as drawn; what is taken is limited by the load, so its depths lie between the bounds."""
    least, most = PLAN.depths_of(kind)
    depths = np.array([fault.depth for *_, fault, _ in faults_of(kind)])
    assert depths.min() >= least * (1 - 1e-6)
    assert depths.max() <= most * (1 + 1e-6)
    if kind == "spike":
        below = (np.log(depths / least) / np.log(most / least))[:, None] < [0.25, 0.5, 0.75]
        assert below.mean(axis=0) == pytest.approx([0.25, 0.5, 0.75], abs=0.1)


def test_constant_kinds_add_or_take_the_same_power_throughout() -> None:
    for kind, sign in (("surge", 1), ("leak", 1), ("spike", 1), ("sag", -1)):
        for before, after, fault, spread in faults_of(kind):
            assert after - before == pytest.approx(sign * fault.depth * spread)


def test_an_outage_is_zero_and_a_stuck_counter_repeats_the_last_reading() -> None:
    assert all((after == 0).all() for _, after, _, _ in faults_of("outage"))
    kwh, slots = two_shifts(60)
    faulty, faults = inject(kwh, slots, 900, np.random.default_rng(0), only("stuck_counter"))
    assert faults
    assert all((faulty[fault.start : fault.stop] == kwh[fault.start - 1]).all() for fault in faults)


def test_a_brownout_takes_one_share_of_all() -> None:
    for before, after, _, _ in faults_of("brownout"):
        left = after / before
        assert left == pytest.approx(left[0])
        assert 0.1 - 1e-9 <= left[0] < 1


def test_a_plateau_is_level_and_above_the_mean_that_it_replaces() -> None:
    for before, after, _, _ in faults_of("plateau"):
        assert (after == after[0]).all()
        assert after[0] > before.mean()


def test_a_ramp_rises_once_and_a_sawtooth_again_and_again() -> None:
    for before, after, _, _ in faults_of("ramp"):
        assert (np.diff(after - before) > 0).all()
        assert after[0] == before[0]
    for before, after, _, _ in faults_of("sawtooth"):
        assert 2 <= (np.diff(after - before) < -1e-9).sum() <= 5


def test_a_shifted_schedule_is_a_local_day_moved_by_one_to_four_hours() -> None:
    kwh, slots = two_shifts(60)
    faulty, faults = inject(kwh, slots, 900, np.random.default_rng(1), only("shifted_schedule"))
    assert faults
    for fault in faults:
        assert slots[fault.start] == 0
        moved = faulty[fault.start : fault.stop]
        by = [k for k in range(-16, 17) if np.array_equal(moved, kwh[fault.start - k : fault.stop - k])]
        assert len(by) == 1
        assert 4 <= abs(by[0]) <= 16


def test_a_longer_shift_starts_where_work_usually_ends() -> None:
    kwh, slots = two_shifts(60)
    faulty, faults = inject(kwh, slots, 900, np.random.default_rng(1), only("longer_shift"))
    assert faults
    for fault in faults:
        assert slots[fault.start] == 72  # 18:00
        assert faulty[fault.start : fault.stop] == pytest.approx(kwh[fault.start - 4 : fault.start].mean())


def test_a_load_that_a_fault_would_leave_as_it_is_gets_another() -> None:
    """On a constant load a stuck counter, a shifted schedule and a longer shift change nothing."""
    flat, slots = np.full(96 * 60, 5.0), np.tile(np.arange(96), 60)
    drawn = [fault for seed in range(20) for fault in inject(flat, slots, 900, np.random.default_rng(seed))[1]]
    kinds = {fault.kind for fault in drawn}
    assert {"outage", "plateau", "surge"} <= kinds
    assert not kinds & {"stuck_counter", "shifted_schedule", "longer_shift"}


@given(
    seed=st.integers(0, 2**32),
    share=st.floats(0, 0.1),
    interval_s=st.sampled_from([300, 900, 3600, 86400]),
    gaps=st.sampled_from([0.0, 0.02, 0.3]),
    low=st.sampled_from([-20.0, 0.0]),
)
@hypothesis_settings(max_examples=40, deadline=None)
def test_faults_are_where_they_are_recorded_and_nowhere_else(seed: int, share: float, interval_s: int, gaps: float, low: float) -> None:
    rng = np.random.default_rng(seed)
    slot = np.tile(np.arange(86_400 // interval_s), 31)
    kwh = np.maximum(10 * np.sin(2 * np.pi * slot * interval_s / 86_400) + rng.normal(3, 2, slot.size), low)
    kwh[rng.random(slot.size) < gaps] = np.nan
    given_kwh = kwh.copy()
    faulty, faults = inject(kwh, slot, interval_s, rng, PLAN.model_copy(update={"share": share}))
    np.testing.assert_array_equal(kwh, given_kwh)
    touched = np.zeros(len(kwh), dtype=bool)
    for fault in faults:
        assert not touched[max(0, fault.start - 1) : fault.stop + 1].any()
        touched[fault.start : fault.stop] = True
        assert fault.kwh == pytest.approx(np.nansum((faulty - kwh)[fault.start : fault.stop]), abs=1e-9)
        assert fault.depth >= 0.5 * (1 - 1e-6)
    np.testing.assert_array_equal(np.isnan(faulty), np.isnan(kwh))
    np.testing.assert_array_equal(faulty[~touched], kwh[~touched])
    assert np.nanmin(faulty, initial=0) >= min(0, np.nanmin(kwh, initial=0))
    assert np.nanmax(np.abs(faulty), initial=0) <= PLAN.most_load * np.nanmax(np.abs(kwh), initial=0)


def test_about_one_reading_in_a_hundred_is_faulty() -> None:
    kwh, slots = two_shifts(30)
    faulty = [fault.stop - fault.start for seed in range(400) for fault in inject(kwh, slots, 900, np.random.default_rng(seed))[1]]
    assert sum(faulty) / (400 * len(kwh)) == pytest.approx(0.01, rel=0.1)


def test_a_series_without_a_reading_or_without_variation_is_left_as_it_is() -> None:
    slots = np.tile(np.arange(96), 3)
    for kwh in (np.full(288, np.nan), np.zeros(288)):
        faulty, faults = inject(kwh, slots, 900, np.random.default_rng(0))
        np.testing.assert_array_equal(faulty, kwh)
        assert faults == []


def test_noise_is_drawn_to_its_mean() -> None:
    place = Place(np.full(50, 100.0), 10, 40, 3.0, 0, 4, np.random.default_rng(0))
    noisy = CHANGES["add_noise"](place)
    assert noisy is not None
    assert np.abs(noisy - 100).mean() == pytest.approx(3)


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    moved = PLAN.model_dump()
    moved["kinds"]["shifted_schedule"]["by_hours"] = None
    with pytest.raises(ValidationError, match="by_hours"):
        FaultPlan.model_validate(moved)


def test_two_readings_in_one_interval_are_named() -> None:
    rows = pl.DataFrame({"meter_id": ["m", "m"], "timestamp": [datetime(2025, 3, 1)] * 2, "interval_s": [900] * 2, "kwh": [1.0, 2.0]})
    with pytest.raises(ValueError, match="meter m: two readings stand in one interval of 900 s"):
        inject_readings(rows.with_columns(pl.col("timestamp").dt.replace_time_zone("UTC")), "Asia/Seoul", seed=0)


REAL = {
    "lead": ("lead/train.csv.gz", "building_id", "timestamp", "meter_reading", "America/New_York"),
    "kpi": ("kpi/a07ac296-de40-3a7c-8df3-91f642cc14d0.csv.gz", "KPI ID", "timestamp", "value", "Asia/Shanghai"),
    "steel": ("steel/Steel_industry_data.csv", "", "date", "Usage_kWh", "Asia/Seoul"),
}


def real_readings(real_data: Path, name: str) -> pl.DataFrame:
    """Readings of a real data set as the lake holds them; gaps stay gaps."""
    path, meter, stamp, value, _ = REAL[name]
    rows = pl.read_csv(real_data / path, infer_schema_length=None)
    if name == "kpi":
        moment = pl.from_epoch(stamp)
    else:
        moment = pl.col(stamp).str.to_datetime("%d/%m/%Y %H:%M" if name == "steel" else "%Y-%m-%d %H:%M:%S")
    frame = rows.select(
        meter_id=pl.col(meter).cast(pl.String) if meter else pl.lit("steel"),
        timestamp=moment.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        kwh=pl.col(value).cast(pl.Float64),
    )
    frame = frame.unique(["meter_id", "timestamp"], keep="first", maintain_order=True)
    interval = pl.col("timestamp").sort().diff().dt.total_seconds().mode().min().over("meter_id").cast(pl.Int32)
    return frame.with_columns(interval_s=interval)


@pytest.mark.parametrize("name", list(REAL))
def test_real_series_take_faults_as_they_come(real_data: Path, name: str) -> None:
    """LEAD (hours, holes), a KPI curve (minutes, absent stamps, negative values), steel (quarter hours, a closing midnight)."""
    readings, zone = real_readings(real_data, name), REAL[name][4]
    kept = readings.clone()
    faulty, truth = inject_readings(readings, zone, seed=0)
    assert readings.equals(kept)
    assert faulty.drop("kwh").equals(readings.drop("kwh"))
    assert truth.schema == TRUTH
    assert truth.height > 0
    assert truth["depth"].min() >= 0.4999
    joined = readings.with_columns(after=faulty["kwh"])
    for fault in truth.iter_rows(named=True):
        inside = (pl.col("meter_id") == fault["meter_id"]) & pl.col("timestamp").is_between(fault["start"], fault["end"], closed="left")
        part = joined.filter(inside)
        assert (part["after"] - part["kwh"]).sum() == pytest.approx(fault["kwh"], abs=0.001)
        joined = joined.filter(~inside)
    assert joined["after"].equals(joined["kwh"], null_equal=True)
    again, same = inject_readings(readings.filter(pl.col("meter_id") == readings["meter_id"][0]), zone, seed=0)
    assert same.equals(truth.filter(pl.col("meter_id") == readings["meter_id"][0]))
    assert again.height <= readings.height


def test_each_seed_draws_other_faults(real_data: Path) -> None:
    readings = real_readings(real_data, "steel")
    drawn = [inject_readings(readings, "Asia/Seoul", seed=seed)[1].rows() for seed in PLAN.seeds]
    assert len({tuple(rows) for rows in drawn}) == len(PLAN.seeds)

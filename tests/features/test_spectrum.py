"""Periods: proposed by the spectrum, confirmed by the autocorrelation, harmonics and sidebands led back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecoai_pipeline.domain import Month
from ecoai_pipeline.features.spectrum import Load, detrended, power_shares, spectra
from ecoai_pipeline.settings import FeatureParams
from tests.features.plant import Plant, month_times

PARAMS = FeatureParams()


def two_shifts(weeks: int = 8, per_day: int = 96, seed: int = 0) -> np.ndarray:
    """On from 06:00 to 22:00 on five days a week, with noise."""
    number = np.arange(weeks * 7 * per_day)
    hour, weekday = number % per_day * 24 / per_day, number // per_day % 7
    running = (hour >= 6) & (hour < 22) & (weekday < 5)
    return np.where(running, 100.0, 20.0) + np.random.default_rng(seed).normal(0, 3, len(number))


def validated(load: np.ndarray, interval_s: int = 900) -> dict[str, list[int]]:
    rows = spectra([Load("a", interval_s, load)], PARAMS).filter("validated")
    return {signal: sorted(rows.filter(signal=signal)["samples"]) for signal in ("raw", "diff")}


def test_two_shifts_show_day_and_week_and_no_harmonic() -> None:
    found = validated(two_shifts())
    assert found["raw"] == [96, 672]
    assert 96 in found["diff"]
    assert set(found["diff"]) <= {96, 672}


def test_without_folding_the_differenced_spectrum_is_led_by_harmonics() -> None:
    """Why folding is needed: the strongest frequencies of the differenced load are tenths of a day and shorter."""
    share = power_shares(np.diff(detrended(two_shifts()[None, :]), axis=1))[0]
    strongest = 5375 / np.argsort(-share)[:4]
    assert (strongest < 10).all()


@pytest.mark.parametrize(("per_day", "interval_s"), [(24, 3600), (288, 300), (1440, 60)])
def test_other_resolutions_find_their_day(per_day: int, interval_s: int) -> None:
    assert per_day in validated(two_shifts(weeks=4, per_day=per_day), interval_s)["raw"]


def test_a_short_load_is_cut_to_whole_days() -> None:
    assert validated(two_shifts(weeks=1)[: 5 * 96 + 17])["raw"] == [96]


def test_noise_has_peaks_and_no_validated_period() -> None:
    rows = spectra([Load("a", 900, np.random.default_rng(1).normal(size=5376))], PARAMS)
    assert not rows.is_empty()
    assert not rows["validated"].any()


def test_a_trend_is_no_period() -> None:
    load = np.linspace(0, 1000, 5376) + np.random.default_rng(1).normal(size=5376)
    assert validated(load)["raw"] == []


@pytest.mark.parametrize("load", [np.full(5376, 7.0), np.full(100, 1.0), np.full(5376, np.nan)])
def test_constant_short_and_missing_loads_have_no_spectrum(load: np.ndarray) -> None:
    assert spectra([Load("a", 900, load)], PARAMS).is_empty()


def test_gaps_do_not_hide_the_day() -> None:
    load = two_shifts()
    load[1000:1400] = np.nan
    load[np.random.default_rng(5).random(len(load)) < 0.05] = np.nan
    assert 96 in validated(load)["raw"]


def test_meters_do_not_influence_each_other() -> None:
    loads = [Load(name, 900, two_shifts(seed=seed)) for seed, name in enumerate("abc")]
    together = spectra(loads, PARAMS)
    alone = pl.concat([spectra([load], PARAMS) for load in loads])
    assert together.drop("power_share", "acf").equals(alone.drop("power_share", "acf"))
    np.testing.assert_allclose(together["acf"], alone["acf"])


def test_the_steel_plant_has_day_and_week_and_not_the_sixth_of_a_day(plant: Plant, steel: pl.DataFrame) -> None:
    """The whole year is known for 96 (.61) and 672 (.68) against 16 (.32), plain correlations of the load with its lags."""
    plant.meter("steel")
    for month in (Month(2018, 9), Month(2018, 10)):
        rows = steel.join(month_times(month).to_frame("timestamp"), on="timestamp", how="semi")
        plant.read("steel", rows["timestamp"], rows["kwh"].to_numpy(), month)
    plant.build(Month(2018, 10))
    found = plant.spectra(Month(2018, 10)).filter("validated")
    assert set(found.filter(signal="raw")["samples"]) == {96, 672}
    assert 96 in found.filter(signal="diff")["samples"].to_list()


@pytest.mark.parametrize("curve", ["a07ac296-de40-3a7c-8df3-91f642cc14d0"])
def test_a_real_curve_of_one_minute_has_its_day(real_data: Path, curve: str) -> None:
    frame = pl.read_csv(real_data / "kpi" / f"{curve}.csv.gz").sort("timestamp")
    number = ((frame["timestamp"] - frame["timestamp"][0]) // 60).to_numpy()
    load = np.full(int(number[-1]) + 1, np.nan)
    load[number] = frame["value"].to_numpy()
    assert 1440 in validated(load[: 60 * 1440], 60)["raw"]

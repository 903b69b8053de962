"""What a public holiday means to a meter: learned from its own holidays, and from what most meters do where it has few."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
import pytest

from ecoai_pipeline.detectors.day_types import AS_SUNDAY, BEFORE, ORDINARY, OWN, grid_of, learn
from ecoai_pipeline.detectors.forecast.detector import Forecast
from ecoai_pipeline.detectors.level.detector import Level
from ecoai_pipeline.detectors.profile.detector import Profile
from ecoai_pipeline.detectors.usage_z.detector import UsageZ
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import ForecastParams, LevelParams, ProfileParams, UsageZParams

_MONDAY, _SATURDAY, _SUNDAY = 0, 5, 6
_WORKING, _REST = 100.0, 20.0  # kWh an hour of the two-shift meter by day, and at rest


@pytest.fixture
def with_holidays(make_meter) -> Callable[..., Series]:
    """The two-shift meter of eight weeks from a Monday, with holidays on some days (from 0), each of its own `hourly` load if given."""

    def made(days: Collection[int], hourly: float | None = None, scale: float = 1.0) -> Series:
        meter = make_meter()
        holiday = np.isin(np.arange(len(meter)) // 24, list(days))
        kwh = meter.kwh * np.where(holiday, scale, 1.0)
        if hourly is not None:
            kwh = np.where(holiday, hourly * (meter.kwh / meter.kwh.mean() * 0.02 + 1), kwh)
        return replace(meter, kwh=kwh, holiday=holiday)

    return made


def meaning(series: Series) -> np.ndarray:
    return learn(series.kwh, series, 24)[0]


def test_without_holidays_a_weekday_may_be_a_sunday_or_itself_and_a_weekend_day_is_most_likely_itself(with_holidays):
    told = meaning(with_holidays([]))
    np.testing.assert_allclose(told[_MONDAY], [0.88 / 3, 0.88 * 2 / 3, 0.12])
    np.testing.assert_allclose(told[_SATURDAY], [0.88 * 0.8, 0.88 * 0.2, 0.12])
    np.testing.assert_allclose(told[_SUNDAY], [0.88, 0, 0.12])


@pytest.mark.parametrize(("count", "work"), [(1, 7 / 9), (2, 13 / 15), (3, 19 / 21)])
def test_a_meter_that_works_on_holidays_learns_it_from_a_few(with_holidays, count, work):
    """n holidays worked count against half a holiday that is believed beforehand: (n + 1/6) / (n + 1/2) of those that are usual days."""
    told = meaning(with_holidays([7 * k for k in range(count)]))
    assert told[_MONDAY].argmax() == ORDINARY
    assert told[_MONDAY, ORDINARY] / (1 - told[_MONDAY, OWN]) == pytest.approx(work)
    assert told[_MONDAY, OWN] < 0.1


def test_a_meter_that_rests_on_holidays_learns_it_also_for_saturdays(with_holidays):
    told = meaning(with_holidays([1, 9, 17, 25], hourly=_REST))
    assert told[_MONDAY].argmax() == AS_SUNDAY
    assert told[_SATURDAY, AS_SUNDAY] > 0.8
    assert told[_SUNDAY, ORDINARY] > 0.95


def test_holidays_on_days_of_rest_do_not_tell_what_a_working_day_is_on_a_holiday(with_holidays):
    told = meaning(with_holidays([5, 6, 12, 13]))
    np.testing.assert_allclose(told[_MONDAY, :OWN] / told[_MONDAY, :OWN].sum(), [1 / 3, 2 / 3])


def test_holidays_unlike_any_other_day_are_of_their_own_kind_at_the_weekend_as_well(with_holidays):
    told = meaning(with_holidays([1, 9, 17, 25], hourly=160.0))
    assert told[_MONDAY].argmax() == OWN
    assert told[_SATURDAY].argmax() == OWN


def test_labelled_and_unread_holidays_are_no_votes(with_holidays):
    series = with_holidays([1, 9])
    unread = np.where(series.holiday, np.nan, series.kwh)
    np.testing.assert_allclose(learn(unread, series, 24)[0], meaning(with_holidays([])))


def test_a_meaning_that_is_hardly_likely_is_no_longer_expected(with_holidays):
    scored = with_holidays([49])
    open_days = [
        grid_of(scored, 24, meaning(with_holidays(range(1, 1 + 8 * count, 8), hourly=_REST))).open[scored.holiday] for count in (1, 2)
    ]
    assert open_days[0].all()
    assert not open_days[1].any()


def test_a_holiday_at_the_weekend_is_that_day_to_a_model_of_the_old_form(with_holidays):
    grid = grid_of(with_holidays([49, 54, 55]), 24, BEFORE)
    assert [int(grid.day_type[24 * day]) for day in (49, 54, 55)] == [OWN + 5, 5, 6]
    assert not grid.open.any()


@pytest.mark.parametrize(
    "detector",
    [Profile(ProfileParams()), Forecast(ForecastParams()), UsageZ(UsageZParams()), Level(LevelParams())],
    ids=lambda detector: detector.name,
)
@pytest.mark.parametrize(
    ("holidays", "hourly", "usual", "strange"),
    [
        ([0, 8, 16, 24], None, None, _REST),
        ([0, 8, 16, 24], _REST, _REST, _WORKING),
        ([0, 8, 16, 24], 160.0, 160.0, _WORKING),
    ],
    ids=["works", "rests", "busiest"],
)
def test_every_detector_with_a_calendar_finds_what_is_strange_on_a_holiday(with_holidays, plan, detector, holidays, hourly, usual, strange):
    """Learned from six weeks, judged on the Wednesday of the eighth, at noon; the deviation at the alarm is a matter of each detector."""
    fitted = detector.fit([with_holidays(holidays, hourly).part(0, 42 * 24)], plan)
    noon = 51 * 24 + 12
    healthy, faulty = (fitted.score([with_holidays([51], load)])[0][noon] for load in (usual, strange))
    assert faulty > 3 * healthy
    assert faulty > fitted.score([with_holidays([])])[0][42 * 24 :].max()


@pytest.mark.parametrize("load", [None, _REST], ids=["works", "rests"])
def test_a_first_holiday_may_be_a_day_of_work_or_of_rest(with_holidays, plan, load):
    profile = Profile(ProfileParams()).fit([with_holidays([]).part(0, 42 * 24)], plan)
    series = with_holidays([51], load)
    (band,) = profile.expect([series])
    inside = (series.kwh >= band.low) & (series.kwh <= band.high)
    assert inside[51 * 24 : 52 * 24].mean() > 0.8


def test_an_outage_of_a_plant_that_always_runs_is_found_on_its_first_holiday(make_meter, plan):
    steady = make_meter()
    steady = replace(steady, kwh=steady.kwh * 0 + 50 + np.random.default_rng(1).standard_normal(len(steady)))
    profile = Profile(ProfileParams()).fit([steady.part(0, 42 * 24)], plan)
    holiday = np.arange(len(steady)) // 24 == 51
    out = replace(steady, holiday=holiday, kwh=np.where(holiday, 1.0, steady.kwh))
    assert profile.score([out])[0][holiday].min() > 10


def test_a_model_saved_before_holidays_had_a_meaning_is_read(with_holidays, plan, tmp_path):
    from safetensors.numpy import load_file, save_file

    series = with_holidays([0, 8, 16, 24], _REST)
    Profile(ProfileParams()).fit([series], plan).save(tmp_path)
    (weights,) = tmp_path.glob("*.safetensors")
    old = {name: array for name, array in load_file(weights).items() if not name.endswith(".holiday")}
    save_file(old, weights)
    loaded = Profile.load(tmp_path)
    assert np.isfinite(loaded.score([series])[0]).all()
    np.testing.assert_array_equal(loaded.tables_["a"].holiday, BEFORE)
    assert not loaded.unlike(series).any()

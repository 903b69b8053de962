"""Healthy plants have no event on or around a public holiday, whatever a holiday means to them; a real fault on one is found.

The plants and what they are trained on are in `plants.py`. Small events at any time are the alarm budget's, on holidays as on other days.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ecoai_pipeline.detection.holidays import heard
from ecoai_pipeline.detectors.profile.detector import Profile
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import ProfileParams

from .plants import KINDS, Fault, Shape, Span, nothing, run, shift

LARGE_KWH = 60.0  # of 400 to 1,200 a day; a holiday taken for another day is 130 to 390
WINTER = Span("2025-01..2025-02", ("2025-03",))  # Sat 1 March, and Mon 3 March in its place
SPRING = Span("2025-03..2025-04", ("2025-05",))  # two holidays in training; Mon 5 and Tue 6 May
CHUSEOK = Span("2025-07..2025-09", ("2025-10",))  # one in training; Fri 3, Sun 5 to Thu 9 October
UNSEEN = Span("2024-11", ("2024-12", "2025-01"))  # none in training; Christmas, New Year, Seollal of six days
SUNDAY = Span("2022-04", ("2022-05",))  # none in training; Thu 5 May and Sun 8 May
SEOLLAL = Span("2022-11..2022-12", ("2023-01",))  # a Sunday in training; Sun 1, Sat 21 to Tue 24 January
YEAR = Span("2024-01..2024-12", ("2025-01", "2025-03", "2025-05"))
SPANS = (WINTER, SPRING, CHUSEOK, UNSEEN, SUNDAY, SEOLLAL, YEAR)
READ = [(3600, 0), (900, 11)]  # by the hour, and every 15 minutes with other noise
HEALTHY = [
    ("five days, works on holidays", WINTER),
    ("six days, rests on holidays", WINTER),
    ("seven days, rests on holidays", UNSEEN),
    ("shop, busiest on holidays", CHUSEOK),
]
FAULTS = [
    ("five days, rests on holidays", WINTER, date(2025, 3, 3), shift(), (0, 24)),
    ("continuous", UNSEEN, date(2024, 12, 25), nothing(), (9, 15)),
]
MORE_FAULTS = [
    (kind, span, day, nothing(), (9, 15))
    for kind in ("continuous", "seven days, works on holidays")
    for span, day in ((WINTER, date(2025, 3, 1)), (SPRING, date(2025, 5, 5)), (CHUSEOK, date(2025, 10, 5)), (YEAR, date(2025, 5, 6)))
] + [("six days, rests on holidays", span, day, shift(), (0, 24)) for span, day in ((WINTER, date(2025, 3, 3)), (YEAR, date(2025, 5, 5)))]


@pytest.mark.parametrize(("kind", "span"), HEALTHY)
def test_a_healthy_plant_has_no_large_event_at_a_holiday(tmp_path: Path, kind: str, span: Span) -> None:
    found = run(tmp_path, kind, span)
    assert found.large(LARGE_KWH) == []


@pytest.mark.parametrize(("kind", "span", "day", "shape", "hours"), FAULTS)
def test_a_fault_on_a_holiday_is_found(tmp_path: Path, kind: str, span: Span, day: date, shape: Shape, hours: tuple[int, int]) -> None:
    assert run(tmp_path, kind, span, faults={0: Fault(day, *hours, shape)}).touches("plant-0", day)


@pytest.mark.full
@pytest.mark.parametrize(("interval_s", "seed"), READ)
@pytest.mark.parametrize("span", SPANS, ids=lambda span: f"{span.training} to {span.months[-1]}")
@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_healthy_plant_has_large_events_at_holidays(
    tmp_path: Path, kind: str, span: Span, interval_s: int, seed: int, request: pytest.FixtureRequest
) -> None:
    if kind.startswith("Saturdays only") and str(span.training) == "2022-04":
        few = "a month with five Saturdays teaches too little of a plant that works on no other day"
        request.node.add_marker(pytest.mark.xfail(reason=few, strict=True))
    found = run(tmp_path, kind, span, interval_s=interval_s, seed=seed)
    assert len(found.large(LARGE_KWH)) <= 1


@pytest.mark.full
@pytest.mark.parametrize(("interval_s", "seed"), READ)
@pytest.mark.parametrize(("kind", "span", "day", "shape", "hours"), MORE_FAULTS)
def test_more_faults_on_holidays_are_found(
    tmp_path: Path, kind: str, span: Span, day: date, shape: Shape, hours: tuple[int, int], interval_s: int, seed: int
) -> None:
    found = run(tmp_path, kind, span, interval_s=interval_s, seed=seed, faults={0: Fault(day, *hours, shape)})
    assert found.touches("plant-0", day)


class _Blind:
    """A detector of windows of four hours that knows no calendar."""

    name = "kmeans_ad"
    length_ = 4


def test_windows_that_reach_into_an_open_holiday_are_not_heard() -> None:
    hours = np.arange(56 * 24)
    weekday, hour = hours // 24 % 7, hours % 24
    series = Series(
        "a",
        3600,
        np.datetime64("2022-01-03", "us") + hours * np.timedelta64(1, "h"),
        np.where((weekday < 5) & (hour >= 6) & (hour < 22), 100.0, 20.0) + np.sin(hours),
        observed=np.ones(len(hours), dtype=bool),
        slot_of_day=hour.astype(np.int32),
        slot_of_week=(weekday * 24 + hour).astype(np.int32),
        weekend=weekday >= 5,
        holiday=hours // 24 == 51,
    )
    plan = WindowPlan(3600, (24, 168))
    profile = Profile(ProfileParams()).fit([series.part(0, 42 * 24)], plan)
    p = {"kmeans_ad": np.full(len(hours), 0.5), "profile": np.full(len(hours), 0.5)}
    told = heard(p, {"kmeans_ad": _Blind(), "profile": profile}, series, plan)  # type: ignore[dict-item]
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(told["kmeans_ad"])), np.arange(51 * 24 - 3, 52 * 24 + 3))
    assert np.isfinite(told["profile"]).all()
    alone = heard({"kmeans_ad": p["kmeans_ad"]}, {"kmeans_ad": _Blind(), "profile": profile}, series, plan)  # type: ignore[dict-item]
    assert np.isfinite(alone["kmeans_ad"]).all()

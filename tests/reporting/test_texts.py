"""Events in words: exact sentences from their fields, in English and Korean."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecoai_pipeline.domain import ANOMALIES, Kind
from ecoai_pipeline.reporting import texts
from ecoai_pipeline.reporting.texts import KINDS, tell

SEOUL = "Asia/Seoul"
TUESDAY = datetime(2022, 2, 28, 17, tzinfo=UTC)  # 02:00 on the 1st of March in Seoul


def event(kind: str = "outage", **fields: Any) -> dict[str, Any]:
    none = dict.fromkeys(ANOMALIES.names)
    base = {
        "meter_id": "m",
        "kind": kind,
        "category": "energy",
        "status": "closed",
        "start": TUESDAY,
        "end": TUESDAY + timedelta(hours=4, minutes=15),
        "expected_kwh": 412.0,
        "actual_kwh": 13.0,
        "excess_kwh": -399.0,
        "usual_low_kwh": 390.0,
        "usual_high_kwh": 430.0,
        "usual_weeks": 6,
        "longest_equal_run": 17,
        "restated": 0,
        "hindsight": False,
        "confidence": 0.97,
        "p": 1e-9,
    }
    return {**none, **base, **fields}


def test_an_outage_in_english() -> None:
    assert tell(event(), "en", SEOUL, "KRW").sentence == (
        "Outage: 4 h 15 min at 3 % of the expected load, Tue 1 Mar 02:00 to 06:15; expected 412 kWh, used 13; "
        "the same hours of the last six Tuesdays were 390 to 430."
    )


def test_an_outage_in_korean() -> None:
    assert tell(event(), "ko", SEOUL, "KRW").sentence == (
        "정전: 4시간 15분 동안 기대 부하의 3 %, 3월 1일(화) 02:00~06:15; 기대 412 kWh, 사용 13 kWh; "
        "지난 6주 화요일 같은 시간대는 390~430 kWh."
    )


MORE = {"actual_kwh": 512.0, "excess_kwh": 100.0}
LEADS = {
    "sag": ({}, "Load drop: 4 h 15 min at 3 % of the expected load, 94 kW less"),
    "brownout": ({}, "Brownout: 4 h 15 min with all of the load at 3 % of the expected"),
    "surge": (MORE, "Surge: 4 h 15 min with 24 kW more than expected"),
    "spike": (MORE, "Spike: 4 h 15 min at 124 % of the expected load"),
    "leak": (MORE, "Leak: a constant 24 kW more than expected, alarmed for 4 h 15 min"),
    "plateau": (MORE, "Plateau: 17 equal readings, 24 kW more than expected"),
    "flat": ({}, "Flat line: the last reading repeated 17 times, whatever the load"),
    "noisy": ({}, "Fluctuation: 4 h 15 min of load that swings about the expected one"),
    "ramp": (MORE, "Creeping rise: load that crept up over 4 h 15 min, on average 24 kW more"),
    "sawtooth": (MORE, "Sawtooth: load that built up and fell again and again for 4 h 15 min"),
    "shifted_schedule": ({"shift_min": -75.0}, "Shifted schedule: the day's load came 1 h 15 min early"),
    "longer_shift": (MORE, "Longer shift: working load that went on for 4 h 15 min"),
    "unusual_shape": ({}, "Unusual shape: 4 h 15 min unlike what was expected"),
    "missing_data": ({}, "Missing data: no reading for 4 h 15 min"),
    "stuck_counter": ({}, "Stuck counter: the counter stood still for 4 h 15 min"),
    "counter_reset": ({}, "Counter caught up: a counter that stood or was not read gave its energy at once"),
    "implausible": ({}, "Implausible reading: readings that cannot be, over 4 h 15 min"),
}


@pytest.mark.parametrize("kind", LEADS)
def test_what_each_kind_leads_with(kind: str) -> None:
    fields, lead = LEADS[kind]
    assert tell(event(kind, **fields), "en", SEOUL, "KRW").sentence.startswith(f"{lead}, Tue 1 Mar 02:00 to 06:15;")


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words_in_both_languages(kind: Kind) -> None:
    korean = tell(event(kind, shift_min=60.0), "ko", SEOUL, "KRW").sentence
    assert re.search("[가-힣]", korean)
    assert "{" not in korean
    assert len(set(KINDS[kind])) == 2


def test_both_languages_name_the_same_fields() -> None:
    pairs = [*texts._LEADS.values(), *texts._PHRASES.values(), texts._PLAIN]
    assert [pair for pair in pairs if set(re.findall(r"{(\w+)}", pair[0])) != set(re.findall(r"{(\w+)}", pair[1]))] == []


def test_what_is_not_known_is_left_out() -> None:
    known = tell(event(expected_kwh=None, actual_kwh=None, excess_kwh=None, usual_weeks=0), "en", SEOUL, "KRW")
    assert known.sentence == "Outage: 4 h 15 min unlike what was expected, Tue 1 Mar 02:00 to 06:15."


def test_days_are_named_again_where_they_differ_and_an_ongoing_event_has_no_end() -> None:
    night = {"end": TUESDAY + timedelta(hours=30)}
    assert ", Tue 1 Mar 02:00 to Wed 2 Mar 08:00;" in tell(event(**night), "en", SEOUL, "KRW").sentence
    assert "the same hours of the last six weeks were" in tell(event(**night), "en", SEOUL, "KRW").sentence
    assert ", since Tue 1 Mar 02:00;" in tell(event(status="ongoing"), "en", SEOUL, "KRW").sentence
    assert "a week before were 390" in tell(event(usual_weeks=1), "en", SEOUL, "KRW").sentence


def test_details_say_how_sure_what_it_cost_and_what_else_it_could_be() -> None:
    fields = {"cost": -60_123.4, "co2e_kg": -181.2, "before_ratio": 0.98, "after_ratio": 1.02, "fit": 0.998}
    more = {"next_kind": "sag", "next_fit": 0.61, "restated": 3, "hindsight": True, "rule": "flat_run"}
    assert tell(event(**fields, **more), "en", SEOUL, "KRW").details == (
        "Confidence 97 %: far below what normal operation brings.",
        "About 60,123 KRW of energy not used, CO2e 181 kg.",
        "Before it the load was at 98 % of the expected one, after it at 102 %.",
        "This shape explains 99.8 % of the deviation; next likeliest: Load drop, 61 %.",
        "Quality rule: equal readings run on for long; a counter or a line that is stuck.",
        "3 of its readings were restated.",
        "Scored with hindsight: the model saw data from after it.",
    )

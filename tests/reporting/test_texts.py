"""Events in words: exact sentences from their fields, in English and Korean."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecoai_pipeline.domain import ANOMALIES, Kind
from ecoai_pipeline.features.calendar import Place
from ecoai_pipeline.quality.rules import DayRule, Rule
from ecoai_pipeline.reporting import texts
from ecoai_pipeline.reporting.texts import KINDS, LANGS, number, tell

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
        "currency": "KRW",
    }
    return {**none, **base, **fields}


def test_an_outage_in_english() -> None:
    assert tell(event(), "en", SEOUL).sentence == (
        "Outage: 4 h 15 min at 3 % of the expected load, Tue 1 Mar 02:00 to 06:15; expected 412 kWh, used 13; "
        "the same hours of the last six Tuesdays were 390 to 430."
    )


def test_an_outage_in_korean() -> None:
    assert tell(event(), "ko", SEOUL).sentence == (
        "정전: 4시간 15분 동안 기대 부하의 3 %, 3월 1일(화) 02:00~06:15; 기대 412 kWh, 사용 13 kWh; "
        "지난 6주 화요일 같은 시간대는 390~430 kWh."
    )


MORE = {"actual_kwh": 512.0, "excess_kwh": 100.0}
LEADS = {
    "sag": ({}, "Load drop: 4 h 15 min at 3 % of the expected load, 94 kW less", "부하 저하: 4시간 15분 동안 기대 부하의 3 %, 94 kW 적음"),
    "brownout": (
        {},
        "Brownout: 4 h 15 min with all of the load at 3 % of the expected",
        "저전압성 부하 감소: 4시간 15분 동안 부하 전체가 기대 부하의 3 %",
    ),
    "surge": (MORE, "Surge: 4 h 15 min with 24 kW more than expected", "부하 급증: 4시간 15분 동안 기대 부하보다 24 kW 많음"),
    "spike": (MORE, "Spike: 24 kW more than expected for 4 h 15 min", "순간 피크: 4시간 15분 동안 기대 부하보다 24 kW 많음"),
    "level_shift": (
        MORE,
        "Level shift: a new level, 124 % of the expected load, for 4 h 15 min; on average 24 kW more",
        "부하 수준 변화: 4시간 15분 동안 기대 부하의 124 %인 새 수준, 평균 24 kW 많음",
    ),
    "leak": (
        MORE,
        "Leak: a constant 24 kW more than expected, alarmed for 4 h 15 min",
        "상시 초과 부하: 기대보다 일정하게 24 kW 많음, 경보 지속 4시간 15분",
    ),
    "plateau": (MORE, "Plateau: 17 equal readings, 24 kW more than expected", "부하 고정: 17개 계측값이 같음, 기대 부하보다 24 kW 많음"),
    "flat": ({}, "Flat line: the last reading repeated 17 times, whatever the load", "계측값 고정: 마지막 계측값이 17번 반복됨"),
    "noisy": ({}, "Fluctuation: 4 h 15 min of load that swings about the expected one", "부하 요동: 4시간 15분 동안 기대 부하 주위로 요동"),
    "ramp": (
        MORE,
        "Creeping rise: load that crept up over 4 h 15 min, on average 24 kW more",
        "부하 점증: 4시간 15분에 걸쳐 서서히 증가, 평균 24 kW 많음",
    ),
    "sawtooth": (
        MORE,
        "Sawtooth: load that built up and fell again and again for 4 h 15 min",
        "톱니형 변동: 4시간 15분 동안 상승과 급락을 반복",
    ),
    "shifted_schedule": (
        {"shift_min": -75.0},
        "Shifted schedule: the day's load came 1 h 15 min early",
        "가동 시간 이동: 하루 부하가 1시간 15분 앞당겨짐",
    ),
    "longer_shift": (MORE, "Longer shift: working load that went on for 4 h 15 min", "연장 가동: 종료 시각 이후 4시간 15분 더 가동"),
    "unusual_shape": ({}, "Unusual shape: 4 h 15 min unlike what was expected", "비정상 부하 형태: 4시간 15분 동안 기대와 다름"),
    "missing_data": ({}, "Missing data: no reading for 4 h 15 min", "데이터 결측: 4시간 15분 동안 계측값 없음"),
    "stuck_counter": ({}, "Stuck counter: the counter stood still for 4 h 15 min", "계량기 멈춤: 4시간 15분 동안 계량기 값이 그대로임"),
    "counter_reset": (
        {},
        "Counter caught up: a counter that stood or was not read gave its energy at once",
        "계량기 일괄 반영: 멈췄거나 검침되지 않은 전력량이 한꺼번에 반영됨",
    ),
    "implausible": (
        {},
        "Implausible reading: readings that cannot be, over 4 h 15 min",
        "비현실적 계측값: 4시간 15분 동안 있을 수 없는 계측값",
    ),
    "filled_days": (
        {},
        "Days not collected: 4 h 15 min of zeros that begin and end as the day turns; probably nothing was collected, "
        "and zeros were written instead",
        "미수집일: 하루 경계에서 시작하고 끝나는 0이 4시간 15분 지속됨, 수집되지 않은 날이 0으로 채워진 것으로 추정",
    ),
    "copied_days": (
        {},
        "Copied days: 4 h 15 min of readings equal to an earlier day digit by digit; probably nothing was collected, "
        "and that day was written instead",
        "복사된 날: 4시간 15분 동안 계측값이 이전 날과 완전히 같음, 수집되지 않은 날에 이전 날이 복사된 것으로 추정",
    ),
    "wrong_factor": (
        {"actual_kwh": 824.0, "excess_kwh": 412.0},
        "Wrong factor: 4 h 15 min with all readings at 200 % of the expected load, day and night; probably a wrong unit, multiplier "
        "or transformer ratio",
        "배율 오류: 4시간 15분 동안 주야간 모든 계측값이 기대 부하의 200 %, 단위·배율·변성비 오류로 추정",
    ),
    "shifted_clock": (  # there is no clock change in Seoul
        {},
        "Clock change not followed: 4 h 15 min unlike what was expected",
        "시각 변경 미반영: 4시간 15분 동안 기대와 다름",
    ),
}


@pytest.mark.parametrize("kind", LEADS)
def test_what_each_kind_leads_with_in_both_languages(kind: str) -> None:
    fields, english, korean = LEADS[kind]
    known = event(kind, **fields)
    used = number(known["actual_kwh"])
    assert tell(known, "en", SEOUL).sentence == (
        f"{english}, Tue 1 Mar 02:00 to 06:15; expected 412 kWh, used {used}; the same hours of the last six Tuesdays were 390 to 430."
    )
    assert tell(known, "ko", SEOUL).sentence == (
        f"{korean}, 3월 1일(화) 02:00~06:15; 기대 412 kWh, 사용 {used} kWh; 지난 6주 화요일 같은 시간대는 390~430 kWh."
    )


def test_a_clock_change_that_was_not_followed_is_named_by_its_day() -> None:
    months = {"start": datetime(2025, 4, 1, tzinfo=UTC), "end": datetime(2025, 4, 20, 22, tzinfo=UTC)}
    known = event("shifted_clock", **months)
    assert tell(known, "en", "Europe/Berlin").sentence.startswith(
        "Clock change not followed: 19 d 22 h with the daily load an hour beside that before the clock change of Sun 30 Mar 2025; "
        "probably the logger did not follow this change, or not the one before"
    )
    assert "2025년 3월 30일(일) 시각 변경 이전과 한 시간 어긋남" in tell(known, "ko", "Europe/Berlin").sentence


def test_the_sentences_are_those_of_all_kinds() -> None:
    assert {*LEADS, "outage"} == {kind.value for kind in Kind}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words_in_both_languages(kind: Kind) -> None:
    korean = tell(event(kind, shift_min=60.0), "ko", SEOUL).sentence
    assert re.search("[가-힣]", korean)
    assert "{" not in korean
    assert len(set(KINDS[kind])) == 2


def test_both_languages_name_the_same_fields() -> None:
    pairs = [*texts._LEADS.values(), *texts._PHRASES.values(), texts._PLAIN]
    assert [pair for pair in pairs if set(re.findall(r"{(\w+)}", pair[0])) != set(re.findall(r"{(\w+)}", pair[1]))] == []


def test_what_is_not_known_is_left_out() -> None:
    known = tell(event(expected_kwh=None, actual_kwh=None, excess_kwh=None, usual_weeks=0), "en", SEOUL)
    assert known.sentence == "Outage: 4 h 15 min unlike what was expected, Tue 1 Mar 02:00 to 06:15."


def test_days_are_named_again_where_they_differ_and_an_ongoing_event_has_no_end() -> None:
    night = {"end": TUESDAY + timedelta(hours=30)}
    assert ", Tue 1 Mar 02:00 to Wed 2 Mar 08:00;" in tell(event(**night), "en", SEOUL).sentence
    assert "the same hours of the last six weeks were" in tell(event(**night), "en", SEOUL).sentence
    assert ", since Tue 1 Mar 02:00;" in tell(event(status="ongoing"), "en", SEOUL).sentence
    one = tell(event(usual_weeks=1, usual_high_kwh=390.0), "en", SEOUL).sentence
    assert "the same hours of one of the last six Tuesdays were 390." in one
    assert "지난 6주 중 4주의 화요일 같은 시간대는 390~430 kWh" in tell(event(usual_weeks=4), "ko", SEOUL).sentence


def test_details_say_how_sure_what_it_cost_and_what_else_it_could_be() -> None:
    fields = {"cost": -60_123.4, "co2e_kg": -181.2, "before_ratio": 0.98, "after_ratio": 1.02, "fit": 0.998}
    more = {"next_kind": "sag", "next_fit": 0.61, "restated": 3, "hindsight": True, "rule": "flat_run"}
    assert tell(event(**fields, **more), "en", SEOUL).details == (
        "Confidence 97 %: far beyond what normal operation brings.",
        "About 60,123 KRW of energy not used, CO2e 181 kg.",
        "Before it the load was at 98 % of the expected one, after it at 102 %.",
        "This shape explains 99.8 % of the event's deviation. "
        "Next likeliest, by the hours around it as well: Load drop, which explains 61 %.",
        "Quality rule: equal readings run on for long; a counter or a line that is stuck.",
        "3 of its readings were restated.",
        "Scored with hindsight: the model saw data from after it.",
    )


def test_details_in_korean_name_rules_in_words_and_leave_alone_what_the_source_said() -> None:
    fields = {"cost": 60_123.4, "restated": 1, "rule": "flat_run+above_capacity+vendor said", "confidence": 0.7}
    assert tell(event(**fields), "ko", SEOUL).details == (
        "확신도 70 %: 경보 기준을 뚜렷이 넘음.",
        "예상보다 약 60,123 KRW 더 듦.",
        "품질 규칙: 같은 계측값이 장시간 반복됨, 계량기 또는 통신 고착 의심; 계약·설비 용량을 초과함; vendor said.",
        "계측값 1개가 정정되었음.",
    )


def test_every_quality_rule_has_words_in_both_languages() -> None:
    assert set(texts._RULES) == {rule.value for rule in (*Rule, *DayRule)}
    assert all(re.search("[가-힣]", korean) for _, korean in texts._RULES.values())


@pytest.mark.parametrize(("opens", "whole"), [(15, True), (0, True), (16, False)])  # UTC: midnight in Seoul, of UTC, and neither
def test_a_gap_of_whole_days_names_its_likely_cause(opens: int, whole: bool) -> None:
    start = datetime(2022, 3, 1, opens, tzinfo=UTC)
    gap = event("missing_data", category="data_quality", start=start, end=start + timedelta(days=2), p=None)
    english, korean = (tell(gap, lang, SEOUL).details for lang in ("en", "ko"))
    assert any("a file or a collection run of those days" in line for line in english) is whole
    assert any("수집 작업 누락" in line for line in korean) is whole
    assert not any("collection run" in line for line in tell(event(start=start, end=gap["end"]), "en", SEOUL).details)


def test_a_headline_is_kind_time_and_energy() -> None:
    assert tell(event(), "en", SEOUL).headline == "Outage, Tue 1 Mar 02:00 to 06:15, −399 kWh"
    assert tell(event(status="ongoing"), "ko", SEOUL).headline == "정전, 3월 1일(화) 02:00부터 계속, −399 kWh"
    assert tell(event("missing_data", excess_kwh=None), "en", SEOUL).headline == "Missing data, Tue 1 Mar 02:00 to 06:15"


def test_an_event_on_a_public_holiday_names_it_in_both_languages() -> None:
    """The 1st of March 2022, a Tuesday, is Independence Movement Day in Korea, and an ordinary day in Germany."""
    told = [tell(event(), lang, SEOUL, Place.of(SEOUL)) for lang in LANGS]
    assert ", Tue 1 Mar 02:00 to 06:15, on Independence Movement Day (삼일절); expected" in told[0].sentence
    assert ", 3월 1일(화) 02:00~06:15, 공휴일: 삼일절; 기대" in told[1].sentence
    assert told[0].details[-2] == "Public holiday: Tue 1 Mar, Independence Movement Day (삼일절)."
    assert told[1].details[-2] == "공휴일: 3월 1일(화), 삼일절."
    assert tell(event(), "en", SEOUL, Place.of(SEOUL, "DE")) == tell(event(), "en", SEOUL)


def test_an_event_that_ends_at_the_midnight_before_a_holiday_does_not_touch_it() -> None:
    midnight = {"start": TUESDAY - timedelta(hours=5), "end": TUESDAY - timedelta(hours=2)}
    assert tell(event(**midnight), "en", SEOUL, Place.of(SEOUL)) == tell(event(**midnight), "en", SEOUL)


def test_of_many_holidays_the_first_three_are_named() -> None:
    """From 3 to 9 October 2025 Korea has six: National Foundation Day, four of Chuseok, and Hangul Day."""
    week = {"start": datetime(2025, 10, 2, 15, tzinfo=UTC), "end": datetime(2025, 10, 9, 15, tzinfo=UTC)}
    line = next(line for line in tell(event(**week), "en", SEOUL, Place.of(SEOUL)).details if line.startswith("Public holiday"))
    assert line.endswith("Mon 6 Oct, Chuseok (추석) and 3 more.")
    assert line.count(";") == 2

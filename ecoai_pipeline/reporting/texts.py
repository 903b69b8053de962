"""An event in words, English and Korean: rendered from its fields, and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ecoai_pipeline.detection.like_days import WEEKS
from ecoai_pipeline.domain import EventStatus, Kind
from ecoai_pipeline.features.calendar import Place, holiday_name
from ecoai_pipeline.quality.collection.clocks import clock_changes
from ecoai_pipeline.quality.rules import MEANINGS, DayRule, Rule

Lang = Literal["en", "ko"]
LANGS: tuple[Lang, ...] = ("en", "ko")
Pair = tuple[str, str]  # English, Korean

KINDS: Mapping[Kind, Pair] = {
    Kind.OUTAGE: ("Outage", "정전"),
    Kind.SAG: ("Load drop", "부하 저하"),
    Kind.SURGE: ("Surge", "부하 급증"),
    Kind.SPIKE: ("Spike", "순간 피크"),
    Kind.PLATEAU: ("Plateau", "부하 고정"),
    Kind.FLAT: ("Flat line", "계측값 고정"),
    Kind.NOISY: ("Fluctuation", "부하 요동"),
    Kind.RAMP: ("Creeping rise", "부하 점증"),
    Kind.BROWNOUT: ("Brownout", "저전압성 부하 감소"),
    Kind.SAWTOOTH: ("Sawtooth", "톱니형 변동"),
    Kind.LEAK: ("Leak", "상시 초과 부하"),
    Kind.LEVEL_SHIFT: ("Level shift", "부하 수준 변화"),
    Kind.SHIFTED_SCHEDULE: ("Shifted schedule", "가동 시간 이동"),
    Kind.LONGER_SHIFT: ("Longer shift", "연장 가동"),
    Kind.UNUSUAL_SHAPE: ("Unusual shape", "비정상 부하 형태"),
    Kind.MISSING_DATA: ("Missing data", "데이터 결측"),
    Kind.STUCK_COUNTER: ("Stuck counter", "계량기 멈춤"),
    Kind.COUNTER_RESET: ("Counter caught up", "계량기 일괄 반영"),
    Kind.IMPLAUSIBLE: ("Implausible reading", "비현실적 계측값"),
    Kind.FILLED_DAYS: ("Days not collected", "미수집일"),
    Kind.COPIED_DAYS: ("Copied days", "복사된 날"),
    Kind.WRONG_FACTOR: ("Wrong factor", "배율 오류"),
    Kind.SHIFTED_CLOCK: ("Clock change not followed", "시각 변경 미반영"),
}
# What each kind leads with. A template whose field is unknown gives way to the plain one.
_LEADS: Mapping[Kind, Pair] = {
    Kind.OUTAGE: ("{duration} at {percent} of the expected load", "{duration} 동안 기대 부하의 {percent}"),
    Kind.SAG: ("{duration} at {percent} of the expected load, {kw} kW less", "{duration} 동안 기대 부하의 {percent}, {kw} kW 적음"),
    Kind.BROWNOUT: ("{duration} with all of the load at {percent} of the expected", "{duration} 동안 부하 전체가 기대 부하의 {percent}"),
    Kind.SURGE: ("{duration} with {kw} kW {above} than expected", "{duration} 동안 기대 부하보다 {kw} kW {above}"),
    Kind.SPIKE: ("{kw} kW {above} than expected for {duration}", "{duration} 동안 기대 부하보다 {kw} kW {above}"),
    Kind.LEAK: (
        "a constant {kw} kW {above} than expected, alarmed for {duration}",
        "기대보다 일정하게 {kw} kW {above}, 경보 지속 {duration}",
    ),
    Kind.LEVEL_SHIFT: (
        "a new level, {percent} of the expected load, for {duration}; on average {kw} kW {above}",
        "{duration} 동안 기대 부하의 {percent}인 새 수준, 평균 {kw} kW {above}",
    ),
    Kind.PLATEAU: (
        "{count} equal readings, {kw} kW {above} than expected",
        "{count}개 계측값이 같음, 기대 부하보다 {kw} kW {above}",
    ),
    Kind.FLAT: ("the last reading repeated {count} times, whatever the load", "마지막 계측값이 {count}번 반복됨"),
    Kind.NOISY: ("{duration} of load that swings about the expected one", "{duration} 동안 기대 부하 주위로 요동"),
    Kind.RAMP: (
        "load that crept up over {duration}, on average {kw} kW {above}",
        "{duration}에 걸쳐 서서히 증가, 평균 {kw} kW {above}",
    ),
    Kind.SAWTOOTH: ("load that built up and fell again and again for {duration}", "{duration} 동안 상승과 급락을 반복"),
    Kind.SHIFTED_SCHEDULE: ("the day's load came {shift}", "하루 부하가 {shift}"),
    Kind.LONGER_SHIFT: ("working load that went on for {duration}", "종료 시각 이후 {duration} 더 가동"),
    Kind.MISSING_DATA: ("no reading for {duration}", "{duration} 동안 계측값 없음"),
    Kind.STUCK_COUNTER: ("the counter stood still for {duration}", "{duration} 동안 계량기 값이 그대로임"),
    Kind.COUNTER_RESET: (
        "a counter that stood or was not read gave its energy at once",
        "멈췄거나 검침되지 않은 전력량이 한꺼번에 반영됨",
    ),
    Kind.IMPLAUSIBLE: ("readings that cannot be, over {duration}", "{duration} 동안 있을 수 없는 계측값"),
    Kind.FILLED_DAYS: (
        "{duration} of zeros that begin and end as the day turns; probably nothing was collected, and zeros were written instead",
        "하루 경계에서 시작하고 끝나는 0이 {duration} 지속됨, 수집되지 않은 날이 0으로 채워진 것으로 추정",
    ),
    Kind.COPIED_DAYS: (
        "{duration} of readings equal to an earlier day digit by digit; probably nothing was collected, and that day was written instead",
        "{duration} 동안 계측값이 이전 날과 완전히 같음, 수집되지 않은 날에 이전 날이 복사된 것으로 추정",
    ),
    Kind.WRONG_FACTOR: (
        "{duration} with all readings at {percent} of the expected load, day and night; probably a wrong unit, multiplier or "
        "transformer ratio",
        "{duration} 동안 주야간 모든 계측값이 기대 부하의 {percent}, 단위·배율·변성비 오류로 추정",
    ),
    Kind.SHIFTED_CLOCK: (
        "{duration} with the daily load an hour beside that before the clock change of {change}; probably the logger did not follow this "
        "change, or not the one before",
        "{duration} 동안 일일 부하가 {change} 시각 변경 이전과 한 시간 어긋남, 계측기가 이번 또는 이전 시각 변경을 따르지 않은 것으로 추정",
    ),
}
_PLAIN: Pair = ("{duration} unlike what was expected", "{duration} 동안 기대와 다름")
_PHRASES: Mapping[str, Pair] = {
    "more": ("more", "많음"),
    "less": ("less", "적음"),
    "late": ("{duration} late", "{duration} 늦어짐"),
    "early": ("{duration} early", "{duration} 앞당겨짐"),
    "since": ("since {start}", "{start}부터 계속"),
    "uncollected": (
        "Whole days are missing: probably a file or a collection run of those days, rather than the meter, failed.",
        "하루 단위로 결측됨: 계량기보다는 해당 날짜의 파일 또는 수집 작업 누락으로 추정.",
    ),
    "on_holiday": ("on {names}", "공휴일: {names}"),
    "holidays": ("Public holiday: {days}.", "공휴일: {days}."),
    "holidays_more": ("{days} and {count} more", "{days} 외 {count}일"),
    "holiday_expected": (
        "The expected load is that of such a holiday as this meter has shown it, or of what it may be where few were seen.",
        "기대 부하는 이 계량기의 과거 공휴일에서 학습한 값이며, 관측된 공휴일이 적으면 가능한 형태를 모두 포함함.",
    ),
    "energy": ("expected {expected} kWh, used {actual}", "기대 {expected} kWh, 사용 {actual} kWh"),
    "usual_all": ("the same hours of the last six {weekday}s were {range}", "지난 6주 {weekday}요일 같은 시간대는 {range} kWh"),
    "usual_some": (
        "the same hours of {weeks} of the last six {weekday}s were {range}",
        "지난 6주 중 {weeks}주의 {weekday}요일 같은 시간대는 {range} kWh",
    ),
    "usual_all_days": ("the same hours of the last six weeks were {range}", "지난 6주 같은 시간대는 {range} kWh"),
    "usual_some_days": (
        "the same hours in {weeks} of the last six weeks were {range}",
        "지난 6주 중 {weeks}주의 같은 시간대는 {range} kWh",
    ),
    "range": ("{low} to {high}", "{low}~{high}"),
    "expected_band": (
        "Nine times in ten each reading was expected between edges that sum up to {low} and {high} kWh.",
        "각 계측값의 기대 구간(5~95 %) 합계는 {low}~{high} kWh.",
    ),
    "uncertain": (
        "The kind is uncertain: its shape explains {fit} of the event's deviation.",
        "유형이 불확실함: 이 형태는 이벤트 편차의 {fit}만 설명함.",
    ),
    "confidence": ("Confidence {percent}: {word}.", "확신도 {percent}: {word}."),
    "certain": ("far beyond what normal operation brings", "정상 운전에서 나올 수 없는 수준"),
    "likely": ("clearly beyond the alarm threshold", "경보 기준을 뚜렷이 넘음"),
    "weak": ("near the alarm threshold; look before you act", "경보 기준에 가까움, 조치 전 확인 필요"),
    "cost_more": ("Cost about {cost} {currency} more than expected{co2}.", "예상보다 약 {cost} {currency} 더 듦{co2}."),
    "cost_less": ("About {cost} {currency} of energy not used{co2}.", "약 {cost} {currency}의 전력을 쓰지 않음{co2}."),
    "co2e": (", CO2e {co2} kg", ", CO2e {co2} kg"),
    "levels": (
        "Before it the load was at {before} of the expected one, after it at {after}.",
        "이전 부하는 기대의 {before}, 이후 부하는 기대의 {after}.",
    ),
    "level_before": ("Before it the load was at {before} of the expected one.", "이전 부하는 기대의 {before}."),
    "fit": ("This shape explains {fit} of the event's deviation.", "이 형태가 이벤트 편차의 {fit}를 설명함."),
    "next": (
        "Next likeliest, by the hours around it as well: {kind}, which explains {next_fit}.",
        "전후 시간대까지 본 다음 후보: {kind}, 편차의 {next_fit}를 설명.",
    ),
    "rule": ("Quality rule: {rule}.", "품질 규칙: {rule}."),
    "restated_one": ("One of its readings was restated.", "계측값 1개가 정정되었음."),
    "restated": ("{count} of its readings were restated.", "계측값 {count}개가 정정되었음."),
    "like": ("like it: {what}", "유사 사례: {what}"),
    "distance": ("distance {distance}", "거리 {distance}"),
    "by_rule": ("Found by a quality rule; no detector has a share in it.", "품질 규칙으로 검출됨. 탐지기 근거 없음."),
    "shares": ("shares of the evidence", "근거 비중"),
    "detector": ("detector", "탐지기"),
    "looks_at": ("looks at", "관찰 구간"),
    "hour": ("time", "시간대"),
    "other_hours": ("{count} others", "그 외 {count}개"),
    "band": ("5 % to 95 %", "기대 구간 5~95 %"),
    "expected_load": ("expected", "기대 부하"),
    "hindsight": ("Scored with hindsight: the model saw data from after it.", "사후 모델로 채점됨: 이후 자료를 본 모델."),
}
_KOREAN_RULES: Mapping[Rule | DayRule, str] = {
    Rule.ZERO_RUN: "0이 장시간 지속됨, 계량기 정지 의심",
    Rule.FLAT_RUN: "같은 계측값이 장시간 반복됨, 계량기 또는 통신 고착 의심",
    Rule.NULL_RUN: "장시간 계측값 없음",
    Rule.COUNTER_RESET: "멈췄거나 검침되지 않은 전력량이 한꺼번에 반영됨, 해당 구간 전체",
    Rule.ABOVE_HISTORY: "평소 부하를 크게 초과함, 지침값 급변 의심",
    Rule.NEGATIVE: "역송이 없는 계량기에서 음수 값",
    Rule.ABOVE_CAPACITY: "계약·설비 용량을 초과함",
    Rule.MIXED_INTERVAL: "계량기의 검침 주기와 다른 구간 길이",
    Rule.OFF_GRID: "검침 시각이 정해진 시각에서 벗어남",
    Rule.DRIFTING: "검침 시각이 점점 어긋남, 계량기 시계 오차 의심",
    Rule.FILLED_DAYS: "평소 0이 아닌 계량기에서 하루 전체가 0임, 수집되지 않은 날이 0으로 채워진 것으로 의심",
    Rule.COPIED_DAYS: "하루 전체가 이전 날과 완전히 같음, 수집되지 않은 날에 이전 날이 복사된 것으로 의심",
    Rule.WRONG_FACTOR: "자정부터 야간을 포함한 모든 계측값이 평소의 일정 배수임, 단위·배율 오류 의심",
    Rule.SHIFTED_CLOCK: "시각 변경 이후 일일 부하 형태가 이전과 한 시간 어긋남, 계측기의 시각 변경 미반영 의심",
    DayRule.MISSING_DAY: "하루 전체의 계측값 없음",
    DayRule.INTERVAL_CHANGED: "검침 주기가 바뀜",
}
_RULES: Mapping[str, Pair] = {rule.value: (meaning, _KOREAN_RULES[rule]) for rule, meaning in MEANINGS.items()}
_WEEKDAYS: Mapping[Lang, tuple[str, ...]] = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "ko": ("월", "화", "수", "목", "금", "토", "일"),
}
_LONG_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_COUNTS = ("no", "one", "two", "three", "four", "five", "six")
_SURE, _LIKELY = 0.9, 0.65
_HOLIDAYS_NAMED = 3  # of an event; one of weeks touches more
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TWO_MONTHS_US = 62 * 86_400_000_000  # validation sees no earlier change
_UNCERTAIN = 0.4  # of the deviation explained, below which a kind is a guess


@dataclass(frozen=True)
class Told:
    """An event in words: its kind, a headline, one sentence, and what else there is to know, a line each."""

    kind: str
    headline: str
    sentence: str
    details: tuple[str, ...]


def tell(event: Mapping[str, Any], lang: Lang, zone: str, place: Place | None = None) -> Told:
    """Render a row of ANOMALIES. What a field does not know is left out.

    Args:
        zone: of the meter; times stand on its clock.
        place: of the meter; public holidays there are named. None names none.
    """
    free = holidays_between(event["start"], event["end"], place, lang) if place else {}
    kind = kind_name(event["kind"], lang)
    parts = [part for part in (_lead(event, lang, zone), _energy(event, lang), _usual(event, lang, zone)) if part]
    when = span(event["start"], event["end"], lang, zone, ongoing=event["status"] == EventStatus.ONGOING)
    lead, *rest = parts
    excess = "" if event["excess_kwh"] is None else f", {signed(event['excess_kwh'])} kWh"
    on = ", ".join(("", phrase("on_holiday", lang, names="; ".join(_first(tuple(dict.fromkeys(free.values())), lang))))) if free else ""
    sentence = f"{kind}: {'; '.join([f'{lead}, {when}{on}', *rest])}."
    return Told(
        kind, f"{kind}, {when}{excess}", sentence, (*_details(event, lang), *_uncollected(event, lang, zone), *_holidays(event, free, lang))
    )


def _uncollected(event: Mapping[str, Any], lang: Lang, zone: str) -> list[str]:
    """The likely cause of a gap of whole days, of the local clock or of UTC."""
    edges = (event["start"], event["end"])
    whole = any(all(edge.astimezone(ZoneInfo(clock)).time() == time() for edge in edges) for clock in (zone, "UTC"))
    return [phrase("uncollected", lang)] if event["kind"] == Kind.MISSING_DATA and whole else []


def holidays_between(start: datetime, end: datetime, place: Place, lang: Lang) -> dict[date, str]:
    """Name of each public holiday that a stretch [start, end) touches on the clock of a place, by its day."""
    first, last = (moment.astimezone(ZoneInfo(place.zone)).date() for moment in (start, max(start, end - timedelta(microseconds=1))))
    days = (first + timedelta(days=k) for k in range((last - first).days + 1))
    named = ((day, holiday_name(place, day, lang)) for day in days)
    return {day: name for day, name in named if name}


def _holidays(event: Mapping[str, Any], free: Mapping[date, str], lang: Lang) -> list[str]:
    """Which days of an event were public holidays, and what was expected of them."""
    if not free:
        return []
    told = [f"{_day(day, lang)}, {name}" for day, name in free.items()]
    lines = [phrase("holidays", lang, days="; ".join(_first(tuple(told), lang)))]
    return lines if event["expected_kwh"] is None else [*lines, phrase("holiday_expected", lang)]


def _first(texts: tuple[str, ...], lang: Lang) -> tuple[str, ...]:
    """The first few; the last of them says how many more there are."""
    rest = len(texts) - _HOLIDAYS_NAMED
    if rest <= 0:
        return texts
    *kept, last = texts[:_HOLIDAYS_NAMED]
    return (*kept, phrase("holidays_more", lang, days=last, count=str(rest)))


def kind_name(kind: str, lang: Lang) -> str:
    return _of(KINDS[Kind(kind)], lang)


def span(start: datetime, end: datetime, lang: Lang, zone: str, *, ongoing: bool = False) -> str:
    """`Tue 1 Mar 02:00 to 06:15`, on the clock of the zone; the day is named again where it is another one."""
    first, last = (moment.astimezone(ZoneInfo(zone)) for moment in (start, end))
    if ongoing:
        return phrase("since", lang, start=day_and_time(first, lang))
    until = f"{last:%H:%M}" if first.date() == last.date() else day_and_time(last, lang)
    return f"{day_and_time(first, lang)}{' to ' if lang == 'en' else '~'}{until}"


def day_and_time(moment: datetime, lang: Lang) -> str:
    return f"{_day(moment, lang)} {moment:%H:%M}"


def _day(day: date, lang: Lang) -> str:
    """`Tue 1 Mar`, `3월 1일(화)`."""
    weekday = _WEEKDAYS[lang][day.weekday()]
    return f"{weekday} {day.day} {_MONTHS[day.month - 1]}" if lang == "en" else f"{day.month}월 {day.day}일({weekday})"


def weekday_name(day: date, lang: Lang) -> str:
    """`Tue`, `화`."""
    return _WEEKDAYS[lang][day.weekday()]


def length(of: timedelta, lang: Lang) -> str:
    """`4 h 15 min`; in days from two on.

    >>> length(timedelta(hours=4, minutes=15), "en"), length(timedelta(days=2, hours=3), "ko")
    ('4 h 15 min', '2일 3시간')
    """
    minutes = round(of.total_seconds() / 60)
    days, hours, minutes = (minutes // 1440, minutes % 1440 // 60, minutes % 60) if minutes >= 2880 else (0, minutes // 60, minutes % 60)
    units = (" d", " h", " min") if lang == "en" else ("일", "시간", "분")
    parts = [f"{count}{unit}" for count, unit in zip((days, hours, 0 if days else minutes), units, strict=True) if count]
    return " ".join(parts) or f"0{units[2]}"


def number(value: float) -> str:
    """Whole from 10 on, else with as many digits as mean something.

    >>> [number(value) for value in (12345.6, 412.4, 13.2, 2.53, 2.0, 0.1234, -0.04)]
    ['12,346', '412', '13', '2.5', '2', '0.12', '-0.04']
    """
    size = abs(value)
    if size >= 10 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 1 else f"{float(f'{value:.2g}'):g}"


def signed(value: float) -> str:
    """With its sign, a true minus.

    >>> signed(-399.4), signed(12.0), signed(0.0)
    ('−399', '+12', '0')
    """
    size = number(abs(value))
    return size if float(size.replace(",", "")) == 0 else f"{'−' if value < 0 else '+'}{size}"


def percent(share: float) -> str:
    """Whole, and never rounded to all or nothing.

    >>> [percent(share) for share in (0.031, 0.004, 0.0, 0.9998, 1.0)]
    ['3 %', '0.4 %', '0 %', '99.9 %', '100 %']
    """
    value = 100 * share
    return f"{min(max(value, 0.1), 99.9):.1f} %" if 0 < value < 1 or 99 < value < 100 else f"{value:,.0f} %"


def _lead(event: Mapping[str, Any], lang: Lang, zone: str) -> str:
    known = _fields(event, lang, zone)
    template = _of(_LEADS.get(Kind(event["kind"]), _PLAIN), lang)
    wanted = re.findall(r"{(\w+)}", template)
    return (template if all(known.get(name) for name in wanted) else _of(_PLAIN, lang)).format(**known)


def _fields(event: Mapping[str, Any], lang: Lang, zone: str) -> dict[str, str]:
    """What a lead may name; empty where nothing is known of it."""
    duration, excess, expected = event["end"] - event["start"], event["excess_kwh"], event["expected_kwh"]
    hours, shift = duration.total_seconds() / 3600, event["shift_min"]
    share = event["actual_kwh"] / expected if expected and event["actual_kwh"] is not None and event["actual_kwh"] / expected >= 0 else None
    excess = -excess if excess is not None and (expected or 0) < 0 else excess  # of a meter that feeds in, more is more fed in
    shifted = None if not shift else phrase("late" if shift > 0 else "early", lang, duration=length(timedelta(minutes=abs(shift)), lang))
    return {
        "duration": length(duration, lang),
        "percent": "" if share is None else percent(share),
        "kw": "" if excess is None or not hours else number(abs(excess) / hours),
        "above": "" if excess is None else phrase("more" if excess >= 0 else "less", lang),
        "count": str(event["longest_equal_run"]) if event["longest_equal_run"] > 1 else "",
        "shift": shifted or "",
        "change": _clock_change(event["start"], lang, zone) if event["kind"] == Kind.SHIFTED_CLOCK else "",
    }


def _clock_change(start: datetime, lang: Lang, zone: str) -> str:
    """The day of the last clock change up to an instant, `Sun 30 Mar 2025`; empty if there was none in the months before."""
    until = (start - _EPOCH) // timedelta(microseconds=1)
    changes = clock_changes(zone, until - _TWO_MONTHS_US, until)
    if not changes:
        return ""
    day = (_EPOCH + timedelta(microseconds=changes[-1][0])).astimezone(ZoneInfo(zone)).date()
    return f"{_day(day, lang)} {day.year}" if lang == "en" else f"{day.year}년 {_day(day, lang)}"


def _energy(event: Mapping[str, Any], lang: Lang) -> str:
    if event["expected_kwh"] is None or event["actual_kwh"] is None:
        return ""
    return phrase("energy", lang, expected=number(event["expected_kwh"]), actual=number(event["actual_kwh"]))


def _usual(event: Mapping[str, Any], lang: Lang, zone: str) -> str:
    weeks, low, high = event["usual_weeks"], event["usual_low_kwh"], event["usual_high_kwh"]
    if not weeks or low is None or high is None:
        return ""
    start = event["start"].astimezone(ZoneInfo(zone))
    weekday = _LONG_WEEKDAYS[start.weekday()] if lang == "en" else _WEEKDAYS["ko"][start.weekday()]
    count = _COUNTS[weeks] if lang == "en" else str(weeks)
    name = ("usual_all" if weeks == WEEKS else "usual_some") + ("_days" if event["end"] - event["start"] > timedelta(days=1) else "")
    ends = number(low), number(high)
    told = ends[0] if ends[0] == ends[1] else phrase("range", lang, low=ends[0], high=ends[1])
    return phrase(name, lang, weeks=count, weekday=weekday, range=told)


def _details(event: Mapping[str, Any], lang: Lang) -> list[str]:
    lines = [
        _sure(event, lang),
        _worth(event, lang),
        _band(event, lang),
        _beside(event, lang),
        _fits(event, lang),
        _broken(event, lang),
    ]
    if event["restated"]:
        lines.append(phrase("restated_one" if event["restated"] == 1 else "restated", lang, count=str(event["restated"])))
    if event["hindsight"]:
        lines.append(phrase("hindsight", lang))
    return [line for line in lines if line]


def _sure(event: Mapping[str, Any], lang: Lang) -> str:
    if event["p"] is None:
        return ""
    confidence = event["confidence"]
    word = "certain" if confidence >= _SURE else "likely" if confidence >= _LIKELY else "weak"
    return phrase("confidence", lang, percent=percent(confidence), word=phrase(word, lang))


def _worth(event: Mapping[str, Any], lang: Lang) -> str:
    cost, co2e = event["cost"], event["co2e_kg"]
    if cost is None:
        return ""
    emitted = "" if co2e is None else phrase("co2e", lang, co2=number(abs(co2e)))
    return phrase("cost_more" if cost >= 0 else "cost_less", lang, cost=number(abs(cost)), currency=event["currency"] or "", co2=emitted)


def _broken(event: Mapping[str, Any], lang: Lang) -> str:
    """The quality rules in words; what the source itself said of readings stands as it came."""
    if not event["rule"]:
        return ""
    return phrase("rule", lang, rule=rules_in_words(event["rule"], lang))


def rules_in_words(rule: str, lang: Lang) -> str:
    """The `+`-joined rules of an event; what is none of ours stands as it is."""
    return "; ".join(_of(_RULES[name], lang) if name in _RULES else name for name in rule.split("+"))


def _beside(event: Mapping[str, Any], lang: Lang) -> str:
    before, after = event["before_ratio"], event["after_ratio"]
    if before is None:
        return ""
    if after is None:
        return phrase("level_before", lang, before=percent(before))
    return phrase("levels", lang, before=percent(before), after=percent(after))


def _fits(event: Mapping[str, Any], lang: Lang) -> str:
    """How well the shape fits, and what came next; kinds are chosen by likelihood, in which what lies around the event counts, too."""
    if event["fit"] is None or event["kind"] == Kind.UNUSUAL_SHAPE:
        return ""
    told = phrase("uncertain" if event["fit"] < _UNCERTAIN else "fit", lang, fit=percent(event["fit"]))
    if event["next_kind"] is None or event["next_fit"] is None:
        return told
    return f"{told} {phrase('next', lang, kind=kind_name(event['next_kind'], lang), next_fit=percent(event['next_fit']))}"


def _band(event: Mapping[str, Any], lang: Lang) -> str:
    if event["low_kwh"] is None or event["high_kwh"] is None:
        return ""
    return phrase("expected_band", lang, low=number(event["low_kwh"]), high=number(event["high_kwh"]))


def phrase(name: str, lang: Lang, **fields: str) -> str:
    """A phrase of `_PHRASES` with its fields."""
    return _of(_PHRASES[name], lang).format(**fields)


def _of(pair: Pair, lang: Lang) -> str:
    return pair[LANGS.index(lang)]

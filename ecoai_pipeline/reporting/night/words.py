"""What stands on the page beside figures and names, in English and Korean."""

from __future__ import annotations

from collections.abc import Mapping

from ecoai_pipeline.reporting.texts import LANGS, Lang, Pair

_WORDS: Mapping[str, Pair] = {
    "act_first": ("Act on these first", "먼저 조치할 이벤트"),
    "actual": ("load", "부하"),
    "agricultural": ("agricultural", "농사용"),
    "alarms": ("alarms", "경보"),
    "all_meters": ("all meters", "전체 계량기"),
    "anomalies_of_month": ("Anomalies of {month}", "{month} 이상 보고서"),
    "anomalies_of_night": ("Anomalies of the night of {day}", "{day} 야간 이상 보고서"),
    "asset": ("asset", "자산"),
    "autumn": ("autumn", "가을"),
    "band": ("5 % to 95 %", "기대 구간 5~95 %"),
    "began": ("began", "시작"),
    "budget": ("budget {count}", "허용 {count}"),
    "budget_night": ("a night's budget {count}", "하루 허용 {count}"),
    "calendar": ("Calendars", "달력"),
    "calendar_note": (
        "Energy of a day by what was expected of it; framed days have events, − and + say below 80 % and above 120 %.",
        "기대 대비 일 사용량. 테두리는 이벤트가 있는 날, −는 80 % 미만, +는 120 % 초과.",
    ),
    "ceramics": ("ceramics", "요업"),
    "chemical": ("chemical", "화학"),
    "co2e": ("CO2e, kg", "CO2e, kg"),
    "completeness": ("completeness", "수집률"),
    "confidence": ("confidence", "확신도"),
    "cost": ("cost", "비용"),
    "cost_less": ("{cost} {currency} not used", "{cost} {currency} 미사용"),
    "cost_more": ("{cost} {currency} extra", "{cost} {currency} 추가"),
    "data_docs": ("Data Docs", "Data Docs"),
    "data_events": ("For whoever runs the meters", "계량기 점검 대상"),
    "data_quality": ("data quality", "데이터 품질"),
    "details": ("details", "자세히"),
    "distance": ("distance", "거리"),
    "drift": ("Drift", "드리프트"),
    "drift_note": ("The last 28 days beside what the model was trained on.", "최근 28일과 학습 구간의 차이."),
    "drifted": ("drifted", "드리프트"),
    "drifted_industries": ("industries that drift for weeks", "수 주째 드리프트인 업종"),
    "drifted_meters": ("and {count} single meters", "개별 계량기 {count}"),
    "and_more": ("and {count} more", "그 외 {count}건"),
    "event": ("event", "이벤트"),
    "late_meters": ("late", "지연"),
    "looks_at": ("looks at {hours} h", "{hours}시간 창"),
    "duration": ("duration", "기간"),
    "energy": ("energy", "에너지"),
    "energy_supplier": ("energy supplier", "에너지공급"),
    "excess": ("too much, kWh", "초과, kWh"),
    "expected": ("expected", "기대 부하"),
    "food": ("food", "식품"),
    "general": ("general", "일반용"),
    "glance": ("At a glance", "한눈에 보기"),
    "high": ("high resolution", "고해상도"),
    "hindsight": ("scored with hindsight", "사후 모델로 채점"),
    "holiday": ("Public holiday: {day} ({places}).", "공휴일: {day} ({places})."),
    "hours": ("When alarms begin", "경보가 시작된 요일과 시각"),
    "how_to_read": ("How to read this page", "읽는 방법"),
    "how_text": (
        "Events are ordered by severity: how sure we are, how much energy and money, how long. The grey band holds nine readings of "
        "ten in normal operation; the marked interval is the event. Costs are energy charges at the tariff named above, without "
        "demand charge and taxes.",
        "이벤트는 확신도, 전력량과 비용, 지속 시간으로 정한 심각도 순서입니다. 회색 띠는 정상 운전에서 계측값 열 개 중 아홉 개가 "
        "드는 구간이고, 표시된 구간이 이벤트입니다. 비용은 위 요금표의 전력량요금이며 기본요금과 세금은 제외합니다.",
    ),
    "industrial": ("industrial", "산업용"),
    "industry": ("industry", "업종"),
    "kind": ("kind", "유형"),
    "kwh": ("kWh", "kWh"),
    "late": ("{count} late, {pending} pending", "지연 {count}, 대기 {pending}"),
    "like": ("like it:", "유사 사례:"),
    "limit": ("limit", "한계"),
    "load": ("load", "부하"),
    "lost": ("lost kWh", "손실 kWh"),
    "low": ("low resolution", "저해상도"),
    "no_country": (
        "{count} meters have no country: their cost and CO2e are unknown. Fill in `country` in the meter registry.",
        "국가를 알 수 없는 계량기 {count}개: 비용과 CO2e 미상. 계량기 등록부의 `country`를 채우세요.",
    ),
    "no_factor": (
        "{count} meters in {country} have no emission factor: CO2e is unknown. Add `impact.emission_factors.{country}` to params.yaml.",
        "{country} 계량기 {count}개의 배출계수 없음: CO2e 미상. params.yaml에 `impact.emission_factors.{country}`를 추가하세요.",
    ),
    "no_tariff": (
        "{count} meters in {country} have no tariff: their cost is unknown. Add `impact.tariffs.NAME` to params.yaml, and NAME to the "
        "column `tariff` of the meter registry.",
        "{country} 계량기 {count}개의 요금표 없음: 비용 미상. params.yaml에 `impact.tariffs.NAME`을 추가하고 계량기 등록부의 `tariff`에 "
        "NAME을 적으세요.",
    ),
    "tariff_missing": (
        "{count} meters name the tariff {tariff}, which is not in params.yaml: their cost is unknown. Add `impact.tariffs.{tariff}`.",
        "계량기 {count}개의 요금표 {tariff}이(가) params.yaml에 없음: 비용 미상. `impact.tariffs.{tariff}`를 추가하세요.",
    ),
    "made": ("made {moment}; times are in {zone}", "작성 {moment}, 시각 기준 {zone}"),
    "made_mixed": (
        "made {moment} {zone}; times of a meter are in its own time zone, whose name follows the time or the meter",
        "작성 {moment} {zone}, 계량기별 시각은 함께 표시된 현지 시간대 기준",
    ),
    "metal": ("metal", "금속"),
    "meter": ("meter", "계량기"),
    "meters": ("meters", "계량기"),
    "mid": ("mid resolution", "중해상도"),
    "midnight": ("midnight", "심야"),
    "missing": ("too little, kWh", "부족, kWh"),
    "month_page": ("this month", "이 달 보고서"),
    "more": ("{count} more, less severe", "덜 심각한 {count}건"),
    "no_data_events": ("No counter, and no collection of readings, needs a look.", "점검이 필요한 계량기나 수집 문제가 없습니다."),
    "no_drift": ("Nothing has been compared with a training span yet.", "아직 학습 구간과 비교된 것이 없습니다."),
    "no_events": ("No energy event. Nothing to act on.", "에너지 이벤트가 없습니다. 조치할 것이 없습니다."),
    "no_scores": (
        "No meter has scores in {month}. Bring readings in, train, and run the night again.",
        "{month}에 채점된 계량기가 없습니다. 자료를 넣고 학습한 뒤 다시 실행하세요.",
    ),
    "ongoing": ("{count} ongoing", "진행 중 {count}"),
    "other": ("other", "기타"),
    "outcome": ("outcome", "결과"),
    "over": ("excess kWh", "초과 kWh"),
    "paper_wood": ("paper and wood", "제지목재"),
    "pending_zone": (
        "{count} meters in {zone} are pending: {day} is not over there.",
        "{zone} 계량기 {count}개 대기 중: 현지에서 {day}이(가) 아직 끝나지 않았습니다.",
    ),
    "partition": ("partition", "파티션"),
    "pivot": ("Where the energy goes", "전력이 쓰인 곳"),
    "pivot_note": (
        "The month up to {day}; alarms, and what they moved, by where they began.",
        "{day}까지의 한 달. 경보와 편차는 시작일 기준.",
    ),
    "portfolio": ("Portfolio", "전체 포트폴리오"),
    "quality_page": ("data quality page", "데이터 품질 보고서"),
    "quarantined": ("quarantined", "격리"),
    "ran": ("What ran", "실행 내역"),
    "rank": ("rank {rank} of {site}", "{site} {rank}순위"),
    "readings": ("readings", "계측값"),
    "rule": ("rule", "규칙"),
    "score": ("scores", "점수"),
    "season": ("season", "계절"),
    "seconds": ("seconds", "초"),
    "severity": ("severity", "심각도"),
    "silent": ("silent", "무응답"),
    "skip": ("Skip to the events", "이벤트로 건너뛰기"),
    "so_far": ("this month", "이번 달"),
    "spring": ("spring", "봄"),
    "summer": ("summer", "여름"),
    "suspect": ("suspect", "의심"),
    "tonight": ("alarms of the night", "이 밤의 경보"),
    "of_month": ("alarms of the month", "이 달의 경보"),
    "usage_type": ("usage", "용도"),
    "versions": ("Versions", "버전"),
    "version_line": (
        "Model {model}; tariff and factor {tariff}. Each event tells its own in the table `anomalies`.",
        "모델 {model}; 요금표와 배출계수 {tariff}. 이벤트별 버전은 표 `anomalies`에 있습니다.",
    ),
    "weekday": ("weekday", "평일"),
    "weekend": ("weekend", "주말"),
    "what": ("what", "항목"),
    "who_speaks": ("Which detectors speak", "탐지기별 근거"),
    "why": ("why", "근거"),
    "winter": ("winter", "겨울"),
    "without_model": ("{count} meters without a model", "모델 없는 계량기 {count}"),
}


class Words:
    """`Words("ko")("meters")` is what stands for `meters`; fields in braces are given by name."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang

    def __call__(self, name: str, **fields: object) -> str:
        return _WORDS[name][LANGS.index(self.lang)].format(**fields)

    def known(self, name: str) -> str:
        """The word for a value of the data, which stays as it is where there is none."""
        return self(name) if name in _WORDS else name

"""The page about a night: what stands on it, in what order, in both languages, and that it asks nothing of any other place."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ecoai_pipeline.cli.bench_report import NIGHT, make_night
from ecoai_pipeline.domain import Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.reporting.night import words
from ecoai_pipeline.reporting.night.contents import About, Contents, Ran, gather
from ecoai_pipeline.reporting.night.page import page
from ecoai_pipeline.reporting.night.style import DARK, LIGHT, STYLE
from ecoai_pipeline.reporting.night.write import write_page
from ecoai_pipeline.reporting.texts import LANGS, Lang
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

MARCH = Month.of(NIGHT)
NOW = datetime(2025, 4, 1, 3, tzinfo=UTC)
PORTFOLIO = About(MARCH, NIGHT, None)
METERS, EVENTS = 16, 11


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("night")
    make_night(root, METERS, EVENTS)
    return root


@pytest.fixture
def night(made: Path, settings: Settings) -> Contents:
    ran = [Ran("scores", "metal 2025-03", "written", 1.25)]
    return gather(Lake(made), settings, PORTFOLIO, NOW, ran)


def test_the_figures_are_those_of_the_tables(night: Contents) -> None:
    assert (night.meters, night.alarms.shown, night.alarms.in_month) == (METERS, EVENTS, EVENTS)
    assert night.alarms.budget == pytest.approx(METERS * 31 / 30)
    events = [card.event for card in night.cards]
    assert night.stake.missing_kwh == pytest.approx(-sum(min(event["excess_kwh"], 0) for event in events))
    assert night.stake.cost_more["KRW"] - night.stake.cost_less.get("KRW", 0.0) == pytest.approx(sum(event["cost"] for event in events))
    # The last morning of March 2025 is a Monday: 12 quarters at half or half as much again of about 100 kWh.
    assert night.stake.excess_kwh + night.stake.missing_kwh == pytest.approx(EVENTS * 12 * 50, rel=0.05)
    assert night.pivot["alarms"].sum() == EVENTS
    assert night.pivot.filter("weekend")["alarms"].sum() == 0
    assert set(night.by_hour) == {(0, 9)}
    assert sum(night.by_detector.values()) == pytest.approx(1)


def test_events_come_by_severity_and_those_beyond_the_first_stand_in_a_table(made: Path, settings: Settings) -> None:
    few = settings.model_copy(update={"report": settings.report.model_copy(update={"events_shown": 4, "calendar_meters": 2})})
    contents = gather(Lake(made), few, PORTFOLIO, NOW)
    severities = [card.event["severity"] for card in contents.cards] + contents.rest["severity"].to_list()
    assert (len(contents.cards), contents.rest.height, len(contents.calendars)) == (4, EVENTS - 4, 2)
    assert severities == sorted(severities, reverse=True)
    text = page(contents, "en", [])
    assert text.count('<svg class="chart"') == 4
    assert "7 more, less severe" in text


def test_ranks_count_within_a_site(night: Contents) -> None:
    for site in {card.event["site"] for card in night.cards}:
        ranks = [card.event["rank"] for card in night.cards if card.event["site"] == site]
        assert ranks == list(range(1, len(ranks) + 1))


def test_a_calendar_has_the_ratio_of_each_day_and_the_days_of_events(night: Contents) -> None:
    for calendar in night.calendars:
        assert calendar.events == {NIGHT}
        assert len(calendar.ratio) == 13 * 7
        assert calendar.ratio[date(2025, 3, 30)] == pytest.approx(1, abs=0.02)
        assert calendar.ratio[date(2024, 12, 31)] is None  # a month that the lake does not have
        assert abs(calendar.ratio[NIGHT] - 1) > 0.05  # type: ignore[operator]


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_whole_and_asks_nothing_of_any_other_place(night: Contents, lang: Lang) -> None:
    text = page(night, lang, [])
    assert f'<html lang="{lang}">' in text
    assert not re.search(r"https?:|src=|@import|url\(", text)
    assert len(text.encode()) < 3_000_000
    assert text.count("<article") == EVENTS
    assert len(re.findall("[가-힣]", text)) > 500 if lang == "ko" else not re.search("[가-힣]", text)
    assert "metal 2025-03" in text
    for name in ("section", "article", "svg", "table", "details", "main", "p", "span", "div"):
        assert len(re.findall(rf"<{name}[ >]", text)) == text.count(f"</{name}>"), name
    assert text.count('role="img"><title>') == text.count("<svg")


def test_what_comes_from_data_is_shown_as_it_is_and_not_obeyed(lake: Lake, settings: Settings) -> None:
    make_night(lake.root, 8, 8)
    contents = gather(lake, settings, PORTFOLIO, NOW)
    (card, *_) = contents.cards
    evil = {**card.event, "meter_id": "<script>alert(1)</script>", "site": "a&b<i>"}
    object.__setattr__(card, "event", evil)
    text = page(contents, "en", [])
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "a&amp;b&lt;i&gt;" in text


def test_pages_lie_beside_each_other_and_name_those_that_are_there_or_coming(made: Path, settings: Settings) -> None:
    lake, metal = Lake(made), About(MARCH, NIGHT, Industry.METAL)
    _, alone = write_page(lake, settings, metal, NOW, langs=("en",))
    assert "<a href" not in alone["en"].read_text(encoding="utf-8").split("<nav>")[1].split("</nav>")[0]
    _, industry = write_page(lake, settings, metal, NOW, beside=[metal, PORTFOLIO])
    _, places = write_page(lake, settings, PORTFOLIO, NOW, beside=[metal, PORTFOLIO])
    assert places["ko"] == made / "reports" / "night" / "2025-03-31" / "portfolio.ko.html"
    assert 'href="portfolio.en.html"' in industry["en"].read_text(encoding="utf-8")
    text = places["en"].read_text(encoding="utf-8")
    links = re.findall(r'<a href="([^"]+)"', text.split("<nav>")[1].split("</nav>")[0])
    assert links == ["portfolio.ko.html", "industry=metal.en.html"]
    assert all((places["en"].parent / link).exists() for link in links)


def test_of_each_site_only_what_people_are_asked_to_act_on_is_shown_whole(made: Path, settings: Settings) -> None:
    one = settings.model_copy(update={"detection": settings.detection.model_copy(update={"top_per_site": 1})})
    contents = gather(Lake(made), one, PORTFOLIO, NOW)
    assert {card.event["rank"] for card in contents.cards} == {1}
    assert len(contents.cards) + contents.rest.height == EVENTS


def test_a_month_has_a_page_of_all_its_events(made: Path, settings: Settings) -> None:
    about = About(MARCH, None, Industry.METAL)
    contents, places = write_page(Lake(made), settings, about, NOW, langs=("ko",))
    assert contents.about.until == date(2025, 3, 31)
    assert list(places) == ["ko"]
    assert places["ko"] == made / "reports" / "month" / "industry=metal" / "month=2025-03.ko.html"
    assert "2025-03 이상 보고서" in places["ko"].read_text(encoding="utf-8")
    assert contents.alarms.shown == contents.alarms.in_month > 0


def test_a_quiet_night_and_a_lake_without_scores_say_so(made: Path, lake: Lake, settings: Settings) -> None:
    quiet = gather(Lake(made), settings, About(MARCH, date(2025, 3, 12), None), NOW)
    assert quiet.alarms.shown == 0
    assert "No energy event. Nothing to act on." in page(quiet, "en", [])
    empty = gather(lake, settings, PORTFOLIO, NOW)
    assert "No meter has scores in 2025-03." in page(empty, "en", [])


def test_events_about_data_stand_apart(lake: Lake, settings: Settings) -> None:
    import polars as pl

    from ecoai_pipeline.detection.anomalies import materialize_anomalies
    from ecoai_pipeline.domain import SCORES

    make_night(lake.root, 8, 1)
    metal = Partition(Industry.METAL, MARCH)
    MeterRegistry(lake).register(
        [Meter("metal-0000", Industry.METAL, UsageType.INDUSTRIAL, "Asia/Seoul", signed=False, valid_from=date(2000, 1, 1))],
        origin="again",
        at=NOW,
    )
    gap = pl.col("timestamp").is_between(datetime(2025, 3, 30, 18, tzinfo=UTC), datetime(2025, 3, 30, 23, tzinfo=UTC))
    frame = lake.read(SCORES, metal).with_columns(
        kwh=pl.when(~gap).then("kwh"), quality=pl.when(gap).then(pl.lit("missing")).otherwise("quality")
    )
    lake.write(SCORES, metal, [frame], fingerprint="gap")
    materialize_anomalies(lake, settings, metal)
    contents = gather(lake, settings, PORTFOLIO, NOW)
    assert contents.data_events["kind"].to_list() == ["missing_data"]
    section = page(contents, "ko", []).split("계량기 점검 대상")[1].split("<section>")[0]
    assert "데이터 결측" in section


def test_words_have_both_languages_and_name_the_same_fields() -> None:
    for name, pair in words._WORDS.items():
        fields = [set(re.findall(r"{(\w+)}", text)) for text in pair]
        assert fields[0] == fields[1], name
        assert all(pair)


def _luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Ratio of WCAG 2.1, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["day", "night"])
def test_contrast_is_that_of_wcag_aa(colours: dict[str, str]) -> None:
    """4.5 for text, 3 for what a drawing says."""
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    for text in ("ink", "grey", "link"):
        for ground in ("paper", "back"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["badge-ink"], colours["badge"]) >= 4.5
    for drawn in ("load", "expected", "mark"):
        assert contrast(colours[drawn], colours["paper"]) >= 3, drawn
    for level in ("r3", "r4", "r5"):
        assert contrast(colours["ink"], colours[level]) >= 3, level  # frames of a calendar, counts of the hours
    assert all(f"--{name}:{value}" in STYLE for name, value in colours.items())


@pytest.mark.parametrize(
    ("lang", "line"), [("en", "2025-03-01, Independence Movement Day (삼일절) (KR)"), ("ko", "공휴일: 2025-03-01, 삼일절 (KR).")]
)
def test_a_page_names_the_public_holidays_of_its_days(made: Path, settings: Settings, lang: Lang, line: str) -> None:
    """March 2025 has two in Korea; its last night is none."""
    month, night = (gather(Lake(made), settings, About(MARCH, day, None), NOW) for day in (None, NIGHT))
    assert line in page(month, lang, [])
    assert page(month, lang, []).count("(KR)") == 2
    assert "(KR)" not in page(night, lang, [])

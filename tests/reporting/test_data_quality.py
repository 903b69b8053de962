"""The data-quality page: one file that opens offline, says what was found, and lets no name of a meter break it."""

import re
from datetime import UTC, datetime

import pytest

from ecoai_pipeline.domain import RAW_READINGS, Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.quality.report import quality_report
from ecoai_pipeline.quality.validate import materialize_validated
from ecoai_pipeline.reporting.data_quality import report_page, write_reports
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import conform

NOW = datetime(2022, 2, 3, tzinfo=UTC)
JANUARY = Partition(Industry.FOOD, Month(2022, 1))
KOREAN, HOSTILE = "제1공장 수전반", "<script>alert('x')</script>"


@pytest.fixture
def page(lake, settings):
    import polars as pl

    hours = pl.datetime_range(datetime(2021, 12, 31, 15), datetime(2022, 1, 31, 15), "1h", closed="left", time_unit="us", eager=True)
    kwh = {KOREAN: [-1.0, *(10.0 + n % 24 for n in range(743))], HOSTILE: [None] * 30 + [5.0 + n % 7 for n in range(714)]}
    frames = [
        conform(
            pl.DataFrame({"timestamp": hours.dt.replace_time_zone("UTC"), "kwh": values}).with_columns(
                pl.lit(meter).alias("meter_id"),
                pl.lit(3600, pl.Int32).alias("interval_s"),
                pl.when(pl.col("kwh").is_null()).then(pl.lit("missing")).otherwise(pl.lit("measured")).alias("quality"),
                pl.lit(None, pl.String).alias("rule"),
                pl.lit("s").alias("statement_id"),
                pl.lit(value=False).alias("restated"),
            ),
            RAW_READINGS,
        )
        for meter, values in sorted(kwh.items())
    ]
    lake.write(RAW_READINGS, JANUARY, frames, fingerprint="raw")
    since = JANUARY.month.first_day
    meters = [Meter(name, Industry.FOOD, UsageType.INDUSTRIAL, "Asia/Seoul", False, since) for name in (*kwh, "never read")]
    MeterRegistry(lake).register(meters, origin="test", at=NOW)
    materialize_validated(lake, settings, JANUARY)
    return write_reports(lake, settings, [JANUARY], NOW)[JANUARY]


def test_the_page_lies_under_the_root_and_names_no_other_place(lake, page):
    assert page == str(lake.root / "reports" / "quality" / "industry=food" / "month=2022-01.html")
    text = lake.report("quality", JANUARY).read_text(encoding="utf-8")
    assert not re.search(r"https?://|src=|@import|<link|<script", text)
    assert 'name="viewport" content="width=device-width' in text


def test_the_page_tells_what_was_found_and_names_meters_as_they_are(lake, page):
    text = lake.report("quality", JANUARY).read_text(encoding="utf-8")
    assert KOREAN in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in text
    tiles = dict(re.findall(r"<div class=tile><b>(.*?)</b><span>(.*?)</span>", text))
    assert {name: value for value, name in tiles.items()}["completeness"] == "97.98%"
    for row in (
        "<td>negative</td><td class=n>1</td><td>negative, but the meter is not signed</td>",
        "<td>null_run</td><td class=n>30</td>",
        "<td>missing_day</td><td class=n>1</td>",
        "<td class=id>never read</td>",
    ):
        assert row in text
    assert "as of 2022-02-03 09:00 Asia/Seoul" in text
    assert text.count("<g><title>2022-01-") == 31


def test_a_report_of_nothing_is_a_page_too(lake, settings):
    text = report_page(quality_report(lake, settings, [], NOW), "Asia/Seoul")
    assert "Data quality: no readings" in text

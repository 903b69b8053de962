"""Long tables: what a mapping can say, and how local times become instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import LABELS, WEATHER
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.units import Unit
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import hours, put, put_workbook


def test_a_mapping_is_written_inline_or_as_a_file(tmp_path):
    inline = ColumnMapping.parse("meter=@filename,timestamp=date,kwh=energy,weather.temperature=temp(C),unit=kw,stamp=end")
    assert inline == ColumnMapping(timestamp="date", kwh="energy", weather={"temperature": "temp(C)"}, unit=Unit.KW, stamp="end")
    file = put(tmp_path / "m.yaml", "timestamp: date\nkwh: energy\nweather: {temperature: temp(C)}\nunit: kW\nstamp: end\n")
    assert ColumnMapping.parse(str(file)) == inline


@pytest.mark.parametrize("text", ["timestamp", "timestamp=a,kwh=b,colour=c", "timestamp=a,kwh=b,stamp=middle", "nowhere.yaml"])
def test_a_mapping_that_cannot_be_understood_says_why(text):
    with pytest.raises(ValueError, match="column mapping"):
        ColumnMapping.parse(text)


def test_the_meter_may_be_a_column_the_file_name_or_a_literal(ingest, table):
    rows = [row.removeprefix("m,") for row in hours()]
    for meter, expected in [("@filename", "t"), ("=plant-7", "plant-7")]:
        path = table(*rows, header="when,much")
        assert ingest(path, columns=f"meter={meter},timestamp=when,kwh=much").statement.meters == [expected]


def test_unused_columns_are_listed(ingest, table):
    path = table(*(f"{row},x,y" for row in hours()), header="meter_id,timestamp,kwh,colour,shift")
    assert ingest(path).statement.unmapped == ["colour", "shift"]


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M", "%Y%m%d%H%M", "%Y-%m-%d %H:%M:%S.250", "%Y-%m-%d %H:%M:%S+0900"]
)
def test_common_forms_of_time_are_recognised(ingest, table, raw, form):
    first = datetime(2025, 3, 1)
    result = ingest(table(*(f"m,{(first + timedelta(hours=h)).strftime(form)},1" for h in range(24))))
    start = raw(result)["timestamp"][0]
    assert start.replace(microsecond=0) == datetime(2025, 2, 28, 15, tzinfo=UTC)


def test_epoch_seconds_are_instants(ingest, table, raw):
    result = ingest(table(*(f"m,{1740754800 + 3600 * h},1" for h in range(24))))
    assert raw(result)["timestamp"][0] == datetime(2025, 2, 28, 15, tzinfo=UTC)
    assert result.statement.months == ["2025-03"]


def test_an_unknown_form_asks_for_a_format(ingest, table, raw):
    rows = [f"m,13|3|2025 {h}:00,1" for h in range(24)]
    with pytest.raises(IngestError, match=r"of no known form.*format="):
        ingest(table(*rows))
    mapping = "meter=meter_id,timestamp=timestamp,kwh=kwh,format=%d|%m|%Y %H:%M"
    assert raw(ingest(table(*rows), columns=mapping))["timestamp"][0] == datetime(2025, 3, 12, 15, tzinfo=UTC)


@pytest.mark.parametrize(("unit", "kwh"), [("kWh", 8.0), ("Wh", 0.008), ("kW", 2.0)])
def test_units_become_kwh_over_the_interval(ingest, table, raw, unit, kwh):
    rows = [f"m,2025-03-01 {h:02d}:{m:02d}:00,8" for h in range(24) for m in (0, 15, 30, 45)]
    assert raw(ingest(table(*rows), unit=unit))["kwh"].unique().to_list() == [kwh]


def test_stamps_at_the_end_move_to_the_start_and_its_month(ingest, table, raw):
    rows = [f"m,2025-03-01 {h:02d}:00:00,{h}" for h in range(1, 24)] + ["m,2025-03-02 00:00:00,24", "m,2025-03-01 00:00:00,0"]
    result = ingest(table(*rows), columns="meter=meter_id,timestamp=timestamp,kwh=kwh,stamp=end")
    assert result.statement.months == ["2025-02", "2025-03"]
    local = raw(result).select(pl.col("timestamp").dt.convert_time_zone("Asia/Seoul").dt.strftime("%m-%d %H"), "kwh")
    assert local.rows() == [("02-28 23", 0.0), *((f"03-01 {h:02d}", float(h + 1)) for h in range(24))]


def test_an_interval_that_crosses_the_month_belongs_to_the_month_of_its_start(ingest, table):
    rows = [f"m,2025-03-01 {h:02d}:30:00,1" for h in range(24)]
    result = ingest(table(*rows), columns="meter=meter_id,timestamp=timestamp,kwh=kwh,stamp=end")
    assert result.statement.months == ["2025-02", "2025-03"]


def test_the_hour_that_comes_twice_is_first_summer_then_winter_time(ingest, table, raw):
    stamps = ["00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00", "02:30"]
    result = ingest(table(*(f"m,2024-11-03 {t}:00,{n}" for n, t in enumerate(stamps))), zone="America/New_York")
    first = datetime(2024, 11, 3, 4, tzinfo=UTC)
    assert raw(result).select("timestamp", "kwh").rows() == [(first + timedelta(minutes=30 * n), float(n)) for n in range(8)]


def test_a_local_time_that_does_not_exist_is_quarantined(ingest, table):
    result = ingest(table(*(f"m,2024-03-10 {h:02d}:00:00,{h}" for h in range(24))), zone="America/New_York")
    assert result.quarantined_by_reason == {Reason.NO_SUCH_TIME: 1}


def test_meters_of_several_zones_in_one_file(ingest, table, raw, lake, settings, tmp_path):
    from ecoai_pipeline.sources.registry_file import register_file
    from tests.sources.given import RECEIVED

    register_file(lake, settings, put(tmp_path / "r.csv", "meter_id,industry,time_zone\nny,other,America/New_York\n"), at=RECEIVED)
    starts = (
        raw(ingest(table(*hours(meter="ny"), *hours(meter="seoul")))).group_by("meter_id").agg(pl.col("timestamp").min()).sort("meter_id")
    )
    assert starts.rows() == [("ny", datetime(2025, 3, 1, 5, tzinfo=UTC)), ("seoul", datetime(2025, 2, 28, 15, tzinfo=UTC))]


def test_the_interval_is_the_most_frequent_step_of_the_day(ingest, table, raw):
    quarter = [f"m,2025-03-01 {h:02d}:{m:02d}:00,1" for h in range(24) for m in (0, 15, 30, 45) if (h, m) != (5, 15)]
    readings = raw(ingest(table(*quarter, *hours(day="2025-03-02"))))
    assert readings.group_by("interval_s").len().sort("interval_s").rows() == [(900, 95), (3600, 24)]


def test_a_lone_reading_takes_the_interval_of_its_meter_in_the_file(ingest, table, raw):
    readings = raw(ingest(table(*hours(), "m,2025-04-01 00:00:00,1")))
    assert readings["interval_s"].to_list() == [3600] * 25


def test_a_lone_reading_needs_to_be_told_its_interval(ingest, table, raw):
    row = "m,2025-03-01 00:00:00,1"
    with pytest.raises(IngestError, match=r"length of the interval is unknown.*interval_s"):
        ingest(table(row))
    result = ingest(table(row), columns="meter=meter_id,timestamp=timestamp,kwh=kwh,interval_s=86400")
    assert raw(result)["interval_s"].to_list() == [86400]


def test_labels_become_intervals_that_end_at_gaps_and_months_do_not_cut(ingest, table, lake):
    first = datetime(2025, 3, 31, 20)
    labelled = {2, 3, 4, 5, 6, 9}
    rows = [f"m,{first + timedelta(hours=h)},1,{int(h in labelled)}" for h in range(12) if h != 8]
    ingest(table(*rows, header="meter_id,timestamp,kwh,odd"), columns="meter=meter_id,timestamp=timestamp,kwh=kwh,label=odd")
    at = datetime(2025, 3, 31, 11, tzinfo=UTC)
    spans = [(at + timedelta(hours=a), at + timedelta(hours=b), None) for a, b in [(2, 7), (9, 10)]]
    assert Landing(lake).read_table(LABELS).select("start", "end", "kind").rows() == spans


def test_a_label_in_words_is_the_kind(ingest, table, lake):
    rows = [f"{row},{'leak' if n in (3, 4) else 'normal'}" for n, row in enumerate(hours())]
    ingest(table(*rows, header="meter_id,timestamp,kwh,odd"), columns="meter=meter_id,timestamp=timestamp,kwh=kwh,label=odd")
    assert Landing(lake).read_table(LABELS)["kind"].to_list() == ["leak"]


def test_weather_is_kept_beside_the_readings(ingest, table, lake):
    rows = [f"{row},{n / 2},60" for n, row in enumerate(hours())]
    mapping = "meter=meter_id,timestamp=timestamp,kwh=kwh,weather.temperature=t,weather.humidity=h"
    result = ingest(table(*rows, header="meter_id,timestamp,kwh,t,h"), columns=mapping)
    weather = Landing(lake).read_table(WEATHER)
    assert result.statement.unmapped == []
    assert weather.group_by("quantity").agg(pl.col("value").sum()).sort("quantity").rows() == [("humidity", 1440.0), ("temperature", 138.0)]


def test_weather_that_is_no_number_is_unknown_and_counted(ingest, table, lake):
    texts = ["cold", "n/a", "", *["1.5"] * 21]
    mapping = "meter=meter_id,timestamp=timestamp,kwh=kwh,weather.temperature=t,weather.humidity=h"
    rows = [f"{row},{text},60" for row, text in zip(hours(), texts, strict=True)]
    result = ingest(table(*rows, header="meter_id,timestamp,kwh,t,h"), columns=mapping, industry="other")
    assert result.statement.warnings == ["weather: 2 texts of temperature are no numbers: kept as unknown; correct the file"]
    weather = Landing(lake).read_table(WEATHER).filter(pl.col("quantity") == "temperature")["value"]
    assert (len(weather), weather.null_count(), weather.sum()) == (23, 2, 31.5)


def test_parquet_is_a_table_too(ingest, tmp_path, raw):
    start = datetime(2025, 3, 1)
    frame = pl.DataFrame(
        {"meter_id": ["m"] * 24, "timestamp": [start + timedelta(hours=h) for h in range(24)], "kwh": [float(h) for h in range(24)]}
    )
    frame = frame.with_columns(kwh=pl.when(pl.col("kwh") != 7).then("kwh"))
    frame.write_parquet(tmp_path / "t.parquet")
    readings = raw(ingest(tmp_path / "t.parquet"))
    assert readings["kwh"].to_list() == [None if h == 7 else float(h) for h in range(24)]
    assert readings["timestamp"][0] == datetime(2025, 2, 28, 15, tzinfo=UTC)
    zoned = frame.with_columns(pl.col("timestamp").dt.replace_time_zone("Asia/Seoul"))
    zoned.write_parquet(tmp_path / "z.parquet")
    assert ingest(tmp_path / "z.parquet").statement.unchanged == 24


def test_a_workbook_is_read_from_its_first_sheet(ingest, tmp_path, raw):
    readings = raw(ingest(put_workbook(tmp_path / "t.xlsx", [["meter_id", "timestamp", "kwh"], *(row.split(",") for row in hours())])))
    assert readings.select("meter_id", "kwh").rows() == [("m", 5.0 + h) for h in range(24)]


_START = datetime(2025, 3, 1)
_TYPED = {
    "meter_id": pl.Series(["m"] * 24 + [None, "", "m", "m", "m", "m", "m", "m"]),
    "timestamp": pl.Series(
        [_START + timedelta(hours=h) for h in range(26)]
        + [None, datetime(999, 1, 1), datetime(2031, 1, 1), _START, _START, datetime(1990, 1, 1)]
    ),
    "kwh": pl.Series([1.25, -0.0, 0.1, None, float("nan"), 1e300, 12345678901234567.0, *[3.0] * 22, 7.5, float("inf"), 2.0]),
}
"""A day and all that may be wrong with a row of it."""


@pytest.mark.parametrize("unit", ["us", "ns", "ms"])
@pytest.mark.parametrize("number", [pl.Float64, pl.Float32, pl.Int32])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Seoul"])
def test_typed_columns_mean_what_their_texts_mean(ingest, tmp_path, raw, quarantine, unit, number, zone):
    """To state a mark of missing readings makes the file be read as texts."""
    time = pl.col("timestamp").dt.replace_time_zone(zone)
    years = time if unit != "ns" else pl.when(time.dt.year() > 1700).then(time)
    frame = pl.DataFrame(_TYPED).with_columns(timestamp=years.cast(pl.Datetime(unit, zone)))
    if number == pl.Int32:
        frame = frame.filter(pl.col("kwh").is_null() | (pl.col("kwh").abs() < 100))
    frame.with_columns(pl.col("kwh").cast(number)).write_parquet(tmp_path / "t.parquet")
    columns = "meter=meter_id,timestamp=timestamp,kwh=kwh"
    typed = ingest(tmp_path / "t.parquet", columns=columns)
    readings, refused = raw(typed), quarantine()
    texts = ingest(tmp_path / "t.parquet", columns=f"{columns},missing=-77777")
    assert texts.statement.statement_id != typed.statement.statement_id
    assert texts.statement.unchanged == typed.statement.accepted == readings.height > 20
    both = quarantine()
    other = both.filter(pl.col("statement_id") == texts.statement.statement_id)
    assert other.drop("statement_id").equals(refused.drop("statement_id"))
    assert refused["text"].null_count() == 0


def test_a_row_that_is_refused_late_is_shown_as_it_stands_in_the_file(ingest, tmp_path, quarantine):
    """A conflict is found when the month is sorted; the text of the row is looked up in the file then."""
    times = [datetime(2025, 3, 1, hour) for hour in [*range(24), 5]]
    pl.DataFrame({"meter_id": "m", "timestamp": times, "kwh": [1.5] * 24 + [2.25], "note": "x"}).write_parquet(tmp_path / "t.parquet")
    ingest(tmp_path / "t.parquet", columns="meter=meter_id,timestamp=timestamp,kwh=kwh")
    assert quarantine().select("row", "text").rows() == [(25, "m,2025-03-01 05:00:00.000000,2.25,x")]


def test_a_torn_parquet_and_a_zip_are_refused(ingest, tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + b"x" * 50)
    with pytest.raises(IngestError, match="torn or damaged"):
        ingest(tmp_path / "t.parquet")
    (tmp_path / "t.zip").write_bytes(b"PK\x03\x04" + b"x" * 50)
    with pytest.raises(IngestError, match=r"zip archive.*unpack it"):
        ingest(tmp_path / "t.zip")


def test_stated_lengths_and_qualities_are_kept(ingest, table, raw, quarantine):
    rows = [
        "m,2025-03-01 00:00:00,1,900,measured,",
        "m,2025-03-01 00:15:00,2,2700,Estimated,",
        "m,2025-03-01 01:00:00,,3600,missing,",
        "m,2025-03-01 02:00:00,4,,suspect,",
        "m,2025-03-01 03:00:00,5,7200,suspect,my_rule",
        "m,2025-03-01 05:00:00,6,3600,missing,",
        "m,2025-03-01 06:00:00,7,0,measured,",
        "m,2025-03-01 07:00:00,8,3600,good,",
    ]
    mapping = "meter=meter,timestamp=time,kwh=kwh,interval=seconds,quality=how,rule=why,interval_s=1800"
    result = ingest(table(*rows, header="meter,time,kwh,seconds,how,why"), columns=mapping, industry="metal")
    assert raw(result).select("kwh", "interval_s", "quality", "rule").rows() == [
        (1.0, 900, "measured", None),
        (2.0, 2700, "estimated", None),
        (None, 3600, "missing", None),
        (4.0, 1800, "suspect", "stated"),  # without a length of its own: as interval_s says, two steps of an hour being too few
        (5.0, 7200, "suspect", "my_rule"),
        (6.0, 3600, "suspect", "stated"),  # a number that is said to be missing is doubted, not lost
    ]
    assert [(row, reason.split(";")[0]) for row, reason in quarantine().select("row", "reason").iter_rows()] == [
        (8, "the length of the interval is no number of seconds above 0"),
        (9, "the quality is none of measured, estimated, missing and suspect"),
    ]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_of_the_lake_reads_back_equal(ingest, raw, tmp_path, form):
    told = pl.DataFrame(
        {
            "meter_id": ["m"] * 4,
            "timestamp": [datetime(2025, 3, 1, hour, tzinfo=UTC) for hour in (0, 1, 3, 4)],
            "interval_s": pl.Series([3600, 7200, 3600, 900], dtype=pl.Int32),
            "kwh": [0.1 + 0.2, None, -3.5, 1e-9],
            "quality": ["estimated", "missing", "suspect", "measured"],
            "rule": [None, "null_run", "negative+zero_run", None],
        }
    )
    path = tmp_path / f"export.{form}"
    told.write_csv(path) if form == "csv" else told.write_parquet(path)
    result = ingest(path, industry="metal")
    assert result.statement.unmapped == []
    assert raw(result).select(told.columns).equals(told)


def test_the_id_of_a_statement_does_not_change_with_options_that_came_later():
    """The digest of what is dumped is part of the id; these are the names of the first version."""
    columns = ColumnMapping(timestamp="t", kwh="v")
    assert set(IngestOptions(columns=columns).model_dump()) == {"source", "industry", "zone", "unit", "columns"}
    assert not {"interval", "quality", "rule"} & set(columns.model_dump())
    assert columns.model_copy(update={"interval": "s"}).model_dump()["interval"] == "s"

"""Texts of dates and times: every listed form, and the order of day and month, which the whole column decides."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.stamps import StampForm, days, form_of, joined, lengths_to, read_any
from tests.sources.given import examples, put


def column(*texts: str) -> StampForm:
    """The form of a column, whose sample is its first 200 texts."""
    series = pl.Series(texts, dtype=pl.String)
    return form_of("t.csv", "time", series.head(200), lambda: (series[start : start + 50] for start in range(0, len(series), 50)))


def read(*texts: str) -> list[datetime | None]:
    local, utc, _ = column(*texts).read(pl.Series(texts, dtype=pl.String))
    return [naive or instant for naive, instant in zip(local.to_list(), utc.to_list(), strict=True)]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-03-01", datetime(2025, 3, 1)),
        ("2025-03-01 13:15", datetime(2025, 3, 1, 13, 15)),
        ("2025-03-01T13:15:00.500000", datetime(2025, 3, 1, 13, 15, 0, 500_000)),
        ("2025-03-01 13:15:00,25", datetime(2025, 3, 1, 13, 15, 0, 250_000)),
        ("2025-03-01 13", datetime(2025, 3, 1, 13)),
        ("2025-03-01 24:00:00", datetime(2025, 3, 2)),
        ("2025.03.01", datetime(2025, 3, 1)),
        ("2025. 03. 01 13:15", datetime(2025, 3, 1, 13, 15)),
        ("2025. 3. 1.", datetime(2025, 3, 1)),
        ("2025년 3월 1일", datetime(2025, 3, 1)),
        ("2025년 3월 1일 13시 15분", datetime(2025, 3, 1, 13, 15)),
        ("2025-3-1 오후 1:15", datetime(2025, 3, 1, 13, 15)),
        ("2025-03-01 오전 12:15", datetime(2025, 3, 1, 0, 15)),
        ("2025年3月1日 13:15", datetime(2025, 3, 1, 13, 15)),
        ("2025/3/1 1:15 PM", datetime(2025, 3, 1, 13, 15)),
        ("2025/3/1 12:15 am", datetime(2025, 3, 1, 0, 15)),
        ("20250301", datetime(2025, 3, 1)),
        ("20250301T1315", datetime(2025, 3, 1, 13, 15)),
        ("202503011315", datetime(2025, 3, 1, 13, 15)),
        ("1 March 2025 13:15", datetime(2025, 3, 1, 13, 15)),
        ("01-MAR-25 13:15:10", datetime(2025, 3, 1, 13, 15, 10)),
        ("Mar 1, 2025 1:15 PM", datetime(2025, 3, 1, 13, 15)),
        ("2025-03-01T13:15:00Z", datetime(2025, 3, 1, 13, 15, tzinfo=UTC)),
        ("2025-03-01 13:15:00+09:00", datetime(2025, 3, 1, 4, 15, tzinfo=UTC)),
        ("2025-03-01T13:15-0330", datetime(2025, 3, 1, 16, 45, tzinfo=UTC)),
        ("20250301T131500+09", datetime(2025, 3, 1, 4, 15, tzinfo=UTC)),
        ("31.03.2025 13:15", datetime(2025, 3, 31, 13, 15)),
        ("01.03.2025", datetime(2025, 3, 1)),
        ("31/03/2025", datetime(2025, 3, 31)),
        ("3/31/2025 12:15 AM", datetime(2025, 3, 31, 0, 15)),
        ("1740798900", datetime(2025, 3, 1, 3, 15, tzinfo=UTC)),
        ("1740798900000", datetime(2025, 3, 1, 3, 15, tzinfo=UTC)),
        ("45717.5520833333", datetime(2025, 3, 1, 13, 15)),
        ("45717", datetime(2025, 3, 1)),
        ("638764317000000000", datetime(2025, 3, 1, 13, 15)),
        ("133852725000000000", datetime(2025, 3, 1, 3, 15, tzinfo=UTC)),
        ("/Date(1740798900000)/", datetime(2025, 3, 1, 3, 15, tzinfo=UTC)),
        ("\\/Date(1740798900000+0900)\\/", datetime(2025, 3, 1, 3, 15, tzinfo=UTC)),
    ],
)
def test_every_listed_form(text, time):
    assert read(text) == [time]


@pytest.mark.parametrize(
    "text", ["2025-02-30 00:00", "2025-03-01 24:15", "2025-03-01 12:60", "2025-03-01 13:00 AM", "1.2.3", "2025-03/01", "total", "12345"]
)
def test_what_is_no_time_is_not_read(text):
    assert read("2025-03-01 00:00", text) == [datetime(2025, 3, 1), None]


def test_forms_may_mix_in_one_column():
    texts = ["2025-03-03", "2025-03-03 00:15", "2025-03-03T00:30:00.500000", "2025/03/03 00:45:00", "20250303 0100"]
    expected = [datetime(2025, 3, 3) + timedelta(minutes=15 * n) for n in range(5)]
    assert [time and time.replace(microsecond=0) for time in read(*texts)] == expected


def test_a_day_above_12_anywhere_in_the_column_decides():
    hours = [f"{day:02d}/03/2025 {hour:02d}:00" for day in range(1, 32) for hour in range(24)]
    assert read(*hours)[24 * 3] == datetime(2025, 3, 4)
    assert read(*(f"3/{day}/2025 {hour}:00" for day in range(1, 32) for hour in range(24)))[24 * 3] == datetime(2025, 3, 4)


def test_a_series_that_goes_on_from_day_to_day_decides():
    assert read(*(f"{day:02d}/03/2025 {hour:02d}:00" for day in range(1, 5) for hour in range(24)))[24] == datetime(2025, 3, 2)
    assert read(*(f"03/{day:02d}/2025 {hour:02d}:00" for day in range(1, 5) for hour in range(24)))[24] == datetime(2025, 3, 2)
    assert read("31-03-25 23:45", "01-04-25 00:00") == [datetime(2025, 3, 31, 23, 45), datetime(2025, 4, 1)]
    assert read(*(f"25/03/{day:02d} {hour:02d}:00" for day in range(1, 5) for hour in range(24)))[24] == datetime(2025, 3, 2)


def test_dots_put_the_day_first_and_equal_numbers_need_no_decision():
    assert read("03.04.2025 00:00", "03.04.2025 01:00")[0] == datetime(2025, 4, 3)
    assert read("03/03/2025 00:00", "03/03/2025 01:00")[0] == datetime(2025, 3, 3)


@pytest.mark.parametrize(
    "texts",
    [
        [f"03/04/2025 {hour:02d}:00" for hour in range(24)],  # one day
        [f"{day:02d}/01/2025" for day in range(1, 13)],  # 12 days, or the first days of 12 months
        [f"01/{month:02d}/2025" for month in range(1, 5)],
        [f"01/{month:02d}/2025 0{6 + month % 3}:1{month}" for month in range(1, 5)],  # a person reads the meter in the morning
        [f"01/{month:02d}/2025 {clock}" for month in range(1, 5) for clock in ("00:00", "00:01")],  # two registers
        [f"{day} {hour:02d}:00" for day in ("03/04/2025", "07/04/2025") for hour in range(24)],  # two days apart from each other
        [f"0{day}/0{month}/2025 {hour:02d}:00" for month in (1, 2, 3) for day in (1, 2, 3) for hour in range(24)],
    ],
    ids=["a day", "days or months", "dates without times", "a reading a month", "two readings a month", "days apart", "days of months"],
)
def test_dates_of_two_meanings_are_refused_with_both_of_them(texts):
    text = next(text[:10] for text in texts if text[:2] != text[3:5])
    first, other = (datetime.strptime(text, form).date() for form in ("%d/%m/%Y", "%m/%d/%Y"))
    expected = rf"{text!r} may be {first} \(format=dmy\) or {other} \(format=mdy\); name the right one in --columns"
    with pytest.raises(IngestError, match=expected):
        column(*texts)
    assert StampForm.named("dmy").days(pl.Series([text])).dt.date().to_list() == [first]


@pytest.mark.parametrize(
    "clocks",
    [["00:00", "12:00"], ["00:00", "06:00", "12:00", "18:00"], [f"{h:02d}:00" for h in range(6, 22)], ["06:00", "12:00", "18:00", "24:00"]],
)
@pytest.mark.parametrize(("form", "day_first"), [("%d/%m/%Y", True), ("%m/%d/%Y", False)], ids=["dmy", "mdy"])
def test_stamps_that_go_on_evenly_in_one_order_decide(clocks, form, day_first):
    days = [datetime(2025, 3, day) for day in range(1, 5)]
    found = column(*(f"{day:{form}} {clock}" for day in days for clock in clocks))
    assert found.order == ("dmy" if day_first else "mdy")


def test_the_order_of_the_rows_does_not_decide_the_order_of_day_and_month():
    """Sorted as texts, or from the newest to the oldest, or by meter."""
    texts = [f"0{day}/03/2025 {hour:02d}:00" for day in range(1, 5) for hour in range(24)]
    assert {column(*rows).order for rows in (texts, texts[::-1], sorted(texts), texts * 2)} == {"dmy"}


def test_dates_of_both_orders_in_one_column_are_refused():
    with pytest.raises(IngestError, match="'03/14/2025' is no date as dmy, '13/03/2025' is no date as mdy; correct the file"):
        column(*["13/03/2025 00:00", "03/14/2025 00:00"] * 50)


def test_a_named_order_or_format_is_taken_as_named():
    text = pl.Series(["03/04/2025 00:15"])
    assert StampForm.named("mdy").read(text).local.to_list() == [datetime(2025, 3, 4, 0, 15)]
    assert StampForm.named("%d/%m/%Y %H:%M").read(text).local.to_list() == [datetime(2025, 4, 3, 0, 15)]


def test_days_have_no_time_other_than_midnight():
    texts = ["20250301", "2025-03-01", "2025.03.01", "2025/03/01 00:00:00", "2025-03-01 00:00:00.000000", "2025-03-01 07:00", ""]
    assert days(pl.Series(texts)).to_list() == [datetime(2025, 3, 1)] * 5 + [None, None]


@pytest.mark.parametrize(
    ("day", "time", "expected"),
    [
        ("2025-03-03", "00:15", "2025-03-03 00:15"),
        ("2025-03-03 00:00:00.000000", "00:15:00", "2025-03-03 00:15:00"),
        ("2025-03-03", "1899-12-31 00:15:00.000000", "2025-03-03 00:15:00"),
        ("03/03/2025", "12:15 AM", "03/03/2025 12:15 AM"),
        ("2025-03-03", "0.0104166666666667", "2025-03-03 00:15:00"),
        ("2025-03-03", "0", "2025-03-03 00:00:00"),
        ("2025-03-03", "13", "2025-03-03 13:00"),
        ("20250303", "9", "20250303 09:00"),
        ("2025-03-03", "115", "2025-03-03 01:15"),
        ("2025-03-03", "", ""),
        ("", "00:15", ""),
    ],
)
def test_a_date_and_a_time_of_two_columns(day, time, expected):
    assert joined(pl.Series([day]), pl.Series([time])).to_list() == [expected]


FORMS = [
    "{y:04d}-{m:02d}-{d:02d} {h:02d}:{n:02d}:{s:02d}",
    "{y:04d}/{m}/{d} {h}:{n:02d}:{s:02d}",
    "{y:04d}. {m}. {d}. {h}:{n:02d}:{s:02d}",
    "{y:04d}년 {m}월 {d}일 {h}시 {n}분 {s}초",
    "{d:02d}.{m:02d}.{y:04d} {h:02d}:{n:02d}:{s:02d}",
    "{d}/{m}/{y:04d} {h}:{n:02d}:{s:02d}",
    "{m}/{d}/{y:04d} {g}:{n:02d}:{s:02d} {half}",
    "{m:02d}-{d:02d}-{y:04d} {h:02d}:{n:02d}:{s:02d}",
    "{d:02d}-{name}-{y:04d} {h:02d}:{n:02d}:{s:02d}",
    "{y:04d}{m:02d}{d:02d}T{h:02d}{n:02d}{s:02d}",
]


@examples(60, full=2_000)
@given(
    form=st.sampled_from(FORMS),
    first=st.dates(date(2001, 1, 1), date(2039, 12, 31)),
    step=st.sampled_from([60, 300, 900, 1800, 3600]),
    seconds=st.integers(0, 59),
)
def test_a_series_of_two_days_is_read_back_whatever_its_form(form, first, step, seconds):
    begin = datetime(first.year, first.month, first.day, 22, 0, seconds)
    times = [begin + timedelta(seconds=step * n) for n in range(4 * 3600 // step)]
    texts = [_written(form, time) for time in times]
    assert read(*texts) == times


@examples(200, full=5_000)
@given(text=st.text(alphabet="0123456789-/.: TZ+apmAPM월일년오후", max_size=24), order=st.sampled_from(["iso", "dmy", "mdy", "ymd"]))
def test_any_text_is_a_time_or_nothing(text, order):
    local, utc, _ = read_any(pl.Series([text]), order)
    assert local.null_count() + utc.null_count() >= 1


def _written(form: str, time: datetime) -> str:
    return form.format(
        y=time.year,
        m=time.month,
        d=time.day,
        h=time.hour,
        n=time.minute,
        s=time.second,
        g=time.hour % 12 or 12,
        half="AM" if time.hour < 12 else "PM",
        name=f"{time:%b}",
    )


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("03.03.2025 00:00 - 03.03.2025 01:00", datetime(2025, 3, 3), 3600),
        ("13/03/2025 00:00:00 - 13/03/2025 00:15:00", datetime(2025, 3, 13), 900),
        ("2025-03-03 00:00 ~ 2025-03-03 00:30", datetime(2025, 3, 3), 1800),
        ("2025-03-03 00:00 - 01:00", datetime(2025, 3, 3), 3600),
        ("2025-03-03 00:00-00:15", datetime(2025, 3, 3), 900),
        ("2025-03-03T00:00Z/2025-03-03T01:00Z", datetime(2025, 3, 3, tzinfo=UTC), 3600),
        ("2025-03-03T00:00+09:00/PT15M", datetime(2025, 3, 2, 15, tzinfo=UTC), 900),
        ("2025-03-03 - 2025-03-04", datetime(2025, 3, 3), 86_400),
    ],
)
def test_a_range_is_its_start_and_its_length(text, start, length):
    local, utc, length_s = column(text).read(pl.Series([text]))
    assert ([local[0] or utc[0]], length_s.to_list()) == ([start], [length])


@pytest.mark.parametrize(
    ("start", "end", "length"),
    [
        ("2025-03-03 00:00", "00:15", 900),
        ("2025-03-03 00:00", "00:14", 900),
        ("2025-03-03 23:00", "23:59", 3600),
        ("2025-03-03 23:45", "00:00", 900),
        ("2025-03-03 00:00", "2025-03-03 00:14:59", 900),
        ("2025-03-03 00:00", "2025-03-04 00:00", 86_400),
        ("2025-03-03 00:00", "", None),
        ("2025-03-03 00:00", "2025-03-02 00:00", None),
    ],
)
def test_an_end_gives_the_length(start, end, length):
    form = column(start)
    assert lengths_to(pl.Series([end]), form.read(pl.Series([start])), form).to_list() == [length]


def test_readings_of_ranges_start_at_the_first_time(ingest, table, raw):
    first = datetime(2025, 3, 3)
    times = [first + timedelta(hours=n) for n in range(49)]
    rows = [f"{a:%d.%m.%Y %H:%M} - {b:%d.%m.%Y %H:%M},{n}" for n, (a, b) in enumerate(pairwise(times))]
    readings = raw(ingest(table(*rows, header="MTU,kWh"), columns="timestamp=MTU,kwh=kWh"))
    assert readings["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.replace_time_zone(None).to_list() == times[:-1]
    assert readings["interval_s"].unique().to_list() == [3600]


@pytest.mark.parametrize(
    ("text", "seoul"),
    [
        ("3. März 2025 00:15", "2025-03-03 00:15"),
        ("03-Mai-2025 00:15", "2025-05-03 00:15"),
        ("3. Dezember 2025 00:15", "2025-12-03 00:15"),
        ("3 février 2025 00:15", "2025-02-03 00:15"),
        ("3 juin 2025 00:15", "2025-06-03 00:15"),
        ("3 juillet 2025 00:15", "2025-07-03 00:15"),
        ("3 août 2025 00:15", "2025-08-03 00:15"),
        ("3 de enero de 2025 00:15", "2025-01-03 00:15"),
        ("March 3, 2025 12:15 AM", "2025-03-03 00:15"),
        ("Mar 3 2025 00:15", "2025-03-03 00:15"),
        ("Mo, 13.03.2025 00:15", "2025-03-13 00:15"),
        ("Tue 2025-03-04 00:15", "2025-03-04 00:15"),
        ("2025-03-03(월) 00:15", "2025-03-03 00:15"),
        ("03.03.2025 00:15 Uhr", "2025-03-03 00:15"),
        ("13/03/2025 00h15", "2025-03-13 00:15"),
        ("2025-03-03 00:15:00 KST", "2025-03-03 00:15"),
        ("26.10.2025 02:15 CEST", "2025-10-26 09:15"),
        ("26.10.2025 02:15 MEZ", "2025-10-26 10:15"),
        ("2025-03-03T00:15:00+09:00[Asia/Seoul]", "2025-03-03 00:15"),
        ("1740928500000000", "2025-03-03 00:15"),
        ("1740928500000000000", "2025-03-03 00:15"),
        ("45719,0104167", "2025-03-03 00:15"),
        ("4.57190104167e+04", "2025-03-03 00:15"),
        ("1740928500.0", "2025-03-03 00:15"),
        ("1.740928500e+09", "2025-03-03 00:15"),
        ("1740928500000.0", "2025-03-03 00:15"),
        ("Mon Mar  3 00:15:00 2025", "2025-03-03 00:15"),
        ("Mon Mar  3 00:15:00 KST 2025", "2025-03-03 00:15"),
        ("Mon Mar 03 2025 00:15:00 GMT+0900 (Korean Standard Time)", "2025-03-03 00:15"),
        ("Mon, 03 Mar 2025 00:15:00 +0900", "2025-03-03 00:15"),
        ("03/13/2025 12:15 A", "2025-03-13 00:15"),
        ("13/03/2025 12:15 p. m.", "2025-03-13 12:15"),
        ("03/13/2025 01:15 p.m.", "2025-03-13 13:15"),
        ("2025년 3월 3일 월요일 오전 12:15", "2025-03-03 00:15"),
        ("2025. 3. 3. 오후 12:15:00", "2025-03-03 12:15"),
        ("2025-W10-1", "2025-03-03 00:00"),
        ("2025-W10-1T00:15:00", "2025-03-03 00:15"),
        ("2025-062T00:15", "2025-03-03 00:15"),
        ("2025-03-03T00:15+0900", "2025-03-03 00:15"),
        ("2025-03-03 00:15:00 UTC+9", "2025-03-03 00:15"),
        ("2025-03-02 20:45:00 UTC+05:30", "2025-03-03 00:15"),
        ("2025-03-03 00:15:00 (KST)", "2025-03-03 00:15"),
        ("2025-03-03 00:15:00+09:00 KST", "2025-03-03 00:15"),
        ("2025-03-02 11:15:00 EDT", "2025-03-03 00:15"),
        ("2025-Mar-03 00:15", "2025-03-03 00:15"),
        ("03MAR2025:00:15:00", "2025-03-03 00:15"),
        ("20250303001500", "2025-03-03 00:15"),
        ("20250303_0015", "2025-03-03 00:15"),
        ("2025-03-03_00:15", "2025-03-03 00:15"),
        ("2025-03-03-00.15.00", "2025-03-03 00:15"),
        ("2025-03-03 00-15", "2025-03-03 00:15"),
        ("2025:03:03 00:15:00", "2025-03-03 00:15"),
        ("3. März 2025 um 00:15", "2025-03-03 00:15"),
        ("March 3rd, 2025 at 12:15 AM", "2025-03-03 00:15"),
        ("03/03/2025 à 00:15", "2025-03-03 00:15"),
        ("'2025-03-03 00:15", "2025-03-03 00:15"),
    ],
)
def test_forms_of_exports_in_other_languages(text, seoul):
    texts = pl.Series([text])
    stamps = form_of("f.csv", "Zeit", texts, lambda: [texts]).read(texts)
    local = stamps.local if stamps.local[0] else stamps.utc.dt.convert_time_zone("Asia/Seoul")
    assert local.dt.strftime("%Y-%m-%d %H:%M").to_list() == [seoul]


QUARTERS = [datetime(2025, 3, 1, tzinfo=UTC) + timedelta(minutes=15 * at) for at in range(12)]
_DAY_0 = datetime(1899, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "unit_s", "name"),
    [
        ("{:.4e}", 1, "epoch"),
        ("{:.6e}", 1, "epoch"),
        ("{:.5E}", 0.001, "epoch_ms"),
        ("{:.7e}", 1, "epoch"),
        ("{:.7E}", 0.001, "epoch_ms"),
    ],
)
def test_counts_that_have_lost_their_last_digits_are_refused_and_others_are_read(form, unit_s, name):
    """Eight digits of seconds are enough for quarter hours, all of which are multiples of 100 seconds."""
    texts = [form.format(time.timestamp() / unit_s) for time in QUARTERS]
    if ".7" in form:
        assert read(*texts) == QUARTERS
        return
    expected = re.escape(f"are rounded numbers ({texts[0]!r}); their last digits are lost")
    with pytest.raises(IngestError, match=f"{expected}: .* or say format={name} in --columns"):
        column(*texts)


@pytest.mark.parametrize(
    "texts",
    [
        ["1.7409e+09", "1.7410e+09"],
        ["1.7408772e+09", "1.7408781e+09"],  # two may lie at whole minutes by chance
        [f"{round(time.timestamp(), -3):.0f}" for time in QUARTERS],
        [f"{round(time.timestamp(), -3) * 1000:.0f}" for time in QUARTERS],
        [f"{(time - _DAY_0).total_seconds() / 86_400:.2f}" for time in QUARTERS],
    ],
    ids=["few digits", "few counts", "seconds", "milliseconds", "serials"],
)
def test_rounded_counts_are_refused(texts):
    with pytest.raises(IngestError, match="are rounded numbers"):
        column(*texts)


NAMES = [
    ("Year,Month,Day,Hour,kwh", None),
    ("년,월,일,시,사용량", None),
    ("Jahr,Monat,Tag,Stunde,Verbrauch", None),
    ("y,m,d,h,v", "timestamp=y+m+d+h,kwh=v"),
]


@pytest.mark.parametrize(("header", "columns"), NAMES)
@pytest.mark.parametrize("first", [0, 1], ids=["starts", "ends"])
def test_years_months_days_and_hours_of_their_own_are_joined(ingest, raw, tmp_path, header, columns, first):
    rows = [f"2025,3,{day},{hour + first},{day}.{hour}5" for day in (1, 2) for hour in range(24)]
    readings = raw(ingest(put(tmp_path / "m.csv", "\n".join([header, *rows])), columns=columns or ""))
    assert readings["timestamp"].to_list() == [datetime(2025, 2, 28, 15, tzinfo=UTC) + timedelta(hours=at) for at in range(48)]
    assert readings["kwh"].to_list() == [float(row.rpartition(",")[2]) for row in rows]


@pytest.mark.parametrize(
    ("names", "cells"),
    [("Hour,Minute", "{t.hour},{t.minute}"), ("Time", "{t:%H:%M}"), ("hour,minute", "{t:%H},{t:%M}")],
)
def test_minutes_and_times_beside_years_months_and_days_are_joined(ingest, raw, tmp_path, names, cells):
    rows = [f"{t.year},{t.month},{t.day},{cells.format(t=t)},1.5" for t in QUARTERS]
    readings = raw(ingest(put(tmp_path / "m.csv", "\n".join([f"year,month,day,{names},kwh", *rows])), zone="UTC"))
    assert readings["timestamp"].to_list() == QUARTERS


def test_a_day_of_23_hours_in_columns_of_its_own_counts_the_hours_that_pass(ingest, raw, tmp_path):
    rows = [f"2025,3,30,{hour},{hour}.5" for hour in range(1, 24)]
    readings = raw(ingest(put(tmp_path / "m.csv", "\n".join(["Year,Month,Day,Hour,kwh", *rows])), zone="Europe/Berlin"))
    assert readings["timestamp"].to_list() == [datetime(2025, 3, 29, 23, tzinfo=UTC) + timedelta(hours=at) for at in range(23)]


def test_a_whole_date_wins_over_its_parts(ingest, raw, tmp_path):
    rows = [f"{t:%Y-%m-%d %H:%M},{t.year},{t.month},{t.day},{t.hour},1.5" for t in QUARTERS]
    readings = raw(ingest(put(tmp_path / "m.csv", "\n".join(["timestamp,year,month,day,hour,kwh", *rows])), zone="UTC"))
    assert readings["timestamp"].to_list() == QUARTERS


@pytest.mark.parametrize("text", ["20250620015", "1740928500000.0", "2025-03-03T00:15:00[Europe/Berlin]"])
def test_what_only_begins_like_a_date_is_no_date(text):
    assert read("2025-03-03 00:00", text) == [datetime(2025, 3, 3), None]


@pytest.mark.parametrize(
    ("word", "zones"), [("CST", "America/Chicago or Asia/Shanghai"), ("IST", "Asia/Kolkata"), ("BST", "Europe/London")]
)
def test_an_abbreviation_of_several_zones_is_asked_for_and_its_option_reads_it(word, zones):
    texts = [f"2025-07-03 {hour:02d}:00:00 {word}" for hour in range(24)]
    with pytest.raises(IngestError, match=zones) as refused:
        column(*texts)
    named = str(refused.value).split("format='")[1].split("'")[0]
    assert StampForm.named(named).read(pl.Series(texts)).local[1] == datetime(2025, 7, 3, 1)


def test_the_abbreviation_of_the_other_season_settles_it():
    assert read("2025-10-26 01:30:00 BST", "2025-10-26 01:30:00 GMT") == [
        datetime(2025, 10, 26, 0, 30, tzinfo=UTC),
        datetime(2025, 10, 26, 1, 30, tzinfo=UTC),
    ]
    assert read("2025-11-02 01:30:00 CDT", "2025-11-02 01:30:00 CST")[1] == datetime(2025, 11, 2, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_ranges_that_end_with_the_last_minute_have_whole_intervals(ingest, table, raw, minutes):
    times = [datetime(2025, 3, 13) + timedelta(minutes=minutes * n) for n in range(24)]
    rows = [f"{t:%d.%m.%Y %H:%M} - {t + timedelta(minutes=minutes - 1):%d.%m.%Y %H:%M},{n}" for n, t in enumerate(times)]
    assert raw(ingest(table(*rows, header="MTU,kWh")))["interval_s"].unique().to_list() == [60 * minutes]


def test_start_and_end_in_columns_of_their_own(ingest, table, raw):
    """An export of a utility: the end of an interval is its last minute."""
    times = [datetime(2025, 3, 3) + timedelta(minutes=15 * n) for n in range(96)]
    rows = [f"{t:%Y-%m-%d},{t:%H:%M},{t + timedelta(minutes=14):%H:%M},{n}" for n, t in enumerate(times)]
    columns = "timestamp=DATE+START TIME,end=END TIME,kwh=USAGE"
    result = ingest(table(*rows, header="DATE,START TIME,END TIME,USAGE"), columns=columns)
    readings = raw(result)
    assert (result.statement.accepted, result.statement.unmapped) == (96, [])
    assert readings["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.replace_time_zone(None).to_list() == times
    assert readings["interval_s"].unique().to_list() == [900]


def test_a_column_whose_name_has_a_plus_is_one_column(ingest, table, raw):
    rows = [f"2025-03-03 {hour:02d}:00,{hour}" for hour in range(24)]
    readings = raw(ingest(table(*rows, header="date+time,kwh"), columns="timestamp=date+time,kwh=kwh"))
    assert readings["kwh"].to_list() == [float(hour) for hour in range(24)]

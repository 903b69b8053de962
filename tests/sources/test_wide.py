"""Wide tables: a line per day, a column per interval, whatever the columns are called."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.wide import day_columns
from tests.sources.given import put


def clock(minutes, form="{h:02d}:{m:02d}"):
    return [form.format(h=minute // 60, m=minute % 60) for minute in minutes]


HALF_HOURS = range(0, 1440, 30)
ENDS = range(30, 1441, 30)
FORMS = {
    "starts": (clock(HALF_HOURS), 1800),
    "ends": (clock(ENDS), 1800),
    "ends-at-midnight": ([*clock(ENDS)[:-1], "00:00"], 1800),
    "seconds": ([f"{one}:00" for one in clock(HALF_HOURS)], 1800),
    "short": (clock(range(0, 1440, 60), "{h}:{m:02d}"), 3600),
    "T": (clock(range(15, 1441, 15), "T{h:02d}{m:02d}"), 900),
    "unit": (clock(ENDS, "kWh {h:02d}:{m:02d}"), 1800),
    "ranges": ([f"{a}-{b}" for a, b in zip(clock(HALF_HOURS), clock(ENDS), strict=True)], 1800),
    "HH": ([f"HH{n}" for n in range(1, 49)], 1800),
    "H": ([f"H{n:02d}" for n in range(1, 25)], 3600),
    "h-from-0": ([f"h{n}" for n in range(24)], 3600),
    "numbers": ([str(n) for n in range(1, 97)], 900),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_columns_of_a_day(ingest, raw, tmp_path, name):
    columns, interval_s = FORMS[name]
    values = [round(0.1 * n, 1) for n in range(len(columns))]
    lines = [",".join(["meter", "date", *columns])]
    lines += [",".join([meter, f"2025-03-0{day}", *map(str, values)]) for meter in ("a", "b") for day in (1, 2)]
    result = ingest(put(tmp_path / "w.csv", "\n".join(lines)))
    rows = raw(result).filter(meter_id="a")
    assert (result.statement.source, result.statement.accepted, result.statement.meters) == ("wide", 4 * len(columns), ["a", "b"])
    assert rows["kwh"].to_list() == values * 2
    assert rows["interval_s"].unique().to_list() == [interval_s]
    assert rows["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%m-%d %H:%M")[0] == "03-01 00:00"


def test_without_a_column_of_meters_the_file_is_the_meter(ingest, tmp_path):
    lines = [";".join(["Datum", *FORMS["H"][0]]), ";".join(["01.03.2025", *["0,5"] * 24]), ";".join(["13.03.2025", *["0,5"] * 24])]
    assert ingest(put(tmp_path / "Werk 3.csv", "\n".join(lines).replace("0,5", "0.5"))).statement.meters == ["Werk 3"]


def test_a_column_of_units_is_followed(ingest, raw, tmp_path):
    def wide(*units):
        lines = [",".join(["nmi", "unit", "date", *FORMS["H"][0]])]
        return put(
            tmp_path / "u.csv", "\n".join([*lines, *(f"n,{unit},2025-03-0{day}" + ",500" * 24 for day, unit in enumerate(units, 1))])
        )

    assert raw(ingest(wide("Wh", "Wh")))["kwh"].unique().to_list() == [0.5]
    with pytest.raises(IngestError, match=r"its column 'unit' has the units kVArh, kWh"):
        ingest(wide("kWh", "kVArh"))


def test_the_unit_in_the_names_of_the_columns_is_taken(ingest, raw, tmp_path):
    lines = [",".join(["nmi", "date", *(f"{name} [Wh]" for name in FORMS["H"][0])]), "n,2025-03-01" + ",500" * 24]
    assert raw(ingest(put(tmp_path / "u.csv", "\n".join(lines))))["kwh"].unique().to_list() == [0.5]


def test_two_columns_that_may_be_the_meter_are_refused(ingest, tmp_path):
    lines = [",".join(["meter", "building", "date", *FORMS["H"][0]]), "a,b,2025-03-01" + ",1" * 24]
    with pytest.raises(IngestError, match="its meter may be in 'meter' or 'building'"):
        ingest(put(tmp_path / "w.csv", "\n".join(lines)))


@pytest.mark.parametrize("columns", [["1", "2", "3"], clock(range(0, 720, 30)), [f"v{n}" for n in range(1, 26)], clock([*HALF_HOURS][:-1])])
def test_columns_that_do_not_fill_a_day_are_none(columns):
    assert day_columns(["date", *columns]) is None

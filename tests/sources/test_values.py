"""Values without times: the sender says the time of the first one and the step to the next."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.ingest import IngestOptions
from ecoai_pipeline.sources.reasons import IngestError
from tests.sources.given import hours, put, put_workbook

SAID = {"start": "2025-03-03", "interval": "15min"}


@pytest.mark.parametrize("above", ["", "kWh\n", "Report\n\nenergy\n"], ids=["none", "name", "title"])
def test_a_column_of_values_is_counted_on_from_the_first_time(ingest, raw, tmp_path, above):
    result = ingest(put(tmp_path / "plant 7.csv", above + "".join(f"{n / 4}\n" for n in range(192))), **SAID)
    rows = raw(result)
    assert (result.statement.source, result.statement.meters, result.statement.accepted) == ("values", ["plant 7"], 192)
    assert rows["kwh"].to_list() == [n / 4 for n in range(192)]
    local = rows["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%m-%d %H:%M").to_list()
    assert (local[0], local[1], local[-1]) == ("03-03 00:00", "03-03 00:15", "03-04 23:45")
    assert rows["interval_s"].unique().to_list() == [900]


def test_an_empty_line_is_an_interval_without_a_value(ingest, raw, tmp_path):
    rows = raw(ingest(put(tmp_path / "v.csv", "1\n\n2\n3\n"), start="2025-03-03", interval="1h"))
    assert rows["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.hour().to_list() == [0, 2, 3]


def test_hours_pass_evenly_where_clocks_change(ingest, raw, tmp_path):
    path = put(tmp_path / "v.csv", "".join("1\n" for _ in range(48)))
    rows = raw(ingest(path, start="2025-03-09", interval="1h", zone="America/Chicago"))
    assert rows["timestamp"].diff().drop_nulls().unique().dt.total_seconds().to_list() == [3600]
    assert rows["timestamp"].dt.convert_time_zone("America/Chicago").dt.hour().to_list()[:4] == [0, 1, 3, 4]
    offset = raw(ingest(path, start="2025-03-09T00:00-06:00", interval="1h", zone="America/Chicago"))
    assert offset["timestamp"].to_list() == rows["timestamp"].to_list()


def test_the_one_column_of_energy_is_taken_of_several(ingest, raw, tmp_path):
    rows = raw(ingest(put(tmp_path / "v.csv", "no;kWh;note\n1;5;a\n2;6;b\n"), start="2025-03-03", interval="1h"))
    assert rows["kwh"].to_list() == [5, 6]
    with pytest.raises(IngestError, match="not exactly one column of it holds values: 2 columns: a, b"):
        ingest(put(tmp_path / "w.csv", "a;b\n1;5\n2;6\n"), start="2025-03-03", interval="1h")


def test_a_file_with_times_needs_no_start(ingest, table):
    with pytest.raises(IngestError, match="it has times in 'timestamp'; leave --start and --interval out"):
        ingest(table(*hours()), **SAID)


def test_a_workbook_of_values(ingest, raw, tmp_path):
    path = put_workbook(tmp_path / "w.xlsx", [["no", "note", "kwh"], ["a", "b", "1.5"], ["c", "d", "2.5"]])
    assert raw(ingest(path, **SAID))["kwh"].to_list() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"start": "2025-03-03"}, "--start and --interval belong together"),
        ({"start": "yesterday", "interval": "1h"}, "--start: "),
        ({"start": "2025-03-03", "interval": "fortnight"}, "--interval: 'fortnight' is no length of at most a day; write it as 15min"),
    ],
)
def test_options_that_do_not_say_it_are_refused(said, message):
    with pytest.raises(ValueError, match=message):
        IngestOptions.of(**said)

"""The figures of a month: from the validation results and quarantine alone, and every quarantined row counted once."""

import re
from datetime import UTC, datetime

import pytest

from ecoai_pipeline.domain import Industry, Month, Partition
from ecoai_pipeline.quality.docs import build_docs
from ecoai_pipeline.quality.report import chosen_partitions, partitions_with_quality, quality_report, quarantined_by_reason
from ecoai_pipeline.quality.validate import load_validation, materialize_validated
from ecoai_pipeline.settings import QualityParams, Settings
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.withdraw import withdraw

NOW = datetime(2022, 3, 1, tzinfo=UTC)
JANUARY, FEBRUARY = (Partition(Industry.METAL, Month(2022, month)) for month in (1, 2))


@pytest.fixture
def ingested(lake, settings, tmp_path):
    """Hours of January and February: a good meter; one with a day missing, bad numbers and a negative reading; lines that name nothing."""
    rows = [
        f"good,2022-{m:02d}-{d:02d} {h:02d}:00,{10 + h}" for m, days in ((1, 31), (2, 28)) for d in range(1, days + 1) for h in range(24)
    ]
    bad = [(f"2022-01-{d:02d} {h:02d}:00", d, h) for d in range(1, 32) for h in range(24) if d != 9]
    value = {(3, 5): "n/a?", (3, 6): "n/a?", (4, 0): "-7"}
    rows += [f"bad,{stamp},{value.get((d, h), 20 + (d + h) % 7)}" for stamp, d, h in bad]
    rows += ["bad,yesterday,1", ",2022-01-05 00:00,1"]
    path = tmp_path / "t.csv"
    path.write_text("meter_id,timestamp,kwh\n" + "\n".join(rows) + "\n")
    statement = ingest_file(lake, settings, path, IngestOptions(industry=Industry.METAL), received_at=NOW).statement
    for partition in (JANUARY, FEBRUARY):
        materialize_raw(lake, settings, partition)
        materialize_validated(lake, settings, partition)
    return statement


def report(lake, *partitions, **params):
    return quality_report(lake, Settings(quality=QualityParams(**params)), partitions, NOW)


def test_the_figures_of_a_month(lake, ingested):
    january = report(lake, JANUARY).partitions[0]
    row = january.row()
    assert (row["meters"], row["readings"], row["suspect"], row["missing"], row["estimated"], row["restated"]) == (
        2,
        2 * 31 * 24 - 24 - 2,
        1,
        0,
        0,
        0,
    )
    assert (row["missing_days"], row["quarantined"], row["late_meters"]) == (1, 2, 0)
    assert january.summary["suspect_by_rule"] == {"negative": 1}
    assert [(m["meter_id"], m["missing"], m["missing_day"]) for m in january.summary["worst_meters"]] == [("bad", 26, 1)]
    assert january.document()["quarantined_by_reason"] == {"the value is not a number": 2}


def test_a_meter_silent_all_month_is_named_and_late(lake, ingested):
    february = report(lake, FEBRUARY).partitions[0]
    assert february.silent == ["bad"]
    assert [one.meter_id for one in february.arrival.late] == ["bad"]
    assert february.row()["missing_days"] == 28
    assert february.row()["completeness"] == 0.5


def test_quarantined_rows_are_counted_once_and_add_up_to_the_balance(lake, ingested):
    found = report(lake, *partitions_with_quality(lake))
    by_partition = {one.partition: sum(one.quarantined.values()) for one in found.partitions}
    assert by_partition == {JANUARY: 2, FEBRUARY: 0}
    assert found.unassigned == {"the date or time cannot be read": 1, "the meter is not named": 1}
    assert sum(by_partition.values()) + sum(found.unassigned.values()) == ingested.quarantined
    accepted = sum(one.row()["readings"] for one in found.partitions)
    assert ingested.readings_in == accepted + ingested.quarantined


def test_figures_are_those_of_the_validation_results(lake, ingested):
    row, summary = report(lake, JANUARY).partitions[0].row(), load_validation(lake, JANUARY)["summary"]
    assert (row["readings"], row["completeness"]) == (summary["rows"], summary["completeness"])
    assert sum(row[quality] for quality in ("measured", "estimated", "missing", "suspect")) == row["readings"]


def test_partitions_are_chosen_by_industry_and_month(lake, ingested):
    assert chosen_partitions(lake, None, None) == [JANUARY, FEBRUARY]
    assert chosen_partitions(lake, Industry.METAL, [Month(2022, 2)]) == [FEBRUARY]
    assert chosen_partitions(lake, Industry.FOOD, None) == []


def test_what_was_withdrawn_is_in_no_report(lake, settings, ingested):
    withdraw(lake, settings, ingested.statement_id, reason="wrong file", at=NOW)
    assert quarantined_by_reason(lake) == {}


def test_data_docs_have_a_page_per_suite_and_month_and_the_last_runs_are_kept(lake, ingested):
    params = QualityParams(docs_kept=2)
    for run in ("first", "second", "third"):
        index = build_docs(lake, params, [JANUARY, FEBRUARY], run, NOW)
    assert index == lake.docs / "third" / "index.html"
    assert sorted(path.name for path in lake.docs.iterdir()) == ["latest", "second", "third"]
    assert (lake.docs / "latest" / "index.html").read_text() == index.read_text()
    pages = {f"{page.parts[-4]}/{page.stem}": page.read_text() for page in (lake.docs / "third" / "validations").rglob("*.html")}
    assert sorted(pages) == [f"{suite}/metal-2022-0{month}" for suite in ("meter_days", "readings") for month in (1, 2)]
    assert "Failed" in pages["readings/metal-2022-01"]
    assert "1 unexpected values found" in pages["readings/metal-2022-01"]
    assert "Succeeded" in pages["readings/metal-2022-02"]
    linked = re.findall(r'href="([^"]+)"', index.read_text())
    assert len(linked) == 4
    assert all((index.parent / place).is_file() for place in linked)
    assert "<script" not in index.read_text(), "it opens offline"


@pytest.mark.parametrize(("count", "shown"), [(1, ["metal-2022-01"]), (2, ["metal-2022-01", "metal-2022-02"])])
def test_data_docs_of_a_long_run_show_the_months_that_fail_most(lake, ingested, count, shown):
    """January fails more expectations than February."""
    index = build_docs(lake, QualityParams(docs_partitions=count), [JANUARY, FEBRUARY], "long", NOW)
    assert sorted({page.stem for page in (index.parent / "validations").rglob("*.html")}) == shown


def test_a_run_that_validated_nothing_has_no_site(lake):
    assert build_docs(lake, QualityParams(), [JANUARY], "idle", NOW) is None
    assert not lake.docs.exists()

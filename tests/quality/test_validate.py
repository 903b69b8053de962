"""Validated readings of a partition: one meter's bad month beside good ones, results beside the table, errors that stop."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ecoai_pipeline.domain import ARRIVALS, RAW_READINGS, VALIDATED_READINGS, Industry, Month, Partition
from ecoai_pipeline.quality import gx, measures, validate
from ecoai_pipeline.quality.validate import (
    RESULTS,
    QualityError,
    Validating,
    failures,
    load_validation,
    materialize_validated,
    validated_fingerprint,
)
from ecoai_pipeline.settings import QualityParams, Settings
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.storage.fingerprint import same_inputs
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry

JANUARY = Partition(Industry.METAL, Month(2022, 1))
DECEMBER = Partition(Industry.METAL, Month(2021, 12))
NOW = datetime(2022, 2, 1, tzinfo=UTC)


@pytest.fixture
def portfolio(lake, make_readings, make_meter, working):
    """Two good meters, and between them one that is dead, negative and full of gaps."""
    hours = 31 * 24
    bad = [0.0] * 100 + [-1.0, -2.0] + [None] * 20 + working(hours - 122)
    frames = [make_readings(working(hours), meter="a"), make_readings(bad, meter="b"), make_readings(working(hours), meter="c")]
    lake.write(RAW_READINGS, JANUARY, frames, fingerprint="raw")
    MeterRegistry(lake).register([make_meter(name, capacity_kw=100) for name in "abc"], origin="test", at=NOW)
    return pl.concat(frames)


def by_name(document):
    return {result["expectation"]: result for result in document["suites"]}


def test_a_bad_month_of_one_meter_is_named_and_does_not_stop_the_others(lake, settings, portfolio):
    written = materialize_validated(lake, settings, JANUARY)
    validated = lake.read(VALIDATED_READINGS, JANUARY)
    assert_frame_equal(validated.drop("quality", "rule"), portfolio.drop("quality", "rule"))
    good = pl.col("meter_id") != "b"
    assert_frame_equal(validated.filter(good), portfolio.filter(good))
    assert written.info.facts == {"completeness": 0.991039, "suspect": 102, "missing": 20, "failed_warning": 4, "failed_error": 0}

    results = load_validation(lake, JANUARY)
    wrong = {name: (r["unexpected"], r["meters"], r["meters_failed"]) for name, r in by_name(results).items() if not r["success"]}
    assert wrong == {
        "not_negative": (2, ["b"], 1),
        "day_complete": (1, ["b"], 1),
        "null_run_short": (2, ["b"], 1),
        "zero_run_short": (5, ["b"], 1),
    }
    assert results["partition"] == "metal|2022-01-01"
    assert results["summary"]["suspect_by_rule"] == {"zero_run": 100, "negative": 2, "null_run": 20}
    assert results["summary"]["quality_counts"] == {"measured": 2110, "suspect": 102, "missing": 20}
    assert (results["summary"]["rows"], results["summary"]["meters"], results["summary"]["days"]) == (2232, 3, 31)
    assert [day["missing"] for day in results["days"]][:7] == [0, 0, 0, 0, 18, 2, 0]
    assert failures(lake, JANUARY, "error") == {}
    assert "2 of 2232 rows; meters b" in failures(lake, JANUARY, "warning")["readings.not_negative"]


@pytest.mark.usefixtures("portfolio")
def test_the_same_inputs_are_not_validated_twice_and_give_the_same_bytes(lake, settings):
    first = materialize_validated(lake, settings, JANUARY)
    place = lake.beside(VALIDATED_READINGS, JANUARY, "validation.json")
    bytes_before = place.read_bytes()
    assert materialize_validated(lake, settings, JANUARY).skipped
    lake.path(VALIDATED_READINGS, JANUARY).unlink()
    again = materialize_validated(lake, settings, JANUARY)
    assert (again.skipped, again.info) == (False, first.info)
    assert place.read_bytes() == bytes_before


@pytest.mark.usefixtures("portfolio")
def test_lost_results_are_made_again_and_nothing_passes_in_their_absence(lake, settings):
    first = materialize_validated(lake, settings, JANUARY)
    results = load_validation(lake, JANUARY)
    lake.beside(VALIDATED_READINGS, JANUARY, "validation.json").unlink()
    for severity in ("error", "warning"):
        with pytest.raises(ValueError, match=r"validation\.json is absent .* materialize validated_readings of metal 2022-01 again"):
            failures(lake, JANUARY, severity)
    again = materialize_validated(lake, settings, JANUARY)
    assert (again.skipped, again.changed, again.info) == (False, False, first.info)
    assert load_validation(lake, JANUARY) == results


def test_results_of_a_version_that_never_came_to_be_are_not_believed(lake, settings, portfolio, monkeypatch):
    """The run is cut off when the new results are written and the new table is not; then the old readings are back."""

    def cut_off(_lake, _table, _partition, frames, **_):
        list(frames)
        raise KeyboardInterrupt

    materialize_validated(lake, settings, JANUARY)
    results = load_validation(lake, JANUARY)
    lake.write(RAW_READINGS, JANUARY, [portfolio.with_columns(kwh=-pl.col("kwh"))], fingerprint="other")
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "write", cut_off)
        with pytest.raises(KeyboardInterrupt):
            materialize_validated(lake, settings, JANUARY)
    with pytest.raises(ValueError, match=r"of another version of metal 2022-01"):
        failures(lake, JANUARY, "warning")
    lake.write(RAW_READINGS, JANUARY, [portfolio], fingerprint="raw")
    assert not materialize_validated(lake, settings, JANUARY).skipped
    assert load_validation(lake, JANUARY) == results


def test_chunks_add_up_to_the_same_results(lake, settings, portfolio):
    materialize_validated(lake, settings, JANUARY)
    whole = load_validation(lake, JANUARY)
    small = Lake(lake.root, settings.storage.model_copy(update={"row_group_rows": 1}))
    small.write(RAW_READINGS, JANUARY, [portfolio], fingerprint="raw")
    small.write(
        RAW_READINGS, JANUARY, [part for _, part in portfolio.group_by("meter_id", maintain_order=True)], fingerprint="raw in parts"
    )
    assert len(list(small.chunks(RAW_READINGS, JANUARY))) == 3
    lake.path(VALIDATED_READINGS, JANUARY).unlink()
    materialize_validated(small, settings, JANUARY)
    parts = load_validation(small, JANUARY)
    assert {**parts, "fingerprint": whole["fingerprint"]} == whole


@pytest.fixture
def half_a_year(lake, make_readings, make_meter, working):
    """Two meters in six months; in March one is silent, in April it is negative, May holds a reading twice."""
    MeterRegistry(lake).register([make_meter(name) for name in "ab"], origin="test", at=NOW)
    partitions = [Partition(Industry.METAL, Month(2022, month)) for month in range(1, 7)]
    for n, partition in enumerate(partitions):
        start = datetime(2022, n + 1, 1, tzinfo=UTC) - timedelta(hours=9)
        a = make_readings(working(600), meter="a", start=start)
        b = make_readings([-1.0, *working(599)] if n == 3 else working(600), meter="b", start=start)
        frames = [a] if n == 2 else [pl.concat([a, a[7:8]]).sort("timestamp"), b] if n == 4 else [a, b]
        lake.write(RAW_READINGS, partition, frames, fingerprint="raw")
    return partitions


def outcome(stage, lake, settings, partition):
    try:
        written = stage(lake, settings, partition)
    except QualityError as error:
        return str(error)
    table = lake.path(VALIDATED_READINGS, partition)
    return written, table.read_bytes(), lake.beside(VALIDATED_READINGS, partition, RESULTS).read_bytes()


def test_months_that_are_checked_in_one_batch_have_the_results_of_months_checked_alone(lake, settings, half_a_year, monkeypatch):
    """Also where one month fails, and where the readings of a month changed after it had been checked ahead."""
    batches = []
    monkeypatch.setattr(validate, "validate_each", lambda frames, suite: batches.append(len(frames)) or gx.validate_each(frames, suite))
    alone = [outcome(Validating([partition]), lake, settings, partition) for partition in half_a_year]
    assert batches == [1, 1] * 6
    for partition in half_a_year:
        lake.path(VALIDATED_READINGS, partition).unlink(missing_ok=True)
    batches.clear()
    stage = Validating(half_a_year)
    assert [outcome(stage, lake, settings, partition) for partition in half_a_year] == alone
    assert batches == [6, 6]
    assert "metal 2022-05 fails readings.reading_unique" in alone[4]


def test_a_month_that_changed_after_it_was_checked_ahead_is_checked_again(lake, settings, half_a_year):
    stage = Validating(half_a_year)
    stage(lake, settings, half_a_year[0])
    readings = lake.read(RAW_READINGS, half_a_year[1])
    lake.write(RAW_READINGS, half_a_year[1], [readings.with_columns(kwh=-pl.col("kwh") - 1)], fingerprint="restated")
    stage(lake, settings, half_a_year[1])
    assert by_name(load_validation(lake, half_a_year[1]))["not_negative"]["unexpected"] == readings.height


def test_a_month_that_cannot_be_examined_holds_up_no_other(lake, settings, half_a_year, monkeypatch):
    def examined(readings, *arguments, **options):
        if readings["timestamp"].min() > datetime(2022, 2, 10, tzinfo=UTC):
            raise ValueError("broken")
        return measures.examine(readings, *arguments, **options)

    monkeypatch.setattr(validate, "examine", examined)
    stage = Validating(half_a_year)
    assert [stage(lake, settings, partition).info.rows for partition in half_a_year[:2]] == [1200, 1200]
    with pytest.raises(ValueError, match="broken"):
        stage(lake, settings, half_a_year[2])


@pytest.mark.parametrize("rows", [1200, 2400])
def test_a_batch_holds_no_more_readings_than_memory_should(lake, settings, half_a_year, monkeypatch, rows):
    batches = []
    monkeypatch.setattr(validate, "validate_each", lambda frames, suite: batches.append(len(frames)) or gx.validate_each(frames, suite))
    small = Lake(lake.root, settings.storage.model_copy(update={"row_group_rows": rows}))
    stage = Validating(half_a_year[:2])
    for partition in half_a_year[:2]:
        stage(small, settings, partition)
    assert batches == ([1] * 4 if rows == 1200 else [2] * 2)


def test_runs_look_into_the_month_before_also_where_the_meter_changed_its_industry(lake, settings, make_readings, make_meter, working):
    start = datetime(2021, 12, 31, 15, tzinfo=UTC)
    lake.write(RAW_READINGS, JANUARY, [make_readings([0.0] * 5 + working(40))], fingerprint="raw")
    materialize_validated(lake, settings, JANUARY)
    assert load_validation(lake, JANUARY)["summary"]["suspect_by_rule"] == {}

    food = Partition(Industry.FOOD, Month(2021, 12))
    lake.write(RAW_READINGS, food, [make_readings([0.0] * 70, start=start - timedelta(hours=70))], fingerprint="raw")
    moved = make_meter()
    before = moved.__class__(**{**moved.__dict__, "industry": Industry.FOOD})
    now = moved.__class__(**{**moved.__dict__, "valid_from": date(2022, 1, 1)})
    MeterRegistry(lake).register([before, now], origin="test", at=NOW)
    assert not materialize_validated(lake, settings, JANUARY).skipped
    assert load_validation(lake, JANUARY)["summary"]["suspect_by_rule"] == {"zero_run": 5}


@pytest.mark.usefixtures("portfolio")
def test_a_changed_month_before_changed_parameters_and_a_changed_registry_are_noticed(lake, settings, make_readings, make_meter, working):
    def skipped(with_settings):
        return materialize_validated(lake, with_settings, JANUARY).skipped

    skipped(settings)
    assert skipped(settings)
    lake.write(RAW_READINGS, DECEMBER, [make_readings(working(5), meter="a", start=datetime(2021, 12, 30, tzinfo=UTC))], fingerprint="r")
    assert not skipped(settings)
    assert not skipped(Settings(quality=QualityParams(flat_run_h=5)))
    materialize_validated(lake, settings, JANUARY)
    MeterRegistry(lake).register([make_meter("a", capacity_kw=1)], origin="better", at=NOW)
    assert not skipped(settings)
    assert "kW were taken for kWh" in failures(lake, JANUARY, "warning")["readings.within_capacity"]


def test_an_error_names_partition_and_expectation_and_leaves_the_old_partition(lake, settings, portfolio):
    before = materialize_validated(lake, settings, JANUARY).info
    results = load_validation(lake, JANUARY)
    lake.write(RAW_READINGS, JANUARY, [pl.concat([portfolio, portfolio[5:6]]).sort("meter_id", "timestamp")], fingerprint="damaged")
    with pytest.raises(
        QualityError, match=r"metal 2022-01 fails readings.reading_unique: .*2 of 2233 rows; meters a.*materialize raw_readings"
    ):
        materialize_validated(lake, settings, JANUARY)
    assert lake.info(VALIDATED_READINGS, JANUARY) == before
    assert load_validation(lake, JANUARY) == results


def test_a_wrong_time_zone_of_one_meter_is_named_and_does_not_stop_the_others(lake, settings, make_readings, make_meter, working):
    """January of Seoul is, on the clock of Berlin, from the afternoon of New Year's Eve on."""
    frames = [make_readings(working(31 * 24), meter=name) for name in "abc"]
    lake.write(RAW_READINGS, JANUARY, frames, fingerprint="raw")
    MeterRegistry(lake).register([make_meter("a"), make_meter("b", zone="Europe/Berlin"), make_meter("c")], origin="test", at=NOW)
    written = materialize_validated(lake, settings, JANUARY)
    assert_frame_equal(lake.read(VALIDATED_READINGS, JANUARY).drop("rule"), pl.concat(frames).drop("rule"))
    assert (written.info.facts["failed_error"], failures(lake, JANUARY, "error")) == (0, {})
    warnings = failures(lake, JANUARY, "warning")
    assert list(warnings) == ["meter_days.day_in_month"]
    assert "time zone is wrong: 1 of 94 rows; meters b" in warnings["meter_days.day_in_month"]


@pytest.mark.usefixtures("portfolio")
def test_without_raw_readings_there_is_nothing_and_old_results_go(lake, settings):
    materialize_validated(lake, settings, JANUARY)
    lake.path(RAW_READINGS, JANUARY).unlink()
    written = materialize_validated(lake, settings, JANUARY)
    assert (written.info.rows, written.changed) == (0, True)
    assert load_validation(lake, JANUARY) is None
    assert failures(lake, JANUARY, "warning") == {}


def test_at_most_twenty_meters_are_named_and_all_are_counted(lake, settings, make_readings, working):
    frames = [make_readings([*working(30), -1.0], meter=f"m{n:02d}") for n in range(25)]
    lake.write(RAW_READINGS, JANUARY, frames, fingerprint="raw")
    materialize_validated(lake, settings, JANUARY)
    result = by_name(load_validation(lake, JANUARY))["not_negative"]
    assert (len(result["meters"]), result["meters_failed"], result["unexpected"]) == (20, 25, 25)
    assert failures(lake, JANUARY, "warning")["readings.not_negative"].endswith("m19 and 5 more")


def test_days_that_came_out_of_order_are_told_though_the_readings_are_the_same(lake, settings, tmp_path):
    """Three days in order, then the same readings with the last two days swapped: only the statements tell the two apart."""
    hours = {day: [f"m,2022-01-{day:02d} {hour:02d}:00:00,{hour}" for hour in range(24)] for day in (1, 2, 3)}
    partition = Partition(Industry.OTHER, Month(2022, 1))

    def order_kept(*days):
        path = tmp_path / f"{'-'.join(map(str, days))}.csv"
        path.write_text("\n".join(["meter_id,timestamp,kwh", *(row for day in days for row in hours[day])]))
        ingest_file(lake, settings, path, IngestOptions(), received_at=NOW)
        content = materialize_raw(lake, settings, partition).info.content
        materialize_validated(lake, settings, partition)
        result = by_name(load_validation(lake, partition))["order_kept"]
        return content, validated_fingerprint(lake, settings, partition), (result["checked"], result["unexpected"], result["meters"])

    first, second = order_kept(1, 2, 3), order_kept(1, 3, 2)
    assert first[0] == second[0]
    assert not same_inputs(first[1], second[1])
    assert (first[2], second[2]) == ((3, 0, []), (3, 1, ["m"]))
    assert "1 of 3 rows; meters m" in failures(lake, partition, "warning")["meter_days.order_kept"]


def test_a_check_of_the_order_that_cannot_run_is_an_error(lake, settings, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("meter_id,timestamp,kwh\n" + "".join(f"m,2022-01-01 {hour:02d}:00:00,1\n" for hour in reversed(range(24))))
    statement = ingest_file(lake, settings, path, IngestOptions(), received_at=NOW).statement
    partition = Partition(Industry.OTHER, Month(2022, 1))
    materialize_raw(lake, settings, partition)
    Landing(lake).table_path(ARRIVALS, statement.statement_id).unlink()
    with pytest.raises(ValueError, match=r"t\.csv.*23 readings out of order.*ingest the file again"):
        materialize_validated(lake, settings, partition)


def test_stuck_counters_of_real_buildings_are_marked(lake, real_data, make_readings):
    """LEAD, buildings 136 and 884 in 2016-01: 65 readings of exactly 1.0 on end, each labelled as anomalous by the contest."""
    partition = Partition(Industry.OTHER, Month(2016, 1))
    source = pl.read_csv(real_data / "lead" / "train.csv.gz").with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC"))
    january = source.filter(pl.col("timestamp").dt.month() == 1, pl.col("building_id").is_in([136, 884])).sort("building_id", "timestamp")
    frames = [
        make_readings(part["meter_reading"].to_list(), meter=str(part["building_id"][0])).with_columns(part["timestamp"])
        for part in january.partition_by("building_id")
    ]
    lake.write(RAW_READINGS, partition, frames, fingerprint="raw")
    materialize_validated(lake, Settings(time_zone="UTC"), partition)
    stuck = lake.read(VALIDATED_READINGS, partition).filter(pl.col("rule") == "flat_run")
    assert (stuck.height, stuck["kwh"].unique().to_list()) == (65, [1.0])
    labels = january.select(meter_id=pl.col("building_id").cast(pl.String), timestamp="timestamp", anomaly="anomaly")
    assert stuck.join(labels.cast({"timestamp": stuck.schema["timestamp"]}), on=["meter_id", "timestamp"])["anomaly"].sum() == 65


def test_great_expectations_is_loaded_only_when_there_is_something_to_check():
    code = "import sys, ecoai_pipeline.quality.validate; print([m for m in ('great_expectations', 'pandas') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

"""The column `decimal` of the registry: how a meter's numbers are written in files of text."""

from __future__ import annotations

import shutil
from datetime import timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import Month
from ecoai_pipeline.sources.erase import forget_statements
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.registry_file import read_registry, register_file
from ecoai_pipeline.sources.restore import ensure_pieces
from ecoai_pipeline.storage.erasure import Name
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import RECEIVED, put

MARCH = Month(2025, 3)


@pytest.fixture
def register(lake, settings, tmp_path):
    def run(*rows: str, hours: int = 0) -> None:
        path = put(tmp_path / f"r{hours}.csv", "\n".join(["meter_id,industry,decimal", *rows]) + "\n")
        register_file(lake, settings, path, at=RECEIVED + timedelta(hours=hours))

    return run


@pytest.fixture
def both(table):
    """A file of meter a with `1,350` alone, and of meter b with `2.5`."""
    rows = [f'{meter},2025-03-03 {hour:02d}:00,"{value}"' for hour in range(24) for meter, value in (("a", "1,350"), ("b", "2.5"))]
    return table(*rows)


def by_meter(readings: pl.DataFrame) -> dict[str, list[float]]:
    found = readings.group_by("meter_id").agg(pl.col("kwh").unique().sort())
    return dict(sorted(found.iter_rows()))


def test_the_sign_is_read_per_meter_and_filled_from_the_site(tmp_path):
    rows = 'a,metal,,","\nb,metal,,.\nc,metal,,\nd,metal,Leeds,\ne,metal,Leeds,point\n,,Leeds,comma\n'
    meters = read_registry(put(tmp_path / "r.csv", "meter_id,industry,site,decimal\n" + rows))
    assert {one.meter_id: one.decimal for one in meters} == {"a": ",", "b": ".", "c": None, "d": ",", "e": "."}


def test_an_unknown_sign_is_refused_with_row_and_meter(tmp_path):
    path = put(tmp_path / "r.csv", "meter_id,industry,decimal\na,metal,;\n")
    with pytest.raises(IngestError, match=r"meter 'a', row 2, column 'decimal': the decimal sign ';' is unknown; known are , and \."):
        read_registry(path)


def test_an_ambiguous_file_is_read_by_the_registry_which_its_refusal_names(ingest, raw, register, table):
    path = table(*(f'a,2025-03-03 {hour:02d}:00,"1,350"' for hour in range(24)))
    with pytest.raises(IngestError, match="per meter: column decimal of the registry"):
        ingest(path)
    register('a,metal,","')
    result = ingest(path)
    assert by_meter(raw(result)) == {"a": [1.35]}
    assert result.statement.decimals == {"a": ","}


@pytest.mark.parametrize(("sign", "expected"), [(",", 1.35), (".", 1350.0)])
def test_meters_of_one_file_may_have_different_signs(ingest, raw, register, both, sign, expected):
    register(f'a,metal,"{sign}"', "b,metal,")
    assert by_meter(raw(ingest(both))) == {"a": [expected], "b": [2.5]}


def test_what_is_stated_of_the_file_goes_before_the_registry(ingest, raw, register, table):
    register('a,metal,","')
    path = table(*(f'a,2025-03-03 {hour:02d}:00,"1,350"' for hour in range(24)))
    assert by_meter(raw(ingest(path, decimal="."))) == {"a": [1350.0]}


def test_a_file_is_restored_with_the_sign_of_its_day(ingest, raw, register, both, lake, settings):
    register('a,metal,","', "b,metal,")
    statement = ingest(both).statement
    register("a,metal,.", hours=1)
    shutil.rmtree(Landing(lake).piece_path(statement.statement_id, MARCH).parent)
    ensure_pieces(lake, settings, [statement], MARCH)
    assert by_meter(Landing(lake).scan_piece(statement.statement_id, MARCH).collect()) == {"a": [1.35], "b": [2.5]}


def test_a_file_that_comes_again_after_a_change_is_read_with_the_new_sign(ingest, raw, register, both):
    register('a,metal,","', "b,metal,")
    first = ingest(both)
    assert ingest(both).already
    register("a,metal,.", hours=1)
    again = ingest(both, received_at=RECEIVED + timedelta(hours=2))
    assert (again.already, again.statement.statement_id) == (False, first.statement.statement_id)
    assert again.statement.decimals == {"a": "."}
    assert by_meter(raw(again)) == {"a": [1350.0], "b": [2.5]}
    assert ingest(both, received_at=RECEIVED + timedelta(hours=3)).already


def test_numbers_stored_as_numbers_do_not_depend_on_the_registry(ingest, raw, register, tmp_path, both):
    register('b,metal,","')
    frame = pl.read_csv(both, try_parse_dates=True).filter(meter_id="b").with_columns(pl.col("kwh").cast(pl.Float64))
    frame.write_parquet(tmp_path / "p.parquet")
    assert by_meter(raw(ingest(tmp_path / "p.parquet"))) == {"b": [2.5]}
    assert ingest(tmp_path / "p.parquet").already


def test_statements_from_before_there_were_signs_are_read(ingest, both, register):
    register('a,metal,","', "b,metal,")
    dumped = ingest(both).statement.model_dump(mode="json", exclude={"decimals"})
    assert Statement.model_validate(dumped).decimals == {}


def test_an_erased_meter_leaves_no_sign_behind(ingest, register, both, lake, settings):
    register('a,metal,","', "b,metal,.")
    ingest(both)
    forget_statements(lake, settings, Name("a"), RECEIVED)
    (statement,) = Landing(lake).in_force()
    assert statement.decimals == {"b": "."}
    assert MeterRegistry(lake).decimals_of(["a", "b"]) == {"b": "."}

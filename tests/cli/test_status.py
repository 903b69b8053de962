"""The view of the morning: what a person must know before the first coffee, in 80 columns, also where Dagster has no records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ecoai_pipeline.cli.status import IndustryStatus, _late_lines, _switch_lines
from ecoai_pipeline.defs.glance import Automation
from ecoai_pipeline.domain import Month

from .conftest import Ecoai, hours, lead_file

NOW = datetime(2025, 4, 2, 8, tzinfo=UTC)


def industry(**known: Any) -> IndustryStatus:
    fields: dict[str, Any] = {
        "industry": "metal",
        "night": "ok",
        "took_s": 1.0,
        "events": 0,
        "late": {},
        "readings_until": date(2025, 4, 1),
        "drift": [],
        "failures": (),
        "run_id": None,
    }
    return IndustryStatus(**{**fields, **known})


def test_without_records_of_dagster_the_lake_itself_is_told(ecoai: Ecoai, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    ecoai("ingest", str(lead_file(tmp_path / "lead.csv", hours("7", "2025-01-01", ["5"] * 24))), "--industry", "metal")
    ran = ecoai("status")

    assert ran.code == 0
    assert "metal" in ran.out
    assert "2025-01-01" in ran.out
    assert "last night: none has run yet" in ran.out
    assert "off: schedules nightly, monthly_training; sensors inbox, versions, retraining" in ran.out
    document = ecoai("status", "--json").document
    assert {"root", "statements", "partitions", "models", "night", "industries", "disk", "automation", "daemon_seen", "next"} <= set(
        document
    )
    assert (document["night"], document["industries"][0]["readings_until"]) == (None, "2025-01-01")
    assert document["disk"]["bytes"]["landing"] > 0


def test_the_table_fits_80_columns(ecoai: Ecoai, tmp_path: Path) -> None:
    ecoai("ingest", str(lead_file(tmp_path / "lead.csv", hours("7", "2025-01-01", ["5"] * 24))), "--industry", "energy supplier")
    table = ecoai("status").out.split("last night:")[0]
    assert "energy_supplier" in table
    assert max(map(len, table.splitlines())) <= 80


def test_late_meters_and_silent_industries_are_named() -> None:
    late = industry(late={"m1": 34.0, "m2": 30.0, "m3": 9.0, "m4": 8.0})
    silent = industry(industry="food", readings_until=date(2025, 3, 12))
    assert list(_late_lines([late, silent], Month(2025, 4))) == [
        "metal is late: 4 meters, m1 (34 h), m2 (30 h), m3 (9 h), …; ask the provider",
        "no readings of 2025-04 yet: food",
    ]


@pytest.mark.parametrize(
    ("on", "seen", "expected"),
    [
        (True, NOW, []),
        (True, datetime(2025, 4, 2, 7, tzinfo=UTC), ["the daemon is not running, so that nothing runs by itself; `ecoai ui` starts it"]),
        (False, None, ["off: schedule nightly. Switch them on in `ecoai ui`, page Automation"]),
    ],
)
def test_what_is_switched_off_is_named(on: bool, seen: datetime | None, expected: list[str]) -> None:
    assert list(_switch_lines([Automation("nightly", "schedule", on)], seen, NOW)) == expected

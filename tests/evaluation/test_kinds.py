"""How the naming of events is judged: by hand on a few, and on simulated plants in full."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from ecoai_pipeline.cli.app import app
from ecoai_pipeline.domain import MonthRange
from ecoai_pipeline.evaluation.kinds import FOUND, Named, name_faults
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake


def named(*rows: tuple[str, str, float]) -> Named:
    return Named(pl.DataFrame([("metal", "m", kind, name, depth) for kind, name, depth in rows], FOUND, orient="row"), 10)


def test_f1_of_each_kind_put_in_and_their_mean() -> None:
    found = named(("sag", "sag", 1.0), ("sag", "brownout", 2.0), ("outage", "outage", 3.0), ("surge", "unusual_shape", 4.0))
    assert dict(found.confusion.select("kind", "f1").iter_rows()) == {"outage": 1.0, "sag": pytest.approx(2 / 3), "surge": 0.0}
    assert found.confusion.select("brownout", "outage", "sag", "unusual_shape").rows() == [(0, 1, 0, 0), (1, 0, 1, 0), (0, 0, 0, 1)]
    assert found.macro_f1 == pytest.approx(5 / 9)
    assert found.by_depth["macro_f1"].to_list() == [1.0, 0.0, 1.0, 0.0]
    assert found.by_depth["most"].to_list() == [1.0, 2.0, 3.0, 4.0]


def test_without_models_nothing_can_be_judged(lake: Lake, settings: Settings) -> None:
    assert named().macro_f1 is None
    assert list(name_faults(lake, settings, MonthRange.parse("2024-04"), 1)) == []


@pytest.mark.full
def test_four_of_five_kinds_are_named_rightly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On six plants of each of four industries, of a seed that no number of the judge was chosen on."""
    import json

    monkeypatch.setenv("ECOAI_ROOT", str(tmp_path))
    run = CliRunner().invoke
    industries = [part for name in ("metal", "food", "ceramics", "other") for part in ("--industry", name)]
    for command in (
        ["simulate", "--meters", "6", "--months", "2024-01..2024-05", "--seed", "31", *industries],
        ["ingest", str(tmp_path / "simulated"), "--meters", str(tmp_path / "simulated" / "meters.csv")],
        ["train", "--months", "2024-01..2024-03"],
        ["backfill", "--months", "2024-04..2024-05"],
    ):
        assert run(app, command, catch_exceptions=False).exit_code == 0
    figures = json.loads(run(app, ["evaluate", "kinds", "--months", "2024-04..2024-05", "--rounds", "10", "--json"]).stdout)
    assert figures["found"] > 150
    assert figures["macro_f1"] > 0.8

"""`ecoai explain`: which event is meant, and that text, shares and picture come out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Ecoai


def test_an_event_is_explained_in_words_shares_and_a_picture(ecoai: Ecoai, tmp_path: Path) -> None:
    simulated = str(ecoai.root / "simulated")
    ecoai("simulate", "--industry", "metal", "--meters", "3", "--months", "2025-01..2025-03")
    ecoai("ingest", simulated, "--meters", f"{simulated}/meters.csv")
    ecoai("train", "--months", "2025-01..2025-02")
    ecoai("nightly", "--date", "2025-03-31")
    events = ecoai("events", "--json").document["events"]
    energy = next(row for row in events if row["category"] == "energy")
    for file in (tmp_path / "week.png", tmp_path / "week.svg"):
        told = ecoai("explain", energy["event_id"], "--json", "--plot", str(file), "--lang", "ko").document
    assert told["event"]["event_id"] == energy["event_id"]
    assert told["text"]["sentence"].startswith(told["text"]["kind"] + ": ")
    for shares in ("by_detector", "by_scale_h", "by_hour"):
        assert sum(told[shares].values()) == pytest.approx(1), shares
    assert len(told["load"]) == len({row["timestamp"] for row in told["load"]}) > 24
    assert told["text"]["headline"].startswith(told["text"]["kind"] + ", ")
    assert (tmp_path / "week.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "week.svg").read_text(encoding="utf-8")
    table = ecoai("explain", energy["event_id"][:12]).out
    assert "shares of the evidence" in table
    assert energy["meter_id"] in table
    korean = ecoai("explain", energy["event_id"], "--lang", "ko").out
    assert "근거 비중" in korean
    assert "like it" not in korean
    assert "a picture is a .png or an .svg file" in ecoai("explain", energy["event_id"], "--plot", "week.gif").err


def test_an_id_that_no_event_has_says_where_they_stand(ecoai: Ecoai) -> None:
    ecoai.root.mkdir()
    refused = ecoai("explain", "zz")
    assert refused.code == 1
    assert "`ecoai events` lists" in refused.err.replace("\n", " ")


def test_an_id_that_several_events_share_names_them() -> None:
    import polars as pl

    from ecoai_pipeline.cli.explain import found

    events = pl.DataFrame({"event_id": ["ab1", "ab2", "c"], "meter_id": ["m", "n", "o"], "kind": ["sag", "surge", "sag"]})
    assert found(events, "AB2")["meter_id"] == "n"
    with pytest.raises(ValueError, match=r"2 events begin with 'ab': ab1 \(m, sag\), ab2 \(n, surge\)"):
        found(events, "ab")


def test_an_event_of_weeks_shows_the_times_of_most_evidence_in_order_and_the_rest_as_one() -> None:
    from ecoai_pipeline.cli.explain import _strongest

    first = datetime(2022, 3, 1, tzinfo=UTC)
    shares = {first + timedelta(hours=k): (k + 1) / 210 for k in range(20)}
    shown = _strongest(shares, "Asia/Seoul", "en")
    assert list(shown) == [*(f"Tue 1 Mar {hour}:00" for hour in range(17, 24)), *(f"Wed 2 Mar 0{hour}:00" for hour in range(5)), "8 others"]
    assert shown["8 others"] == pytest.approx(36 / 210)
    assert sum(shown.values()) == pytest.approx(1)


def test_an_hour_that_comes_twice_when_clocks_go_back_stands_twice() -> None:
    from ecoai_pipeline.cli.explain import _strongest

    first = datetime(2022, 10, 30, 0, tzinfo=UTC)  # 02:00 in Berlin, and an hour later again
    assert list(_strongest({first: 0.5, first + timedelta(hours=1): 0.5}, "Europe/Berlin", "en")) == [
        "Sun 30 Oct 02:00 (00:00 UTC)",
        "Sun 30 Oct 02:00 (01:00 UTC)",
    ]

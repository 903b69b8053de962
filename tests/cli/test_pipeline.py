"""What commands ask of runs: months that follow a change, as far as it travels."""

from __future__ import annotations

from typing import Any

import pytest

from ecoai_pipeline.cli import pipeline
from ecoai_pipeline.cli.output import progress_bar
from ecoai_pipeline.domain import Industry, Month, MonthRange


class Travelling:
    """Stands for a lake where each month that is run changes the one after it, until May."""

    def __init__(self, stale: list[Month]) -> None:
        self.stale = stale
        self.ran: list[str] = []

    def tables(self, _assets: Any, todo: dict[Industry, MonthRange], **_: Any) -> list[Any]:
        span = todo[Industry.METAL]
        self.ran.append(str(span))
        self.stale = [span.last.next] if span.last < Month(2025, 5) else []
        return []


def test_a_change_is_followed_month_by_month_until_nothing_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Travelling([Month(2025, 1), Month(2025, 3)])
    monkeypatch.setattr("ecoai_pipeline.detection.staleness.stale_months", lambda *_: lake.stale)
    with progress_bar() as steps:
        pipeline._follow(lake, [Industry.METAL], Month(2025, 2), [], steps)  # type: ignore[arg-type]

    assert lake.ran == ["2025-03..2025-03", "2025-04..2025-04", "2025-05..2025-05"]


def test_what_stays_stale_is_not_run_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Travelling([Month(2025, 3)])
    monkeypatch.setattr("ecoai_pipeline.detection.staleness.stale_months", lambda *_: [Month(2025, 3)])
    with progress_bar() as steps:
        pipeline._follow(lake, [Industry.METAL], Month(2025, 1), [], steps)  # type: ignore[arg-type]

    assert lake.ran == ["2025-03..2025-03"]

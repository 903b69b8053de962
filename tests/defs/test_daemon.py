"""Dagster's own daemon on the nightly schedule, as an operator runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ecoai_pipeline.defs.glance import Night, automations, daemon_seen, last_night
from ecoai_pipeline.defs.home import ENVIRONMENT
from ecoai_pipeline.defs.runs import prepare_home
from ecoai_pipeline.domain import Industry

DEFINITIONS = ("-m", "ecoai_pipeline.definitions")
PATIENCE_S = 900  # a run, which starts a process; on two busy cores it takes a minute


@pytest.fixture
def night(finished: Path, tmp_path: Path) -> Iterator[Path]:
    """The Dagster home of a lake whose nightly schedule is on and due every minute, while the daemon runs."""
    root = tmp_path / "root"
    shutil.copytree(finished, root)
    home = prepare_home(root)
    own = {"DAGSTER_HOME": str(home), "ECOAI_ROOT": str(root), "ECOAI_SCHEDULES__NIGHTLY": "* * * * *"}
    environment = {**ENVIRONMENT, **os.environ, **own}
    dagster = [sys.executable, "-W", "ignore", "-m"]
    switch = [*dagster, "dagster", "schedule", "start", "nightly", *DEFINITIONS]
    subprocess.run(switch, env=environment, check=True, capture_output=True, timeout=300)
    with (tmp_path / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen([*dagster, "dagster._daemon", "run", *DEFINITIONS], env=environment, stdout=log, stderr=log)
        try:
            yield home
        finally:
            daemon.terminate()
            daemon.wait(timeout=120)


def finished_night(home: Path) -> Night:
    """The last night once its run, of the one industry with meters, has ended."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = last_night(home)
        run = found.last_run(Industry.METAL) if found else None
        if found and run is not None and run.ended:
            return found
        time.sleep(5)
    log = (home.parents[1] / "daemon.log").read_text(encoding="utf-8")[-3000:]
    raise AssertionError(f"the night had not ended after {PATIENCE_S} s: {last_night(home)}; the daemon said: {log}")


@pytest.mark.full
def test_the_daemon_ticks_the_nightly_schedule_and_its_runs_succeed(night: Path) -> None:
    """However often the schedule ticks, a day has one run per industry with meters."""
    found = finished_night(night)
    yesterday = datetime.now(ZoneInfo("Asia/Seoul")).date() - timedelta(days=1)

    assert found.day in (yesterday, yesterday - timedelta(days=1)), "the second before half past two in Seoul"
    run = found.last_run(Industry.METAL)
    assert run is not None
    assert (run.status, run.failures) == ("SUCCESS", ())
    assert {industry for one in found.runs for industry in one.industries} == {Industry.METAL}
    assert daemon_seen(night) is not None
    assert [one.name for one in automations(night) if one.on] == ["nightly", "follow_ups"]

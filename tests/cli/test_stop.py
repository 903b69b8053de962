"""Ctrl-C and SIGTERM in real processes: a command ends within two seconds, says so, and leaves nothing half written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ecoai_pipeline.cli.stop import STOPPED

MAIN = "from ecoai_pipeline.cli import main; main()"
LONGEST_S = 2.0
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("DAGSTER_HOME", "ECOAI_ROOT")}


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAIN, "--root", str(root), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def stopped(process: subprocess.Popen[str], by: signal.Signals = signal.SIGINT) -> tuple[float, int, str, str]:
    """Send a signal; seconds until the process ended, its exit code, stdout and stderr. None of its children may be left."""
    children = psutil.Process(process.pid).children(recursive=True)
    begun = time.monotonic()
    process.send_signal(by)
    out, err = process.communicate(timeout=60)
    seconds = time.monotonic() - begun
    _, left = psutil.wait_procs(children, timeout=2)
    assert left == []
    return seconds, process.returncode, out, err


def finished(process: subprocess.Popen[str], seconds: float = 900) -> str:
    """Wait until a process has succeeded; its stdout."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out


def readings(path: Path, meters: int, months: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write("meter_id,timestamp,kwh\n")
        for meter in range(meters):
            for month in range(1, months + 1):
                for day in range(1, 29):
                    file.writelines(f"m{meter},2024-{month:02d}-{day:02d} {n // 4:02d}:{n % 4 * 15:02d},{5 + n % 9}.5\n" for n in range(96))
    return path


def until(process: subprocess.Popen[str], is_there: Path, pattern: str, seconds: float = 240) -> None:
    """Wait until a file of a pattern lies under a folder: the command is in the middle of its work."""
    ends = time.monotonic() + seconds
    while not any(is_there.rglob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends, f"no {pattern} under {is_there} after {seconds} s"
        time.sleep(0.05)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_call_into_compiled_code_is_ended_as_well(tmp_path: Path, by: signal.Signals) -> None:
    """The main thread sorts for a minute and sees no signal before it is done."""
    body = (
        "import threading\nfrom ecoai_pipeline.cli.stop import stoppable, teller\nimport numpy as np\n"
        "values = np.random.default_rng(0).random(400_000_000, dtype=np.float32)\n"
        "begun = threading.Timer(0.5, print, ['begun'], {'flush': True})\n"  # once the main thread sorts, whatever else the machine does
        "with stoppable(teller(as_json=False)):\n    begun.start()\n    np.sort(values)\n    print('done', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", body], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    seconds, code, out, err = stopped(process, by)
    assert (code, out, err) == (130, "", STOPPED + "\n")
    assert seconds < LONGEST_S


def test_a_command_that_is_still_loading_is_ended_without_a_traceback(tmp_path: Path) -> None:
    body = "import ecoai_pipeline.cli.stop as s; print('begun', flush=True)\nfrom ecoai_pipeline.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", body, "ui"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=tmp_path
    )
    assert process.stdout
    process.stdout.readline()
    time.sleep(0.3)
    seconds, code, _, err = stopped(process)
    assert (code, err.strip()) == (130, STOPPED)
    assert seconds < LONGEST_S


def test_an_ingest_is_ended_and_goes_on_where_it_was(tmp_path: Path) -> None:
    root, path = tmp_path / "root", readings(tmp_path / "big.csv", 6, 12)
    process = start(root, "ingest", str(path), "--industry", "metal", "--json")
    until(process, root / "raw_readings", "part.parquet")
    seconds, code, out, err = stopped(process)
    assert (code, out.strip(), err.strip()) == (130, f'{{"error": "{STOPPED}"}}', "")
    assert seconds < LONGEST_S
    again = finished(start(root, "ingest", str(path), "--industry", "metal", "--json"))
    assert not list(root.rglob(".*.tmp"))
    assert json.loads(again)["unchanged"] == 6 * 12 * 28 * 96


@pytest.mark.full
def test_training_and_a_backfill_are_ended_and_can_be_run_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    finished(start(root, "ingest", str(readings(tmp_path / "some.csv", 4, 4)), "--industry", "metal"))
    training = start(root, "train")
    until(training, root / "features", "part.parquet")
    time.sleep(3)
    seconds, code, _, err = stopped(training)
    assert (code, err.strip()) == (130, STOPPED)
    assert seconds < LONGEST_S
    finished(start(root, "train"))
    backfill = start(root, "backfill", "--months", "2024-03..2024-04")
    until(backfill, root / "scores", "part.parquet")
    seconds, code, _, err = stopped(backfill, signal.SIGTERM)
    assert (code, err.strip()) == (130, STOPPED)
    assert seconds < LONGEST_S
    finished(start(root, "backfill", "--months", "2024-03..2024-04"))
    assert not list(root.rglob(".*.tmp"))


@pytest.mark.full
def test_the_web_server_and_its_processes_end(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    process = start(tmp_path / "root", "ui", "--port", "38417")
    ends = time.monotonic() + 120
    while len(psutil.Process(process.pid).children(recursive=True)) < 4 and time.monotonic() < ends:
        time.sleep(0.2)
    seconds, code, _, err = stopped(process)
    assert code == 130
    assert err.splitlines()[-1] == STOPPED
    assert seconds < LONGEST_S

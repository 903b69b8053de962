"""Measurements of taking files in and of metrics: what is reported, and that it is about what was asked for; speed itself is not tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ecoai_pipeline.cli import bench_detect, bench_dtw, bench_ingest, bench_metrics, bench_partitions
from ecoai_pipeline.cli.bench_ingest import PEER, measure_ingest, write_file
from ecoai_pipeline.cli.bench_plain import PLAIN
from ecoai_pipeline.cli.fresh import in_fresh_process, peak
from ecoai_pipeline.detectors.windowed.inputs import Windows
from ecoai_pipeline.domain import Industry
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.writers.catalog import WRITTEN

from .conftest import Ecoai

MEASURED = {"reader", "file_mb", "readings", "seconds", "peak_mb", "kwh", "readings_per_s", "mb_per_s", "note"}
PEERS = Path(__file__).parents[2] / "requirements-peers.lock"


def test_a_file_is_measured_and_a_peer_that_is_missing_says_how_to_get_it(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_ingest, "find_spec", lambda _: None)
    ran = ecoai("bench", "ingest", "--megabytes", "0.1", "--as", "greenbutton", "--json")

    assert ran.code == 0, ran.err
    ours, peer = ran.document["readers"]
    assert set(ours) == MEASURED
    assert (ours["reader"], ours["note"], ran.document["megabytes"]) == ("greenbutton", "", 0.1)
    assert min(ours[name] for name in MEASURED - {"reader", "note"}) > 0
    assert peer == {"reader": PEER, "note": f"not installed: python -m pip install {PEER}"}
    assert ran.document["ratio"] is None


def test_small_months_and_a_long_history_are_measured(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, because starting four others takes half a minute."""
    for name in ("ECOAI_ROOT", "ECOAI_FIRST_MONTH", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "restored at the end of the test")
    monkeypatch.setattr(bench_partitions, "in_fresh_process", lambda body, *arguments: body(*arguments))
    ran = ecoai("bench", "partitions", "--months", "2", "--buildings", "3", "--years", "1", "--json")

    assert ran.code == 0, ran.err
    one, small, long = ran.document["cases"]
    assert (one["case"], one["partitions"]) == ("one month", 1)
    assert (small["case"], small["partitions"], long["case"], long["partitions"]) == ("small months", 2, "long history", 12)
    assert small["readings"] == pytest.approx(61 * 96, rel=0.02)
    assert long["readings"] == pytest.approx(3 * 365 * 24, rel=0.02)
    assert min(long[name] for name in ("landing_cpu_s", "materializing_cpu_s", "cpu_s_per_partition", "readings_per_s", "peak_mb")) > 0
    assert ran.document["parts"] == bench_partitions.cost_parts(ran.document["cases"])


def test_the_ratio_is_of_megabytes_per_second() -> None:
    rows: list[dict[str, Any]] = [{"reader": "greenbutton", "mb_per_s": 6.0}, {"reader": PEER, "mb_per_s": 4.0}]
    assert bench_ingest._ratio(rows) == 1.5
    assert bench_ingest._ratio(rows[:1]) is None


def test_the_peer_reads_the_same_readings_and_the_same_energy(tmp_path: Path) -> None:
    pytest.importorskip("greenbutton_objects")
    path = write_file("greenbutton", "0.5", str(tmp_path))["path"]
    ours, theirs = measure_ingest(path, str(tmp_path / "lake")), bench_ingest.measure_peer(path)
    assert ours["readings"] == theirs["readings"] > 2900
    assert ours["kwh"] == pytest.approx(theirs["kwh"], abs=0.001)


def test_the_lock_of_the_peers_names_the_versions_that_are_measured_against() -> None:
    assert PEERS.read_text().split() == [bench_dtw.PEER, PEER, bench_metrics.PEER]


@pytest.mark.parametrize("name", sorted(name for name, form in WRITTEN.items() if not form.per_meter))
def test_a_file_has_about_the_size_asked_for(name: str, tmp_path: Path) -> None:
    path = Path(write_file(name, "0.6", str(tmp_path))["path"])
    assert path.stat().st_size == pytest.approx(0.6e6, rel=0.35)


def test_a_file_of_one_meter_has_as_many_months_as_it_takes(tmp_path: Path) -> None:
    """A month of minutes is about 2 MB, so 4 MB are the last two months of 2024, one row per minute."""
    path = Path(write_file("steel", "4", str(tmp_path))["path"])
    assert len(path.read_text().splitlines()) == 1 + (30 + 31) * 1440


def test_memory_is_that_of_the_process_and_not_of_the_one_that_started_it() -> None:
    held = b"\1" * 300_000_000
    assert peak()["peak_mb"] > len(held) // 2**20
    assert in_fresh_process(peak)["peak_mb"] < 200


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)write_file failed:.*unknown format 'nonsense'"):
        in_fresh_process(write_file, "nonsense", "1", "nowhere")


def test_metrics_are_timed_and_a_peer_that_is_missing_says_how_to_get_it(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_metrics, "find_spec", lambda _: None)
    ran = ecoai("bench", "metrics", "--readings", "3000", "--buffer", "5", "--json")

    assert ran.code == 0, ran.err
    ours, peer = ran.document["codes"]
    assert set(ours) == {"code", "seconds", "vus_pr", "vus_roc", "note"}
    assert ours["seconds"] > 0
    assert peer == {"code": "TSB-AD==1.5", "note": "not installed: python -m pip install --no-deps TSB-AD==1.5"}
    assert {name: ran.document[name] for name in ("readings", "buffer", "ratio", "largest_difference")} == {
        "readings": 3000,
        "buffer": 5,
        "ratio": None,
        "largest_difference": None,
    }


def test_two_codes_of_a_metric_are_compared_by_time_and_by_their_figures(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_metrics, "find_spec", lambda _: "installed")
    monkeypatch.setattr(bench_metrics, "_peer", lambda: lambda *_: (0.25, 0.5))
    document = ecoai("bench", "metrics", "--readings", "3000", "--json").document
    ours = document["codes"][0]
    assert document["ratio"] >= 0
    assert document["largest_difference"] == max(abs(ours["vus_pr"] - 0.25), abs(ours["vus_roc"] - 0.5))


def test_the_peer_of_the_metrics_has_the_same_figures(ecoai: Ecoai) -> None:
    pytest.importorskip("TSB_AD")
    document = ecoai("bench", "metrics", "--readings", "3000", "--json").document
    assert document["largest_difference"] < 1e-6
    assert document["ratio"] > 1


def test_warping_is_timed_beside_its_peers_and_its_bound(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_dtw, "find_spec", lambda _: None)
    ran = ecoai("bench", "dtw", "--length", "24", "--band", "2", "--pairs", "70", "--repeats", "2", "--json")

    assert ran.code == 0, ran.err
    document = ran.document
    micros, ratio = document["us_per_pair"], document["ratio"]
    assert {name: document[name] for name in ("length", "band", "pairs", "threads")} == {"length": 24, "band": 2, "pairs": 70, "threads": 1}
    assert micros["tslearn"] > micros["ecoai"] > 0
    assert ratio["tslearn"] == pytest.approx(micros["tslearn"] / micros["ecoai"], rel=0.01, abs=0.1)
    assert (micros["dtaidistance"], ratio["dtaidistance"]) == (None, None)
    assert document["times_bound"] == pytest.approx(micros["ecoai"] / document["bound_us_per_pair"], rel=0.05, abs=0.01)
    assert document["largest_difference"]["tslearn"] < 1e-9
    assert document["first_call_seconds"] > 0


def test_a_peer_of_warping_that_is_missing_says_how_to_get_it(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_dtw, "find_spec", lambda _: None)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(bench_dtw, "in_fresh_process", lambda _: {"seconds": 1.5})
    ran = ecoai("bench", "dtw", "--length", "8", "--band", "1", "--pairs", "3", "--repeats", "1")
    assert ran.code == 0, ran.err
    assert "not installed: python -m pip install dtaidistance==2.5.1" in ran.out
    assert "compiles for 1.5 s" in ran.out


def test_the_peer_of_warping_has_the_same_distances(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dtaidistance")
    monkeypatch.setattr(bench_dtw, "in_fresh_process", lambda _: {"seconds": 1.5})
    document = ecoai("bench", "dtw", "--length", "48", "--band", "3", "--pairs", "200", "--repeats", "2", "--json").document
    assert document["largest_difference"]["dtaidistance"] < 1e-9
    assert document["ratio"]["dtaidistance"] > 1


@pytest.mark.parametrize(("length", "band"), [(1, 0), (4, 1), (96, 8), (5, 4), (5, 9)])
def test_the_cells_of_the_bound_are_those_within_the_band(length: int, band: int) -> None:
    within = sum(abs(row - column) <= band for row in range(length) for column in range(length))
    assert bench_dtw.cells_within(length, band) == within


@pytest.mark.parametrize("name", bench_detect.NETWORKS)
def test_the_plain_network_is_ours_written_otherwise(name: str) -> None:
    """What is compared must be the same: parameters, errors of the readings, loss and its gradients."""
    torch.manual_seed(0)
    length, params = 24, load_settings().detectors
    ours = bench_detect._unfitted(name, length)
    plain = PLAIN[name](length, params).to(ours.device)
    plain.load_state_dict(ours.net_.state_dict())
    windows = bench_detect._windows(length, 40).to(ours.device)
    batch = Windows(windows, torch.ones_like(windows, dtype=torch.bool), torch.zeros(40, dtype=torch.long, device=ours.device))
    (step,) = ours.steps(ours.net_)
    ours.net_.eval(), plain.eval()
    # cuDNN rounds convolutions to TF32, and differentiates recurrent layers in training only, where dropout would be on.
    with torch.backends.cudnn.flags(enabled=False):
        rebuilt, again = ours.rebuilt(ours.net_, windows), plain.rebuilt(windows)
        losses = step.loss(ours.net_, batch, 9), plain.loss(windows)
        gradients = [torch.autograd.grad(loss, list(net.parameters())) for loss, net in zip(losses, (ours.net_, plain), strict=True)]
    torch.testing.assert_close(rebuilt, again, rtol=1e-4, atol=1e-5)
    assert rebuilt.std() > 0
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_networks_are_timed_beside_the_plain_loop_and_a_portfolio_is_fitted(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAI_DETECTORS__LSTM_AE__MAX_WINDOWS", "128")
    monkeypatch.setenv("ECOAI_DETECTORS__LSTM_AE__EPOCHS", "1")
    asked = ("--detectors", "lstm_ae", "--length", "24", "--windows", "128", "--repeats", "1", "--meters", "2", "--months", "1")
    ran = ecoai("bench", "detect", *asked, "--json")
    assert ran.code == 0, ran.err
    (row,) = ran.document["detectors"]
    assert row["train_ratio"] == pytest.approx(row["train_windows_per_s"] / row["plain_train_windows_per_s"], rel=0.05, abs=0.01)
    assert {"detector", "score_windows_per_s", "plain_score_windows_per_s", "bound_score_windows_per_s", "peak_mb"} <= set(row)
    assert row["peak_mb"] > 100
    assert ecoai("bench", "detect", "--detectors", "nobody").code == 1


def test_report_tells_seconds_and_sizes_of_all_pages(ecoai: Ecoai) -> None:
    document = ecoai("bench", "report", "--meters", "8", "--events", "3", "--json").document
    assert {page["about"] for page in document["pages"]} == {*Industry, "portfolio"}
    assert (document["pages"][-1]["events"], document["meters"]) == (3, 8)
    assert all(page["kB"] > 5 for page in document["pages"])

"""Champions through Dagster: the check that stops a worse challenger, and a person's decision in the same records."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.defs.runs import Materialized, RunFailedError, Runner
from ecoai_pipeline.defs.sensors import retraining
from ecoai_pipeline.domain import SCORES, Industry, MonthRange, Partition, Resolution
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRegistry, Standing

from .conftest import TABLES, take_in, write_readings

METAL_LOW = (Industry.METAL, Resolution.LOW)
MARCH = MonthRange.parse("2025-03")


@pytest.fixture
def challenged(lake: Lake, scored: Runner, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs on the finished lake, where a model of another seed waits to be judged."""
    monkeypatch.setenv("ECOAI_TRAINING__SEED", "7")
    monkeypatch.setenv("ECOAI_DETECTORS__USAD__EPOCHS", "3")
    scored.models(*METAL_LOW, "2025-01..2025-02")
    return scored


def standings(lake: Lake) -> list[Standing]:
    return [one.standing for one in ModelRegistry(lake).models(*METAL_LOW)]


def checks() -> list[dg.AssetCheckEvaluation]:
    with dg.DagsterInstance.get() as instance:
        found = instance.get_records_for_run(instance.get_runs(limit=1)[0].run_id).records
    return [
        e.dagster_event.asset_check_evaluation_data
        for e in (r.event_log_entry for r in found)
        if e.dagster_event and e.dagster_event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]


def scores_of_march(done: list[Materialized], lake: Lake) -> tuple[str, str]:
    (made,) = [one for one in done if one.asset == "scores"]
    (version,) = lake.read(SCORES, Partition(Industry.METAL, MARCH.first))["model_version"].unique().to_list()
    return made.metadata["outcome"], version


def test_a_challenger_that_is_not_worse_becomes_champion(lake: Lake, challenged: Runner) -> None:
    assert standings(lake) == [Standing.CHAMPION, Standing.CHALLENGER]
    challenged.champions(*METAL_LOW)

    assert standings(lake) == [Standing.CHAMPION, Standing.CHAMPION]
    (check,) = checks()
    assert (check.check_name, check.passed, check.blocking) == ("not_worse", True, True)


def test_a_worse_one_fails_the_blocking_check_with_its_figures_and_scores_nothing(
    lake: Lake, challenged: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judgement is that of `promotion`; here the challenger is found wanting whatever it finds."""
    monkeypatch.setattr("ecoai_pipeline.detection.promotion.Verdict.worse", property(lambda _: True))
    with pytest.raises(RunFailedError, match="not_worse"):
        challenged.champions(*METAL_LOW)

    assert standings(lake) == [Standing.CHAMPION, Standing.REFUSED]
    (check,) = checks()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "worse: average precision" in str(check.metadata["details"].value)
    outcome, version = scores_of_march(challenged.tables(["scores"], {Industry.METAL: MARCH}, choice={"model": "champion"}), lake)
    assert (outcome, version) == ("up to date", ModelRegistry(lake).models(*METAL_LOW)[0].version)


def test_a_backfill_takes_the_model_that_is_asked_for(lake: Lake, challenged: Runner) -> None:
    first, second = (one.version for one in ModelRegistry(lake).models(*METAL_LOW))
    challenged.champions(*METAL_LOW)
    march = {Industry.METAL: MARCH}

    assert scores_of_march(challenged.tables(["scores"], march), lake) == ("up to date", first)
    assert scores_of_march(challenged.tables(["scores"], march, choice={"model": "champion"}), lake) == ("written", second)
    assert scores_of_march(challenged.tables(["scores"], march, choice={"model": first}), lake) == ("written", first)
    assert scores_of_march(challenged.tables(["scores"], march), lake) == ("up to date", first)


def test_a_persons_decision_is_a_run_like_any_other(lake: Lake, challenged: Runner, tmp_path: Path) -> None:
    first, second = (one.version for one in ModelRegistry(lake).models(*METAL_LOW))
    challenged.champions(*METAL_LOW, promote=second, reason="the plant was rebuilt")
    assert ModelRegistry(lake).find(second).reason == "by hand: the plant was rebuilt"
    challenged.champions(*METAL_LOW, roll_back=True, reason="too many alarms")
    assert [(one.version, one.standing) for one in ModelRegistry(lake).models(*METAL_LOW)] == [
        (first, Standing.CHAMPION),
        (second, Standing.WITHDRAWN),
    ]
    with pytest.raises(RunFailedError, match="no former champion to go back to"):
        challenged.champions(*METAL_LOW, roll_back=True, reason="again")


def test_strict_scoring_refuses_hindsight_where_the_parameters_allow_it(lake: Lake, scored: Runner) -> None:
    february = {Industry.METAL: MonthRange.parse("2025-02")}
    scored.tables(["scores"], february)
    with pytest.raises(RunFailedError, match="no model trained before its start, as strict mode asks"):
        scored.tables(["scores"], february, choice={"strict": True})


def test_drift_asks_for_a_training_once(lake: Lake, scored: Runner, tmp_path: Path) -> None:
    """Both meters use three times as much through March. Two looks ask with the same key, which Dagster takes once."""
    take_in(lake, write_readings(tmp_path / "march.csv", datetime(2025, 3, 1), datetime(2025, 3, 31), factor=3))
    scored.tables(TABLES, {Industry.METAL: MARCH})
    checked = [check for check in checks() if check.check_name == "no_drift"]
    assert [(check.passed, check.severity) for check in checked] == [(False, dg.AssetCheckSeverity.WARN)]
    with dg.build_sensor_context(resources={"lakehouse": Lakehouse(root=str(lake.root))}) as context:
        asked, again = (list(retraining(context)) for _ in range(2))  # type: ignore[call-overload]

    assert [request.run_key for request in asked] == [request.run_key for request in again]
    (request,) = asked
    assert request.run_config["ops"]["models"]["config"]["months"] == "2025-01..2025-03"
